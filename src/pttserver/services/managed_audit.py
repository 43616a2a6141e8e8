"""The audit log and the record of processing activities as the managers of an organisation see them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pttserver.services.management import Manager
from pttserver.services.processing_register import Controller, processing_register
from pttserver.store.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """`operation`: how it begins. `by`, `subject`: exactly. Times are UTC milliseconds, both included."""

    operation: str = ""
    by: str | None = None
    subject: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None

    def takes(self, entry: AuditEntry) -> bool:
        actor = entry.actor.reveal() if entry.actor else None
        return (
            entry.operation.startswith(self.operation)
            and self.by in (None, actor)
            and self.subject in (None, entry.subject)
            and (self.from_ms is None or entry.at_ms >= self.from_ms)
            and (self.until_ms is None or entry.at_ms <= self.until_ms)
        )


async def audit_page(
    manager: Manager, wanted: AuditFilter, before: int | None, limit: int
) -> tuple[list[AuditEntry], int | None]:
    """Newest first, with what to give as `before` for the next. Noted as a look.

    Raises PolicyForbids: the policy does not let managers see the log.
    """
    entries = await manager.office().views.audit(manager.tenant_id, "audit.show")
    found = [each for each in reversed(entries) if (before is None or each.sequence < before) and wanted.takes(each)]
    page = found[:limit]
    return page, page[-1].sequence if len(found) > limit else None


async def data_register(manager: Manager) -> tuple[Controller, Sequence[str]]:
    """Of the manager's organisation only, and the security measures of the server."""
    office = manager.office()
    owner = await office.provisioning.tenant(manager.tenant_id)
    found = processing_register([(owner, office.book.in_force(owner.tenant_id))], manager.premises.settings)
    return found.controllers[0], found.security
