"""`ptt message` and `ptt contacts`: write, read, look back; and one's own list of people."""

import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.errors import HandsetError

if TYPE_CHECKING:
    from ptthandset.handset import Handset
    from ptthandset.message_events import Attachment, MessageEvent

messages = typer.Typer(no_args_is_help=True, help="Messages, sealed from device to device.")
contacts = typer.Typer(no_args_is_help=True, help="Your contact list; nobody else can read it.")

Who = Annotated[str, typer.Argument(help="A contact, a group, a member of your groups, or a sub_... identifier.")]
ANY_TYPE = "application/octet-stream"


@messages.command("send")
def send(
    ctx: typer.Context,
    who: Who,
    text: Annotated[str, typer.Argument(help="What to say.")] = "",
    also: Annotated[list[str] | None, typer.Option("--also", help="One more recipient; may be repeated.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Attach this file.")] = None,
    voice: Annotated[Path | None, typer.Option("--voice", help="Attach the speech in this sound file.")] = None,
) -> None:
    """Send a message."""
    if not text and file is None and voice is None:
        raise typer.BadParameter("say something, or attach --file or --voice")
    if file is not None and voice is not None:
        raise typer.BadParameter("choose one of --file and --voice")
    run(_send(credentials_file(ctx), [who, *(also or [])], text, _attachment(file, voice)))


async def _send(credentials: Path, who: Sequence[str], text: str, attachment: "Attachment | None") -> None:
    from ptthandset.addressing import find

    async with connected(credentials, use_udp=False, tell=False) as handset:
        await handset.messages.ready()
        to = await find(handset, who)
        sent = await handset.messages.send(text, to=to.people, group=to.group, attachment=attachment)
        typer.echo(sent.message)
        for reason, people in (("was not there", sent.undelivered), ("has no device for it", sent.unreachable)):
            for person in people:
                typer.echo(f"Not delivered: {person} {reason}.", err=True)


def _attachment(file: Path | None, voice: Path | None) -> "Attachment | None":
    from ptthandset.message_events import Attachment
    from pttserver.wire.message_body import AttachmentName

    try:
        if voice is not None:
            from ptthandset.audio.files import read_audio
            from ptthandset.audio.voice_message import RATE_HZ, to_ogg

            about = AttachmentName(kind="voice", name="message.ogg", media_type="audio/ogg")
            return Attachment(about, to_ogg(read_audio(voice, RATE_HZ)))
        if file is None:
            return None
        media_type = mimetypes.guess_type(file.name)[0] or ANY_TYPE
        kind = "image" if media_type.startswith("image/") else "file"
        about = AttachmentName.model_validate({"kind": kind, "name": file.name, "media_type": media_type})
        return Attachment(about, file.read_bytes())
    except OSError as error:
        raise HandsetError(f"{file or voice}: {error.strerror}") from None
    except ValueError:
        raise HandsetError(f"{file}: a name of at most 64 visible characters, please") from None


@messages.command("read")
def read(
    ctx: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", help="Go on showing what comes, until Ctrl+C.")] = False,
    unread: Annotated[bool, typer.Option("--unread", help="Do not tell the senders that you have read it.")] = False,
) -> None:
    """Show what has come, and tell the senders that it was read."""
    run(_read(credentials_file(ctx), follow, not unread))


async def _read(credentials: Path, follow: bool, tell_senders: bool) -> None:
    import asyncio

    from ptthandset.message_events import MessageReceived
    from ptthandset.message_lines import event_lines

    came: asyncio.Queue[str] = asyncio.Queue()

    def show(event: "MessageEvent") -> None:
        typer.echo(event_lines(event))
        if isinstance(event, MessageReceived):
            came.put_nowait(event.message.id)

    async with connected(credentials, use_udp=False, tell=False, on_message=show) as handset:

        async def confirm() -> None:
            while follow or not came.empty():
                message_id = await came.get()
                if tell_senders:
                    await handset.messages.confirm([message_id], "read")

        await handset.messages.ready()
        if follow:
            await until_stopped(handset, asyncio.create_task(confirm()))
        else:
            await confirm()


@messages.command("history")
def history(
    ctx: typer.Context,
    who: Annotated[list[str] | None, typer.Argument(help="Only the conversation with these, or of this group.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest so many.")] = 50,
) -> None:
    """Show what was said, oldest first."""
    run(_history(credentials_file(ctx), who or [], limit))


async def _history(credentials: Path, who: Sequence[str], limit: int) -> None:
    from ptthandset.addressing import Address, find
    from ptthandset.message_lines import joined

    async with connected(credentials, use_udp=False, tell=False) as handset:
        to = await find(handset, who) if who else Address()
        found = await handset.messages.history(to=to.people or None, group=to.group, limit=limit)
        typer.echo(joined(reversed(found)))


@messages.command("save")
def save(
    ctx: typer.Context,
    message: Annotated[str, typer.Argument(help="The msg_... of the message.")],
    file: Annotated[Path, typer.Argument(help="Where to write the attachment; it must not exist.")],
) -> None:
    """Write the attachment of a message to a file."""
    run(_save(credentials_file(ctx), message, file))


async def _save(credentials: Path, message_id: str, file: Path) -> None:
    async with connected(credentials, use_udp=False, tell=False) as handset:
        found = next((one for one in await handset.messages.history(limit=1000) if one.id == message_id), None)
        if found is None or found.attachment is None:
            raise HandsetError("There is no such message with an attachment.")
        octets = await handset.messages.attachment(found)
    try:
        with file.open("xb") as target:
            target.write(octets)
    except OSError as error:
        raise HandsetError(f"{file}: {error.strerror}") from None


@messages.command("delete")
def delete(ctx: typer.Context, message: Annotated[str, typer.Argument(help="The msg_... of your message.")]) -> None:
    """Take a message of yours back: it is gone for all."""
    if not re.fullmatch("msg_[0-9a-f]{16}", message):
        raise typer.BadParameter("a message is called msg_ and 16 digits")

    async def work() -> None:
        async with connected(credentials_file(ctx), use_udp=False, tell=False) as handset:
            await handset.messages.delete(message)

    run(work())


@contacts.command("list")
def list_contacts(ctx: typer.Context) -> None:
    """Who is on it."""

    async def work() -> None:
        async with connected(credentials_file(ctx), use_udp=False, tell=False) as handset:
            for contact in await handset.contacts.list():
                typer.echo(f"{contact.alias}\t{contact.name}\t{contact.subscriber}")

    run(work())


@contacts.command("add")
def add_contact(
    ctx: typer.Context,
    who: Who,
    alias: Annotated[str | None, typer.Option(help="What you call this person. Default: the name.")] = None,
) -> None:
    """Put somebody on it, or give another alias."""

    async def work() -> None:
        async with connected(credentials_file(ctx), use_udp=False, tell=False) as handset:
            await handset.contacts.put(await _person(handset, who), alias or who)

    run(work())


@contacts.command("import")
def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with the columns name and subscriber, or vCard 3 or 4 (.vcf).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be added, and change nothing.")] = False,
) -> None:
    """Add the people of a file. The file stays on this device; the server learns who is on your list, and no more."""
    run(_import(credentials_file(ctx), file, dry_run))


async def _import(credentials: Path, file: Path, dry_run: bool) -> None:
    from ptthandset.contact_file import read_contacts
    from ptthandset.contact_import import import_contacts
    from ptthandset.message_lines import plain

    entries = read_contacts(file)
    async with connected(credentials, use_udp=False, tell=False) as handset:

        def tell(line: int, what: str) -> None:
            typer.echo(f"Line {line}: {plain(what)}", err=True)

        done = await import_contacts(handset, entries, tell, dry_run=dry_run)
    would = "Would be added" if dry_run else "Added"
    typer.echo(f"{would}: {done.added}. There already: {done.there}. Wrong: {done.wrong}.")
    typer.echo("The file stayed on this device.", err=True)
    if done.wrong:
        raise typer.Exit(1)


@contacts.command("remove")
def remove_contact(ctx: typer.Context, who: Who) -> None:
    """Take somebody off it."""

    async def work() -> None:
        async with connected(credentials_file(ctx), use_udp=False, tell=False) as handset:
            await handset.contacts.remove(await _person(handset, who))

    run(work())


@contacts.command("trust")
def trust(ctx: typer.Context, who: Who) -> None:
    """You have asked this person, and the new keys of the devices are right: send to them again."""

    async def work() -> None:
        async with connected(credentials_file(ctx), use_udp=False, tell=False) as handset:
            await handset.messages.trust(await _person(handset, who))

    run(work())


async def _person(handset: "Handset", who: str) -> str:
    from ptthandset.addressing import find

    people = (await find(handset, [who])).people
    if not people:
        raise HandsetError(f"{who} is a group.")
    return people[0]
