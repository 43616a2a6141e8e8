"""All that is held about a person, from every table: by the schema's declarations, so no column can be forgotten.

1. a table belongs to a subject by a column with its identifier, or by a reference that only its key gives
2. what the tenant's operators wrote is not the subject's, and neither is what names others
3. secrets (digests of PINs and tokens, keys) are named, not given out
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, bindparam, exists, or_, select, type_coerce

from pttserver.ids import TenantId
from pttserver.privacy.categories import Category, about
from pttserver.privacy.released import Value
from pttserver.privacy.retention import Event
from pttserver.store import inventory
from pttserver.store.audit_chain import AuditNote
from pttserver.store.columns import DatedType, Sealed, SealedType, is_lifecycle
from pttserver.store.database import Database
from pttserver.store.events import events_of
from pttserver.store.governance_schema import subjects
from pttserver.store.message_schema import deliveries, messages
from pttserver.store.schema import bursts, call_participants, calls, devices, groups
from pttserver.store.subjects import Subject, subjects_of
from pttserver.store.vault import AUDIT, HISTORY, KEY_COLUMNS, SubjectVault, Vault, with_keys

_SINCE = ("recorded_ms", "created_ms", "issued_ms", "since_ms", "at_ms")


@dataclass(frozen=True, slots=True)
class HeldValue:
    """A column of a row. `extra`: name of the organisation's own field. `recorded_ms`: from when its period counts.

    `value`: None if it is secret, or names somebody else; `others`: identifiers of whom. `category`: None if it says
    nothing about a person by itself. `lifecycle`: a state in the life of an account or of what belongs to it.
    """

    column: str
    category: Category | None
    extra: str
    value: Value | None
    recorded_ms: int
    others: tuple[str, ...] = ()
    lifecycle: bool = False


@dataclass(frozen=True, slots=True)
class HeldRow:
    """`category`: of the record, or what its being there says. `happened`: the row has an age."""

    table: str
    category: Category | None
    happened: bool
    recorded_ms: int
    values: tuple[HeldValue, ...]


@dataclass(frozen=True, slots=True)
class Participation:
    """A call that the subject took part in; the others are a number. Times are None once the call's record is gone."""

    call_id: str
    group_name: str | None
    recorded_ms: int
    started_ms: int | None
    ended_ms: int | None
    initiated: bool
    bursts: int
    others: int


@dataclass(frozen=True, slots=True)
class KnownBy:
    """A person of the tenant, with the texts that people are looked for by; `events` start and stop their periods.

    `likened`: those of the texts that are pseudonyms or parts of what is looked for.
    """

    subject: Subject
    values: Sequence[HeldValue]
    likened: Sequence[HeldValue]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Held:
    """All that is held about a person, and the names of the tenant's groups by their identifiers."""

    subject: Subject
    rows: Sequence[HeldRow]
    calls: Sequence[Participation]
    events: Sequence[Event]
    groups: Mapping[str, str]


class Holdings:
    """Every method raises StoreUnavailable, SealBroken. What is looked at is noted before it is read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known_by(self, tenant_id: TenantId, wanted: Collection[str], note: AuditNote) -> list[KnownBy]:
        """Of all people of the tenant; `wanted`: exact texts, of which pseudonyms or parts may be kept."""
        vault = self._database.vault

        def work(sql: Connection) -> list[KnownBy]:
            events, texts = events_of(sql, tenant_id), defaultdict[str, list[HeldValue]](list)
            likened = defaultdict[str, list[HeldValue]](list)
            for keys, sealed, value in _standing_texts(sql, vault, tenant_id):
                texts[keys.subject_id].append(value)
                if keys.stands_for(sealed, wanted):
                    likened[keys.subject_id].append(value)
            return [
                KnownBy(one, texts[one.subject_id], likened[one.subject_id], events.about(one.subject_id))
                for one in subjects_of(sql, tenant_id)
            ]

        await self._database.write(lambda sql: None, note=note)
        return await self._database.read(work)

    async def names_of(self, tenant_id: TenantId, subject_id: str) -> list[HeldValue]:
        """The texts that one person is looked for by. Nothing of it is shown, so nothing is noted."""
        vault = self._database.vault
        found = await self._database.read(lambda sql: list(_standing_texts(sql, vault, tenant_id, subject_id)))
        return [value for _, _, value in found]

    async def of(self, subject: Subject, note: AuditNote) -> Held:
        """Raises NotFound if the subject was erased in the meantime."""
        vault, tenant_id, who = self._database.vault, subject.tenant_id, subject.subject_id

        def work(sql: Connection) -> Held:
            keys, mine = vault.existing(sql, who), events_of(sql, tenant_id).about(who)
            names = sql.execute(select(groups.c.id, groups.c.name).where(groups.c.tenant_id == tenant_id)).all()
            return Held(subject, held(sql, keys), participations(sql, keys), mine, {row.id: row.name for row in names})

        await self._database.write(lambda sql: None, note=note)
        return await self._database.read(work)

    async def kinds(self, subject: Subject) -> set[tuple[Category, str]]:
        """The categories of all that would be given out of a person, and the names of the organisation's own fields.

        Not of states in the life of an account or a device, which whoever administers sees in any case. Nothing of it
        is shown, so nothing is noted. Raises NotFound likewise.
        """
        vault = self._database.vault

        def work(sql: Connection) -> set[tuple[Category, str]]:
            keys = vault.existing(sql, subject.subject_id)
            rows = held(sql, keys)
            shown = (v for row in rows for v in row.values if v.value is not None and not v.lifecycle)
            values = {(v.category, v.extra) for v in shown if v.category}
            records = {(row.category, "") for row in rows if row.category and row.happened}
            return values | records | _PARTS_OF_CALLS if participations(sql, keys) else values | records

        return await self._database.read(work)


def held(sql: Connection, keys: SubjectVault) -> list[HeldRow]:
    """Opened, table by table. Raises SealBroken."""
    since_ms = sql.scalar(_CREATED, {"who": keys.subject_id}) or 0
    names = {"who": keys.subject_id, HISTORY: keys.reference(HISTORY), AUDIT: keys.reference(AUDIT)}
    has_any = sql.execute(_whether_any(), names).one()
    return [
        _row(table, row, keys, since_ms)
        for table, any_row in zip(inventory.tables(), has_any, strict=True)
        if any_row
        for row in sql.execute(_rows_of(table), names).mappings()
    ]


def _standing_texts(
    sql: Connection, vault: Vault, tenant_id: TenantId, only: str | None = None
) -> Iterator[tuple[SubjectVault, Sealed, HeldValue]]:
    """Text, sealed and opened, of all of a tenant's subjects, or one: what people are looked for by."""
    whose = subjects.c.tenant_id == tenant_id
    if only is not None:
        whose &= subjects.c.id == only
    for table in inventory.tables():
        owner = inventory.owner(table)
        columns = [column for column in table.columns if _is_searchable(column)]
        if owner is None or not columns:
            continue
        rows = select(*table.columns, *KEY_COLUMNS).select_from(with_keys(table, owner))
        for row in sql.execute(rows.where(whose)):
            keys, values = vault.keys(row), row._mapping
            since_ms = _recorded_ms(table, values, 0)
            for column in columns:
                if values[column.name] is not None:
                    yield keys, values[column.name], _value(column, values, keys, since_ms)


def participations(sql: Connection, keys: SubjectVault) -> list[Participation]:
    """Newest first."""
    me = keys.reference(HISTORY)
    return [_participation(sql, me, row) for row in sql.execute(_PARTICIPATIONS, {"me": me})]


def _participation(sql: Connection, me: str, row: Any) -> Participation:
    call_id, recorded_ms, started_ms, ended_ms, initiator, group_name = row
    present = sql.scalars(_PRESENT, {"call": call_id})
    spoken = sql.scalars(_SPOKEN, {"call": call_id, "me": me})
    return Participation(
        call_id=call_id,
        group_name=group_name,
        recorded_ms=recorded_ms,
        started_ms=started_ms,
        ended_ms=ended_ms,
        initiated=initiator is not None and initiator.text == me,
        bursts=len(spoken.all()),
        others=sum(reference.text != me for reference in present),
    )


@cache
def _rows_of(table: Table) -> Any:
    """Made once: to make the statement takes longer than to run it. Its parameters are the names of the subject."""
    return select(table).where(_is_about_who(table)).order_by(*table.primary_key.columns)


@cache
def _whether_any() -> Any:
    """Of every table whether it has a row of the subject: most have none."""
    return select(*(exists(select(1).select_from(table).where(_is_about_who(table))) for table in inventory.tables()))


def _is_about_who(table: Table) -> Any:
    owner = inventory.owner(table)
    mine = [owner == bindparam("who")] if owner is not None else []
    device = inventory.device(table)
    if device is not None:
        mine.append(device.in_(select(devices.c.id).where(devices.c.subscriber_id == bindparam("who"))))
    for reference in inventory.references(table):
        mine += [type_coerce(reference, Text) == bindparam(area) for area in (HISTORY, AUDIT)]
    return or_(False, *mine)


def _refers_to_me(reference: Column[Any]) -> Any:
    """Compared as text: the column's type takes only what the vault made."""
    return type_coerce(reference, Text) == bindparam("me")


_PART = call_participants.c
_PARTS_OF_CALLS = {(Category.PARTICIPANTS, ""), (Category.CALL_RECORD, "")}
_CREATED = select(subjects.c.created_ms).where(subjects.c.id == bindparam("who"))
_PARTICIPATIONS = (
    select(_PART.call_id, _PART.started_ms, calls.c.started_ms, calls.c.ended_ms, calls.c.initiator, groups.c.name)
    .outerjoin(calls, calls.c.id == _PART.call_id)
    .outerjoin(groups, groups.c.id == calls.c.group_id)
    .where(_refers_to_me(_PART.subject))
    .order_by(_PART.started_ms.desc(), _PART.call_id)
)
_PRESENT = select(_PART.subject).where(_PART.call_id == bindparam("call"))
_SPOKEN = select(bursts.c.id).where(bursts.c.call_id == bindparam("call"), _refers_to_me(bursts.c.subject))


def _row(table: Table, row: Mapping[Any, Any], keys: SubjectVault, known_ms: int) -> HeldRow:
    """`known_ms`: since when the subject is known."""
    record = inventory.happening(table)
    since_ms = row[record.since] if record else _recorded_ms(table, row, known_ms)
    values = [
        _value(column, row, keys, known_ms if _ends_with_account(column) else since_ms)
        for column in table.columns
        if _is_shown(column) and row[column.name] is not None
    ]
    category = record.category if record else _category_of_lasting(table)
    return HeldRow(table.name, category, record is not None, since_ms, tuple(values))


def _category_of_lasting(table: Table) -> Category | None:
    owner = inventory.owner(table)
    if owner is None:
        owner = devices.c.subscriber_id if inventory.device(table) is not None else None
    category: Category | None = owner.info["category"] if owner is not None else None
    return category


def _ends_with_account(column: Column[Any]) -> bool:
    return is_lifecycle(column) and column.info["category"] is Category.IDENTIFIER


def _recorded_ms(table: Table, row: Mapping[Any, Any], otherwise_ms: int) -> int:
    name = next((name for name in _SINCE if name in table.columns), None)
    return otherwise_ms if name is None else int(row[name])


def _value(column: Column[Any], row: Mapping[Any, Any], keys: SubjectVault, since_ms: int) -> HeldValue:
    category, value = _category(column, row), row[column.name]
    if isinstance(value, Sealed):
        value = keys.open(value)
    secret = isinstance(value, bytes) or (category is Category.CREDENTIAL and isinstance(column.type, SealedType))
    hidden = secret or column in inventory.others(column.table)
    if isinstance(column.type, DatedType) and inventory.happening(column.table) is None:
        since_ms = value  # such as the last log-in: its own moment is its age
    extra = row["name"] if category is Category.EXTRA else ""
    named = _others(column, value) if hidden else ()
    return HeldValue(column.name, category, extra, None if hidden else value, since_ms, named, is_lifecycle(column))


def _category(column: Column[Any], row: Mapping[Any, Any]) -> Category | None:
    or_else, where = column.info.get("or_else", (None, ""))
    category: Category | None = or_else if where and row[where] is not None else column.info["category"]
    return category


def _others(column: Column[Any], value: Value) -> tuple[str, ...]:
    """Who else is named by a value that is not given out."""
    if column in inventory.others(column.table):
        return (str(value),)
    if isinstance(value, bytes) and column in (messages.c.recipients, deliveries.c.sender):
        return tuple(value.decode().split(","))
    return ()


@cache
def _is_shown(column: Column[Any]) -> bool:
    """Who the row is about stands above it; keys of ours, and what the organisation's people wrote, are not theirs."""
    named = column is inventory.owner(column.table) or column in inventory.references(column.table)
    if named or column.name == "tenant_id" or inventory.by_operators(column):
        return False
    return column.info["category"] is not None or column.type.python_type is not bytes


def _is_searchable(column: Column[Any]) -> bool:
    category = column.info["category"]
    if not isinstance(column.type, SealedType) or inventory.by_operators(column):
        return False
    return about(category).nature == "standing" and category is not Category.CREDENTIAL
