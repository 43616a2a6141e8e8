"""Managers and others at the REST interface below /v1/manage, with two organisations whose data must never meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from console_visitor import Visitor, dispatcher, told
from pttserver.clock import Clock
from pttserver.roles import Role
from running_server import TENANT, Platform, running_platform

OTHER = "Umbrella"
MARKERS = ("Zyxmarker", "zyxradio", "Zyxgroup", OTHER)
"""Texts that only the other organisation has."""


class Manager(Visitor):
    """A page of somebody who is logged in; `path` is below /v1/manage."""

    prefix = "manage"

    async def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON. Raises Refused."""
        given = "&".join(f"{name}={value}" for name, value in query.items())
        return told(await self.call("GET", f"{path}?{given}" if given else path))

    async def subscriber(self, identifier: str) -> dict[str, Any]:
        """As the list has it."""
        found = (await self.get("subscribers"))["subscribers"]
        return next(each for each in found if each.get("identifier") == identifier)

    async def audited(self, operation: str) -> list[dict[str, Any]]:
        """Entries, newest first."""
        found: list[dict[str, Any]] = (await self.get("audit", operation=operation))["entries"]
        return found


@dataclass(frozen=True)
class Stranger:
    """What the other organisation has."""

    subscriber: str
    group: str
    device: str


@dataclass(frozen=True)
class Offices:
    """Two organisations: Mona manages one, Dora dispatches in it; nobody of the other is logged in."""

    platform: Platform
    mona: Manager
    dora: Manager
    stranger: Stranger

    def page(self, cookie: str | None) -> Manager:
        """One more page with the cookie."""
        made = Manager(self.platform)
        made.cookie = cookie
        return made


async def logged_in(platform: Platform, name: str, role: Role, clock: Clock | None = None) -> Manager:
    """A page of somebody of the first organisation."""
    visitor = Visitor(platform, clock)
    await visitor.activate(await dispatcher(platform, name, role))
    page = Manager(platform, clock)
    page.cookie = visitor.cookie
    return page


@asynccontextmanager
async def offices(data_dir: Path, *, clock: Clock | None = None, **sections: Any) -> AsyncIterator[Offices]:
    async with running_platform(data_dir, clock=clock, **sections) as platform:
        await platform.organise("Patrol", "Harbour")
        await platform.organise("Zyxgroup", tenant=OTHER)
        added = await platform.provisioning.add_subscriber(OTHER, "+4930999888", display_name="Zyxmarker", pin="4711")
        who = added.subscriber.subscriber_id
        await platform.provisioning.set_member(OTHER, "Zyxgroup", who)
        ticket = await platform.devices.add(OTHER, who, label="zyxradio")
        group = await platform.provisioning.group(OTHER, "Zyxgroup")
        yield Offices(
            platform,
            await logged_in(platform, "Mona", Role.MANAGER, clock),
            await logged_in(platform, "Dora", Role.DISPATCHER, clock),
            Stranger(who, group.group_id, ticket.device.device_id),
        )


def holds_no_marker(answer: httpx.Response) -> bool:
    """Whether nothing of the other organisation is in it."""
    return not any(marker.encode() in answer.content for marker in MARKERS)


__all__ = ["MARKERS", "OTHER", "TENANT", "Manager", "Offices", "Stranger", "holds_no_marker", "logged_in", "offices"]
