"""`ptt dispatch alerts`: a dispatcher hears of alerts, answers them, and closes them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.cli.sos import step_text
from ptthandset.cli.talking import Udp

if TYPE_CHECKING:
    from ptthandset.alerts import AlertEvent
    from ptthandset.handset import Handset
    from pttserver.wire.signalling import AlertInfo, Position

app = typer.Typer(
    help="Emergency alerts: watch, acknowledge, handle, note, listen, resolve, cancel.", no_args_is_help=True
)

AlertNumber = Annotated[str, typer.Argument(metavar="ALERT", help="Number that `ptt dispatch alerts list` shows.")]


class Outcome(StrEnum):
    """How an alert ends."""

    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"
    TEST = "test"


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List open alerts."""
    run(_list(credentials_file(ctx)))


async def _list(file: Path) -> None:
    async with connected(file, tell=False) as handset:
        found = await handset.alerts.list()
    for detail in found:
        typer.echo(line(detail.info))
    if not found:
        typer.echo("No alert is open.")


@app.command()
def watch(ctx: typer.Context) -> None:
    """Show alerts and what happens to them as it happens, until Ctrl+C."""
    run(_watch(credentials_file(ctx)))


async def _watch(file: Path) -> None:
    async with connected(file) as handset:
        await _show_open(handset)
        handset.alerts.listeners.append(_show)
        await until_stopped(handset)


async def _show_open(handset: "Handset") -> None:
    for detail in await handset.alerts.list():
        typer.echo(line(detail.info))


def _show(event: "AlertEvent") -> None:
    from pttserver.wire.signalling import AlertMoved, AlertRaised, AlertStepped

    if isinstance(event, AlertRaised):
        typer.echo(f"\a{line(event.info)}")
    elif isinstance(event, AlertMoved):
        typer.echo(f"{event.alert}  is {_place(event.position)}")
    elif isinstance(event, AlertStepped):
        typer.echo(f"{event.alert}  {step_text(event)}")


@app.command()
def acknowledge(ctx: typer.Context, alert: AlertNumber) -> None:
    """Tell everybody concerned that you know of the alert."""
    _answer(ctx, lambda handset: handset.alerts.acknowledge(alert), "Acknowledged.")


@app.command()
def handle(ctx: typer.Context, alert: AlertNumber) -> None:
    """Take the alert over: you see to it from now on."""
    _answer(ctx, lambda handset: handset.alerts.handle(alert), "You see to it.")


@app.command()
def note(
    ctx: typer.Context, alert: AlertNumber, text: Annotated[str, typer.Argument(help="Up to 500 characters.")]
) -> None:
    """Write down what happens, for the other dispatchers and the debriefing; the person in distress is not told."""
    _answer(ctx, lambda handset: handset.alerts.note(alert, text), "Noted.")


@app.command()
def resolve(
    ctx: typer.Context,
    alert: AlertNumber,
    outcome: Annotated[Outcome, typer.Option(help="How it ended.")] = Outcome.RESOLVED,
    note: Annotated[str, typer.Option(help="For the debriefing.")] = "",
) -> None:
    """Close the alert."""
    _answer(ctx, lambda handset: handset.alerts.resolve(alert, outcome.value, note), "Closed.")


@app.command()
def cancel(ctx: typer.Context, alert: AlertNumber, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Take back an alert that should not have been raised."""
    _answer(ctx, lambda handset: handset.alerts.take_back(alert, reason), "Taken back.")


@app.command()
def listen(
    ctx: typer.Context,
    alert: AlertNumber,
    reason: Annotated[str, typer.Option(help="Why; it goes into the log of the alert and the audit log.")],
    minutes: Annotated[
        float | None, typer.Option(min=0.17, max=10, help="At most so long. Default: as long as is allowed.")
    ] = None,
    speaker: Annotated[bool, typer.Option("--speaker/--no-speaker", help="Play what is heard.")] = True,
    record: Annotated[Path | None, typer.Option(help="Write what is heard to this WAV file.")] = None,
    udp: Udp = True,
) -> None:
    """Listen to the microphone of who raised the alert, until Ctrl+C or the end of the time; the person is shown it."""
    for_s = None if minutes is None else round(60 * minutes)
    run(_listen(credentials_file(ctx), alert, reason, for_s, (record, speaker), udp))


async def _listen(
    file: Path, alert: str, reason: str, for_s: int | None, ear: tuple[Path | None, bool], udp: bool
) -> None:
    from ptthandset.cli.listening import Ears
    from ptthandset.scan import Scan

    with ExitStack() as stack:
        ears = Ears(stack, *ear)  # a file or a loudspeaker that does not open disturbs nobody
        async with connected(file, use_udp=udp, tell=False) as handset:
            handset.alerts.listeners.append(_show)
            ambient = await handset.listening.listen(alert, reason, for_s)
            typer.echo(f"The device was told; at most {ambient.at_most_s:.0f} s. Ctrl+C ends it.", err=True)
            hearing = asyncio.create_task(ears.hear(Scan([ambient.group])))
            over = asyncio.create_task(ambient.over.wait())
            await until_stopped(handset, hearing, over)
            if ambient.why is None:
                await handset.listening.stop(alert)
    why = _ENDS.get(ambient.why or "ended", ambient.why)
    typer.echo(f"You hear it no more: {why}.", err=True)


_ENDS = {
    "ended": "you ended it",
    "time_up": "the time is up",
    "no_answer": "the device did not open its microphone",
    "alert_over": "the alert is closed",
    "device_gone": "the device is not there any more",
    "dispatcher_gone": "you were logged in no more",
    "forbidden": "your organisation does not allow it any more",
}


def _answer(ctx: typer.Context, say: "Callable[[Handset], Awaitable[None]]", done: str) -> None:
    async def work() -> None:
        async with connected(credentials_file(ctx), tell=False) as handset:
            await say(handset)
        typer.echo(done)

    run(work())


def line(info: "AlertInfo") -> str:
    """An alert in a line."""
    raised = datetime.fromtimestamp(info.raised_ms / 1000, UTC)
    where = f"  {_place(info.position)}" if info.position else ""
    kind = "EXERCISE" if info.drill else "SOS"
    who = info.name or info.subscriber
    return f"{info.alert}  {kind} of {who}  {raised:%H:%M:%S} UTC  {info.state.replace('_', ' ')}{where}"


def _place(position: "Position") -> str:
    return f"at {position.latitude:.5f},{position.longitude:.5f} ±{position.accuracy_m:.0f} m"
