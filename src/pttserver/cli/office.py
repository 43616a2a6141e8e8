"""Runs a provisioning command: reads the settings, opens the office, closes it again."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.config import Settings
    from pttserver.services.office import Office

T = TypeVar("T")


def settings_of(ctx: typer.Context) -> "Settings":
    """The settings that `--config` and the environment name. Raises ConfigError."""
    from pttserver.config import load_settings

    return load_settings(ctx.find_root().obj)


def in_office(ctx: typer.Context, work: "Callable[[Office], Awaitable[T]]") -> T:
    """Runs `work` with the database of the settings open. Raises PttError."""
    from pttserver.ids import Personal
    from pttserver.observe.log import configure_logging
    from pttserver.services.office import open_office

    configure_logging("critical", "console")  # what goes wrong is the command's to tell

    async def run() -> T:
        async with open_office(settings_of(ctx), Personal(getpass.getuser())) as office:
            return await work(office)

    return asyncio.run(run())
