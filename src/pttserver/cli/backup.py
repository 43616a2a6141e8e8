"""`pttserver backup` and `pttserver restore`: one encrypted file that holds what the server knows, and back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pttserver.cli.instruction import Actor, Reason, instruction_of
from pttserver.cli.office import operator, settings_of, without_logging
from pttserver.cli.output import AsJson, moment, print_json

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.restore import Restored
    from pttserver.store.snapshot import Progress

CLOCK_DOUBTED = """Much time has passed since the backup, or the clock is wrong: nothing was erased by its period yet.
What is over is not shown, and is erased once you confirm the time: pttserver retention confirm-time"""
INSTRUCTIONS_LOST = """This is the state of {state}, and what was instructed since is lost: {why}.
Before anybody is served, give again: {what}.
Until you confirm that, what is over is not shown, but nothing is erased by its period: it may be held.
Then: pttserver retention confirm-restore"""
GIVE_AGAIN = "policies, holds, events, restrictions, switches of location and alerts, roles"
SET_AGAIN = "accounts (who was removed), PINs, groups and their members, devices that were revoked, stunned or wiped"
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", dir_okay=False)]


def backup(
    ctx: typer.Context,
    file: BackupFile,
    *,
    with_certificate: Annotated[
        bool, typer.Option("--with-certificate", help="Also the server's certificate and its private key.")
    ] = False,
    reason: Reason = "backup",
) -> None:
    """Back up into one encrypted file, while the server runs. Nobody can read it without the master key.

    Keep the file of subjects' keys that it names too, the newest one only: an older one still opens who was erased.
    """
    from pttserver.clock import Clock
    from pttserver.services.backup import back_up
    from pttserver.services.keyring import open_database
    from pttserver.services.operator_log import note_for_all
    from pttserver.services.subject_keys import subject_keys_file

    without_logging()
    settings, why = settings_of(ctx), instruction_of(None, reason).reason.reveal()

    async def work() -> None:
        database = await open_database(settings)
        try:
            await note_for_all(database, "server.backup", operator(), Clock(), reason=why)
            with _progress("Copying the database") as progress:
                await back_up(database, settings, file, progress, Clock(), with_certificate=with_certificate)
        finally:
            await database.close()

    asyncio.run(work())
    typer.echo(
        f"Backup: {file}\n"
        f"Subjects' keys: {subject_keys_file(settings)} (copy it over the copy from before)\n"
        f"Ledger of erasures: {settings.data_dir / 'erasures.ledger'} (copy it too, after each erasure)\n"
        "The master key is in none of them: keep it apart."
    )


def restore(
    ctx: typer.Context,
    file: BackupFile,
    *,
    reason: Reason = "",
    by: Actor = None,
    ledger: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The newest ledger of erasures. Default: the one in data_dir.")
    ] = None,
    without_ledger: Annotated[
        bool, typer.Option("--without-ledger", help="There is none any more: whoever was erased later may come back.")
    ] = False,
    subject_keys: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The newest file of subjects' keys. Default: the configured one."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="In the place of the database that is there.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Do all of it but the change: a drill.")] = False,
    json: AsJson = False,
) -> None:
    """Restore a backup, without those who were erased since. The server must not run.

    What was instructed since is carried over from the database in place. If there is none, give it again.
    """
    from pttserver.clock import Clock
    from pttserver.services.restore import Sources
    from pttserver.services.restore import restore as restore_backup
    from pttserver.store.erasure_ledger import LEDGER_FILE

    if ledger is not None and without_ledger:
        raise typer.BadParameter("either --ledger or --without-ledger")
    without_logging()
    settings, instruction = settings_of(ctx), instruction_of(by, "drill" if check and not reason else reason)
    newest = None if without_ledger else ledger or settings.data_dir / LEDGER_FILE
    sources = Sources(file, newest, subject_keys)
    done = asyncio.run(restore_backup(settings, sources, instruction, Clock(), force=force, check_only=check))
    if json:
        return print_json(_row(done, check))
    return _tell(file, done, check)


def _row(done: "Restored", check: bool) -> dict[str, Any]:
    unknown = done.since.unknown
    return {
        "restored": not check,
        "state_of_ms": done.manifest.created_ms,
        "left_out": done.without_key,
        "erased_again": done.replayed,
        "swept": done.swept,
        "carried_over": done.since.carried.counts(),
        "unknown_since": unknown,
        "give_again": GIVE_AGAIN if unknown else None,
        "set_again": SET_AGAIN,
    }


def _tell(file: Path, done: "Restored", check: bool) -> None:
    state = moment(done.manifest.created_ms)
    typer.echo(
        f"{'whole; could be restored' if check else 'restored'}: {file} of {state}\n"
        f"left out, their keys are destroyed: {done.without_key}\n"
        f"erased again by the ledger: {done.replayed}"
    )
    carried = ", ".join(f"{count} {name}" for name, count in done.since.carried.counts().items() if count)
    typer.echo(f"carried over from the database in place: {carried or 'nothing'}")
    if done.swept is not None:
        typer.echo(f"erased, their period is over: {done.swept}")
    typer.echo(f"as of the backup, set it again if it was changed since: {SET_AGAIN}")
    if done.since.unknown is not None:
        typer.echo(INSTRUCTIONS_LOST.format(why=done.since.unknown, state=state, what=GIVE_AGAIN))
    elif done.swept is None:
        typer.secho(CLOCK_DOUBTED, err=True)


@contextmanager
def _progress(what: str) -> "Iterator[Progress]":
    """On stderr, if it is a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
