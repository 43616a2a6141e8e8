"""Subscribers in the database."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from pttserver.crypto.sealing import PSEUDONYM_PREFIX
from pttserver.errors import NotFound
from pttserver.ids import SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.released import Released
from pttserver.privacy.retention import EventKind
from pttserver.store.audit_chain import AuditNote
from pttserver.store.console_schema import CONSOLE_TABLES
from pttserver.store.database import Database
from pttserver.store.events import record_event
from pttserver.store.holds import refuse_held
from pttserver.store.identifiers import known_as
from pttserver.store.records import IdentifierKind, NewSubscriber, Subscriber
from pttserver.store.schema import devices, members, resume_tokens, subscribers
from pttserver.store.subjects import refuse_several, restricted
from pttserver.store.vault import KEY_COLUMNS, SubjectVault, Vault, with_keys

_SUBSCRIBER = select(
    subscribers.c.id,
    subscribers.c.tenant_id,
    subscribers.c.identifier,
    subscribers.c.identifier_kind,
    subscribers.c.display_name,
    subscribers.c.created_ms,
    subscribers.c.last_login_ms,
    *KEY_COLUMNS,
).select_from(with_keys(subscribers, subscribers.c.id))
IDENTIFIER_TAKEN = "a subscriber with this identifier exists already"
_PRESENT = subscribers.c.removed_ms.is_(None)
_OF_TENANT = _SUBSCRIBER.where(subscribers.c.tenant_id == bindparam("tenant"), _PRESENT)
_ONE = _OF_TENANT.where(subscribers.c.id == bindparam("who"))


class Subscribers:
    """Every method raises StoreUnavailable if the database fails. A removed subscriber is as good as none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, subscriber: NewSubscriber, note: AuditNote | None = None) -> None:
        """With a key of its own. Raises AlreadyExists, or NotFound if there is no such tenant."""
        vault = self._database.vault
        await self._database.write(
            lambda sql: put_subscriber(sql, vault, subscriber), taken=IDENTIFIER_TAKEN, note=note
        )

    async def of_tenant(self, tenant_id: TenantId) -> list[Subscriber]:
        """By identifier."""
        vault = self._database.vault

        def work(sql: Connection) -> list[Subscriber]:
            return [_subscriber(vault, row) for row in sql.execute(_OF_TENANT, {"tenant": tenant_id})]

        return sorted(await self._database.read(work), key=_by_identifier)

    async def find(self, tenant_id: TenantId, identifier_or_id: str, *, exactly: bool = False) -> Subscriber | None:
        """Raises InvalidValue if several have it, as can be where the policy keeps a part of identifiers only.

        `exactly`: see `known_as`.
        """
        vault = self._database.vault

        def work(sql: Connection) -> Subscriber | None:
            try:
                found = known_as(sql, vault, tenant_id, identifier_or_id, _PRESENT, exactly=exactly)
            except NotFound:
                return None
            refuse_several(found)
            row = sql.execute(_ONE, {"tenant": tenant_id, "who": found.pop()}).first() if found else None
            return _subscriber(vault, row) if row else None

        return await self._database.read(work)

    async def all_present(self, tenant_id: TenantId, subscriber_ids: Collection[SubscriberId]) -> bool:
        """Whether each of these is a subscriber of the tenant, and not removed."""
        wanted = set(subscriber_ids)
        query = select(func.count()).where(subscribers.c.tenant_id == tenant_id, subscribers.c.id.in_(wanted), _PRESENT)
        return await self._database.read(lambda sql: sql.scalar(query) == len(wanted))

    async def remove(self, subscriber_id: SubscriberId, at_ms: int, note: AuditNote | None = None) -> bool:
        """Takes memberships, devices, codes, resume token and console account away, and starts `unsubscribed`.

        What the policy keeps of the subscriber waits for the sweep. False: there was none. Raises OnHold.
        """
        who = subscribers.c.id == subscriber_id

        def work(sql: Connection) -> bool:
            tenant_id = sql.scalar(select(subscribers.c.tenant_id).where(who, _PRESENT))
            if tenant_id is None:
                return False
            refuse_held(sql, tenant_id, subscriber_id, at_ms)
            take_away(sql, subscriber_id, at_ms)
            record_event(sql, tenant_id, subscriber_id, EventKind.UNSUBSCRIBED, at_ms)
            return True

        return await self._database.write(work, note=note)

    async def rename(
        self, subscriber_id: SubscriberId, display_name: Released | None, at_ms: int, note: AuditNote | None = None
    ) -> bool:
        """False: there was none. Raises OnHold."""
        vault = self._database.vault

        def work(sql: Connection) -> bool:
            keys = vault.subject(sql, subscriber_id)
            tenant_id = sql.scalar(select(subscribers.c.tenant_id).where(subscribers.c.id == subscriber_id))
            if keys is None or tenant_id is None:
                return False
            refuse_held(sql, tenant_id, subscriber_id, at_ms, {Category.SUBSCRIBER_NAME})
            row = update(subscribers).where(subscribers.c.id == subscriber_id, _PRESENT)
            return sql.execute(row.values(display_name=keys.seal(display_name))).rowcount > 0

        return await self._database.write(work, note=note)

    async def set_pin(
        self, subscriber_id: SubscriberId, pin_hash: Released | None, note: AuditNote | None = None
    ) -> bool:
        """Ends the resume token too: who knew the old PIN must not return by it. False: there was none."""
        vault = self._database.vault

        def work(sql: Connection) -> bool:
            keys = vault.subject(sql, subscriber_id)
            if keys is None:
                return False
            sql.execute(delete(resume_tokens).where(resume_tokens.c.subscriber_id == subscriber_id))
            row = update(subscribers).where(subscribers.c.id == subscriber_id, _PRESENT)
            return sql.execute(row.values(pin_hash=keys.seal(pin_hash))).rowcount > 0

        return await self._database.write(work, note=note)

    async def record_login(self, subscriber_id: SubscriberId, at_ms: Released | None) -> None:
        """Nothing is written if the gate let nothing through, or the subscriber's processing is restricted."""
        if at_ms is not None:
            row = update(subscribers).where(subscribers.c.id == subscriber_id).values(last_login_ms=at_ms)
            await self._database.write(lambda sql: None if restricted(sql, subscriber_id) else sql.execute(row))


def take_away(sql: Connection, subscriber_id: SubscriberId, at_ms: int) -> bool:
    """`Subscribers.remove` within a transaction, but for the event. False: there was none."""
    row = update(subscribers).where(subscribers.c.id == subscriber_id, _PRESENT).values(removed_ms=at_ms)
    if sql.execute(row).rowcount == 0:
        return False
    for table in (members, devices, resume_tokens, *CONSOLE_TABLES):
        sql.execute(delete(table).where(table.c.subscriber_id == subscriber_id))
    return True


def put_subscriber(sql: Connection, vault: Vault, subscriber: NewSubscriber) -> SubjectVault:
    """`Subscribers.add` within a transaction; gives the new keys."""
    tenant_id, who = subscriber.tenant_id, subscriber.subscriber_id
    keys = vault.make_subject(sql, tenant_id, who, "subscriber", subscriber.created_ms)
    identifier = subscriber.identifier
    row = insert(subscribers).values(
        id=who,
        tenant_id=tenant_id,
        identifier=keys.seal(identifier),
        identifier_index=vault.index_of(sql, tenant_id, identifier) if identifier else None,
        identifier_kind=subscriber.identifier_kind.value,
        display_name=keys.seal(subscriber.display_name),
        pin_hash=keys.seal(subscriber.pin_hash),
        created_ms=subscriber.created_ms,
    )
    sql.execute(row)
    return keys


def index_anew(sql: Connection, vault: Vault) -> None:
    """What subscribers are found by, made of the identifiers that stand there: of a database that was restored.

    A pseudonym keeps what it has: it does not lead to what it stands for.
    """
    columns = (subscribers.c.id, subscribers.c.tenant_id, subscribers.c.identifier, *KEY_COLUMNS)
    query = select(*columns).select_from(with_keys(subscribers, subscribers.c.id))
    found = {}
    for row in sql.execute(query.where(subscribers.c.identifier.is_not(None))):
        text = vault.keys(row).required_text(row.identifier)
        if not text.startswith(PSEUDONYM_PREFIX):
            found[row.id] = (row.tenant_id, text)
    for who in found:  # all at first: what one had is what another has now
        sql.execute(update(subscribers).where(subscribers.c.id == who).values(identifier_index=None))
    for who, (tenant_id, text) in found.items():
        index = vault.identifier_index(sql, tenant_id, text)
        sql.execute(update(subscribers).where(subscribers.c.id == who).values(identifier_index=index))


def _subscriber(vault: Vault, row: Any) -> Subscriber:
    keys = vault.keys(row)
    return Subscriber(
        row.id,
        row.tenant_id,
        keys.shown_text(row.identifier),
        IdentifierKind(row.identifier_kind),
        keys.shown_text(row.display_name),
        row.created_ms,
        None if keys.restricted else row.last_login_ms,
        keys.restricted,
    )


def _by_identifier(subscriber: Subscriber) -> tuple[str, str]:
    return (subscriber.identifier or "", subscriber.subscriber_id)
