"""Attendance: sessions from log-in to their end, and affiliations to groups within them.

A second log-in of a subscriber wins. Taking the old session away and putting the new one in its place is one step
without an await: at no moment are there two, and not a packet more goes to or comes from the first device.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pttserver.clock import Clock
from pttserver.config import SessionSettings
from pttserver.crypto import device_keys
from pttserver.errors import InvalidValue, NotFound, StoreUnavailable
from pttserver.ids import GroupId, Personal, SubscriberId
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.roles import Rights
from pttserver.services.memberships import Memberships
from pttserver.services.policy_book import PolicyBook
from pttserver.services.rosters import Rosters
from pttserver.services.talk import TalkService
from pttserver.services.temporary_groups import Dissolution, TemporaryGroup
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import AffiliatedAs, Affiliation, Identity, Link, Session
from pttserver.store.calls import CallHistory
from pttserver.store.records import LoginCandidate, Takeover
from pttserver.store.resume import ResumeTokens
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling

CLOSE_ENDED = 4000  # the session went on elsewhere or was logged out
CLOSE_SUPERSEDED = 4001
CLOSE_REVOKED = 4003
CLOSE_EXPIRED = 4008
CLOSE_STOPPING = 1012  # RFC 6455 registry: service restart

WIPE_PATIENCE_S = 5.0  # for a device to say that its keys are gone

EndReason = Literal["revoked", "logged_out", "disabled", "console_ended", "expired", "server_stopping"]
_CLOSE_CODES: dict[EndReason, int] = {
    "revoked": CLOSE_REVOKED,
    "logged_out": CLOSE_REVOKED,
    "disabled": CLOSE_REVOKED,
    "console_ended": CLOSE_REVOKED,
    "expired": CLOSE_EXPIRED,
    "server_stopping": CLOSE_STOPPING,
}
_log = get_logger("attendance")


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session, and the log-in on another device that had to give way to it."""

    session: Session
    takeover: Takeover | None
    superseded: signalling.Superseded | None


class Attendance:
    """Opens, resumes and ends sessions; affiliates them to groups and takes them out."""

    def __init__(
        self,
        *,
        sessions: SessionRegistry,
        talk: TalkService,
        rosters: Rosters,
        memberships: Memberships,
        subscribers: Subscribers,
        resume_tokens: ResumeTokens,
        history: CallHistory,
        policies: PolicyBook,
        clock: Clock,
        settings: SessionSettings,
    ) -> None:
        self._sessions = sessions
        self._talk = talk
        self._rosters = rosters
        self._memberships = memberships
        self._subscribers = subscribers
        self._resume_tokens = resume_tokens
        self._history = history
        self._policies = policies
        self._clock = clock
        self._settings = settings
        self._dead_tokens: set[SubscriberId] = set()
        self.on_rights_changed: list[Callable[[Session], None]] = []
        """Called when the organisation, or the person, changed what a living session may do."""
        self.on_changed: list[Callable[[Session], None]] = []
        """Called when a session opened, is on another connection, has another name or other rights, or is over."""
        self.on_over: list[Callable[[Session], None]] = []
        """Called when a session is over and no other one takes its place."""
        self.on_superseded: list[Callable[[Session], None]] = []
        """Called when a session is over since the subscriber logs in anew."""
        self.on_left: list[Callable[[Affiliation], None]] = []
        """Called when an affiliation is over."""
        self.on_arrival: list[Callable[[Session], None]] = []
        """Called when somebody logged in or came back, once that was answered."""
        self.takeovers = 0
        self.records_lost = 0

    # Sessions ----------------------------------------------------------------------------------------------------

    def open(self, candidate: LoginCandidate, link: Link, address: Personal) -> Opened:
        """A new session of an authenticated device; the subscriber's earlier session ends in the same step.

        Raises PolicyMissing: a tenant without a policy has no sessions.
        """
        gate = self._policies.gate(candidate.tenant_id)
        now_ms = self._clock.utc_ms()
        earlier = self._sessions.of_subscriber(candidate.subscriber_id)
        takeover = superseded = None
        if earlier is not None:
            if earlier.identity.device_id != candidate.device_id:
                takeover = _takeover(gate, earlier, candidate, now_ms)
                superseded = signalling.Superseded(device_type=earlier.identity.device_type.reveal(), at_ms=now_ms)
                self.takeovers += 1
            self._supersede(earlier, candidate.device_type or Personal(""), now_ms)
        session = self._sessions.open(_identity(candidate), self._clock.now())
        session.link = link
        session.initiator_address = _as_kept(gate, address)
        self.changed(session)
        return Opened(session, takeover, superseded)

    def _supersede(self, session: Session, device_type: Personal, now_ms: int) -> None:
        link = self._take_away(session)
        _call(self.on_superseded, session)
        if link is not None:
            link.post(signalling.SessionSuperseded(device_type=device_type.reveal(), at_ms=now_ms).to_json())
            link.close(CLOSE_SUPERSEDED, "superseded")

    def reattach(
        self, candidate: LoginCandidate, session_id: str | None, link: Link, address: Personal
    ) -> Session | None:
        """The named session of this device, if it lives; its connection is replaced, everything else goes on."""
        session = self._sessions.get(session_id) if session_id else None
        if session is None or session.identity.device_id != candidate.device_id:
            return None
        if session.link is not None:
            session.link.close(CLOSE_ENDED, "resumed on another connection")
        session.link = link
        session.via_udp = session.via_udp and session.address is not None
        session.initiator_address = _as_kept(self._policies.gate(candidate.tenant_id), address)
        session.last_seen = self._clock.now()
        self.changed(session)
        return session

    def changed(self, session: Session) -> None:
        """Something that others see of the session is another."""
        _call(self.on_changed, session)

    def arrived(self, session: Session) -> None:
        """The log-in or resumption was answered: whoever has something to tell the person does so now."""
        _call(self.on_arrival, session)

    async def record_login(self, opened: Opened) -> bytes | None:
        """Writes what a log-in leaves behind, and gives a fresh resume token; None if the database cannot be written.

        Calls reach the one writer in the order of the log-ins, so the last log-in's token is the one that stays.
        """
        now_ms = self._clock.utc_ms()
        end_ms = now_ms + round(self._settings.resume_lifetime_s * 1000)
        token = device_keys.draw_token(end_ms)
        who = opened.session.identity
        try:
            digest = device_keys.token_digest(token)
            await self._resume_tokens.put_resume(who.subscriber_id, who.device_id, digest, end_ms)
            await self._subscribers.record_login(who.subscriber_id, self._login_time(who, now_ms))
            if opened.takeover is not None:
                await self._history.record_takeover(opened.takeover)
        except (StoreUnavailable, NotFound) as error:
            self.records_lost += 1
            self._dead_tokens.add(who.subscriber_id)
            _log.error("login_not_recorded", error=error.message)
            return None
        self._dead_tokens.discard(who.subscriber_id)
        return token

    def _login_time(self, who: Identity, now_ms: int) -> Released | None:
        gate = self._policies.gate(who.tenant_id)
        return gate.release(Category.LAST_LOGIN, Purpose.SECURITY, who.subscriber_id, now_ms)

    def may_resume(self, candidate: LoginCandidate) -> bool:
        """Whether the subscriber's token is meant to work; a dead one stays in a database that cannot be written."""
        return candidate.subscriber_id not in self._dead_tokens

    async def bury_dead_tokens(self) -> None:
        """Deletes them once the database can be written again. Raises StoreUnavailable."""
        for subscriber_id in list(self._dead_tokens):
            await self._resume_tokens.delete_resume(subscriber_id)
            self._dead_tokens.discard(subscriber_id)

    async def log_out(self, session: Session) -> None:
        """Ends the session and its resume token. The caller answers and closes the connection."""
        self._take_away(session)
        self._is_over(session)
        self._dead_tokens.add(session.identity.subscriber_id)
        await self.bury_dead_tokens()

    def end(self, session: Session, reason: EndReason) -> None:
        """Ends the session and tells the device why."""
        if self._sessions.get(session.id) is not session:
            return
        link = self._take_away(session)
        self._is_over(session)
        if link is not None:
            link.post(signalling.SessionEnded(reason=reason).to_json())
            link.close(_CLOSE_CODES[reason], reason)

    def _is_over(self, session: Session) -> None:
        _call(self.on_over, session)
        self.changed(session)

    def wipe(self, session: Session) -> None:
        """The device is revoked, and is to delete its keys: it is told so, and has a moment to say that it did.

        From now on it is in no group, and nothing else is done for it. Idempotent.
        """
        if session.wiping:
            return
        if session.link is None:  # it is told when it shows its key again
            self.end(session, "revoked")
            return
        self._leave_groups(session)
        session.wiping = True
        session.link.post(signalling.WipeOrdered().to_json())
        asyncio.get_running_loop().call_later(WIPE_PATIENCE_S, self.end, session, "revoked")

    def _take_away(self, session: Session) -> Link | None:
        self._leave_groups(session)
        self._sessions.close(session)
        link, session.link = session.link, None
        return link

    def _leave_groups(self, session: Session) -> None:
        for affiliation in list(session.affiliations.values()):
            if session.affiliations.get(affiliation.group_id) is affiliation:  # what left before may have ended it
                self.deaffiliate(affiliation)

    def end_unseen(self) -> None:
        """Ends sessions without any sign of life for too long."""
        for session in self._sessions.unseen_since(self._clock.now() - self._settings.dead_after_s):
            self.end(session, "expired")

    def end_all(self) -> None:
        """The server stops: floors fall idle, calls close, clients are told."""
        for session in self._sessions:
            self.end(session, "server_stopping")

    # Affiliations ------------------------------------------------------------------------------------------------

    async def affiliate(self, session: Session, group_id: GroupId, tell: Callable[[Affiliation], None]) -> None:
        """Makes the session a participant; idempotent.

        `tell` gives the client its keys: after the group knows the participant, before the group says anything to it.
        Raises NotFound if the group is closed to the subscriber, whether or not there is such a group.
        """
        place = await self._memberships.place(session, group_id)
        if place is None or self._sessions.get(session.id) is not session:
            raise NotFound
        present = session.affiliations.get(group_id)
        if present is not None:
            tell(present)
            return
        if len(session.affiliations) >= self._settings.max_affiliations:
            raise InvalidValue(f"At most {self._settings.max_affiliations} groups at once.")
        affiliation = self._sessions.affiliate(session, group_id, place.group_name, place.priority, place.listen_only)
        affiliation.affiliated_as = place.affiliated_as
        affiliation.implicit_request = place.implicit_request
        self._talk.enter(affiliation)
        tell(affiliation)
        self._talk.greet(affiliation)
        self._rosters.joined(affiliation)

    def deaffiliate(self, affiliation: Affiliation) -> None:
        """Stops relaying at once, gives the group a new key epoch, and tells the others."""
        self._talk.leave(affiliation)
        self._sessions.deaffiliate(affiliation)
        self._rosters.left(affiliation)
        for left in self.on_left:
            left(affiliation)

    def remove(self, affiliation: Affiliation) -> None:
        """The participant is out of the group, and told so."""
        self.deaffiliate(affiliation)
        link = affiliation.session.link
        if link is not None:
            link.post(signalling.GroupRemoved(group=affiliation.group_id).to_json())

    def group_dissolved(self, group: TemporaryGroup, _reason: Dissolution) -> None:
        """Nobody takes part in it any more."""
        for affiliation in self._talk.affiliations(group.group_id):
            self.deaffiliate(affiliation)

    def change_rights(self, affiliation: Affiliation, priority: int, listen_only: bool) -> None:
        """The organisation changed what the member may do in the group; a talker who may only listen now stops."""
        affiliation.priority = priority
        affiliation.listen_only = listen_only
        self._talk.change_rights(affiliation)
        link = affiliation.session.link
        if link is not None:
            rights = signalling.GroupRights(group=affiliation.group_id, priority=priority, listen_only=listen_only)
            link.post(rights.to_json())

    def change_standing(self, session: Session, rights: Rights) -> None:
        """The organisation changed the subscriber's role, or what it may do."""
        if session.identity.rights == rights:
            return
        self._sessions.change_rights(session, rights)
        _call(self.on_rights_changed, session)
        self.changed(session)
        for affiliation in list(session.affiliations.values()):
            if affiliation.affiliated_as is AffiliatedAs.OVERSEER and not self._memberships.may_oversee(session):
                self.remove(affiliation)

    def rename(self, session: Session, display_name: Personal, device_type: Personal) -> None:
        """The organisation changed or hid one of them; who is in a group with the session is told of the name."""
        identity = session.identity
        if (identity.display_name, identity.device_type) == (display_name, device_type):
            return
        is_renamed, identity.device_type = identity.display_name != display_name, device_type
        if is_renamed:
            identity.display_name = display_name
            for affiliation in session.affiliations.values():
                self._talk.rename(affiliation)
                self._rosters.renamed(affiliation)
        self.changed(session)

    def forget_addresses(self) -> None:
        """A policy may be another: an address that it lets no record hold is not held any longer."""
        gates = dict(self._policies.gates())
        for session in self._sessions:
            gate = gates.get(session.identity.tenant_id)
            session.initiator_address = _as_kept(gate, session.initiator_address)


def _call(listeners: Sequence[Callable[[Session], None]], session: Session) -> None:
    for listener in listeners:
        listener(session)


def _identity(candidate: LoginCandidate) -> Identity:
    return Identity(
        tenant_id=candidate.tenant_id,
        subscriber_id=candidate.subscriber_id,
        device_id=candidate.device_id,
        device_type=candidate.device_type or Personal(""),
        display_name=candidate.display_name or Personal(""),
        rights=candidate.rights,
    )


def _as_kept(gate: Gate | None, address: Personal) -> Personal:
    """An address that no record may hold is not held in memory either."""
    return address if gate is not None and gate.keeps(Category.IP_ADDRESS, Purpose.SECURITY) else Personal("")


def _takeover(gate: Gate, earlier: Session, candidate: LoginCandidate, now_ms: int) -> Takeover | None:
    who = candidate.subscriber_id

    def release(value: str | int) -> Released | None:
        return gate.release(Category.ACTIVITY_LOG, Purpose.SECURITY, who, value)

    subject, at_ms = release(who), release(now_ms)
    if subject is None or at_ms is None:
        return None
    return Takeover(
        tenant_id=candidate.tenant_id,
        subscriber_id=who,
        subject=subject,
        from_device_id=release(earlier.identity.device_id),
        to_device_id=release(candidate.device_id),
        at_ms=at_ms,
    )
