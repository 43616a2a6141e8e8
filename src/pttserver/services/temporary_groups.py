"""Temporary groups: groups that live in memory, with members of their own, as long as they are needed.

They carry private calls, broadcasts, and whoever a dispatcher groups for a while. For floor control, keys and voice
they are groups like any other; nothing of them is written but the records of their calls. They are gone when the last
participant left, when nobody has talked for too long, when their maker is (setting), or when they are dissolved, and
with the process.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pttserver.clock import Clock
from pttserver.config import CallSettings
from pttserver.ids import GroupId, SubscriberId, TenantId, new_group_id
from pttserver.services.group_info import group_info
from pttserver.services.telling import Telling
from pttserver.store.records import Membership
from pttserver.wire import signalling
from pttserver.wire.floor_control import FloorIndicator

DEFAULT_PRIORITY: Final = 100
CHECK_INTERVAL_S: Final = 5.0


class GroupKind(StrEnum):
    """What a temporary group is for."""

    REGROUP = "regroup"
    """People whom a dispatcher put together for a while."""
    AREA = "area"
    """Likewise, those who were in an area."""
    PRIVATE = "private"
    """A call from person to person."""
    FIRST_TO_ANSWER = "first_to_answer"
    """A call to several persons, with whoever answered."""
    BROADCAST = "broadcast"
    """A call in which only its maker talks."""
    AMBIENT = "ambient"
    """The microphone of somebody whose alert is open, for dispatchers who asked to listen."""


class Dissolution(StrEnum):
    """Why a group is gone; told in `group.removed`."""

    DISSOLVED = "dissolved"
    EMPTY = "empty"
    IDLE = "idle"
    MAKER_GONE = "maker_gone"


CONFIDENTIAL: Final = frozenset({GroupKind.PRIVATE, GroupKind.FIRST_TO_ANSWER, GroupKind.AMBIENT})
"""Nobody but its members takes part in such a group, nor sees that it is there: dispatchers neither."""
ANNOUNCED: Final = frozenset({GroupKind.REGROUP, GroupKind.AREA})
"""Members are told of such a group, and can write to it; of the others the call itself is told."""


@dataclass(slots=True)
class TemporaryGroup:
    """`talker`: the only one who may talk. `duplex`: the talker has the floor without asking. `unlisted`: members are
    told how many take part, and not who.

    `quiet_since`: monotonic seconds; when somebody last began or ceased to talk.
    """

    group_id: GroupId
    tenant_id: TenantId
    maker: SubscriberId
    name: str
    kind: GroupKind
    members: dict[SubscriberId, int]  # priority in the group
    quiet_since: float
    talker: SubscriberId | None = None
    duplex: bool = False
    unlisted: bool = False

    @property
    def condition(self) -> FloorIndicator:
        """What Floor Granted, Taken and Idle tell of the group."""
        broadcast = FloorIndicator.BROADCAST_GROUP if self.kind is GroupKind.BROADCAST else FloorIndicator(0)
        return FloorIndicator.TEMPORARY_GROUP | broadcast

    def membership(self, who: SubscriberId) -> Membership | None:
        priority = self.members.get(who)
        if priority is None:
            return None
        listen_only = self.talker is not None and who != self.talker
        return Membership(self.group_id, self.name, self.tenant_id, priority, listen_only)


Dissolved = Callable[[TemporaryGroup, Dissolution], object]


@dataclass(slots=True)
class TemporaryGroups:
    """Makes them, knows their members, lets them go. No call waits."""

    telling: Telling
    clock: Clock
    settings: CallSettings
    on_dissolved: list[Dissolved] = field(default_factory=list)
    """Called when a group is not there any more, before its members are told."""
    on_made: list[Callable[[TemporaryGroup], None]] = field(default_factory=list)
    _groups: dict[GroupId, TemporaryGroup] = field(default_factory=dict)
    _of_member: dict[SubscriberId, dict[GroupId, None]] = field(default_factory=dict)

    def make(
        self,
        tenant_id: TenantId,
        by: SubscriberId,
        members: Iterable[SubscriberId],
        name: str,
        kind: GroupKind,
        *,
        priority: int = DEFAULT_PRIORITY,
        talker: SubscriberId | None = None,
        duplex: bool = False,
        unlisted: bool = False,
    ) -> GroupId:
        """The maker is a member too, with `priority` (0-255). Members of a regroup or an area get `group.added`.

        Members must be subscribers of the tenant: the caller has seen to that.
        """
        seats = dict.fromkeys(members, DEFAULT_PRIORITY) | {by: priority}
        group = TemporaryGroup(
            new_group_id(),
            tenant_id,
            by,
            name,
            kind,
            seats,
            self.clock.now(),
            talker=talker,
            duplex=duplex,
            unlisted=unlisted,
        )
        self._groups[group.group_id] = group
        for who in seats:
            self._of_member.setdefault(who, {})[group.group_id] = None
        for made in self.on_made:
            made(group)
        if kind in ANNOUNCED:
            self._announce(group)
        return group.group_id

    def admit(self, group_id: GroupId, who: SubscriberId) -> None:
        """One more member, with the default priority; nobody is told."""
        self._groups[group_id].members.setdefault(who, DEFAULT_PRIORITY)
        self._of_member.setdefault(who, {})[group_id] = None

    def expel(self, group_id: GroupId, who: SubscriberId) -> None:
        """A member less. Whoever takes part just now is to be taken out by the caller."""
        del self._groups[group_id].members[who]
        self._forget(who, group_id)

    def _announce(self, group: TemporaryGroup) -> None:
        for who in group.members:
            membership = group.membership(who)
            assert membership is not None
            self.telling.tell(who, signalling.GroupAdded(group=group_info(membership), temporary=True))

    def dissolve(self, group_id: GroupId, reason: Dissolution = Dissolution.DISSOLVED) -> bool:
        """Everybody who takes part is out at once, and told. False: there is no such group (any more)."""
        group = self._groups.pop(group_id, None)
        if group is None:
            return False
        for who in group.members:
            self._forget(who, group_id)
        for dissolved in self.on_dissolved:
            dissolved(group, reason)
        self.telling.tell_all(group.members, signalling.GroupRemoved(group=group_id, reason=reason.value))
        return True

    def _forget(self, who: SubscriberId, group_id: GroupId) -> None:
        theirs = self._of_member[who]
        del theirs[group_id]
        if not theirs:
            del self._of_member[who]

    # Questions ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._groups)

    def get(self, group_id: GroupId) -> TemporaryGroup | None:
        return self._groups.get(group_id)

    def of_tenant(self, tenant_id: TenantId) -> list[TemporaryGroup]:
        return [group for group in self._groups.values() if group.tenant_id == tenant_id]

    def memberships(self, who: SubscriberId) -> list[Membership]:
        """For lists of somebody's groups; the channel of a microphone is none that people choose from."""
        theirs = (self._groups[group_id] for group_id in self._of_member.get(who, ()))
        found = (group.membership(who) for group in theirs if group.kind is not GroupKind.AMBIENT)
        return [membership for membership in found if membership is not None]

    # What happens ------------------------------------------------------------------------------------------------

    def stirs(self, group_id: GroupId) -> None:
        """Somebody began or ceased to talk, or came."""
        group = self._groups.get(group_id)
        if group is not None:
            group.quiet_since = self.clock.now()

    def is_empty(self, group_id: GroupId) -> None:
        """The last participant left."""
        self.dissolve(group_id, Dissolution.EMPTY)

    def is_gone(self, who: SubscriberId) -> None:
        """The subscriber's session is over, and no other one took its place."""
        if self.settings.dissolve_with_maker:
            for group_id in [group.group_id for group in self._made_by(who)]:
                self.dissolve(group_id, Dissolution.MAKER_GONE)

    def _made_by(self, who: SubscriberId) -> Iterator[TemporaryGroup]:
        theirs = (self._groups[group_id] for group_id in self._of_member.get(who, ()))
        return (group for group in theirs if group.maker == who)

    async def run(self) -> None:
        """Looks for those that nobody uses, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            self.expire()

    def expire(self) -> None:
        """Dissolves those in which nobody has talked for too long."""
        before = self.clock.now() - self.settings.temporary_group_idle_s
        for group_id in [group.group_id for group in self._groups.values() if group.quiet_since <= before]:
            self.dissolve(group_id, Dissolution.IDLE)
