"""The audit log a page at a time, newest first: so much work for each page, however long the log is."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, Text, func, select, type_coerce

from pttserver.ids import TenantId
from pttserver.privacy.cutoffs import Cutoff
from pttserver.store.audit import AuditEntry, opened
from pttserver.store.audit_actors import Names, names_of
from pttserver.store.database import Database
from pttserver.store.events import events_of
from pttserver.store.governance_schema import audit_entries
from pttserver.store.vault import KEY_COLUMNS, Vault, with_keys

LOOKED_AT_ONCE: Final = 5000
"""Entries among which a page is looked for."""
_ENTRY = audit_entries.c


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """`operation`: how it begins. `by`, `subject`: exactly. Times are UTC milliseconds, both included."""

    operation: str = ""
    by: str | None = None
    subject: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None

    def narrow(self, query: Select[Any], names: Names) -> Select[Any]:
        """By all that stands in clear; `names`: whom references mean."""
        if self.operation:
            query = query.where(_ENTRY.operation.startswith(self.operation, autoescape=True))
        if self.subject is not None:
            mine = [name for name, keys in names.items() if keys.subject_id == self.subject]
            query = query.where(type_coerce(_ENTRY.subject, Text).in_(mine))
        if self.from_ms is not None:
            query = query.where(_ENTRY.at_ms >= self.from_ms)
        if self.until_ms is not None:
            query = query.where(_ENTRY.at_ms <= self.until_ms)
        return query

    def takes(self, entry: AuditEntry) -> bool:
        """What only an open entry tells."""
        return self.by is None or (entry.actor is not None and entry.actor.reveal() == self.by)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`further`: older ones are before this number; None: there are none. There may be no entry although there are."""

    entries: tuple[AuditEntry, ...]
    further: int | None


class AuditPages:
    """Raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        tenant_id: TenantId,
        cutoff_ms: Cutoff,
        wanted: AuditFilter,
        before: int | None,
        limit: int,
    ) -> AuditPage:
        """Of the entries before this number. What is over by the tenant's events is left out."""
        vault = self._database.vault

        def work(sql: Connection) -> AuditPage:
            first, last = sql.execute(_ENDS.where(_ENTRY.tenant_id == tenant_id)).one()
            if last is None:
                return AuditPage((), None)
            end = min(before, last + 1) if before is not None else last + 1
            begin = max(first, end - LOOKED_AT_ONCE)
            query = _of(tenant_id, begin, end, cutoff_ms(events_of(sql, tenant_id)))
            found = _opened(sql, vault, tenant_id, query, wanted, limit)
            rest = found[limit - 1].sequence if len(found) > limit else begin
            return AuditPage(tuple(found[:limit]), rest if rest > first else None)

        return await self._database.read(work)


_ENDS = select(func.min(_ENTRY.sequence), func.max(_ENTRY.sequence))


def _of(tenant_id: TenantId, begin: int, end: int, after_ms: int | None) -> Select[Any]:
    query = (
        select(*audit_entries.c, *KEY_COLUMNS)
        .select_from(with_keys(audit_entries, _ENTRY.tenant_id))
        .where(_ENTRY.tenant_id == tenant_id, _ENTRY.sequence >= begin, _ENTRY.sequence < end)
        .order_by(_ENTRY.sequence.desc())
    )
    return query if after_ms is None else query.where(_ENTRY.at_ms > after_ms)


def _opened(
    sql: Connection, vault: Vault, tenant_id: TenantId, query: Select[Any], wanted: AuditFilter, limit: int
) -> list[AuditEntry]:
    """One more than the limit if there is one."""
    names = names_of(sql, vault, tenant_id)
    found: list[AuditEntry] = []
    for row in sql.execute(wanted.narrow(query, names)):
        entry = opened(vault, row, names)
        if wanted.takes(entry):
            found.append(entry)
        if len(found) > limit:
            break
    return found
