"""Roles and rights of subscribers in the database. Whoever changes one raises `standing_changes` (a trigger)."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import SubscriberId
from pttserver.roles import Rights, Role
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.schema import rights, subscribers

RIGHTS_COLUMNS = (rights.c.role, rights.c.alerts_allowed, rights.c.location_allowed, rights.c.location_wanted)
"""Select these of a table joined by `with_rights`, and hand the row to `rights_of`."""


def with_rights(joined: FromClause, subscriber_id: Any) -> FromClause:
    """`joined` with the rights of the subscriber that `subscriber_id` (a column of it) names, if there are any."""
    return joined.outerjoin(rights, rights.c.subscriber_id == subscriber_id)


def rights_of(row: Any) -> Rights:
    """A role of a later version is none to this one."""
    if row.role is None:
        return Rights()
    role = Role(row.role) if row.role in set(Role) else Role.SUBSCRIBER
    return Rights(role, row.alerts_allowed, row.location_allowed, row.location_wanted)


class SubscriberRights:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, subscriber_id: SubscriberId) -> Rights | None:
        """None: there is no such subscriber."""
        of = with_rights(subscribers, subscribers.c.id)
        query = select(*RIGHTS_COLUMNS).select_from(of).where(_present(subscriber_id))

        def work(sql: Connection) -> Rights | None:
            row = sql.execute(query).first()
            return None if row is None else rights_of(row)

        return await self._database.read(work)

    async def put(self, subscriber_id: SubscriberId, new: Rights, note: AuditNote | None = None) -> bool:
        """False: there is no such subscriber."""
        values = {
            "role": new.role.value,
            "alerts_allowed": new.alerts_allowed,
            "location_allowed": new.location_allowed,
            "location_wanted": new.location_wanted,
        }
        row = insert(rights).values(subscriber_id=subscriber_id, **values)
        upsert = row.on_conflict_do_update(index_elements=["subscriber_id"], set_=values)

        def work(sql: Connection) -> bool:
            if sql.execute(select(subscribers.c.id).where(_present(subscriber_id))).first() is None:
                return False
            sql.execute(upsert)
            return True

        return await self._database.write(work, note=note)


def _present(subscriber_id: SubscriberId) -> ColumnElement[bool]:
    return and_(subscribers.c.id == subscriber_id, subscribers.c.removed_ms.is_(None))
