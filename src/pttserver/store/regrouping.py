"""Memberships of one subscriber, changed together: all, or nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import NotFound
from pttserver.ids import GroupId, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.groups import memberships
from pttserver.store.holds import refuse_held
from pttserver.store.records import Membership
from pttserver.store.schema import groups, members, subscribers


class NewMember(NamedTuple):
    """A membership to add, or to set; `priority` 0-255."""

    group_id: GroupId
    priority: int
    listen_only: bool


class MemberChanges:
    """Raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(
        self,
        tenant_id: TenantId,
        subscriber_id: SubscriberId,
        added: Sequence[NewMember],
        removed: Sequence[GroupId],
        note: AuditNote,
    ) -> list[Membership]:
        """Gives the memberships that were added or set. Removing what was none is no error.

        Raises NotFound unless the subscriber and all the groups are the tenant's; OnHold for what a hold covers, of
        those that are there and would go or be another. Then nothing was changed.
        """

        def work(sql: Connection) -> list[Membership]:
            _require(sql, tenant_id, subscriber_id, {*(new.group_id for new in added), *removed})
            mine = members.c.subscriber_id == subscriber_id
            if _would_lose(sql, subscriber_id, added, removed):
                refuse_held(sql, tenant_id, subscriber_id, note.at_ms, {Category.MEMBERSHIP})
            sql.execute(delete(members).where(mine, members.c.group_id.in_(removed)))
            for new in added:
                _put(sql, subscriber_id, new)
            wanted = {new.group_id for new in added}
            return [found for found in memberships(sql, subscriber_id) if found.group_id in wanted]

        return await self._database.write(work, note=note)


def _require(sql: Connection, tenant_id: TenantId, subscriber_id: SubscriberId, wanted: set[GroupId]) -> None:
    person = select(subscribers.c.id).where(
        subscribers.c.tenant_id == tenant_id, subscribers.c.id == subscriber_id, subscribers.c.removed_ms.is_(None)
    )
    theirs = select(groups.c.id).where(groups.c.tenant_id == tenant_id, groups.c.id.in_(wanted))
    if sql.execute(person).first() is None or set(sql.scalars(theirs)) != wanted:
        raise NotFound


def _would_lose(
    sql: Connection, subscriber_id: SubscriberId, added: Sequence[NewMember], removed: Sequence[GroupId]
) -> bool:
    """Whether anything that is written of the memberships now would not be there any more."""
    now = {
        one.group_id: NewMember(one.group_id, one.priority, one.listen_only) for one in memberships(sql, subscriber_id)
    }
    return any(group_id in now for group_id in removed) or any(now.get(new.group_id, new) != new for new in added)


def _put(sql: Connection, subscriber_id: SubscriberId, new: NewMember) -> None:
    rights = {"priority": new.priority, "listen_only": new.listen_only}
    row = insert(members).values(group_id=new.group_id, subscriber_id=subscriber_id, **rights)
    sql.execute(row.on_conflict_do_update(index_elements=["group_id", "subscriber_id"], set_=rights))
