"""What a subscriber is known by, as a whole: identifier, display name, contact data, the organisation's own fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from pttserver.errors import NotFound
from pttserver.ids import GroupId, Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.policy import Policy
from pttserver.privacy.released import Released
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.events import events_about
from pttserver.store.holds import refuse_held
from pttserver.store.records import IdentifierKind, NewSubscriber
from pttserver.store.schema import members, subscriber_fields, subscribers
from pttserver.store.subscribers import IDENTIFIER_TAKEN, put_subscriber
from pttserver.store.vault import SubjectVault

Fields = Mapping[str, Released | None]


@dataclass(frozen=True, slots=True)
class NewIdentifier:
    """The subscriber is looked up by what may be kept of it."""

    identifier: Released
    kind: IdentifierKind


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """Without `renames` the display name stays. `fields` by name; None takes a value away."""

    at_ms: int
    identifier: NewIdentifier | None = None
    renames: bool = False
    display_name: Released | None = None
    fields: Fields = field(default_factory=dict)

    @property
    def touched(self) -> frozenset[Category]:
        """The categories of what is overwritten."""
        identifier = {Category.IDENTIFIER} if self.identifier else set()
        name = {Category.SUBSCRIBER_NAME} if self.renames else set()
        return frozenset(identifier | name | ({Category.CONTACT_DATA, Category.EXTRA} if self.fields else set()))


@dataclass(frozen=True, slots=True)
class Place:
    """A membership on its way in; `priority` 0-255."""

    group_id: GroupId
    priority: int
    listen_only: bool


class Profiles:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fields(self, subscriber_id: SubscriberId, policy: Policy, now_ms: int) -> dict[str, Personal]:
        """Contact data and own fields by name, in the order of names; none of a restricted subscriber.

        What is over by then, or hidden by an event, is left out, swept or not.
        """
        query = select(subscriber_fields).where(subscriber_fields.c.subscriber_id == subscriber_id)
        vault = self._database.vault

        def work(sql: Connection) -> dict[str, Personal]:
            keys = vault.subject(sql, subscriber_id)
            tenant_id = sql.scalar(select(subscribers.c.tenant_id).where(subscribers.c.id == subscriber_id))
            if keys is None or tenant_id is None:
                return {}
            cutoffs = Cutoffs(policy, now_ms, events_about(sql, tenant_id, subscriber_id))
            rows = sql.execute(query.order_by(subscriber_fields.c.name)).all()
            served = (row for row in rows if not _is_hidden(row, cutoffs))
            shown = {row.name: keys.shown_text(row.contact or row.extra) for row in served}
            return {name: text for name, text in shown.items() if text is not None}

        return await self._database.read(work)

    async def change(
        self, subscriber_id: SubscriberId, change: ProfileChange, note: AuditNote, *, rectifies: bool = False
    ) -> None:
        """In one transaction, or nothing of it. `rectifies`: as the person asked; restriction does not forbid that.

        Raises NotFound, AlreadyExists, OnHold.
        """
        vault = self._database.vault

        def work(sql: Connection) -> None:
            keys = vault.existing(sql, subscriber_id)
            touched = change.touched
            refuse_held(sql, note.tenant_id, subscriber_id, change.at_ms, touched, despite_restriction=rectifies)
            row: dict[str, object] = {}
            if change.renames:
                row["display_name"] = keys.seal(change.display_name)
            new = change.identifier
            if new is not None:
                index = vault.index_of(sql, note.tenant_id, new.identifier)
                row |= {"identifier": keys.seal(new.identifier), "identifier_index": index}
                row |= {"identifier_kind": new.kind.value}
            present = update(subscribers).where(subscribers.c.id == subscriber_id, subscribers.c.removed_ms.is_(None))
            if row and sql.execute(present.values(row)).rowcount == 0:
                raise NotFound("the subscriber was removed in the meantime")
            _put_fields(sql, keys, change.fields, change.at_ms)

        await self._database.write(work, taken=IDENTIFIER_TAKEN, note=note)

    async def add(self, new: NewSubscriber, fields: Fields, places: list[Place], note: AuditNote) -> None:
        """A whole subscriber from elsewhere. Raises AlreadyExists, NotFound."""
        vault = self._database.vault

        def work(sql: Connection) -> None:
            keys = put_subscriber(sql, vault, new)
            _put_fields(sql, keys, fields, new.created_ms)
            for place in places:
                rights = {"priority": place.priority, "listen_only": place.listen_only}
                row = {"group_id": place.group_id, "subscriber_id": new.subscriber_id, **rights}
                sql.execute(insert(members).values(row))

        await self._database.write(work, taken=IDENTIFIER_TAKEN, note=note)


def _is_hidden(row: Any, cutoffs: Cutoffs) -> bool:
    category, extra = (Category.EXTRA, row.name) if row.contact is None else (Category.CONTACT_DATA, "")
    return cutoffs.is_hidden(category, row.recorded_ms, row.subscriber_id, extra)


def _put_fields(sql: Connection, keys: SubjectVault, fields: Fields, at_ms: int) -> None:
    for name, value in fields.items():
        mine = (subscriber_fields.c.subscriber_id == keys.subject_id) & (subscriber_fields.c.name == name)
        sql.execute(delete(subscriber_fields).where(mine))
        if value is not None:
            column = "contact" if value.category is Category.CONTACT_DATA else "extra"
            row = {"subscriber_id": keys.subject_id, "name": name, "recorded_ms": at_ms, column: keys.seal(value)}
            sql.execute(insert(subscriber_fields).values(row))
