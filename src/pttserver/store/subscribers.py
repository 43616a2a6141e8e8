"""Subscribers in the database."""

from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.store.database import Database
from pttserver.store.records import IdentifierKind, Subscriber
from pttserver.store.schema import resume_tokens, subscribers

_SUBSCRIBER = select(
    subscribers.c.id,
    subscribers.c.tenant_id,
    subscribers.c.identifier,
    subscribers.c.identifier_kind,
    subscribers.c.display_name,
    subscribers.c.created_ms,
    subscribers.c.last_login_ms,
)


class Subscribers:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, subscriber: Subscriber, pin_hash: str) -> None:
        """Raises AlreadyExists, or NotFound if there is no such tenant."""
        row = insert(subscribers).values(
            id=subscriber.subscriber_id,
            tenant_id=subscriber.tenant_id,
            identifier=subscriber.identifier,
            identifier_kind=subscriber.identifier_kind.value,
            display_name=subscriber.display_name,
            pin_hash=pin_hash,
            created_ms=subscriber.created_ms,
            last_login_ms=subscriber.last_login_ms,
        )
        taken = "a subscriber with this identifier exists already"
        await self._database.write(lambda sql: sql.execute(row), taken=taken)

    async def of_tenant(self, tenant_id: TenantId) -> list[Subscriber]:
        """By identifier."""
        query = _SUBSCRIBER.where(subscribers.c.tenant_id == tenant_id).order_by(subscribers.c.identifier)
        return await self._database.read(lambda sql: [_subscriber(row) for row in sql.execute(query)])

    async def find(self, tenant_id: TenantId, identifier_or_id: str) -> Subscriber | None:
        query = _SUBSCRIBER.where(
            subscribers.c.tenant_id == tenant_id,
            or_(subscribers.c.identifier == identifier_or_id, subscribers.c.id == identifier_or_id),
        )

        def work(sql: Connection) -> Subscriber | None:
            row = sql.execute(query).first()
            return None if row is None else _subscriber(row)

        return await self._database.read(work)

    async def remove(self, subscriber_id: SubscriberId) -> bool:
        """With memberships, devices, codes and resume token. False: there was none."""
        row = delete(subscribers).where(subscribers.c.id == subscriber_id)
        return await self._database.write(lambda sql: sql.execute(row).rowcount > 0)

    async def rename(self, subscriber_id: SubscriberId, display_name: Personal | None) -> bool:
        """False: there was none."""
        row = update(subscribers).where(subscribers.c.id == subscriber_id).values(display_name=display_name)
        return await self._database.write(lambda sql: sql.execute(row).rowcount > 0)

    async def set_pin(self, subscriber_id: SubscriberId, pin_hash: str) -> bool:
        """Ends the resume token too: who knew the old PIN must not return by it. False: there was none."""
        row = update(subscribers).where(subscribers.c.id == subscriber_id).values(pin_hash=pin_hash)
        token = delete(resume_tokens).where(resume_tokens.c.subscriber_id == subscriber_id)

        def work(sql: Connection) -> bool:
            sql.execute(token)
            return sql.execute(row).rowcount > 0

        return await self._database.write(work)

    async def record_login(self, subscriber_id: SubscriberId, at_ms: int) -> None:
        row = update(subscribers).where(subscribers.c.id == subscriber_id).values(last_login_ms=at_ms)
        await self._database.write(lambda sql: sql.execute(row))


def _subscriber(row: Any) -> Subscriber:
    return Subscriber(
        row.id,
        row.tenant_id,
        row.identifier,
        IdentifierKind(row.identifier_kind),
        row.display_name,
        row.created_ms,
        row.last_login_ms,
    )
