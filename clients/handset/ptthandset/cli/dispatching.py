"""`ptt dispatch`: see who is there, take a floor back, control devices from afar, regroup people."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.errors import HandsetError
from pttserver.wire import signalling

if TYPE_CHECKING:
    from ptthandset.dispatch import DispatchEvent
    from ptthandset.handset import Handset

app = typer.Typer(no_args_is_help=True, help="What dispatchers and managers do. Every act needs a reason.")
groups = typer.Typer(no_args_is_help=True, help="Groups for a while.")
app.add_typer(groups, name="group")

Reason = Annotated[str, typer.Option(help="Why; it goes into the audit log.")]
WhoseDevice = Annotated[str, typer.Argument(help="Display name or number (sub_...: all devices; dev_...: one).")]
GroupName = Annotated[str, typer.Argument(help="Name of the group, or its number (grp_...).")]


@app.command()
def overview(ctx: typer.Context) -> None:
    """Show who is logged in, how good the link is, and what the groups do."""

    async def show(handset: "Handset") -> None:
        async for page in handset.dispatch.overview():
            for person in page.people:
                typer.echo(_person(person))
            for group in page.groups:
                typer.echo(_group(group))

    _run(ctx, show)


@app.command()
def watch(ctx: typer.Context) -> None:
    """Show changes as they happen, until Ctrl+C."""

    async def show(handset: "Handset") -> None:
        handset.dispatch.listeners.append(_print)
        await handset.dispatch.watch()
        async for page in handset.dispatch.overview():
            _print(signalling.DispatchChanged(people=page.people, groups=page.groups))
        await until_stopped(handset)

    _run(ctx, show)


@app.command()
def revoke(ctx: typer.Context, group: GroupName, reason: Reason) -> None:
    """Take the floor back from whoever talks in the group."""

    async def act(handset: "Handset") -> None:
        await handset.dispatch.revoke_floor(await _group_number(handset, group), reason)

    _run(ctx, act)


def _on_device(name: str, text: str, act: Callable[["Handset", str, str], Awaitable[None]]) -> None:
    """The commands that control a device from afar differ in their verb only."""

    def command(ctx: typer.Context, who: WhoseDevice, reason: Reason) -> None:
        async def do(handset: "Handset") -> None:
            from ptthandset.addressing import find_person

            await act(handset, await find_person(handset, who), reason)

        _run(ctx, do)

    app.command(name, help=text)(command)


_on_device("logout", "End the session; the PIN is needed again.", lambda h, who, why: h.dispatch.log_out(who, why))
_on_device("stun", "Disable: out, and refused until it is enabled.", lambda h, who, why: h.dispatch.stun(who, why))
_on_device("enable", "Let a disabled device log in again.", lambda h, who, why: h.dispatch.enable(who, why))
_on_device("wipe", "Have it delete its keys, and revoke it for good.", lambda h, who, why: h.dispatch.wipe(who, why))


@app.command()
def regroup(
    ctx: typer.Context,
    who: Annotated[str, typer.Argument(help="Display name, or number (sub_...).")],
    reason: Reason,
    add: Annotated[list[str] | None, typer.Option(help="Group to add; several times.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Group to take away; several times.")] = None,
    priority: Annotated[int, typer.Option(min=0, max=255, help="In the groups that are added.")] = 100,
    listen_only: Annotated[bool, typer.Option("--listen-only", help="In the groups that are added.")] = False,
) -> None:
    """Change the groups that somebody is a member of."""

    async def act(handset: "Handset") -> None:
        from ptthandset.addressing import find_person

        numbers = [await _group_number(handset, name) for name in add or ()]
        seats = [signalling.Seat(group=number, priority=priority, listen_only=listen_only) for number in numbers]
        gone = [await _group_number(handset, name) for name in remove or ()]
        await handset.dispatch.regroup(await find_person(handset, who), reason, add=seats, remove=gone)

    _run(ctx, act)


@groups.command()
def make(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    members: Annotated[list[str], typer.Argument(help="Display names, or numbers (sub_...).")],
    reason: Reason,
) -> None:
    """Make a group of these and yourself; it lasts until Ctrl+C, or until it is dissolved."""

    async def act(handset: "Handset") -> None:
        from ptthandset.addressing import find_people

        numbers = await find_people(handset, members)
        typer.echo(await handset.dispatch.make_group(name, numbers, reason))
        await until_stopped(handset)

    _run(ctx, act)


@groups.command()
def dissolve(ctx: typer.Context, group: GroupName, reason: Reason) -> None:
    """End a group that was made for a while."""

    async def act(handset: "Handset") -> None:
        await handset.dispatch.dissolve_group(await _group_number(handset, group), reason)

    _run(ctx, act)


def _run(ctx: typer.Context, act: Callable[["Handset"], Awaitable[None]]) -> None:
    async def work(file: Path) -> None:
        async with connected(file, tell=False) as handset:
            await act(handset)

    run(work(credentials_file(ctx)))


async def _group_number(handset: "Handset", name: str) -> str:
    async for page in handset.dispatch.overview():
        found = [group.group for group in page.groups if name in (group.name, group.group)]
        if len(found) > 1:
            raise HandsetError(f"Several groups are called {name}: {', '.join(found)}; use the number.")
        if found:
            return found[0]
    raise HandsetError(f"There is no group called {name}.")


def _print(event: "DispatchEvent") -> None:
    if isinstance(event, signalling.DeviceChanged):
        confirmed = " and says so" if event.confirmed else ""
        typer.echo(f"{event.device} of {event.subscriber} is {event.state}{confirmed}")
        return
    lines = [*map(_person, event.people or ()), *(f"{who}   gone" for who in event.gone or ())]
    lines += [*map(_group, event.groups or ()), *(f"{group}   dissolved" for group in event.dissolved or ())]
    for line in lines:
        typer.echo(line)


def _person(person: signalling.OnlineSubscriber) -> str:
    link = f"{person.via}, {100 * person.fraction_lost:.1f} % lost, jitter {person.jitter_ms:.1f} ms"
    state = link if person.connected else "connection lost"
    return f"{person.name or person.subscriber}   {person.role}   {person.device} {person.device_type}   {state}"


def _group(group: signalling.GroupState) -> str:
    talker = f"{group.talker.name or group.talker.subscriber} talks" if group.talker else "nobody talks"
    waiting = f", {group.waiting} wait" if group.waiting else ""
    peril = "   IMMINENT PERIL" if group.imminent_peril else ""
    kind = "   for a while" if group.temporary else ""
    return f"{group.name}   {group.affiliated} there, {talker}{waiting}{kind}{peril}"
