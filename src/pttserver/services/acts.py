"""Acts of dispatchers and managers: each stands in the audit log with its reason, written before or with its effect."""

from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.ids import Personal, SubscriberId
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.session import Session
from pttserver.store.audit import AuditLog
from pttserver.store.audit_chain import AuditNote


@dataclass(frozen=True, slots=True)
class Acts:
    """The actor is the opaque number of who acts; the reason is sealed under the key of whom the act is about."""

    log: AuditLog
    policies: PolicyBook
    clock: Clock

    def note(
        self, session: Session, operation: str, reason: str, about: SubscriberId | None = None, **details: str | int
    ) -> AuditNote:
        """For the transaction that does it. Raises PolicyMissing."""
        tenant_id = session.identity.tenant_id
        return AuditNote(
            gate=self.policies.gate(tenant_id),
            operation=operation,
            tenant_id=tenant_id,
            actor=Personal(session.identity.subscriber_id),
            at_ms=self.clock.utc_ms(),
            subject_id=about,
            details=details,
            remarks={"reason": reason},
        )

    async def record(
        self, session: Session, operation: str, reason: str, about: SubscriberId | None = None, **details: str | int
    ) -> None:
        """For an act that changes nothing in the database: what is not written is not done. Raises StoreUnavailable."""
        await self.log.add(self.note(session, operation, reason, about, **details))
