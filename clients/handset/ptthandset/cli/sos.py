"""`ptt sos`: calls for help, and shows what becomes of it, and who listens to the microphone meanwhile."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.cli.talking import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from ptthandset.alerts import AlertEvent
    from ptthandset.handset import Handset
    from ptthandset.listening import ListeningEvent, MicrophoneSource
    from pttserver.wire.signalling import AlertStepped

STEPS = {
    "delivered": "{who} has it on the screen",
    "escalated": "nobody acknowledged it in time; told to {note}",
    "unanswered": "nobody acknowledged it in time, and there is nobody else to tell",
    "acknowledged": "{who} knows of it",
    "handling": "{who} sees to it",
    "resolved": "closed by {who}: resolved",
    "false_alarm": "closed by {who}: false alarm",
    "test": "closed by {who}: test",
    "cancelled": "taken back by {who}",
    "listening_asked": "{who} asked to listen to the microphone",
    "listening_begun": "{who} listens to the microphone",
    "listening_ended": "{who} listens no more",
}


def sos(
    ctx: typer.Context,
    drill: Annotated[bool, typer.Option("--drill", help="An exercise: told as such to everybody.")] = False,
    cancel: Annotated[str | None, typer.Option(metavar="REASON", help="Take your open alert back.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show what becomes of it until it is closed.")] = True,
    wav: Annotated[
        Path | None, typer.Option(help="What a dispatcher who listens hears instead of the microphone.")
    ] = None,
) -> None:
    """Call for help: an emergency alert to the dispatchers and groups that your organisation has chosen.

    While you watch it, a dispatcher may listen to the microphone if your organisation allows that.
    """
    file = credentials_file(ctx)
    run(_raise(file, drill, wait, wav) if cancel is None else _cancel(file, cancel))


async def _raise(file: Path, drill: bool, wait: bool, wav: Path | None) -> None:
    from ptthandset.audio.files import read_audio

    speech = read_audio(wav, SAMPLE_RATE_HZ) if wav else None
    async with connected(file, tell=False) as handset:
        if wait:
            handset.listening.microphone = _microphone(speech)
            handset.listening.listeners.append(lambda event: typer.echo(listening_text(event)))
        closed = asyncio.Event()
        handset.alerts.listeners.append(_show_to_the_end(handset, closed))
        alert = await handset.alerts.raise_alert(drill=drill)
        typer.echo(f"Your organisation's server has your alert ({alert}).")
        if wait:
            typer.echo("Ctrl+C stops watching; the alert stays open.", err=True)
            await until_stopped(handset, asyncio.ensure_future(closed.wait()))


def _microphone(speech: bytes | None) -> "MicrophoneSource":
    from ptthandset.audio.codec import OpusEncoder
    from ptthandset.audio.devices import Microphone
    from ptthandset.audio.pacing import spoken

    @asynccontextmanager
    async def open_(encoder: OpusEncoder) -> AsyncIterator[AsyncIterable[bytes]]:
        if speech is not None:
            yield spoken(speech, encoder.frame_bytes, encoder.frame_ms)
            return
        async with Microphone(SAMPLE_RATE_HZ, encoder.frame_ms) as microphone:
            yield microphone

    return open_


def listening_text(event: "ListeningEvent") -> str:
    """Who listens to our microphone, plainly."""
    from ptthandset.listening import MicrophoneClosed, MicrophoneOpened

    match event:
        case MicrophoneOpened(names=names, at_most_s=at_most_s):
            listens = "LISTENS" if len(names) == 1 else "LISTEN"
            return f"{' and '.join(names)} {listens} TO YOUR MICROPHONE, for {at_most_s:.0f} s at most."
        case MicrophoneClosed():
            return "Your microphone is closed; nobody listens."
        case _:
            return f"A dispatcher wanted to listen to your microphone: {event.problem}"


def _show_to_the_end(handset: "Handset", closed: asyncio.Event) -> "Callable[[AlertEvent], None]":
    from pttserver.wire.signalling import AlertStepped

    def show(event: "AlertEvent") -> None:
        if isinstance(event, AlertStepped):
            typer.echo(step_text(event))
            if handset.alerts.own is None:
                closed.set()

    return show


async def _cancel(file: Path, reason: str) -> None:
    async with connected(file, tell=False) as handset:
        await handset.alerts.list()
        await handset.alerts.cancel(reason)
    typer.echo("Your alert is taken back.")


def step_text(event: "AlertStepped") -> str:
    """A step as a sentence for people."""
    step = event.step
    who = step.name or step.by or "the server"
    said = f" ({step.note})" if step.note and step.kind != "escalated" else ""
    return STEPS.get(step.kind, step.kind).format(who=who, note=step.note) + said
