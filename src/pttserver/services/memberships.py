"""Who may take part in a group, and why: members, members of a temporary group, and dispatchers who oversee.

 1. a temporary group knows its members itself
 2. a group of the organisation has them in the database
 3. a dispatcher whom the organisation lets oversee may take part in every group of it, private calls excepted

Whoever may not is told the same, whether or not there is such a group.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from pttserver.ids import GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.operations import OPERATIONS, refusal
from pttserver.services.policy_book import PolicyBook
from pttserver.services.serving import Serving
from pttserver.services.temporary_groups import CONFIDENTIAL, TemporaryGroup, TemporaryGroups
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import AffiliatedAs, Session
from pttserver.store.groups import Groups
from pttserver.store.records import Membership

DISPATCHER_PRIORITY: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """What a session may do in a group. `implicit_request`: the floor is the participant's without asking."""

    group_name: str
    priority: int
    listen_only: bool
    affiliated_as: AffiliatedAs
    implicit_request: bool = False


class Listed(NamedTuple):
    """A member, and its display name, empty if there is none to show."""

    subscriber_id: SubscriberId
    name: Personal


@dataclass(frozen=True, slots=True)
class Memberships:
    """Asks all who know. The database's methods raise StoreUnavailable."""

    groups: Groups
    temporary: TemporaryGroups
    sessions: SessionRegistry
    policies: PolicyBook
    serving: Serving

    async def place(self, session: Session, group_id: GroupId) -> Place | None:
        """None: there is no such group, or it is closed to the session's subscriber."""
        who = session.identity.subscriber_id
        group = self.temporary.get(group_id)
        if group is None:
            found = await self._standing_place(group_id, who)
            if found is not None:
                return Place(found.group_name, found.priority, found.listen_only, AffiliatedAs.MEMBER)
            return await self._overseer_of_standing(session, group_id)
        mine = group.membership(who)
        if mine is None:
            return self._overseer_of_temporary(session, group)
        implicit = group.duplex and group.talker == who
        return Place(mine.group_name, mine.priority, mine.listen_only, AffiliatedAs.TEMPORARY_MEMBER, implicit)

    async def _standing_place(self, group_id: GroupId, who: SubscriberId) -> Membership | None:
        found = await self.groups.group_for_member(group_id, who)
        lasting = await self.serving.memberships(who, [found]) if found is not None else []
        return lasting[0] if lasting else None

    async def _overseer_of_standing(self, session: Session, group_id: GroupId) -> Place | None:
        if not self.may_oversee(session):
            return None
        group = await self.groups.find(session.identity.tenant_id, group_id)
        return _overseer(group.name) if group is not None and group.group_id == group_id else None

    def _overseer_of_temporary(self, session: Session, group: TemporaryGroup) -> Place | None:
        if group.kind in CONFIDENTIAL or group.tenant_id != session.identity.tenant_id:
            return None
        return _overseer(group.name) if self.may_oversee(session) else None

    def may_oversee(self, session: Session) -> bool:
        """By the session's role, and the scopes that the organisation gives the role."""
        identity = session.identity
        policy = self.policies.in_force(identity.tenant_id)
        return refusal(policy, identity.rights, OPERATIONS["dispatch.overview"]) is None

    async def of(self, who: SubscriberId) -> list[Membership]:
        """Groups of the organisation by name, then the temporary ones."""
        lasting = await self.serving.memberships(who, await self.groups.memberships(who))
        return [*lasting, *self.temporary.memberships(who)]

    async def members(self, tenant_id: TenantId, group_id: GroupId) -> list[Listed]:
        """Of a group that there is, as they may be shown. Of a temporary one only who is logged in has a name."""
        group = self.temporary.get(group_id)
        if group is not None:
            return [Listed(who, self._name(who)) for who in group.members]
        found = await self.serving.members(tenant_id, await self.groups.group_members(group_id))
        return [Listed(member.subscriber_id, member.display_name or Personal("")) for member in found]

    def is_unlisted(self, group_id: GroupId) -> bool:
        """Whether those who take part are not told who does."""
        group = self.temporary.get(group_id)
        return group is not None and group.unlisted

    def _name(self, who: SubscriberId) -> Personal:
        session = self.sessions.of_subscriber(who)
        return session.identity.display_name if session else Personal("")


def _overseer(group_name: str) -> Place:
    return Place(group_name, DISPATCHER_PRIORITY, False, AffiliatedAs.OVERSEER)
