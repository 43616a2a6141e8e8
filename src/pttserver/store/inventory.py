"""The data inventory: what the database holds about people, read from what the columns of its schema declare.

From it come the Article 30 register, the search for a person and the export of all that is held about one; so a new
personal column is in all of them at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Column, Table

from pttserver.privacy.categories import Category
from pttserver.store.columns import CONFIDENTIAL, Happening, ReferenceType, is_lifecycle
from pttserver.store.tables import metadata

_OWNERS = frozenset({"subjects.id", "subscribers.id"})
_FORMS = {
    "sealed": "encrypted under the key of its {of}",
    "reference": "a name that means nothing once the key of the person is gone",
    CONFIDENTIAL: "about nobody, but it may hint at people: encrypted under the key of its organisation",
}
_KEYHOLDERS = {
    "subject": "person",
    "tenant": "organisation",
    "either": "person; of the organisation where it is about nobody",
}


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """A column. `form`: sealed, reference, plain, confidential or impersonal; the last two are of no category.

    `subject`: whom a row is about. `why`: of the form. `or_else`: of which category it is in some of the rows instead.
    `lifecycle`: see store/columns.py.
    """

    table: str
    column: str
    category: Category | None
    form: str
    subject: str
    why: str
    or_else: Category | None = None
    lifecycle: bool = False


def tables() -> list[Table]:
    """All, by name."""
    return sorted(metadata.tables.values(), key=lambda table: table.name)


def inventory() -> list[InventoryRow]:
    """Every column of the database. Raises ValueError for one that does not say what it holds."""
    return [_row(table, column) for table in tables() for column in table.columns]


def personal() -> list[InventoryRow]:
    """The columns that hold something about people."""
    return [row for row in inventory() if row.category is not None]


def confidential() -> list[InventoryRow]:
    """The columns of what organisations write about nobody, which may hint at people."""
    return [row for row in inventory() if row.form == CONFIDENTIAL]


@cache
def owner(table: Table) -> Column[str] | None:
    """The column that names the subject of a row by its identifier; None: there is none."""
    return next(_naming_a_subject(table), None)


@cache
def device(table: Table) -> Column[str] | None:
    """The column that names the device of a row, whose subject is that of the device; None: a row has its own, or none.

    What belongs to a device goes with it.
    """
    named = (c for c in table.columns if any(key.target_fullname == "devices.id" for key in c.foreign_keys))
    return next(named, None) if owner(table) is None else None


@cache
def others(table: Table) -> list[Column[str]]:
    """The columns that name somebody else than the subject of a row."""
    return list(_naming_a_subject(table))[1:]


@cache
def references(table: Table) -> list[Column[str]]:
    """The columns that name a subject by a reference."""
    return [column for column in table.columns if isinstance(column.type, ReferenceType)]


def happening(table: Table) -> Happening | None:
    """Set for records that have an age."""
    return table.info.get("happening")


def key_of_tenant(column: Column[object]) -> bool:
    """Whether its values are sealed under the key that the tenant has for itself, whomever a row is about."""
    return column.info.get("of") == "tenant"


def by_operators(column: Column[object]) -> bool:
    """Whether its values are what people wrote who act for the tenant: they are not the subject's to be given out."""
    return column.info.get("of") in {"tenant", "either"}


def _naming_a_subject(table: Table) -> Iterator[Column[str]]:
    if table.name == "subjects":
        yield table.c.id
    for column in table.columns:
        if any(key.target_fullname in _OWNERS for key in column.foreign_keys):
            yield column


def _row(table: Table, column: Column[object]) -> InventoryRow:
    if "category" not in column.info:
        raise ValueError(f"{table.name}.{column.name} does not say which category of personal data it holds, or none")
    form = column.info.get("form", "impersonal")
    why = column.info.get("because") or _FORMS.get(form, "").format(of=_keyholder(column))
    category, (or_else, _) = column.info["category"], column.info.get("or_else", (None, ""))
    subject = _subject(table, column)
    return InventoryRow(table.name, column.name, category, form, subject, why, or_else, is_lifecycle(column))


def _keyholder(column: Column[object]) -> str:
    return _KEYHOLDERS[column.info.get("of", "subject")]


def _subject(table: Table, column: Column[object]) -> str:
    if column.info["category"] is None:
        return ""
    if key_of_tenant(column):
        return "who acts for the organisation"
    named = owner(table)
    if named is not None:
        return f"the person of {named.name}"
    of_device = device(table)
    if of_device is not None:
        return f"whose device {of_device.name} is"
    names = " or ".join(reference.name for reference in references(table))
    return f"whom {names} refers to" if names else ""
