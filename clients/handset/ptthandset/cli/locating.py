"""`ptt locate`: report where this device is, switch that off, see who looked; `ptt dispatch`: where others are."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.errors import HandsetError

if TYPE_CHECKING:
    from ptthandset.handset import Handset
    from ptthandset.location import LocationEvent
    from pttserver.wire.signalling import Position, Shape

app = typer.Typer(help="Where this device is: report it, switch it off, see who looked.", no_args_is_help=True)
dispatch_fence = typer.Typer(help="Fences: areas that devices come into and leave.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="Name of a member of one of your groups, or a subscriber's identifier.")]
WHY = {
    "on": "Location is on",
    "off_for_all": "Your organisation has no locating",
    "off_for_subscriber": "Your organisation does not locate you",
    "switched_off": "You switched location off",
    "off_duty": "You are off duty, and are not located",
}


# This device --------------------------------------------------------------------------------------------------------


@app.command()
def report(
    ctx: typer.Context,
    at: Annotated[
        str | None, typer.Option(metavar="LAT,LON", help="A place in degrees, such as 55.676,12.568.")
    ] = None,
    gpx: Annotated[Path | None, typer.Option(help="Walk this GPX track again, from now on.")] = None,
    times: Annotated[float, typer.Option(min=0.1, help="Walk the track so many times as fast.")] = 1.0,
    gpsd: Annotated[bool, typer.Option("--gpsd", help="Ask the GPS receiver behind gpsd on this machine.")] = False,
    once: Annotated[bool, typer.Option("--once", help="One report, then end.")] = False,
) -> None:
    """Report positions until Ctrl+C, no oftener than your organisation wants them."""
    if sum((at is not None, gpx is not None, gpsd)) != 1:
        raise typer.BadParameter("choose one of --at LAT,LON, --gpx FILE, --gpsd")
    run(_report(credentials_file(ctx), source(at, gpx, times), once))


def source(at: str | None, gpx: Path | None, times: float = 1.0) -> Any:
    """Where positions come from: gpsd if it is neither a place nor a track. Raises typer.BadParameter."""
    from ptthandset.position_sources import FixedSource, GpsdSource, GpxSource

    if gpx is not None:
        return GpxSource(gpx, times=times)
    return FixedSource(*_place(at)) if at is not None else GpsdSource()


def _place(text: str) -> tuple[float, float]:
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError:
        raise typer.BadParameter("a place is LAT,LON in degrees, such as 55.676,12.568") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise typer.BadParameter("latitude is -90 to 90, longitude -180 to 180")
    return latitude, longitude


async def _report(file: Path, source: Any, once: bool) -> None:
    async with connected(file) as handset:
        if handset.location.state != "on":
            raise HandsetError(f"{WHY[handset.location.state]}: nothing is sent.")
        if once:
            async for position in source:
                taken = await handset.location.report(position)
                typer.echo(f"Taken: {taken.accepted}. Dropped: {_reasons(taken.dropped)}.")
                return
        typer.echo(_terms(handset) + ". Ctrl+C stops.", err=True)
        await until_stopped(handset, asyncio.create_task(handset.location.follow(source)))


def _reasons(dropped: dict[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in dropped.items()) or "none"


@app.command()
def off(ctx: typer.Context) -> None:
    """Switch your location off: nothing is sent any more, and the server forgets where you are."""
    run(_switch(credentials_file(ctx), on=False))


@app.command()
def on(ctx: typer.Context) -> None:
    """Switch your location on again."""
    run(_switch(credentials_file(ctx), on=True))


async def _switch(file: Path, *, on: bool) -> None:
    async with connected(file, tell=False) as handset:
        await handset.location.switch(on=on)
        typer.echo(_terms(handset) + ".")


@app.command()
def status(ctx: typer.Context) -> None:
    """Say whether you are located, how exactly, and whether it is stored."""
    run(_status(credentials_file(ctx)))


async def _status(file: Path) -> None:
    async with connected(file, tell=False) as handset:
        typer.echo(_terms(handset) + ".")


def _terms(handset: "Handset") -> str:
    terms = handset.location.terms
    if terms is None or terms.state != "on":
        return WHY[handset.location.state]
    exact = f"rounded to {terms.precision_m} m" if terms.precision_m else "as exact as your device tells"
    kept = "stored for as long as your organisation says" if terms.stored else "not stored"
    own = "you can switch it off" if terms.may_switch_off else "you cannot switch it off"
    return f"{WHY['on']}: every {terms.interval_s} s, {exact}, {kept}; {own}"


@app.command()
def looks(ctx: typer.Context) -> None:
    """Show who looked at your position, and when."""
    run(_looks(credentials_file(ctx)))


async def _looks(file: Path) -> None:
    async with connected(file, tell=False) as handset:
        found = await handset.location.looks()
    for look in found:
        typer.echo(f"{_moment(look.at_ms)}   {look.what:8}   {look.who}")
    if not found:
        typer.echo("Nobody did, as far as it is recorded.")


# Others -------------------------------------------------------------------------------------------------------------


def for_dispatchers(dispatch: typer.Typer) -> None:
    """Adds the commands of location to `ptt dispatch`."""
    dispatch.command("locate")(locate)
    dispatch.command("follow")(watch)
    dispatch.command("area")(area)
    dispatch.command("history")(history)
    dispatch.add_typer(dispatch_fence, name="fence")


def locate(
    ctx: typer.Context,
    who: Who,
    last: Annotated[bool, typer.Option("--last", help="The last known position; do not ask the device.")] = False,
) -> None:
    """Show where somebody is: the device is asked."""
    run(_locate(credentials_file(ctx), who, last))


def area(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the group.")],
    at: Annotated[str, typer.Option(metavar="LAT,LON", help="Its midst.")],
    radius: Annotated[float, typer.Option(min=10, max=100_000, help="Metres.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the audit log.")],
) -> None:
    """Call an area: whoever is there now gets into a group with you, until Ctrl+C or until it is dissolved."""
    run(_call_area(credentials_file(ctx), name, _circle(at, radius), reason))


def _circle(at: str, radius_m: float) -> "Shape":
    from pttserver.wire.signalling import CircleShape, Point

    latitude, longitude = _place(at)
    return CircleShape(center=Point(latitude=latitude, longitude=longitude), radius_m=radius_m)


async def _call_area(file: Path, name: str, shape: "Shape", reason: str) -> None:
    async with connected(file, tell=False) as handset:
        typer.echo(await handset.location.call_area(name, shape, reason))
        await until_stopped(handset)


async def _locate(file: Path, who: str, last: bool) -> None:
    async with connected(file, tell=False) as handset:
        subscriber = await _subscriber(handset, who)
        if last:
            known = await handset.location.last(subscriber)
            typer.echo(_line(known.position) if known.position else "No position is known.")
            return
        try:
            typer.echo(_line(await handset.location.where(subscriber)))
        except TimeoutError:
            raise HandsetError("The device did not answer; --last shows the last known position.") from None


def watch(
    ctx: typer.Context,
    group: Annotated[str | None, typer.Option(help="Only who takes part in this group.")] = None,
    fence: Annotated[str | None, typer.Option(help="Only who is in this fence, and who enters and leaves it.")] = None,
) -> None:
    """Show positions and fence events as they come, until Ctrl+C."""
    run(_watch(credentials_file(ctx), group, fence))


async def _watch(file: Path, group: str | None, fence: str | None) -> None:
    async with connected(file) as handset:
        handset.location.listeners.append(lambda event: typer.echo(_event(event)))
        group_id = _group(handset, group) if group else None
        await handset.location.watch(group=group_id, fence=await _fence(handset, fence) if fence else None)
        typer.echo("Watching. Ctrl+C stops.", err=True)
        await until_stopped(handset)


def history(
    ctx: typer.Context,
    who: Who,
    hours: Annotated[float, typer.Option(min=0.1, help="How far back.")] = 24.0,
) -> None:
    """Show where somebody was, if your organisation stores that."""
    run(_history(credentials_file(ctx), who, hours))


async def _history(file: Path, who: str, hours: float) -> None:
    now_ms = time.time_ns() // 1_000_000
    async with connected(file, tell=False) as handset:
        subscriber = await _subscriber(handset, who)
        for position in await handset.location.history(subscriber, now_ms - round(hours * 3_600_000), now_ms):
            typer.echo(_line(position))


@dispatch_fence.command("list")
def list_fences(ctx: typer.Context) -> None:
    """List the fences of your organisation."""
    run(_list_fences(credentials_file(ctx)))


async def _list_fences(file: Path) -> None:
    async with connected(file, tell=False) as handset:
        for fence in sorted(await handset.location.fences(), key=lambda fence: fence.name):
            typer.echo(f"{fence.name}   {fence.shape.kind}   {fence.fence}")


@dispatch_fence.command("circle")
def add_circle(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name that no other fence has.")],
    at: Annotated[str, typer.Option(metavar="LAT,LON", help="Its midst.")],
    radius: Annotated[float, typer.Option(min=10, max=100_000, help="Metres.")],
    dwell: Annotated[int, typer.Option(min=0, help="Tell who stays longer than so many seconds; 0: do not.")] = 0,
) -> None:
    """Add a round fence. Others are drawn in a map and imported: pttserver fence add."""
    run(_put_fence(credentials_file(ctx), name, _circle(at, radius), dwell))


async def _put_fence(file: Path, name: str, shape: "Shape", dwell_s: int) -> None:
    async with connected(file, tell=False) as handset:
        typer.echo(await handset.location.put_fence(name, shape, dwell_s=dwell_s))


@dispatch_fence.command("remove")
def remove_fence(ctx: typer.Context, fence: Annotated[str, typer.Argument(help="Name or identifier.")]) -> None:
    """Remove a fence."""
    run(_remove_fence(credentials_file(ctx), fence))


async def _remove_fence(file: Path, name: str) -> None:
    async with connected(file, tell=False) as handset:
        await handset.location.remove_fence(await _fence(handset, name))


async def _fence(handset: "Handset", name: str) -> str:
    for fence in await handset.location.fences():
        if name in (fence.name, fence.fence):
            return fence.fence
    raise HandsetError(f"There is no fence {name}.")


def _group(handset: "Handset", name: str) -> str:
    return next((info.group for info in handset.groups if info.name == name), name)


async def _subscriber(handset: "Handset", who: str) -> str:
    """By its name, looked for in the handset's groups."""
    if who.startswith("sub_"):
        return who
    for info in handset.groups:
        for member in (await handset.presence(info.group)).listed or ():
            if member.name == who:
                return member.subscriber
    raise HandsetError(f"Nobody in your groups is called {who}.")


def _event(event: "LocationEvent") -> str:
    from pttserver.wire.signalling import FenceEvent, LocationPosition

    if isinstance(event, LocationPosition):
        return f"{event.name or event.subscriber}   {_line(event.position)}"
    if isinstance(event, FenceEvent):
        return f"{event.name or event.subscriber}   {event.event} {event.fence_name}   {_moment(event.at_ms)}"
    return f"{event.subscriber}   location is off"


def _line(position: "Position") -> str:
    place = f"{position.latitude:.6f},{position.longitude:.6f}"
    return f"{_moment(position.at_ms)}   {place}   ± {position.accuracy_m:.0f} m"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
