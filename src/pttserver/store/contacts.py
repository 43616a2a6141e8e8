"""Personal contact lists: sealed under the key of the list's owner, and read for the owner only."""

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.released import Released
from pttserver.store.database import Database
from pttserver.store.message_people import People, Reader
from pttserver.store.message_records import Entry
from pttserver.store.message_schema import contacts

MAX_CONTACTS = 1000
_ROW = contacts.c


class Contacts:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, owner: Reader) -> list[Entry]:
        """By alias; those who are there, and nothing that is over, swept or not.

        What somebody is called is about that person too: it is over, or hidden, by the events of either.
        """
        vault = self._database.vault

        def work(sql: Connection) -> list[Entry]:
            mine = vault.existing(sql, owner.subscriber_id)
            query = select(_ROW.contact_id, _ROW.alias, _ROW.recorded_ms).where(_ROW.subscriber_id == mine.subject_id)
            there, rows = People(sql, vault, owner), sql.execute(query).all()
            aliases = {
                row.contact_id: mine.text(row.alias) or Personal("")
                for row in rows
                if not any(
                    there.cutoffs.is_hidden(Category.CONTACT_DATA, row.recorded_ms, who)
                    for who in (owner.subscriber_id, row.contact_id)
                )
            }
            people = there.of(aliases.keys())
            return [Entry(who, aliases[who], person.name) for who, person in people.items()]

        found = await self._database.read(work)
        return sorted(found, key=lambda entry: (entry.alias.reveal(), entry.contact_id))

    async def put(self, owner: Reader, who: SubscriberId, alias: Released) -> None:
        """Raises NotFound: there is no such subscriber in the tenant. InvalidValue: the list is full."""
        vault, me = self._database.vault, owner.subscriber_id

        def work(sql: Connection) -> None:
            if not People(sql, vault, owner).of([who]):
                raise NotFound
            listed = set(sql.scalars(select(_ROW.contact_id).where(_ROW.subscriber_id == me)))
            if who not in listed and len(listed) >= MAX_CONTACTS:
                raise InvalidValue(f"At most {MAX_CONTACTS} contacts.")
            new = {"alias": vault.existing(sql, me).seal(alias), "recorded_ms": owner.now_ms}
            row = insert(contacts).values(subscriber_id=me, contact_id=who, **new)
            sql.execute(row.on_conflict_do_update(index_elements=["subscriber_id", "contact_id"], set_=new))

        await self._database.write(work)

    async def remove(self, owner: SubscriberId, who: SubscriberId) -> bool:
        """False: there was none."""
        this = (_ROW.subscriber_id == owner) & (_ROW.contact_id == who)
        return await self._database.write(lambda sql: sql.execute(delete(contacts).where(this)).rowcount > 0)
