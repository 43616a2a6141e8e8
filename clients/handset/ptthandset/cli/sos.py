"""`ptt sos`: calls for help, and shows what becomes of it, and who listens to the microphone meanwhile."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.cli.locating import source
from ptthandset.cli.talking import SAMPLE_RATE_HZ
from ptthandset.errors import HandsetError

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
    "noted": "{who} noted: {note}",
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
    at: Annotated[
        str | None,
        typer.Option(metavar="LAT,LON", help="Say that you are at a place in degrees, such as 55.676,12.568."),
    ] = None,
    gpx: Annotated[Path | None, typer.Option(help="Walk this GPX track again, from now on.")] = None,
    gpsd: Annotated[bool, typer.Option("--gpsd", help="Ask the GPS receiver behind gpsd on this machine.")] = False,
) -> None:
    """Call for help: an emergency alert to the dispatchers and groups that your organisation has chosen.

    While you watch it, a dispatcher may listen to the microphone if your organisation allows that, and with --gpsd your
    position goes along until the alert is closed, if your organisation lets it.
    """
    if sum((at is not None, gpx is not None, gpsd)) > 1:
        raise typer.BadParameter("choose one of --at LAT,LON, --gpx FILE, --gpsd")
    file = credentials_file(ctx)
    positions = source(at, gpx) if at is not None or gpx is not None or gpsd else None
    run(_raise(file, drill, wait, wav, positions) if cancel is None else _cancel(file, cancel))


async def _raise(file: Path, drill: bool, wait: bool, wav: Path | None, positions: Any) -> None:
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
            typer.echo(_sharing(handset, positions))
            following = asyncio.create_task(_share(handset, positions)) if positions is not None else None
            await until_stopped(handset, asyncio.ensure_future(closed.wait()))
            if following is not None:
                following.cancel()


def _sharing(handset: "Handset", positions: Any) -> str:
    """What becomes of the position of whoever calls for help."""
    interval_s = handset.alert_track.interval_s
    if interval_s is None:
        return "Your organisation lets alerts carry no position: none is sent."
    if positions is None:
        return "Your position is not sent: say where it comes from with --gpsd, --gpx or --at."
    return f"Your position is shared with your dispatchers, every {interval_s} s until the alert is closed."


async def _share(handset: "Handset", positions: Any) -> None:
    """A receiver that fails ends nothing but this."""
    try:
        await handset.location.follow(positions)
    except HandsetError as error:
        typer.echo(f"Your position is shared no more: {error}", err=True)


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
    text = STEPS.get(step.kind, step.kind)
    said = f" ({step.note})" if step.note and "{note}" not in text else ""
    return text.format(who=who, note=step.note) + said
