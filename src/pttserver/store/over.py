"""The statements that find and erase what is over in a table: made once, since to make one takes longer than to run it.

They take their values when they run: `tenant`, `cutoff_ms`, `whose` (the subjects that a cut-off is for, or that it
spares; references in a table of happenings), `sharers` (references of those who are spared what they have a part in),
`kept` (owners whose rows somebody else's events do not end), `own_field` and `limit`.
"""

from collections.abc import Mapping
from enum import Enum, auto
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    RowMapping,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.sql.visitors import ExternallyTraversible, replacement_traverse

from pttserver.store.columns import Happening, Lasting, Shared
from pttserver.store.governance_schema import subjects

TENANT = bindparam("tenant", type_=Text)
_CUTOFF = bindparam("cutoff_ms", type_=BigInteger)
_WHOSE = bindparam("whose", type_=Text, expanding=True)
_SHARERS = bindparam("sharers", type_=Text, expanding=True)
_LIMIT = bindparam("limit", type_=BigInteger)
_KEPT = bindparam("kept", type_=Text, expanding=True)
_OWN_FIELD = bindparam("own_field", type_=Text)
_ROWID: ColumnElement[int] = literal_column("rowid")


class Whom(Enum):
    """Whom a cut-off is for."""

    ALL = auto()
    ONE = auto()
    OTHERS = auto()
    """All but those who are spared."""


class Over:
    """Rows of a table that are over, as statements. `emptied`: the columns that lose their values; none: rows go."""

    def __init__(self, table: Table, condition: ColumnElement[bool], emptied: tuple[str, ...] = ()) -> None:
        found = select(_ROWID).select_from(table).where(condition)
        these = _ROWID.in_(found.limit(_LIMIT))
        self.table = table
        self.emptied = emptied
        self.condition = condition
        self.any_row = found.limit(1)
        self.subject_ids = select(subjects.c.id).where(condition).limit(_LIMIT)
        self.gone = update(table).where(these).values(dict.fromkeys(emptied)) if emptied else delete(table).where(these)

    def found(self, values: Mapping[str, Any]) -> ColumnElement[bool]:
        """The condition with its values in it, so that it can stand in one statement with others."""

        def put(element: ExternallyTraversible, **_: Any) -> Any:
            if not isinstance(element, BindParameter) or element.key not in values:
                return None
            return bindparam(element.key, values[element.key], element.type, unique=True, expanding=element.expanding)

        return replacement_traverse(self.condition, {}, put)


@cache
def old(table: Table, column: Column[Any] | None, whom: Whom, *, shared: Shared | None = None) -> Over:
    """Of what happened: rows, or a column's values, and with the reference to its subject all that is sealed.

    `shared`: without the rows that are about any of the `sharers` too.
    """
    record: Happening = table.info["happening"]
    subject = table.c[record.subject]
    found = and_(table.c.tenant_id == TENANT, table.c[record.since] <= _CUTOFF)
    if whom is Whom.ONE:
        found = and_(found, subject.in_(_WHOSE))
    elif whom is Whom.OTHERS:
        found = and_(found, or_(subject.is_(None), subject.not_in(_WHOSE)))
    if shared is not None:
        found = and_(found, not_(_is_shared(table, shared)))
    if column is None:
        return Over(table, found)
    emptied = [column.name]
    if column is subject:
        emptied += [each.name for each in table.columns if each.info.get("form") == "sealed" and each.nullable]
    return Over(table, and_(column.is_not(None), found), tuple(emptied))


def _is_shared(table: Table, how: Shared) -> ColumnElement[bool]:
    """Asked row by row, by the primary key of the other table: so it takes as long however much a sharer has there."""
    other = table.metadata.tables[how.table].alias()
    theirs = and_(other.c[how.by] == table.c[how.key], other.c[how.subject].in_(_SHARERS))
    return exists(select(literal_column("1")).select_from(other).where(theirs).correlate(table))


@cache
def ended(whom: Whom) -> Over:
    """Accounts."""
    return Over(subjects, and_(_mine(whom), subjects.c.kind != "tenant", subjects.c.created_ms <= _CUTOFF))


@cache
def outlived(table: Table, column: Column[Any] | None, whom: Whom) -> Over:
    """Of what lives: rows, or a column's values."""
    record: Lasting = table.info["lasting"]
    if column is None:
        return Over(table, _since(table, record.since, whom))
    since = record.since_of.get(column.name, record.since)
    return Over(table, and_(column.is_not(None), _since(table, since, whom)), (column.name,))


@cache
def outlived_by_another(table: Table) -> Over:
    """Rows of what lives, by the events of one whom they tell of; not those of owners who are to be kept."""
    record: Lasting = table.info["lasting"]
    assert record.about is not None
    assert record.since is not None
    told_of, owner = table.c[record.about].in_(select(subjects.c.id).where(_mine(Whom.ONE))), table.c[record.subject]
    return Over(table, and_(told_of, owner.not_in(_KEPT), table.c[record.since] <= _CUTOFF))


def is_outlived(table: Table, row: RowMapping, cutoff_ms: int | None) -> bool:
    """Whether what a row that was read says is over, by the column that it ages by."""
    since_ms = row[table.c[table.info["lasting"].since]]
    return cutoff_ms is not None and since_ms is not None and since_ms <= cutoff_ms


@cache
def contact(table: Table, whom: Whom) -> Over:
    """Fields with contact data."""
    return Over(table, and_(table.c.contact.is_not(None), _since(table, table.info["lasting"].since, whom)))


@cache
def own_field(table: Table, whom: Whom) -> Over:
    """Fields of the organisation's own, of one name."""
    named = and_(table.c.extra.is_not(None), table.c.name == _OWN_FIELD)
    return Over(table, and_(named, _since(table, table.info["lasting"].since, whom)))


def _since(table: Table, since: str | None, whom: Whom) -> ColumnElement[bool]:
    record: Lasting = table.info["lasting"]
    owners, owner = select(subjects.c.id).where(_mine(whom)), table.c[record.subject]
    if since is None:
        return owner.in_(owners.where(subjects.c.created_ms <= _CUTOFF))
    return and_(owner.in_(owners), table.c[since] <= _CUTOFF)


def _mine(whom: Whom) -> ColumnElement[bool]:
    mine: ColumnElement[bool] = subjects.c.tenant_id == TENANT
    if whom is Whom.ONE:
        return and_(mine, subjects.c.id.in_(_WHOSE))
    return and_(mine, subjects.c.id.not_in(_WHOSE)) if whom is Whom.OTHERS else mine
