"""The audit log and the record of processing activities as the managers of an organisation see them."""

from collections.abc import Sequence

from pttserver.services.management import Manager
from pttserver.services.processing_register import Controller, processing_register
from pttserver.store.audit_pages import AuditFilter, AuditPage


async def audit_page(manager: Manager, wanted: AuditFilter, before: int | None, limit: int) -> AuditPage:
    """Newest first. Noted as a look.

    Raises PolicyForbids: the policy does not let managers see the log.
    """
    return await manager.office().views.audit_page(manager.tenant_id, wanted, before, limit)


async def data_register(manager: Manager) -> tuple[Controller, Sequence[str]]:
    """Of the manager's organisation only, and the security measures of the server."""
    office = manager.office()
    owner = await office.provisioning.tenant(manager.tenant_id)
    found = processing_register([(owner, office.book.in_force(owner.tenant_id))], manager.premises.settings)
    return found.controllers[0], found.security
