"""Support sessions: for a while, a technician of the operator sees what the organisation's policy opens for a tier.

Theory of operation. A session is an entry in the organisation's audit log, and so cannot be without one; there is no
other state. It is over when its time is, or with the entry that closes it. A policy that is stricter now counts at
once: for the longest time too. Where the policy keeps no audit log there are no sessions.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, NotFound, PolicyForbids
from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services.policy_book import PolicyBook
from pttserver.store.audit import AuditEntry, AuditLog
from pttserver.store.audit_chain import AuditNote, Details

OPEN, CLOSE = "support.open", "support.close"
OPERATIONS = frozenset({OPEN, CLOSE})
MINUTE_MS = 60_000
TIERS = (1, 2)


@dataclass(frozen=True, slots=True)
class SupportSession:
    """`ends_ms`: when it ended or will end. `number`: of its entry in the audit log."""

    number: int
    technician: Personal
    tier: int
    ticket: str
    reason: str
    opened_ms: int
    ends_ms: int


class Support:
    """Of whoever is at the desk. Every method raises PolicyMissing, StoreUnavailable."""

    def __init__(self, log: AuditLog, policies: PolicyBook, actor: Personal, clock: Clock) -> None:
        self._log = log
        self._policies = policies
        self._actor = actor
        self._clock = clock

    async def open(self, tenant_id: TenantId, *, tier: int, minutes: int, ticket: str, reason: str) -> SupportSession:
        """Raises PolicyForbids, InvalidValue (too long, or one is open)."""
        gate = self._policies.gate(tenant_id)
        longest = gate.policy.support.longest_minutes
        if not longest:
            raise PolicyForbids("the policy of the tenant allows no support sessions")
        if not gate.keeps(Category.AUDIT_LOG, Purpose.LEGAL_DUTY):
            raise PolicyForbids("the policy of the tenant keeps no audit log, so no support session can be recorded")
        if tier not in TIERS:
            raise InvalidValue("a technician is of tier 1 or 2")
        if not 0 < minutes <= longest:
            raise InvalidValue(f"the policy of the tenant allows at most {longest} minutes")
        if await self.current(tenant_id) is not None:
            raise InvalidValue("a support session of yours is open already; close it first")
        details: Details = {"tier": tier, "minutes": minutes, "ticket": ticket, "reason": reason}
        await self._log.add(self._note(tenant_id, OPEN, details))
        opened = await self.current(tenant_id)
        assert opened is not None
        return opened

    async def close(self, tenant_id: TenantId, number: int | None = None) -> SupportSession:
        """One by its number, or the technician's own. Raises NotFound if it is not open."""
        now_ms = self._clock.utc_ms()
        living = (one for one in await self.sessions(tenant_id) if now_ms < one.ends_ms and one.number == number)
        session = next(living, None) if number is not None else await self.current(tenant_id)
        if session is None:
            raise NotFound("no such support session is open at this tenant")
        await self._log.add(self._note(tenant_id, CLOSE, {"session": session.number}))
        return session

    async def current(self, tenant_id: TenantId) -> SupportSession | None:
        """The technician's own that is open."""
        now_ms = self._clock.utc_ms()
        mine = (one for one in await self.sessions(tenant_id) if one.technician == self._actor)
        return next((one for one in mine if one.opened_ms <= now_ms < one.ends_ms), None)

    async def sessions(self, tenant_id: TenantId) -> list[SupportSession]:
        """Of all technicians, newest first, as far as the audit log goes back."""
        policy = self._policies.policy(tenant_id)
        over = self._policies.log_over(tenant_id, self._clock.utc_ms())
        entries = await self._log.entries(tenant_id, over, OPERATIONS)
        return _sessions(entries, policy.support.longest_minutes)

    def _note(self, tenant_id: TenantId, operation: str, details: Details) -> AuditNote:
        return AuditNote(
            gate=self._policies.gate(tenant_id),
            operation=operation,
            tenant_id=tenant_id,
            actor=self._actor,
            at_ms=self._clock.utc_ms(),
            details=details,
        )


def _sessions(entries: Iterable[AuditEntry], longest_minutes: int) -> list[SupportSession]:
    found: dict[int, SupportSession] = {}
    for entry in entries:
        if entry.operation == CLOSE:
            number = int(entry.details.get("session", 0))
            if number in found:
                found[number] = replace(found[number], ends_ms=min(found[number].ends_ms, entry.at_ms))
        elif entry.actor is not None and entry.details:
            minutes = min(int(entry.details["minutes"]), longest_minutes)
            found[entry.sequence] = SupportSession(
                number=entry.sequence,
                technician=entry.actor,
                tier=int(entry.details["tier"]),
                ticket=str(entry.details["ticket"]),
                reason=str(entry.details["reason"]),
                opened_ms=entry.at_ms,
                ends_ms=entry.at_ms + minutes * MINUTE_MS,
            )
    return sorted(found.values(), key=lambda one: -one.number)
