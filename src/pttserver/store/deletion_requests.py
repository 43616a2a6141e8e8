"""Requests of data subjects that their data be deleted; a request can be taken back in its first phase."""

from sqlalchemy import Connection, select

from pttserver.ids import TenantId
from pttserver.privacy.retention import Event, EventKind
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Check, Database
from pttserver.store.events import record_event
from pttserver.store.governance_schema import retention_events

_KINDS = (EventKind.DELETION_REQUESTED.value, EventKind.DELETION_WITHDRAWN.value)


class DeletionRequests:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, tenant_id: TenantId, subject_id: str, event: Event, note: AuditNote, first: Check) -> None:
        """`first`: see `Holds.add`. Raises NotFound if the subject is gone."""
        kind, at_ms = event.kind, event.at_ms
        await self._database.write(
            lambda sql: record_event(sql, tenant_id, subject_id, kind, at_ms), note=note, first=first
        )

    async def pending(self, tenant_id: TenantId, subject_id: str) -> list[Event]:
        """The request that was not taken back; none if there is none."""
        of = retention_events.c
        query = (
            select(of.kind, of.at_ms)
            .where(of.tenant_id == tenant_id, of.subject_id == subject_id, of.kind.in_(_KINDS))
            .order_by(of.id.desc())
            .limit(1)
        )

        def work(sql: Connection) -> list[Event]:
            return [Event(EventKind(kind), at_ms) for kind, at_ms in sql.execute(query)]

        return [event for event in await self._database.read(work) if event.kind is EventKind.DELETION_REQUESTED]
