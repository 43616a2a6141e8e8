"""REST of managers: the audit log, and the record of processing activities."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Query

from pttserver.net.manage.door import AsManager, manage_router, plain
from pttserver.services.managed_audit import audit_page, data_register
from pttserver.store.audit import AuditEntry
from pttserver.store.audit_pages import AuditFilter
from pttserver.wire import manage_rights as wire

Text = Annotated[str | None, Query(min_length=1, max_length=64)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]
Page = Annotated[int, Query(ge=1, le=500)]
router = manage_router()


@router.get("/audit", summary="Who did what with people's data", response_model_exclude_none=True)
async def audit(
    manager: AsManager,
    operation: Text = None,
    by: Text = None,
    subject: Text = None,
    from_ms: Moment = None,
    until_ms: Moment = None,
    before: Moment = None,
    limit: Page = 100,
) -> wire.AuditPage:
    """Newest first. `operation`: how it begins, such as `subject.`. Noted as a look itself."""
    wanted = AuditFilter(operation or "", by, subject, from_ms, until_ms)
    page = await audit_page(manager, wanted, before, limit)
    return wire.AuditPage(entries=[_told(each) for each in page.entries], next=page.further)


@router.get("/audit/verify", summary="Whether anything of the log was changed", response_model_exclude_none=True)
async def verify_audit(manager: AsManager) -> wire.AuditVerdict:
    """Looks at every entry and every signature."""
    verdict = await manager.office().audit.verify(manager.tenant_id)
    return wire.AuditVerdict(
        entries=verdict.entries,
        first=verdict.first,
        last=verdict.last,
        checkpoints=verdict.checkpoints,
        problems=list(verdict.problems),
    )


@router.get("/register", summary="What is done with people's data")
async def register(manager: AsManager) -> wire.DataRegister:
    """The record of processing activities, from the policy and the database as they are."""
    found, security = await data_register(manager)
    return wire.DataRegister(
        controller=found.controller,
        contact=found.contact,
        data_protection_officer=found.data_protection_officer,
        policy=found.policy,
        regions=list(found.regions),
        transfers=found.transfers,
        activities=[wire.RegisterActivity.model_validate(asdict(each)) for each in found.activities],
        security=list(security),
    )


def _told(entry: AuditEntry) -> wire.AuditEntryInfo:
    return wire.AuditEntryInfo(
        number=entry.sequence,
        at_ms=entry.at_ms,
        operation=entry.operation,
        by=plain(entry.actor),
        subject=entry.subject,
        details=dict(entry.details),
    )
