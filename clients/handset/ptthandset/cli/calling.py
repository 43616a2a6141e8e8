"""`ptt call`, `ptt callback`: talk to one person, to whoever answers first, or ask to be called back."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.cli.talking import SAMPLE_RATE_HZ, Udp, frames

if TYPE_CHECKING:
    from ptthandset.audio.codec import OpusEncoder
    from ptthandset.calls import VoiceCall
    from ptthandset.cli.listening import Ears
    from ptthandset.handset import Handset

Who = Annotated[str, typer.Argument(help="Display name, or number (sub_...).")]


def call(
    ctx: typer.Context,
    who: Annotated[list[str], typer.Argument(help="Whom: display name, or number (sub_...). Several with --first.")],
    first: Annotated[bool, typer.Option("--first", help="Ring at all of them; whoever answers first talks.")] = False,
    duplex: Annotated[bool, typer.Option("--duplex", help="Both talk at once, as on the telephone.")] = False,
    wav: Annotated[Path | None, typer.Option(help="Say what is in this sound file, then hang up.")] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Talk with the microphone, until Enter.")] = False,
    speaker: Annotated[bool, typer.Option("--speaker", help="Play what is heard.")] = False,
    record: Annotated[Path | None, typer.Option(help="Write what is heard to this WAV file.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Hang up after this long.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, max=255, help="Floor priority in the call.")] = None,
    udp: Udp = True,
) -> None:
    """Call somebody. Ctrl+C hangs up."""
    if len(who) > 1 and not first:
        raise typer.BadParameter("name one person, or use --first")
    if wav is not None and mic:
        raise typer.BadParameter("choose one of --wav FILE and --mic")
    run(_call(credentials_file(ctx), who, first, duplex, (wav, mic), (record, speaker), seconds, priority, udp))


async def _call(
    file: Path,
    who: list[str],
    first: bool,
    duplex: bool,
    mouth: tuple[Path | None, bool],
    ear: tuple[Path | None, bool],
    seconds: float | None,
    priority: int | None,
    udp: bool,
) -> None:
    from ptthandset.addressing import find_people
    from ptthandset.cli.listening import Ears

    async with connected(file, use_udp=udp) as handset:
        whom = await find_people(handset, who)
        if first:
            voice = await handset.calls.first_to_answer(whom, duplex=duplex, priority=priority)
        else:
            voice = await handset.calls.private(whom[0], duplex=duplex, priority=priority)
        typer.echo("Ringing ...", err=True)
        try:
            await voice.connected()
            typer.echo(f"Connected with {voice.party and (voice.party.name or voice.party.subscriber)}.", err=True)
            with ExitStack() as stack:
                await _converse(handset, voice, mouth, Ears(stack, *ear), seconds)
        finally:
            await voice.end()


async def _converse(
    handset: "Handset", voice: "VoiceCall", mouth: tuple[Path | None, bool], ears: "Ears", seconds: float | None
) -> None:
    from ptthandset.audio.codec import OpusEncoder
    from ptthandset.scan import Scan

    groups = [voice.listen_group] if voice.listen_group is not None else []
    hearing = asyncio.create_task(ears.hear(Scan(groups), seconds))
    over = asyncio.create_task(voice.over.wait())
    others: list[asyncio.Future[Any]] = [hearing, over]
    if any(mouth):
        others.append(asyncio.create_task(_speak(voice, mouth, OpusEncoder(SAMPLE_RATE_HZ))))
    await until_stopped(handset, *others)
    if voice.reason is not None:
        typer.echo(f"Call over: {voice.reason}.", err=True)


async def _speak(voice: "VoiceCall", mouth: tuple[Path | None, bool], encoder: "OpusEncoder") -> None:
    from ptthandset.audio.files import read_audio

    wav, _ = mouth
    speech = read_audio(wav, SAMPLE_RATE_HZ) if wav else None
    async with frames(speech, encoder) as spoken:
        reports = await voice.talk(spoken, encoder)
    typer.echo(f"Said {sum(report.frames_sent for report in reports)} frames.", err=True)


def callback(ctx: typer.Context, who: Who) -> None:
    """Ask somebody to call you back; who is away is told at the next log-in."""
    run(_callback(credentials_file(ctx), who))


async def _callback(file: Path, who: str) -> None:
    from ptthandset.addressing import find_person

    async with connected(file, tell=False) as handset:
        delivered = await handset.calls.ask_to_call_back(await find_person(handset, who))
    typer.echo("Told." if delivered else "Not logged in; told at the next log-in.")
