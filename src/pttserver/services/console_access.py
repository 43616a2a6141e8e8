"""The access log of the console: who logged in, who was refused, who logged out; entries of the audit log.

The list of fields is fixed: time, account, what happened (`OPERATIONS`), and of the details `DETAILS`. No address, no
browser, no referrer, no page and no click stands there: what somebody did has an entry of its own where it matters.

Wrong passwords are counted in memory and told by the next entry of the account: an entry for each would let a stranger
fill the log, and the time that it takes to write one would tell which accounts there are.
"""

from collections import Counter
from typing import Final

from pttserver.clock import Clock
from pttserver.errors import StoreUnavailable
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.services.policy_book import PolicyBook
from pttserver.store.audit import AuditLog
from pttserver.store.audit_chain import AuditNote

LOGIN: Final = "console.login"
REFUSED: Final = "console.login_refused"
LOGOUT: Final = "console.logout"
OPERATIONS: Final = frozenset({LOGIN, REFUSED, LOGOUT})
DETAILS: Final = frozenset({"factor", "wrong_passwords"})
_log = get_logger("console")


class ConsoleAccess:
    """`logged_in` and `refused` raise PolicyMissing, StoreUnavailable: who cannot be noted does not get in."""

    def __init__(self, audit: AuditLog, policies: PolicyBook, clock: Clock) -> None:
        self._audit = audit
        self._policies = policies
        self._clock = clock
        self._wrong: Counter[SubscriberId] = Counter()

    def wrong_password(self, who: SubscriberId) -> None:
        """Somebody tried to get into an account that there is."""
        self._wrong[who] += 1

    async def logged_in(self, tenant_id: TenantId, who: SubscriberId, factor: str) -> None:
        """Both factors were right."""
        await self._note(LOGIN, tenant_id, who, factor=factor)

    async def refused(self, tenant_id: TenantId, who: SubscriberId, factor: str) -> None:
        """The password was right, and the second factor was not."""
        await self._note(REFUSED, tenant_id, who, factor=factor)

    async def logged_out(self, tenant_id: TenantId, who: SubscriberId) -> None:
        """The session is over, whether or not it can be written."""
        try:
            await self._note(LOGOUT, tenant_id, who)
        except StoreUnavailable as failure:
            _log.error("log_out_not_noted", error=failure.message)

    async def _note(self, operation: str, tenant_id: TenantId, who: SubscriberId, **details: str | int) -> None:
        wrong = self._wrong[who]
        if wrong:
            details["wrong_passwords"] = wrong
        assert details.keys() <= DETAILS
        note = AuditNote(
            gate=self._policies.gate(tenant_id),
            operation=operation,
            tenant_id=tenant_id,
            actor=Personal(who),
            at_ms=self._clock.utc_ms(),
            subject_id=who,
            details=details,
        )
        await self._audit.add(note)
        self._wrong[who] -= wrong  # others may have come while it was written
        if not self._wrong[who]:
            del self._wrong[who]
