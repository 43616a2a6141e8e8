"""`ptt enroll`, `login`, `logout`, `groups`, `who`: the device itself."""

import os
import platform
from pathlib import Path
from typing import Annotated

import typer

from ptthandset.cli.connecting import PIN_VARIABLE, connected, credentials_file, run


def enroll(
    ctx: typer.Context,
    enrolment: Annotated[str, typer.Argument(help="The text of the QR code: ptt:enroll?url=...&pin=...&code=...")],
    device_type: Annotated[str | None, typer.Option(help="What to call this kind of device.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the keys that this device has already.")] = False,
) -> None:
    """Make this device's keys and register them with a one-time code from `pttserver device add`."""
    from ptthandset.errors import CredentialsError

    file = credentials_file(ctx)
    if file.exists() and not force:
        raise CredentialsError(f"{file}: this device is enrolled already; use --force to replace its keys")
    run(_enroll(file, enrolment, device_type or f"ptt on {platform.system()}"))


async def _enroll(file: Path, enrolment: str, device_type: str) -> None:
    from ptthandset.handset import enroll as enroll_device

    credentials = await enroll_device(enrolment, device_type)
    credentials.save(file)
    typer.echo(f"Enrolled with {credentials.tenant_name} as {credentials.name or credentials.subscriber}.")
    typer.echo(f"Keys are in {file}. Next: ptt login")


def login(
    ctx: typer.Context,
    pin_stdin: Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from standard input.")] = False,
) -> None:
    """Log in with your PIN (asked for, or $PTT_PIN). Later commands need no PIN for some hours."""
    if pin_stdin:
        os.environ[PIN_VARIABLE] = typer.get_text_stream("stdin").readline().rstrip("\n")
    run(_login(credentials_file(ctx)))


async def _login(file: Path) -> None:
    async with connected(file) as handset:
        _print_groups([(info.name, info.priority, info.listen_only) for info in handset.groups])


def logout(ctx: typer.Context) -> None:
    """Log out: the session ends and the PIN is needed again."""
    run(_logout(credentials_file(ctx)))


async def _logout(file: Path) -> None:
    async with connected(file, tell=False) as handset:
        await handset.log_out()
    typer.echo("Logged out.")


def groups(ctx: typer.Context) -> None:
    """List your groups."""
    run(_groups(credentials_file(ctx)))


async def _groups(file: Path) -> None:
    async with connected(file, tell=False) as handset:
        _print_groups([(info.name, info.priority, info.listen_only) for info in handset.groups])


def _print_groups(found: list[tuple[str, int, bool]]) -> None:
    if not found:
        typer.echo("You are not a member of any group yet.")
    for name, priority, listen_only in found:
        typer.echo(f"{name}   priority {priority}{'   listen only' if listen_only else ''}")


def who(ctx: typer.Context, group: Annotated[str, typer.Argument(help="Name of the group.")]) -> None:
    """Show who of a group is there."""
    run(_who(credentials_file(ctx), group))


async def _who(file: Path, group: str) -> None:
    async with connected(file, tell=False) as handset:
        presence = await handset.presence(group)
    typer.echo(f"{presence.affiliated} in the group now, {presence.online} online, {presence.members} members")
    for member in presence.listed or ():
        typer.echo(f"{member.name or member.subscriber}   {member.presence}")
