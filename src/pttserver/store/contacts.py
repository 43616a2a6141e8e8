"""Personal contact lists: sealed under the key of the list's owner, and read for the owner only."""

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.database import Database
from pttserver.store.message_records import Entry
from pttserver.store.message_schema import contacts
from pttserver.store.schema import subscribers
from pttserver.store.vault import KEY_COLUMNS, with_keys

MAX_CONTACTS = 1000
_ROW = contacts.c
_PRESENT = subscribers.c.removed_ms.is_(None)
_ENTRY = select(_ROW.contact_id, _ROW.alias, subscribers.c.display_name, *KEY_COLUMNS).select_from(
    with_keys(contacts.join(subscribers, subscribers.c.id == _ROW.contact_id), _ROW.contact_id)
)


class Contacts:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, owner: SubscriberId) -> list[Entry]:
        """By alias."""
        vault = self._database.vault

        def work(sql: Connection) -> list[Entry]:
            mine = vault.existing(sql, owner)
            rows = sql.execute(_ENTRY.where(_ROW.subscriber_id == owner, _PRESENT))
            return [
                Entry(
                    row.contact_id,
                    mine.text(row.alias) or Personal(""),
                    vault.keys(row).shown_text(row.display_name) or Personal(""),
                )
                for row in rows
            ]

        found = await self._database.read(work)
        return sorted(found, key=lambda entry: (entry.alias.reveal(), entry.contact_id))

    async def put(
        self, tenant_id: TenantId, owner: SubscriberId, who: SubscriberId, alias: Released, now_ms: int
    ) -> None:
        """Raises NotFound: there is no such subscriber in the tenant. InvalidValue: the list is full."""
        vault = self._database.vault
        here = select(subscribers.c.id).where(subscribers.c.id == who, subscribers.c.tenant_id == tenant_id, _PRESENT)

        def work(sql: Connection) -> None:
            if sql.scalar(here) is None:
                raise NotFound
            listed = set(sql.scalars(select(_ROW.contact_id).where(_ROW.subscriber_id == owner)))
            if who not in listed and len(listed) >= MAX_CONTACTS:
                raise InvalidValue(f"At most {MAX_CONTACTS} contacts.")
            new = {"alias": vault.existing(sql, owner).seal(alias), "recorded_ms": now_ms}
            row = insert(contacts).values(subscriber_id=owner, contact_id=who, **new)
            sql.execute(row.on_conflict_do_update(index_elements=["subscriber_id", "contact_id"], set_=new))

        await self._database.write(work)

    async def remove(self, owner: SubscriberId, who: SubscriberId) -> bool:
        """False: there was none."""
        this = (_ROW.subscriber_id == owner) & (_ROW.contact_id == who)
        return await self._database.write(lambda sql: sql.execute(delete(contacts).where(this)).rowcount > 0)
