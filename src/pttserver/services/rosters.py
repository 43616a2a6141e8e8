"""Rosters and presence: who takes part in a group, told to its participants by name, or in large groups by number."""

import asyncio
from collections.abc import Callable, Sequence

from pttserver.config import SessionSettings
from pttserver.ids import GroupId, SubscriberId, TenantId
from pttserver.services.talk import TalkService
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Affiliation, Session
from pttserver.store.groups import Groups
from pttserver.store.records import Member
from pttserver.wire import signalling


class Rosters:
    """Tells participants of each other. A large group hears only of its number, at most once an interval."""

    def __init__(
        self,
        talk: TalkService,
        sessions: SessionRegistry,
        groups: Groups,
        settings: SessionSettings,
        names_up_to: Callable[[TenantId], int],
    ) -> None:
        """`names_up_to`: participants that a group of the tenant may have for names to be shown."""
        self._names_up_to = names_up_to
        self._talk = talk
        self._sessions = sessions
        self._groups = groups
        self._interval_s = settings.roster_event_interval_s
        self._counting: dict[GroupId, asyncio.TimerHandle] = {}
        self._large: set[GroupId] = set()

    def roster(self, affiliation: Affiliation) -> signalling.Roster:
        """The group's participants, as this participant may see them."""
        present = self._talk.affiliations(affiliation.group_id)
        if len(present) > self._limit(affiliation.session):
            return signalling.Roster(count=len(present))
        return signalling.Roster(count=len(present), participants=[_participant(other) for other in present])

    def joined(self, affiliation: Affiliation) -> None:
        """To be called after the affiliation joined."""
        self._tell(affiliation, joined=[_participant(affiliation)])

    def left(self, affiliation: Affiliation) -> None:
        """To be called after the affiliation left."""
        self._tell(affiliation, left=[affiliation.session.identity.subscriber_id])

    def _tell(
        self,
        about: Affiliation,
        joined: list[signalling.Participant] | None = None,
        left: list[signalling.Subscriber] | None = None,
    ) -> None:
        group_id, present = about.group_id, self._talk.affiliations(about.group_id)
        if len(present) > self._limit(about.session):
            self._large.add(group_id)
            self._tell_count_soon(group_id)
        elif group_id in self._large:
            self._large.discard(group_id)
            everybody = [_participant(other) for other in present]
            _post(present, signalling.GroupRoster(group=group_id, count=len(present), participants=everybody))
        else:
            others = [other for other in present if other is not about]
            _post(others, signalling.GroupRoster(group=group_id, count=len(present), joined=joined, left=left))

    def _limit(self, session: Session) -> int:
        return self._names_up_to(session.identity.tenant_id)

    def _tell_count_soon(self, group_id: GroupId) -> None:
        if group_id not in self._counting:
            timer = asyncio.get_running_loop().call_later(self._interval_s, self._tell_count, group_id)
            self._counting[group_id] = timer

    def _tell_count(self, group_id: GroupId) -> None:
        del self._counting[group_id]
        present = self._talk.affiliations(group_id)
        if group_id in self._large:
            _post(present, signalling.GroupRoster(group=group_id, count=len(present)))

    async def presence(self, asker: Session, group_id: GroupId, request_id: int) -> signalling.PresenceList:
        """Presence of the group's members. The caller has checked that the asker is one of them."""
        members = await self._groups.group_members(group_id)
        affiliated = {a.session.identity.subscriber_id for a in self._talk.affiliations(group_id)}
        online = {m.subscriber_id for m in members if self._sessions.of_subscriber(m.subscriber_id)}
        listed = [_presence(member, affiliated, online) for member in members]
        return signalling.PresenceList(
            re=request_id,
            group=group_id,
            affiliated=len(affiliated),
            online=len(online),
            members=len(members),
            listed=listed if len(members) <= self._limit(asker) else None,
        )


def _post(to: Sequence[Affiliation], event: signalling.GroupRoster) -> None:
    text = event.to_json()
    for affiliation in to:
        link = affiliation.session.link
        if link is not None:
            link.post(text)


def _participant(affiliation: Affiliation) -> signalling.Participant:
    identity = affiliation.session.identity
    return signalling.Participant(subscriber=identity.subscriber_id, name=identity.display_name.reveal())


def _presence(member: Member, affiliated: set[SubscriberId], online: set[SubscriberId]) -> signalling.MemberPresence:
    presence: signalling.Presence = "offline"
    if member.subscriber_id in affiliated:
        presence = "affiliated"
    elif member.subscriber_id in online:
        presence = "online"
    name = member.display_name.reveal() if member.display_name else ""
    return signalling.MemberPresence(subscriber=member.subscriber_id, name=name, presence=presence)
