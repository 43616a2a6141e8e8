"""Roles and rights of subscribers in the database. Whoever changes one raises `standing_changes` (a trigger)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import SubscriberId, TenantId
from pttserver.roles import Rights, Role
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.schema import rights, subscribers

RIGHTS_COLUMNS = (
    rights.c.role,
    rights.c.alerts_allowed,
    rights.c.location_allowed,
    rights.c.location_wanted,
    rights.c.location_since_ms,
)
"""Select these of a table joined by `with_rights`, and hand the row to `rights_of`."""


def with_rights(joined: FromClause, subscriber_id: Any) -> FromClause:
    """`joined` with the rights of the subscriber that `subscriber_id` (a column of it) names, if there are any."""
    return joined.outerjoin(rights, rights.c.subscriber_id == subscriber_id)


def rights_of(row: Any) -> Rights:
    """A role of a later version is none to this one."""
    if row.role is None:
        return Rights()
    role = Role(row.role) if row.role in set(Role) else Role.SUBSCRIBER
    return Rights(role, row.alerts_allowed, row.location_allowed, row.location_wanted, row.location_since_ms)


def rights_in_force(row: Any) -> Rights:
    """Of a row with KEY_COLUMNS (store/vault.py) too. Whose processing is restricted (GDPR Art. 18) is not located."""
    own = rights_of(row)
    return own if row.key_restricted_ms is None else replace(own, location_allowed=False)


class SubscriberRights:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, subscriber_id: SubscriberId) -> Rights | None:
        """None: there is no such subscriber."""

        def work(sql: Connection) -> Rights | None:
            row = sql.execute(_of(subscriber_id)).first()
            return None if row is None else rights_of(row)

        return await self._database.read(work)

    async def of_tenant(self, tenant_id: TenantId) -> dict[SubscriberId, Rights]:
        """Of each of its subscribers."""
        of = with_rights(subscribers, subscribers.c.id)
        query = select(subscribers.c.id, *RIGHTS_COLUMNS).select_from(of)
        query = query.where(subscribers.c.tenant_id == tenant_id, subscribers.c.removed_ms.is_(None))
        return await self._database.read(lambda sql: {row.id: rights_of(row) for row in sql.execute(query)})

    async def put(
        self, subscriber_id: SubscriberId, new: Rights, now_ms: int, note: AuditNote | None = None
    ) -> Rights | None:
        """Gives them as they are now. None: there is no such subscriber."""
        return await self._database.write(
            lambda sql: change_rights(sql, subscriber_id, lambda _: new, now_ms), note=note
        )

    async def want_location(
        self, subscriber_id: SubscriberId, wanted: bool, now_ms: int, note: AuditNote | None = None
    ) -> Rights | None:
        """What the person said; gives the rights as they are now. None: there is no such subscriber."""

        def work(sql: Connection) -> Rights | None:
            return change_rights(sql, subscriber_id, lambda before: replace(before, location_wanted=wanted), now_ms)

        return await self._database.write(work, note=note)


def locate_from(sql: Connection, subscriber_id: str, now_ms: int) -> None:
    """A restriction ends: what was measured while it lasted is not ours to know. Within the caller's transaction."""
    change_rights(sql, SubscriberId(subscriber_id), lambda before: replace(before, location_since_ms=now_ms), now_ms)


def change_rights(
    sql: Connection, subscriber_id: SubscriberId, change: Callable[[Rights], Rights], now_ms: int
) -> Rights | None:
    """Within the caller's transaction; gives them as they are now. None: there is no such subscriber."""
    row = sql.execute(_of(subscriber_id)).first()
    if row is None:
        return None
    before = rights_of(row)
    new = change(before)
    turned = (new.location_allowed, new.location_wanted) != (before.location_allowed, before.location_wanted)
    since_ms = max(before.location_since_ms, new.location_since_ms, now_ms if turned else 0)
    new = replace(new, location_since_ms=since_ms)
    values = {
        "role": new.role.value,
        "alerts_allowed": new.alerts_allowed,
        "location_allowed": new.location_allowed,
        "location_wanted": new.location_wanted,
        "location_since_ms": new.location_since_ms,
    }
    upsert = insert(rights).values(subscriber_id=subscriber_id, **values)
    sql.execute(upsert.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))
    return new


def _of(subscriber_id: SubscriberId) -> Select[Any]:
    of = with_rights(subscribers, subscribers.c.id)
    return select(*RIGHTS_COLUMNS).select_from(of).where(_present(subscriber_id))


def _present(subscriber_id: SubscriberId) -> ColumnElement[bool]:
    return and_(subscribers.c.id == subscriber_id, subscribers.c.removed_ms.is_(None))
