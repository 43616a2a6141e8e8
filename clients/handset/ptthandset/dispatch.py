"""What dispatchers and managers do: see who is there, take floors back, control devices from afar, regroup people.

Every act needs a reason, which goes into the organisation's audit log. Raises Refused: `auth.forbidden` if the role may
not, `not_found` for what there is not.
"""

from collections.abc import AsyncIterator, Callable, Sequence

from ptthandset.listeners import tell_all
from ptthandset.service import Ask, Service
from pttserver.wire import signalling
from pttserver.wire.signalling import Done

DispatchEvent = signalling.DispatchChanged | signalling.DeviceChanged


class Dispatch(Service):
    """`listeners` hear what `watch` brings, and of each device that somebody controls."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self.listeners: list[Callable[[DispatchEvent], None]] = []
        self._watching = False

    async def overview(self) -> AsyncIterator[signalling.Overview]:
        """Who is logged in and what the groups do, page by page."""
        page = 0
        while True:
            found = await self._ask(signalling.GetOverview(id=1, page=page), signalling.Overview)
            yield found
            if found.last:
                return
            page += 1

    async def watch(self, on: bool = True) -> None:
        """From now on listeners are told of changes; also after a new log-in."""
        await self._ask(signalling.Watch(id=1, on=on), Done)
        self._watching = on

    async def connected(self) -> None:
        if self._watching:
            await self.watch()

    def take(self, event: signalling.Message) -> None:
        if isinstance(event, signalling.DispatchChanged | signalling.DeviceChanged):
            tell_all(self.listeners, event)

    async def revoke_floor(self, group: str, reason: str) -> None:
        """Takes the floor of a group back from whoever talks."""
        await self._ask(signalling.RevokeFloor(id=1, group=group, reason=reason), Done)

    async def log_out(self, who: str, reason: str) -> None:
        """`who`: a device (`dev_...`), or a subscriber (`sub_...`) with all its devices; so in the next three."""
        await self._ask(signalling.LogOutDevice(id=1, who=who, reason=reason), Done)

    async def stun(self, who: str, reason: str) -> None:
        """The device is out, and refused until it is enabled."""
        await self._ask(signalling.DisableDevice(id=1, who=who, reason=reason), Done)

    async def enable(self, who: str, reason: str) -> None:
        await self._ask(signalling.EnableDevice(id=1, who=who, reason=reason), Done)

    async def wipe(self, who: str, reason: str) -> None:
        """The device deletes its keys, and never logs in again. `DeviceChanged.confirmed` tells that it did."""
        await self._ask(signalling.WipeDevice(id=1, who=who, reason=reason), Done)

    async def regroup(
        self,
        subscriber: str,
        reason: str,
        *,
        add: Sequence[signalling.Seat] = (),
        remove: Sequence[str] = (),
    ) -> None:
        """Changes the groups that somebody is a member of, all at once."""
        request = signalling.Regroup(id=1, subscriber=subscriber, add=list(add), remove=list(remove), reason=reason)
        await self._ask(request, Done)

    async def make_group(self, name: str, members: Sequence[str], reason: str) -> str:
        """A group for a while; gives its number."""
        request = signalling.MakeGroup(id=1, name=name, members=list(members), reason=reason)
        return (await self._ask(request, signalling.GroupMade)).group

    async def dissolve_group(self, group: str, reason: str) -> None:
        await self._ask(signalling.DissolveGroup(id=1, group=group, reason=reason), Done)
