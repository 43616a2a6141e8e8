"""Events that start the periods of a policy: of a tenant as a whole, or of one subject. What is recorded here stays."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select

from pttserver.ids import Personal, TenantId
from pttserver.privacy.cutoffs import Cutoff, Events
from pttserver.privacy.released import Released
from pttserver.privacy.retention import Event, EventKind
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.governance_schema import retention_events, subjects
from pttserver.store.over import is_outlived
from pttserver.store.prepared import Prepared
from pttserver.store.vault import KEY_COLUMNS, with_keys

_EVENT = retention_events.c
_BY_TENANT = (
    select(_EVENT.subject_id, _EVENT.kind, _EVENT.at_ms)
    .where(_EVENT.tenant_id == bindparam("tenant"))
    .order_by(_EVENT.at_ms, _EVENT.id)
)
_ABOUT_ONE = Prepared(_BY_TENANT.where(or_(_EVENT.subject_id.is_(None), _EVENT.subject_id == bindparam("subject"))))


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as it stands in the records. `actor`: who had it recorded, and so accepted what follows."""

    kind: EventKind
    subject_id: str | None
    at_ms: int
    actor: Personal | None
    reason: Personal | None


def record_event(
    sql: Connection,
    tenant_id: TenantId,
    subject_id: str | None,
    kind: EventKind,
    at_ms: int,
) -> None:
    """As it happens, within the caller's transaction; None: of the whole tenant.

    Fails if there is no such tenant or subject.
    """
    row = {"tenant_id": tenant_id, "subject_id": subject_id, "kind": kind.value, "at_ms": at_ms, "recorded_ms": at_ms}
    sql.execute(insert(retention_events), row)


def events_of(sql: Connection, tenant_id: TenantId) -> Events:
    """All of a tenant, in the order of their times."""
    return _sorted(sql.execute(_BY_TENANT, {"tenant": tenant_id}))


def _sorted(rows: Iterable[Any]) -> Events:
    of_all: list[Event] = []
    of_subjects: dict[str, tuple[Event, ...]] = {}
    for row in rows:
        event = Event(EventKind(row.kind), row.at_ms)
        if row.subject_id is None:
            of_all.append(event)
        else:
            of_subjects[row.subject_id] = (*of_subjects.get(row.subject_id, ()), event)
    return Events(tuple(of_all), of_subjects)


def events_about(sql: Connection, tenant_id: str, subject_id: str) -> Events:
    """Those of a tenant as a whole, and of one of its subjects: what decides about that one."""
    return _sorted(_ABOUT_ONE.rows(sql, tenant=tenant_id, subject=subject_id))


class RetentionEvents:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self,
        tenant_id: TenantId,
        kind: EventKind,
        at_ms: int,
        recorded_ms: int,
        actor: Released | None,
        reason: Released | None,
        note: AuditNote | None = None,
    ) -> None:
        """Of the whole tenant; it happened at `at_ms`. `actor`, `reason`: released for the tenant's own subject.

        Raises NotFound.
        """
        vault = self._database.vault

        def work(sql: Connection) -> None:
            keys = vault.existing(sql, tenant_id)
            row = {"tenant_id": tenant_id, "kind": kind.value, "at_ms": at_ms, "recorded_ms": recorded_ms}
            said = {"actor": keys.seal(actor), "reason": keys.seal(reason)}
            sql.execute(insert(retention_events), row | said)

        await self._database.write(work, note=note)

    async def of_tenant(self, tenant_id: TenantId) -> Events:
        return await self._database.read(lambda sql: events_of(sql, tenant_id))

    async def of_subject(self, tenant_id: TenantId, subject_id: str) -> tuple[int | None, Events]:
        """Since when the subject is known (None: it is not), and all that decides about it."""
        known = select(subjects.c.created_ms).where(subjects.c.id == subject_id, subjects.c.tenant_id == tenant_id)
        return await self._database.read(lambda sql: (sql.scalar(known), events_about(sql, tenant_id, subject_id)))

    async def recorded(self, tenant_id: TenantId, cutoff_ms: Cutoff) -> list[RecordedEvent]:
        """Those of the whole tenant, oldest first; without who and why, once that is over by these very events."""
        query = (
            select(*_EVENT, *KEY_COLUMNS)
            .select_from(with_keys(retention_events, _EVENT.tenant_id))
            .where(_EVENT.tenant_id == tenant_id, _EVENT.subject_id.is_(None))
            .order_by(_EVENT.at_ms, _EVENT.id)
        )
        vault = self._database.vault

        def work(sql: Connection) -> list[RecordedEvent]:
            over_ms, found = cutoff_ms(events_of(sql, tenant_id)), []
            for row in sql.execute(query):
                keys, of = vault.keys(row), row._mapping
                told = not is_outlived(retention_events, of, over_ms)
                said = (keys.text(of[each]) if told else None for each in (_EVENT.actor, _EVENT.reason))
                found.append(RecordedEvent(EventKind(of[_EVENT.kind]), None, of[_EVENT.at_ms], *said))
            return found

        return await self._database.read(work)
