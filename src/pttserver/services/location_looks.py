"""Who may look at positions, and the entry in the audit log that each look leaves before anything is shown.

1. the table of operations lets the role do it at all (services/desk.py); if not, that is noted too
2. the policy's rule for positions names the role (`visible_to`); who is not named is refused, and that is noted
3. the entry is written; the person reads it by `location.looks`
4. somebody whose processing is restricted, or who was erased in the meantime, is not shown

So there is no look without its entry, unless the policy keeps no audit log.
"""

from collections.abc import Iterable
from typing import Any

from pttserver.clock import Clock
from pttserver.errors import Forbidden, PolicyMissing
from pttserver.ids import Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.operations import OPERATIONS, refusal
from pttserver.privacy.policy import Policy
from pttserver.privacy.sight import may_see
from pttserver.roles import Rights
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.session import Session
from pttserver.store.audit_chain import AuditNote
from pttserver.store.looks import OPERATION, Looks
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling

MOST_LOOKS = 500
REFUSED = "refused"
REFUSED_FOR_S = 3600.0


def shown_to(policy: Policy, rights: Rights) -> bool:
    """Whether the organisation lets people of this role see where others are."""
    return may_see(policy, rights.role, Category.LOCATION)


class LocationLooks:
    """Every method raises StoreUnavailable; PolicyMissing if the tenant has no policy in force."""

    def __init__(self, looks: Looks, subscribers: Subscribers, policies: PolicyBook, clock: Clock) -> None:
        self._looks = looks
        self._subscribers = subscribers
        self._refused_at: dict[tuple[SubscriberId, SubscriberId | None], float] = {}
        self._policies = policies
        self._clock = clock

    def may(self, session: Session) -> bool:
        """Whether the session may look at positions still, and at all."""
        try:
            policy = self._policies.policy(session.identity.tenant_id)
        except PolicyMissing:
            return False
        rights = session.identity.rights
        return refusal(policy, rights, OPERATIONS["location.watch"]) is None and shown_to(policy, rights)

    async def require(self, session: Session, subject: SubscriberId | None = None) -> None:
        """Raises Forbidden; then an entry says that it was tried."""
        if not self.may(session):
            await self._note_refused(session, subject)
            raise Forbidden

    async def refused(self, session: Session, request: Any) -> None:
        """The table of operations refused a look already: an entry says that it was tried."""
        named = getattr(request, "subscriber", None)
        subject = await self._subscribers.find(session.identity.tenant_id, named) if named else None
        await self._note_refused(session, subject.subscriber_id if subject else None)

    async def _note_refused(self, session: Session, subject: SubscriberId | None) -> None:
        """Once an hour of each pair: who tries again and again fills no log."""
        now, pair = self._clock.now(), (session.identity.subscriber_id, subject)
        self._refused_at = {each: at for each, at in self._refused_at.items() if now - at < REFUSED_FOR_S}
        if pair not in self._refused_at:
            self._refused_at[pair] = now
            await self._looks.note([self._look(session, REFUSED, subject)])

    async def note(self, session: Session, what: str, subjects: Iterable[SubscriberId]) -> set[SubscriberId]:
        """Gives those that may be shown."""
        shown = await self._looks.note([self._look(session, what, subject) for subject in subjects])
        return {SubscriberId(subject) for subject in shown}

    async def note_pairs(self, pairs: Iterable[tuple[Session, SubscriberId]], what: str) -> set[SubscriberId]:
        """Of several at once who look."""
        shown = await self._looks.note([self._look(session, what, subject) for session, subject in pairs])
        return {SubscriberId(subject) for subject in shown}

    async def looked(self, session: Session, request: signalling.LocationLooks) -> signalling.LocationLooked:
        """Who looked at the session's own position."""
        identity = session.identity
        over = self._policies.log_over(identity.tenant_id, self._clock.utc_ms())
        found = await self._looks.at(identity.tenant_id, identity.subscriber_id, over, MOST_LOOKS)
        looks = [
            signalling.Look(at_ms=look.at_ms, what=look.what, who=look.who.reveal() if look.who else "")
            for look in found
        ]
        return signalling.LocationLooked(re=request.id, looks=looks)

    def _look(self, session: Session, what: str, subject: SubscriberId | None) -> AuditNote:
        return self.entry(session, OPERATION + what, subject)

    def entry(
        self, session: Session, operation: str, subject: SubscriberId | None = None, **details: str | int
    ) -> AuditNote:
        """Of what the session's subscriber does. `details` name no value of the subject."""
        who = session.identity
        return AuditNote(
            gate=self._policies.gate(who.tenant_id),
            operation=operation,
            tenant_id=who.tenant_id,
            actor=Personal(who.subscriber_id),
            at_ms=self._clock.utc_ms(),
            subject_id=subject,
            details={"device": who.device_id, **details},
        )
