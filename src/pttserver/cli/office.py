"""Runs a provisioning command: reads the settings, opens the office, closes it again."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.config import Settings
    from pttserver.ids import Personal
    from pttserver.services.office import Office

T = TypeVar("T")


def settings_of(ctx: typer.Context) -> "Settings":
    """The settings that `--config` and the environment name. Raises ConfigError."""
    from pttserver.config import load_settings

    return load_settings(ctx.find_root().obj)


def accounts() -> list[str]:
    """Whose shell this is: who called `sudo`, if somebody did, and the account that the command runs under.

    From the kernel and from sudo, not from variables that whoever calls could set: `USER` and `LOGNAME` say anything.
    """
    own = os.getuid()
    try:
        name = pwd.getpwuid(own).pw_name
    except KeyError:  # in a container
        name = f"uid {own}"
    caller = os.environ.get("SUDO_USER")
    return [caller, name] if caller else [name]


def operator() -> "Personal":
    """Who is at the desk, for the audit log: `ann`, or `ann as root` under sudo."""
    from pttserver.ids import Personal

    return Personal(" as ".join(accounts()))


def is_technician(settings: "Settings") -> bool:
    """Of the operator's staff. Either account counts: a false SUDO_USER makes nobody of the organisation's staff."""
    named = settings.support.technicians
    return "*" in named or not set(accounts()).isdisjoint(named)


def without_logging() -> None:
    """What goes wrong is the command's to tell."""
    from pttserver.observe.log import configure_logging

    configure_logging("critical", "console")


def in_office(ctx: typer.Context, work: "Callable[[Office], Awaitable[T]]") -> T:
    """Runs `work` with the database of the settings open. Raises PttError."""
    from pttserver.services.office import open_office

    without_logging()

    async def run() -> T:
        settings = settings_of(ctx)
        async with open_office(settings, operator(), technician=is_technician(settings)) as office:
            return await work(office)

    return asyncio.run(run())
