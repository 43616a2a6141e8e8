"""Refused attempts: who asked for what the role does not permit, or for an object that is not the organisation's own.

The answer does not tell whether there is such an object elsewhere; nor does the entry. Each stands in the audit log of
the organisation of whoever tried, once an hour for each person and operation: who tries again and again fills no log.
"""

from collections import OrderedDict
from typing import Final

from pttserver.clock import Clock
from pttserver.errors import PolicyMissing, PttError, StoreUnavailable
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.session import Session
from pttserver.store.audit import AuditLog
from pttserver.store.audit_chain import AuditNote
from pttserver.wire import signalling

OPERATION: Final = "access.refused"
NOTED_FOR_S: Final = 3600.0
MOST_REMEMBERED: Final = 10_000
_log = get_logger("refused_attempts")


class RefusedAttempts:
    """Remembers what was noted already, as long as this process lives."""

    def __init__(self, log: AuditLog, policies: PolicyBook, clock: Clock) -> None:
        self._log = log
        self._policies = policies
        self._clock = clock
        self._noted: OrderedDict[tuple[SubscriberId, str], float] = OrderedDict()

    async def note(self, session: Session, request: signalling.Request, error: PttError) -> None:
        """The refusal stands whether or not it can be written."""
        who, kind = session.identity, type(request).model_fields["type"].default
        await self.note_of(who.tenant_id, who.subscriber_id, kind, error, device=who.device_id)

    async def note_of(
        self, tenant_id: TenantId, subscriber_id: SubscriberId, kind: str, error: PttError, **details: str
    ) -> None:
        """The same for somebody who is not on the radio. `kind`: the operation that was refused."""
        if not self._is_news(subscriber_id, kind):
            return
        try:
            await self._log.add(
                AuditNote(
                    gate=self._policies.gate(tenant_id),
                    operation=OPERATION,
                    tenant_id=tenant_id,
                    actor=Personal(subscriber_id),
                    at_ms=self._clock.utc_ms(),
                    details={"operation": kind, "code": error.code, **details},
                )
            )
        except PolicyMissing:
            return
        except StoreUnavailable as failure:
            _log.error("attempt_not_noted", error=failure.message)

    def _is_news(self, who: SubscriberId, kind: str) -> bool:
        now = self._clock.now()
        while self._noted and (
            len(self._noted) >= MOST_REMEMBERED or now - next(iter(self._noted.values())) >= NOTED_FOR_S
        ):
            self._noted.popitem(last=False)
        if (who, kind) in self._noted:
            return False
        self._noted[who, kind] = now
        return True
