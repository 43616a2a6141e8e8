"""Rosters and presence: who takes part in a group, told to its participants by name, or in large groups by number."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from pttserver.config import SessionSettings
from pttserver.ids import GroupId, SubscriberId, TenantId
from pttserver.services.memberships import Listed, Memberships
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Affiliation, Session
from pttserver.wire import signalling


class _Changes:
    """What the participants of a group have not been told yet; a subscriber's last change counts."""

    __slots__ = ("joined", "left")

    def __init__(self) -> None:
        self.joined: dict[SubscriberId, Affiliation] = {}
        self.left: dict[SubscriberId, None] = {}

    def __bool__(self) -> bool:
        return bool(self.joined or self.left)


class Rosters:
    """Tells participants of each other. A large group hears only of its number.

    The first change of a quiet group is told at once, what follows within the interval is told together: when a herd
    comes back, every event would otherwise go to all that are back already.
    """

    def __init__(
        self,
        talk: TalkService,
        sessions: SessionRegistry,
        memberships: Memberships,
        settings: SessionSettings,
        names_up_to: Callable[[TenantId], int],
        telling: Telling,
    ) -> None:
        """`names_up_to`: participants that a group of the tenant may have for names to be shown."""
        self._names_up_to = names_up_to
        self._telling = telling
        self._talk = talk
        self._sessions = sessions
        self._memberships = memberships
        self._interval_s = settings.roster_event_interval_s
        self._untold: dict[GroupId, _Changes] = {}  # of groups that were told something within the interval
        self._large: set[GroupId] = set()
        self._entries: dict[Affiliation, signalling.Participant] = {}

    def roster(self, affiliation: Affiliation) -> signalling.Roster:
        """The group's participants, as this participant may see them."""
        present = self._talk.affiliations(affiliation.group_id)
        if self._is_large(present) or self._memberships.is_unlisted(affiliation.group_id):
            return signalling.Roster(count=len(present))
        return signalling.Roster(count=len(present), participants=self._named(present))

    def joined(self, affiliation: Affiliation) -> None:
        """To be called after the affiliation joined."""
        who = affiliation.session.identity.subscriber_id
        changes = self._untold.get(affiliation.group_id) or _Changes()
        changes.joined[who] = affiliation
        changes.left.pop(who, None)
        self._note(affiliation.group_id, changes)

    def renamed(self, affiliation: Affiliation) -> None:
        """The participant has another display name: told as if it had joined again."""
        self._entries.pop(affiliation, None)
        self.joined(affiliation)

    def left(self, affiliation: Affiliation) -> None:
        """To be called after the affiliation left."""
        self._entries.pop(affiliation, None)
        who = affiliation.session.identity.subscriber_id
        changes = self._untold.get(affiliation.group_id) or _Changes()
        changes.left[who] = None
        changes.joined.pop(who, None)
        self._note(affiliation.group_id, changes)

    def _note(self, group_id: GroupId, changes: _Changes) -> None:
        if self._is_large(self._talk.affiliations(group_id)):
            self._large.add(group_id)
        if group_id in self._untold:
            self._untold[group_id] = changes
        else:
            self._tell(group_id, changes)

    def _is_large(self, present: Sequence[Affiliation]) -> bool:
        """By the threshold of the organisation that the group belongs to."""
        return bool(present) and len(present) > self._names_up_to(present[0].session.identity.tenant_id)

    def _tell(self, group_id: GroupId, changes: _Changes) -> None:
        present = self._talk.affiliations(group_id)
        event = signalling.GroupRoster(group=group_id, count=len(present))
        if not self._is_large(present) and not self._memberships.is_unlisted(group_id):
            event = event.model_copy(update=self._names(group_id, present, changes))
        alone = changes.joined if len(changes.joined) == 1 and not changes.left else {}
        others = (other.session for other in present if other.session.identity.subscriber_id not in alone)
        self._telling.tell_sessions(others, event)
        self._untold[group_id] = _Changes()
        asyncio.get_running_loop().call_later(self._interval_s, self._tell_rest, group_id)

    def _names(
        self, group_id: GroupId, present: Sequence[Affiliation], changes: _Changes
    ) -> dict[str, list[signalling.Participant] | list[SubscriberId] | None]:
        if group_id in self._large:
            self._large.discard(group_id)
            return {"participants": self._named(present)}
        return {"joined": self._named(changes.joined.values()) or None, "left": list(changes.left) or None}

    def _tell_rest(self, group_id: GroupId) -> None:
        changes = self._untold.pop(group_id)
        if changes:
            self._tell(group_id, changes)

    def _named(self, affiliations: Iterable[Affiliation]) -> list[signalling.Participant]:
        return [self._entry(affiliation) for affiliation in affiliations]

    def _entry(self, affiliation: Affiliation) -> signalling.Participant:
        """Made once, for it stands in the reply to everybody who joins after."""
        entry = self._entries.get(affiliation)
        if entry is None:
            identity = affiliation.session.identity
            entry = signalling.Participant(subscriber=identity.subscriber_id, name=identity.display_name.reveal())
            self._entries[affiliation] = entry
        return entry

    async def presence(self, asker: Session, group_id: GroupId, request_id: int) -> signalling.PresenceList:
        """Presence of the group's members. The caller has checked that the asker may take part."""
        members = await self._memberships.members(asker.identity.tenant_id, group_id)
        affiliated = {a.session.identity.subscriber_id for a in self._talk.affiliations(group_id)}
        online = {m.subscriber_id for m in members if self._sessions.of_subscriber(m.subscriber_id)}
        listed = [_presence(member, affiliated, online) for member in members]
        return signalling.PresenceList(
            re=request_id,
            group=group_id,
            affiliated=len(affiliated),
            online=len(online),
            members=len(members),
            listed=listed if self._may_list(asker.identity.tenant_id, group_id, len(members)) else None,
        )

    def _may_list(self, tenant_id: TenantId, group_id: GroupId, members: int) -> bool:
        return members <= self._names_up_to(tenant_id) and not self._memberships.is_unlisted(group_id)


def _presence(member: Listed, affiliated: set[SubscriberId], online: set[SubscriberId]) -> signalling.MemberPresence:
    presence: signalling.Presence = "offline"
    if member.subscriber_id in affiliated:
        presence = "affiliated"
    elif member.subscriber_id in online:
        presence = "online"
    return signalling.MemberPresence(subscriber=member.subscriber_id, name=member.name.reveal(), presence=presence)
