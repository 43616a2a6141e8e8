"""Groups and their members in the database."""

from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import NotFound
from pttserver.ids import GroupId, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.holds import refuse_held
from pttserver.store.prepared import Prepared
from pttserver.store.records import Group, Member, Membership
from pttserver.store.schema import groups, members, subscribers
from pttserver.store.vault import KEY_COLUMNS, Vault, with_keys

_GROUP = select(groups.c.id, groups.c.tenant_id, groups.c.name, groups.c.created_ms)
_MEMBER = select(
    members.c.group_id,
    members.c.subscriber_id,
    subscribers.c.identifier,
    subscribers.c.display_name,
    members.c.priority,
    members.c.listen_only,
    subscribers.c.created_ms,
    *KEY_COLUMNS,
).select_from(with_keys(members.join(subscribers), members.c.subscriber_id))
_OF_SUBSCRIBER = (
    select(groups.c.id, groups.c.name, groups.c.tenant_id, members.c.priority, members.c.listen_only)
    .join(members, members.c.group_id == groups.c.id)
    .where(members.c.subscriber_id == bindparam("subscriber_id"))
    .order_by(groups.c.name)
)
_MEMBERSHIPS = Prepared(_OF_SUBSCRIBER)
_MEMBERSHIP = Prepared(_OF_SUBSCRIBER.where(members.c.group_id == bindparam("group_id")))


class Groups:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, group: Group, note: AuditNote | None = None) -> None:
        """Raises AlreadyExists, or NotFound if there is no such tenant."""
        row = insert(groups).values(
            id=group.group_id, tenant_id=group.tenant_id, name=group.name, created_ms=group.created_ms
        )
        await self._database.write(lambda sql: sql.execute(row), taken="a group of this name exists already", note=note)

    async def of_tenant(self, tenant_id: TenantId) -> list[Group]:
        """By name."""
        query = _GROUP.where(groups.c.tenant_id == tenant_id).order_by(groups.c.name)
        return await self._database.read(lambda sql: [Group(*row) for row in sql.execute(query)])

    async def find(self, tenant_id: TenantId, name_or_id: str) -> Group | None:
        query = _GROUP.where(
            groups.c.tenant_id == tenant_id, or_(groups.c.name == name_or_id, groups.c.id == name_or_id)
        )

        def work(sql: Connection) -> Group | None:
            row = sql.execute(query).first()
            return None if row is None else Group(*row)

        return await self._database.read(work)

    async def remove(self, group_id: GroupId, at_ms: int, note: AuditNote | None = None) -> bool:
        """With its memberships. False: there was none. Raises OnHold."""
        row = delete(groups).where(groups.c.id == group_id)

        def work(sql: Connection) -> bool:
            for member in sql.scalars(select(members.c.subscriber_id).where(members.c.group_id == group_id)).all():
                self._refuse_held(sql, SubscriberId(member), at_ms)
            return sql.execute(row).rowcount > 0

        return await self._database.write(work, note=note)

    def _refuse_held(self, sql: Connection, subscriber_id: SubscriberId, at_ms: int) -> None:
        tenant_id = sql.scalar(select(subscribers.c.tenant_id).where(subscribers.c.id == subscriber_id))
        if tenant_id is not None:
            refuse_held(sql, tenant_id, subscriber_id, at_ms, {Category.MEMBERSHIP})

    async def put_member(
        self,
        group_id: GroupId,
        subscriber_id: SubscriberId,
        priority: int,
        listen_only: bool,
        note: AuditNote | None = None,
    ) -> None:
        """Adds the member, or sets what it may do. Raises NotFound unless both are of one tenant."""
        of_one_tenant = (
            select(groups.c.id)
            .join(subscribers, subscribers.c.tenant_id == groups.c.tenant_id)
            .where(groups.c.id == group_id, subscribers.c.id == subscriber_id, subscribers.c.removed_ms.is_(None))
        )
        rights = {"priority": priority, "listen_only": listen_only}
        row = insert(members).values(group_id=group_id, subscriber_id=subscriber_id, **rights)
        upsert = row.on_conflict_do_update(index_elements=["group_id", "subscriber_id"], set_=rights)

        def work(sql: Connection) -> None:
            if sql.execute(of_one_tenant).first() is None:
                raise NotFound("the tenant has no such group or no such subscriber")
            sql.execute(upsert)

        await self._database.write(work, note=note)

    async def remove_member(
        self, group_id: GroupId, subscriber_id: SubscriberId, at_ms: int, note: AuditNote | None = None
    ) -> bool:
        """False: it was none. Raises OnHold."""
        row = delete(members).where(members.c.group_id == group_id, members.c.subscriber_id == subscriber_id)

        def work(sql: Connection) -> bool:
            self._refuse_held(sql, subscriber_id, at_ms)
            return sql.execute(row).rowcount > 0

        return await self._database.write(work, note=note)

    async def group_members(self, group_id: GroupId) -> list[Member]:
        """By identifier."""
        query = _MEMBER.where(members.c.group_id == group_id)
        vault = self._database.vault
        found = await self._database.read(lambda sql: [_member(vault, row) for row in sql.execute(query)])
        return sorted(found, key=lambda member: (member.identifier or "", member.subscriber_id))

    async def member_ids(self, group_id: GroupId) -> frozenset[SubscriberId]:
        """Without a look at who they are."""
        query = select(members.c.subscriber_id).where(members.c.group_id == group_id)
        return await self._database.read(lambda sql: frozenset(map(SubscriberId, sql.scalars(query))))

    async def memberships(self, subscriber_id: SubscriberId) -> list[Membership]:
        """By the group's name."""
        return await self._database.read(lambda sql: memberships(sql, subscriber_id))

    async def group_for_member(self, group_id: GroupId, subscriber_id: SubscriberId) -> Membership | None:
        """None: no such group, or the subscriber is not a member; callers must not tell these apart."""

        def work(sql: Connection) -> Membership | None:
            row = _MEMBERSHIP.row(sql, group_id=group_id, subscriber_id=subscriber_id)
            return None if row is None else Membership(*row)

        return await self._database.read(work)


def memberships(sql: Connection, subscriber_id: SubscriberId) -> list[Membership]:
    """`Groups.memberships` within a transaction."""
    return [Membership(*row) for row in _MEMBERSHIPS.rows(sql, subscriber_id=subscriber_id)]


def _member(vault: Vault, row: Any) -> Member:
    keys = vault.keys(row)
    return Member(
        row.group_id,
        row.subscriber_id,
        keys.shown_text(row.identifier),
        keys.shown_text(row.display_name),
        row.priority,
        row.listen_only,
        row.created_ms,
    )
