"""Logs the device of the credentials file in, by its resume token if it can, else with the PIN."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import typer

from ptthandset.credentials import Credentials, destroy
from ptthandset.errors import CredentialsError, HandsetError, Refused
from ptthandset.handset import Connected, Disconnected, GroupGone, GroupNew, Handset, HandsetEvent, Options, PathChanged

PIN_VARIABLE = "PTT_PIN"


def credentials_file(ctx: typer.Context) -> Path:
    file: Path = ctx.find_root().obj
    return file


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a command; Ctrl+C ends it without a traceback."""
    import uvloop

    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(work)


@contextlib.asynccontextmanager
async def connected(file: Path, *, use_udp: bool = True, tell: bool = True) -> AsyncIterator[Handset]:
    """A logged-in handset; asks for the PIN only if there is no good resume token. Raises HandsetError."""
    credentials = Credentials.load(file)
    options = Options(use_udp=use_udp, on_token=_keep_token(file, credentials), on_wiped=lambda: destroy(file))
    handset = await _connect(credentials, options)
    if tell:
        _welcome(handset)
        handset.listeners.append(_print_event)
    try:
        yield handset
    finally:
        await handset.close()


async def _connect(credentials: Credentials, options: Options) -> Handset:
    if credentials.resume_token is not None:
        try:
            return await Handset.connect(credentials, options=options)
        except Refused as error:
            if error.code != "auth.failed":
                raise
    pin = os.environ.get(PIN_VARIABLE) or await asyncio.to_thread(typer.prompt, "PIN", hide_input=True, err=True)
    try:
        return await Handset.connect(credentials, pin=pin, options=options)
    except Refused as error:
        if error.code == "auth.failed":  # the server does not tell which
            raise HandsetError("Wrong PIN, or this device may not log in any more; ask your dispatcher.") from None
        raise


def _keep_token(file: Path, credentials: Credentials) -> Callable[[bytes | None], None]:
    def keep(token: bytes | None) -> None:
        with contextlib.suppress(CredentialsError):  # the file may be on a read-only disk: then the PIN is asked again
            credentials.with_token(token).save(file)

    return keep


def _welcome(handset: Handset) -> None:
    name = handset.name or handset.credentials.subscriber
    typer.echo(f"Logged in to {handset.credentials.tenant_name} as {name}.", err=True)
    if handset.superseded is not None:
        typer.echo(f"Your log-in on another device ({handset.superseded.device_type}) was ended.", err=True)


def _print_event(event: HandsetEvent) -> None:
    match event:
        case Disconnected():
            text = "Connection lost; trying to get it back ..."
        case Connected():
            text = "Connected again."
        case PathChanged(via):
            text = f"Media by {via.value}."
        case GroupGone():
            text = "You are no longer a member of this group."
        case GroupNew(name=name):
            text = f"You are a member of {name} now."
    typer.echo(text, err=True)


async def until_stopped(handset: Handset, *others: asyncio.Future[Any]) -> None:
    """Waits for Ctrl+C, the end of the session (raises why), or one of the others."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    closed = asyncio.create_task(handset.wait_closed())
    done, pending = await asyncio.wait({stopped, closed, *others}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()
