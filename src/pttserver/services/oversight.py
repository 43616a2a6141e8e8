"""What dispatchers see: who is logged in and how good the link is, the floors of all groups; and taking a floor back.

Who watches is told of changes as they stand when they are told: what changes again and again within the interval is
told once. Private calls are nobody's but their parties': they are not shown.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from pttserver.config import CallSettings
from pttserver.errors import NotFound
from pttserver.ids import GroupId, SessionId, SubscriberId, TenantId
from pttserver.services.acts import Acts
from pttserver.services.desk import Handlers
from pttserver.services.memberships import Memberships
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.services.temporary_groups import CONFIDENTIAL, Dissolution, TemporaryGroup, TemporaryGroups
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Identity, Session
from pttserver.wire import signalling
from pttserver.wire.rtp import OPUS_CLOCK_HZ

PAGE: Final = 200  # entries of a frame

T = TypeVar("T")


class _Changes:
    """What those who watch a tenant have not been told yet."""

    __slots__ = ("dissolved", "groups", "people")

    def __init__(self) -> None:
        self.people: set[SubscriberId] = set()
        self.groups: set[GroupId] = set()
        self.dissolved: set[GroupId] = set()


class Oversight:
    """Serves `dispatch.overview`, `dispatch.watch`, `floor.revoke`."""

    def __init__(
        self,
        sessions: SessionRegistry,
        talk: TalkService,
        temporary: TemporaryGroups,
        memberships: Memberships,
        acts: Acts,
        telling: Telling,
        settings: CallSettings,
    ) -> None:
        self._sessions = sessions
        self._talk = talk
        self._temporary = temporary
        self._memberships = memberships
        self._acts = acts
        self._telling = telling
        self._interval_s = settings.dispatch_event_interval_s
        self._watching: dict[TenantId, dict[SessionId, Session]] = {}
        self._untold: dict[TenantId, _Changes] = {}
        self._names: dict[GroupId, str] = {}
        self._noted: set[SessionId] = set()
        talk.on_changed.append(self.group_changed)
        temporary.on_made.append(self._group_made)
        temporary.on_dissolved.append(self._group_is_gone)

    def handlers(self) -> Handlers:
        return {
            signalling.GetOverview: self._overview,
            signalling.Watch: self._watch,
            signalling.RevokeFloor: self._revoke,
        }

    # Requests ----------------------------------------------------------------------------------------------------

    async def _overview(self, session: Session, request: signalling.GetOverview) -> signalling.Reply:
        await self._note(session)
        tenant_id = session.identity.tenant_id
        groups = await self._learn_groups(tenant_id)
        people = sorted(self._sessions.of_tenant(tenant_id), key=lambda one: one.identity.subscriber_id)
        page = slice(request.page * PAGE, (request.page + 1) * PAGE)
        return signalling.Overview(
            re=request.id,
            people=[_person(one) for one in people[page]],
            groups=[self._state(group_id) for group_id in groups[page]],
            online=len(people),
            last=max(len(people), len(groups)) <= page.stop,
        )

    async def _note(self, session: Session) -> None:
        """Looking is noted once a session."""
        if session.id not in self._noted:
            await self._acts.record(session, "dispatch.overview", "")
            self._noted.add(session.id)

    async def _learn_groups(self, tenant_id: TenantId) -> list[GroupId]:
        """What may be shown, by name; and how each is called."""
        named = [(group.name, group.group_id) for group in await self._memberships.groups.of_tenant(tenant_id)]
        temporary = self._temporary.of_tenant(tenant_id)
        named += [(group.name, group.group_id) for group in temporary if group.kind not in CONFIDENTIAL]
        self._names.update((group_id, name) for name, group_id in named)
        return [group_id for _, group_id in sorted(named)]

    async def _watch(self, session: Session, request: signalling.Watch) -> signalling.Reply:
        await self._note(session)
        await self._learn_groups(session.identity.tenant_id)
        if request.on and self._sessions.get(session.id) is session:
            self._watching.setdefault(session.identity.tenant_id, {})[session.id] = session
        else:
            self._forget(session)
        return signalling.Done(re=request.id)

    async def _revoke(self, session: Session, request: signalling.RevokeFloor) -> signalling.Reply:
        """Raises NotFound: no such group, or nobody talks in it."""
        group_id = GroupId(request.group)
        talker = self._talker(session, group_id)
        await self._acts.record(session, "floor.revoke", request.reason, talker.subscriber_id, group=group_id)
        if self._talker(session, group_id).subscriber_id == talker.subscriber_id:  # and not the one after
            self._talk.revoke(group_id)
        return signalling.Done(re=request.id)

    def _talker(self, session: Session, group_id: GroupId) -> Identity:
        floor = self._talk.floor_of(group_id)
        mine = floor is not None and floor.tenant_id == session.identity.tenant_id
        if floor is None or floor.talker is None or not mine or self._is_confidential(group_id):
            raise NotFound("Nobody talks in such a group.")
        return floor.talker

    # Changes -----------------------------------------------------------------------------------------------------

    def person_changed(self, session: Session) -> None:
        """Logged in, gone, renamed, with other rights, or on another connection."""
        if self._sessions.get(session.id) is not session:
            self._forget(session)
            self._noted.discard(session.id)
        changes = self._changes(session.identity.tenant_id)
        if changes is not None:
            changes.people.add(session.identity.subscriber_id)

    def group_changed(self, tenant_id: TenantId, group_id: GroupId) -> None:
        """Somebody came, left, began or ceased to talk or to wait; or the group is new."""
        changes = self._changes(tenant_id) if not self._is_confidential(group_id) else None
        if changes is None:
            return
        changes.groups.add(group_id)
        floor = self._talk.floor_of(group_id)
        if floor is not None:
            self._names[group_id] = floor.group_name

    def _group_made(self, group: TemporaryGroup) -> None:
        if group.kind not in CONFIDENTIAL:
            self._names[group.group_id] = group.name
            self.group_changed(group.tenant_id, group.group_id)

    def _group_is_gone(self, group: TemporaryGroup, _reason: Dissolution) -> None:
        self._names.pop(group.group_id, None)
        changes = self._changes(group.tenant_id) if group.kind not in CONFIDENTIAL else None
        if changes is not None:
            changes.groups.discard(group.group_id)
            changes.dissolved.add(group.group_id)

    def _is_confidential(self, group_id: GroupId) -> bool:
        group = self._temporary.get(group_id)
        return group is not None and group.kind in CONFIDENTIAL

    def _forget(self, session: Session) -> None:
        watching = self._watching.get(session.identity.tenant_id, {})
        watching.pop(session.id, None)
        if not watching:
            self._watching.pop(session.identity.tenant_id, None)

    def _changes(self, tenant_id: TenantId) -> _Changes | None:
        """None: nobody watches. The first change sets the time at which all are told."""
        if tenant_id not in self._watching:
            return None
        if tenant_id not in self._untold:
            self._untold[tenant_id] = _Changes()
            asyncio.get_running_loop().call_later(self._interval_s, self._tell, tenant_id)
        return self._untold[tenant_id]

    def _tell(self, tenant_id: TenantId) -> None:
        events = list(self._events(self._untold.pop(tenant_id)))
        for session in list(self._watching.get(tenant_id, {}).values()):
            if not self._memberships.may_oversee(session):
                self._forget(session)
                continue
            for event in events:
                self._telling.tell_sessions([session], event)

    def _events(self, changes: _Changes) -> Iterator[signalling.DispatchChanged]:
        """As they stand now, in frames that a link can take: a herd that comes back is told in several."""
        living = {who: self._sessions.of_subscriber(who) for who in sorted(changes.people)}
        for gone in _pages(who for who, session in living.items() if session is None):
            yield signalling.DispatchChanged(gone=list[str](gone))
        for sessions in _pages(session for session in living.values() if session is not None):
            yield signalling.DispatchChanged(people=[_person(session) for session in sessions])
        for groups in _pages(group_id for group_id in sorted(changes.groups) if group_id in self._names):
            yield signalling.DispatchChanged(groups=[self._state(group_id) for group_id in groups])
        for dissolved in _pages(sorted(changes.dissolved)):
            yield signalling.DispatchChanged(dissolved=list[str](dissolved))

    def _state(self, group_id: GroupId) -> signalling.GroupState:
        floor = self._talk.floor_of(group_id)
        talker = floor.talker if floor is not None else None
        return signalling.GroupState(
            group=group_id,
            name=self._names[group_id],
            temporary=self._temporary.get(group_id) is not None,
            affiliated=floor.affiliated if floor is not None else 0,
            talker=_party(talker) if talker is not None else None,
            waiting=floor.waiting if floor is not None else 0,
            imminent_peril=self._talk.is_in_peril(group_id),
        )


def _party(identity: Identity) -> signalling.Party:
    return signalling.Party(subscriber=identity.subscriber_id, name=identity.display_name.reveal())


def _person(session: Session) -> signalling.OnlineSubscriber:
    identity = session.identity
    return signalling.OnlineSubscriber(
        subscriber=identity.subscriber_id,
        name=identity.display_name.reveal(),
        role=identity.rights.role.value,
        device=identity.device_id,
        device_type=identity.device_type.reveal(),
        connected=session.link is not None,
        via="udp" if session.via_udp else "websocket",
        fraction_lost=session.fraction_lost / 256,
        jitter_ms=round(1000 * session.jitter / OPUS_CLOCK_HZ, 1),
    )


def _pages(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, PAGE)):
        yield some
