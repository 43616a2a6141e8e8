"""Regrouping: memberships changed by a dispatcher, and groups for a while. Each act has a reason, and is audited."""

from collections.abc import Sequence
from typing import Final

from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import GroupId, SubscriberId
from pttserver.services.acts import Acts
from pttserver.services.attendance import Attendance
from pttserver.services.desk import Handlers
from pttserver.services.group_info import group_info
from pttserver.services.telling import Telling
from pttserver.services.temporary_groups import CONFIDENTIAL, GroupKind, TemporaryGroups
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.store.regrouping import MemberChanges, NewMember
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling

MOST_GROUPS: Final = 100  # temporary ones that a dispatcher may keep at once


class Regrouping:
    """Serves `subscriber.regroup`, `group.make`, `group.dissolve`."""

    def __init__(
        self,
        changes: MemberChanges,
        subscribers: Subscribers,
        sessions: SessionRegistry,
        temporary: TemporaryGroups,
        attendance: Attendance,
        telling: Telling,
        acts: Acts,
    ) -> None:
        self._changes = changes
        self._subscribers = subscribers
        self._sessions = sessions
        self._temporary = temporary
        self._attendance = attendance
        self._telling = telling
        self._acts = acts

    def handlers(self) -> Handlers:
        return {
            signalling.Regroup: self._regroup,
            signalling.MakeGroup: self._make,
            signalling.DissolveGroup: self._dissolve,
        }

    async def _regroup(self, session: Session, request: signalling.Regroup) -> signalling.Reply:
        """Raises NotFound: the subscriber or one of the groups is not of the organisation; OnHold. Nothing changed."""
        who = SubscriberId(request.subscriber)
        added = [NewMember(GroupId(seat.group), seat.priority, seat.listen_only) for seat in request.add]
        removed = [GroupId(group) for group in request.remove]
        if {member.group_id for member in added} & set(removed):
            raise InvalidValue("A group cannot be added and removed at once.")
        note = self._acts.note(
            session,
            "subscriber.regroup",
            request.reason,
            who,
            added=",".join(member.group_id for member in added),
            removed=",".join(removed),
        )
        memberships = await self._changes.change(session.identity.tenant_id, who, added, removed, note)
        self._end_affiliations(who, removed)
        for membership in memberships:
            self._telling.tell(who, signalling.GroupAdded(group=group_info(membership), temporary=False))
        return signalling.Done(re=request.id)

    def _end_affiliations(self, who: SubscriberId, removed: list[GroupId]) -> None:
        """At once; the watch over what is written would do it half a second later."""
        session = self._sessions.of_subscriber(who)
        for group_id in removed:
            affiliation = session.affiliations.get(group_id) if session else None
            if affiliation is not None:
                self._attendance.deaffiliate(affiliation)
            self._telling.tell(who, signalling.GroupRemoved(group=group_id))

    async def _make(self, session: Session, request: signalling.MakeGroup) -> signalling.Reply:
        """Raises NotFound: one of the members is not of the organisation."""
        members = [SubscriberId(member) for member in request.members]
        group_id = await self.make(session, request.name, members, request.reason, GroupKind.REGROUP)
        return signalling.GroupMade(re=request.id, group=group_id)

    async def make(
        self, session: Session, name: str, members: Sequence[SubscriberId], reason: str, kind: GroupKind
    ) -> GroupId:
        """Of the members and whoever makes it. Raises NotFound (one is not of the organisation), InvalidValue."""
        who = session.identity
        if not await self._subscribers.all_present(who.tenant_id, members):
            raise NotFound
        theirs = [g for g in self._temporary.of_tenant(who.tenant_id) if g.maker == who.subscriber_id]
        if len(theirs) >= MOST_GROUPS:
            raise InvalidValue(f"At most {MOST_GROUPS} temporary groups at once; dissolve one first.")
        await self._acts.record(session, "group.make", reason, members=len(members))
        return self._temporary.make(who.tenant_id, who.subscriber_id, members, name, kind)

    async def _dissolve(self, session: Session, request: signalling.DissolveGroup) -> signalling.Reply:
        """Raises NotFound; private calls are nobody's but their parties'."""
        group = self._temporary.get(GroupId(request.group))
        if group is None or group.tenant_id != session.identity.tenant_id or group.kind in CONFIDENTIAL:
            raise NotFound
        await self._acts.record(session, "group.dissolve", request.reason, group=group.group_id)
        self._temporary.dissolve(group.group_id)
        return signalling.Done(re=request.id)
