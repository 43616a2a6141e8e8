"""The fences of organisations. Whoever changes one raises `standing_changes` (a trigger), so that servers notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import InvalidValue
from pttserver.ids import TenantId
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.location_schema import fences

MOST_OF_A_TENANT = 5000


@dataclass(frozen=True, slots=True)
class StoredFence:
    """`shape`: JSON, as on the wire. `dwell_s`: seconds, 0 if nobody is told who stays."""

    fence_id: str
    tenant_id: TenantId
    name: str
    shape: str
    dwell_s: int
    changed_ms: int


class FenceStore:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, new: Sequence[StoredFence], note: AuditNote | None = None) -> None:
        """Adds them, or gives those of the same identifier other values. All of one tenant, or none is written.

        Raises AlreadyExists (another fence has the name), InvalidValue (there are too many).
        """
        rows = [_row(fence) for fence in new]

        def work(sql: Connection) -> None:
            for row in rows:
                fence, kept = insert(fences).values(row), ("name", "shape", "dwell_s", "changed_ms")
                changes = {name: row[name] for name in kept}
                mine = fences.c.tenant_id == row["tenant_id"]
                sql.execute(fence.on_conflict_do_update(index_elements=["id"], set_=changes, where=mine))
            theirs = select(func.count()).where(fences.c.tenant_id == new[0].tenant_id)
            if (sql.scalar(theirs) or 0) > MOST_OF_A_TENANT:
                raise InvalidValue(f"an organisation has at most {MOST_OF_A_TENANT} fences")

        await self._database.write(work, taken="a fence of this name exists already", note=note)

    async def remove(self, tenant_id: TenantId, fence_id: str, note: AuditNote | None = None) -> bool:
        """False: the tenant has no such fence."""
        row = delete(fences).where(fences.c.tenant_id == tenant_id, fences.c.id == fence_id)
        return await self._database.write(lambda sql: sql.execute(row).rowcount > 0, note=note)

    async def find(self, tenant_id: TenantId, name_or_id: str) -> StoredFence | None:
        named = or_(fences.c.name == name_or_id, fences.c.id == name_or_id)
        query = select(fences).where(fences.c.tenant_id == tenant_id, named)

        def work(sql: Connection) -> StoredFence | None:
            row = sql.execute(query).first()
            return None if row is None else _fence(row)

        return await self._database.read(work)

    async def of_tenant(self, tenant_id: TenantId, after: str = "", limit: int | None = None) -> list[StoredFence]:
        """By identifier; those after one, at most so many."""
        query = select(fences).where(fences.c.tenant_id == tenant_id, fences.c.id > after).order_by(fences.c.id)
        return await self._database.read(lambda sql: [_fence(row) for row in sql.execute(query.limit(limit))])

    async def changes(self) -> dict[TenantId, tuple[int, int]]:
        """By tenant that has fences, how many, and when one was changed last: another pair, other fences."""
        return await self._database.read(
            lambda sql: {TenantId(tenant): (number, newest) for tenant, number, newest in sql.execute(_CHANGES)}
        )


_CHANGES = select(fences.c.tenant_id, func.count(), func.max(fences.c.changed_ms)).group_by(fences.c.tenant_id)


def _row(fence: StoredFence) -> dict[str, Any]:
    return {
        "id": fence.fence_id,
        "tenant_id": fence.tenant_id,
        "name": fence.name,
        "shape": fence.shape,
        "dwell_s": fence.dwell_s,
        "changed_ms": fence.changed_ms,
    }


def _fence(row: Any) -> StoredFence:
    return StoredFence(row.id, TenantId(row.tenant_id), row.name, row.shape, row.dwell_s, row.changed_ms)
