"""The fences of organisations. Whoever changes one raises `standing_changes` (a trigger), so that servers notice.

Their names and shapes are confidential (store/confidential.py); a name is found by its index.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import TenantId
from pttserver.store.audit_chain import AuditNote
from pttserver.store.confidential import ConfidentialVault
from pttserver.store.database import Database
from pttserver.store.location_schema import FENCE_NAME, FENCE_SHAPE, fences

MOST_OF_A_TENANT = 5000


@dataclass(frozen=True, slots=True)
class StoredFence:
    """`shape`: JSON, as on the wire. `dwell_s`: seconds, 0 if nobody is told who stays."""

    fence_id: str
    tenant_id: TenantId
    name: str = field(repr=False)
    shape: str = field(repr=False)
    dwell_s: int
    changed_ms: int


class FenceStore:
    """Every method raises StoreUnavailable if the database fails; those that read fences, SealBroken."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, new: Sequence[StoredFence], note: AuditNote | None = None) -> None:
        """Adds them, or gives those of the same identifier other values. All of one tenant, or none is written.

        Raises AlreadyExists (another fence has the name), InvalidValue (there are too many), NotFound (no such tenant).
        """
        vault, tenant_id = self._database.vault, new[0].tenant_id

        def work(sql: Connection) -> None:
            keys = vault.confidential(sql, tenant_id)
            if keys is None:
                raise NotFound("there is no such tenant")
            for fence in new:
                row = _row(fence, keys)
                changes = {name: row[name] for name in row.keys() - {"id", "tenant_id"}}
                mine = fences.c.tenant_id == tenant_id
                put = insert(fences).values(row)
                sql.execute(put.on_conflict_do_update(index_elements=["id"], set_=changes, where=mine))
            theirs = select(func.count()).where(fences.c.tenant_id == tenant_id)
            if (sql.scalar(theirs) or 0) > MOST_OF_A_TENANT:
                raise InvalidValue(f"an organisation has at most {MOST_OF_A_TENANT} fences")

        await self._database.write(work, taken="a fence of this name exists already", note=note)

    async def remove(self, tenant_id: TenantId, fence_id: str, note: AuditNote | None = None) -> bool:
        """False: the tenant has no such fence."""
        row = delete(fences).where(fences.c.tenant_id == tenant_id, fences.c.id == fence_id)
        return await self._database.write(lambda sql: sql.execute(row).rowcount > 0, note=note)

    async def find(self, tenant_id: TenantId, name_or_id: str) -> StoredFence | None:
        vault = self._database.vault

        def work(sql: Connection) -> StoredFence | None:
            keys = vault.confidential(sql, tenant_id)
            if keys is None:
                return None
            named = or_(fences.c.name_index == keys.index(FENCE_NAME, name_or_id), fences.c.id == name_or_id)
            row = sql.execute(select(fences).where(fences.c.tenant_id == tenant_id, named)).first()
            return None if row is None else _fence(row, keys)

        return await self._database.read(work)

    async def of_tenant(self, tenant_id: TenantId, after: str = "", limit: int | None = None) -> list[StoredFence]:
        """By identifier; those after one, at most so many."""
        query = select(fences).where(fences.c.tenant_id == tenant_id, fences.c.id > after).order_by(fences.c.id)
        vault = self._database.vault

        def work(sql: Connection) -> list[StoredFence]:
            keys = vault.confidential(sql, tenant_id)
            return [] if keys is None else [_fence(row, keys) for row in sql.execute(query.limit(limit))]

        return await self._database.read(work)

    async def changes(self) -> dict[TenantId, tuple[int, int]]:
        """By tenant that has fences, how many, and when one was changed last: another pair, other fences."""
        return await self._database.read(
            lambda sql: {TenantId(tenant): (number, newest) for tenant, number, newest in sql.execute(_CHANGES)}
        )


_CHANGES = select(fences.c.tenant_id, func.count(), func.max(fences.c.changed_ms)).group_by(fences.c.tenant_id)


def _row(fence: StoredFence, keys: ConfidentialVault) -> dict[str, Any]:
    return {
        "id": fence.fence_id,
        "tenant_id": fence.tenant_id,
        "name": keys.seal(FENCE_NAME, fence.name),
        "name_index": keys.index(FENCE_NAME, fence.name),
        "shape": keys.seal(FENCE_SHAPE, fence.shape),
        "dwell_s": fence.dwell_s,
        "changed_ms": fence.changed_ms,
    }


def _fence(row: Any, keys: ConfidentialVault) -> StoredFence:
    name, shape = keys.open(row.name), keys.open(row.shape)
    return StoredFence(row.id, TenantId(row.tenant_id), name, shape, row.dwell_s, row.changed_ms)
