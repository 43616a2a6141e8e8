"""Tenants in the database."""

from sqlalchemy import Connection, insert, or_, select

from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.policies import PolicyVersion, put_policy
from pttserver.store.records import Tenant
from pttserver.store.schema import tenants

_TENANT = select(tenants.c.id, tenants.c.name, tenants.c.created_ms)


class Tenants:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant: Tenant, policy: PolicyVersion, note: AuditNote | None = None) -> None:
        """With its keys and its first policy: without a policy there is no tenant. Raises AlreadyExists."""
        row = insert(tenants).values(id=tenant.tenant_id, name=tenant.name, created_ms=tenant.created_ms)
        vault = self._database.vault

        def work(sql: Connection) -> None:
            sql.execute(row)
            vault.make_tenant(sql, tenant.tenant_id, tenant.created_ms)
            put_policy(sql, vault, policy)

        await self._database.write(work, taken="a tenant of this name exists already", note=note)

    async def all(self) -> list[Tenant]:
        """By name."""
        query = _TENANT.order_by(tenants.c.name)
        return await self._database.read(lambda sql: [Tenant(*row) for row in sql.execute(query)])

    async def find(self, name_or_id: str) -> Tenant | None:
        query = _TENANT.where(or_(tenants.c.name == name_or_id, tenants.c.id == name_or_id))

        def work(sql: Connection) -> Tenant | None:
            row = sql.execute(query).first()
            return None if row is None else Tenant(*row)

        return await self._database.read(work)
