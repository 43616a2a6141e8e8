"""Columns that say what they hold: nothing about a person, or which category of personal data, and in which form.

Between the two is what is confidential: an organisation wrote it about nobody, but it may hint at people.

A personal column takes only what the gate released and the vault sealed, so that writing past the policy fails at the
first try. Every column declares itself (`Column.info["category"]`); tests/store/test_inventory.py refuses one that does
not. The data inventory and the Article 30 register are made from these declarations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import BigInteger, Column, Dialect, ForeignKey, LargeBinary, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released

Keyholder = Literal["subject", "tenant", "either"]
LINK: Final = "drawn at random; whom it stands for is sealed"
CONFIDENTIAL: Final = "confidential"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value of one category, encrypted under its subject's key; the vault makes and opens it."""

    category: Category
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of a subject in the records: it means nothing once the subject's key is gone."""

    category: Category
    text: str


@dataclass(frozen=True, slots=True)
class Confidential:
    """What an organisation wrote, encrypted under the key that it has for itself; `store/confidential.py` makes it.

    `what`: which of its values it is, such as `fence.name`; a seal opens as that only.
    """

    what: str
    octets: bytes = field(repr=False)


class SealedType(TypeDecorator[Sealed]):
    """Octets in the database; anything but a Sealed of the column's category is refused."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, category: Category) -> None:
        super().__init__()
        self.category = category

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, Sealed) or value.category is not self.category:
            raise TypeError(f"a {self.category.value} column takes only what the vault sealed for it")
        return value.octets

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Sealed | None:
        return None if value is None else Sealed(self.category, value)


class ConfidentialType(TypeDecorator[Confidential]):
    """Octets in the database; anything but a Confidential of the column's own is refused."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, Confidential) or value.what != self.what:
            raise TypeError(f"a {self.what} column takes only what was sealed for it")
        return value.octets

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Confidential | None:
        return None if value is None else Confidential(self.what, value)


class ReferenceType(TypeDecorator[Reference]):
    """Text in the database; anything but a Reference of the column's category is refused."""

    impl = Text
    cache_ok = True

    def __init__(self, category: Category) -> None:
        super().__init__()
        self.category = category

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not isinstance(value, Reference) or value.category is not self.category:
            raise TypeError(f"a {self.category.value} reference is made by the vault only")
        return value.text

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return Text()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Reference | None:
        return None if value is None else Reference(self.category, value)


class DatedType(TypeDecorator[int]):
    """UTC milliseconds of something that somebody did: written as the gate released it, compared as a number."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, category: Category) -> None:
        super().__init__()
        self.category = category

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if not isinstance(value, Released) or value.category is not self.category or not isinstance(value.value, int):
            raise TypeError(f"a {self.category.value} column takes only what the gate released for it")
        return value.value

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return BigInteger()


@dataclass(frozen=True, slots=True)
class Shared:
    """Rows that are about others too: about whom `subject` names in the rows of `table` whose `by` is `key` here.

    `covers`: the categories in which a row is about them. A hold of theirs on one of these, or restriction, spares it.
    """

    table: str
    subject: str
    by: str
    key: str
    covers: frozenset[Category]


@dataclass(frozen=True, slots=True)
class Happening:
    """A table of records with an age: whose rule its rows live by, and the column that the age counts from.

    `subject`: the reference by which events and holds of one person find its rows. `shared`: how those of others do.
    `purpose`: what they are written for, where that is not so of all that is of the category.
    """

    category: Category
    since: str
    subject: str = "subject"
    shared: Shared | None = None
    purpose: Purpose | None = None


@dataclass(frozen=True, slots=True)
class Lasting:
    """A table of what lives. Its personal columns are emptied as their categories end.

    `subject`: the column with the subject's identifier. `category`: the rule that the row as a whole lives by; None: it
    goes with its subject. `since`: the column that ages and events count from, by column where one differs; None: since
    the subject is known. `about`: the column with somebody else whom a row tells of, and whose events end it too.
    """

    subject: str
    category: Category | None = None
    since: str | None = None
    since_of: Mapping[str, str] = field(default_factory=dict)
    about: str | None = None


def sealed(
    name: str,
    category: Category,
    *,
    nullable: bool = True,
    of: Keyholder = "subject",
    purpose: Purpose | None = None,
) -> Column[Sealed]:
    """A personal value, encrypted under the key of its row's subject, or of the tenant: what its operators wrote.

    `either`: what they wrote of a subject dies with it; the tenant's key is for rows that are about nobody.
    `purpose`: what it is written for, where that is not so of all that is of the category.
    """
    info = {"category": category, "form": "sealed", "of": of, "purpose": purpose}
    return Column(name, SealedType(category), nullable=nullable, info=info)


def reference(name: str, category: Category, *, primary_key: bool = False) -> Column[Reference]:
    """Who it was, under a name that dies with the subject's key."""
    info = {"category": category, "form": "reference"}
    return Column(name, ReferenceType(category), nullable=not primary_key, primary_key=primary_key, info=info)


def dated(name: str, category: Category, *, nullable: bool = False) -> Column[int]:
    """When it happened, or how long it took, in clear; `LINK` columns beside it say nothing of whose it is."""
    because = "retention counts from it, and nothing beside it in clear says whose it is"
    return in_clear(name, DatedType(category), category, because, nullable=nullable)


def linking(
    name: str, category: Category, *more: Any, kind: TypeEngine[Any] | None = None, because: str = LINK, **options: Any
) -> Column[Any]:
    """Ties rows of one subject together. It stands in clear: whose they are is sealed."""
    return in_clear(name, kind or Text(), category, because, *more, **options)


def in_clear(
    name: str, kind: TypeEngine[Any], category: Category, because: str, *more: Any, **options: Any
) -> Column[Any]:
    """Tells something of a person as it is. `because`: what cannot be done without; store/reasons.py has most."""
    options.setdefault("nullable", False)
    return Column(name, kind, *more, info={"category": category, "form": "plain", "because": because}, **options)


def lifecycle(
    name: str, kind: TypeEngine[Any], category: Category, because: str, *more: Any, **options: Any
) -> Column[Any]:
    """A state in the life of an account or of what belongs to it: kept whatever the policy keeps of its category.

    It goes with its row and is never emptied before, since without it the row would say something else; and whoever
    administers sees it. Of the category identifier: it ends with the account (`Policy.account`).
    """
    column = in_clear(name, kind, category, because, *more, **options)
    column.info["lifecycle"] = True
    return column


def lifecycle_moment(name: str, category: Category, because: str, *, nullable: bool = False) -> Column[int]:
    """UTC milliseconds of a change in the life of an account or of what belongs to it; see `lifecycle`."""
    return lifecycle(f"{name}_ms", BigInteger(), category, because, nullable=nullable)


def is_lifecycle(column: Column[Any]) -> bool:
    """Whether it goes with its row only."""
    return bool(column.info.get("lifecycle"))


def or_else(column: Column[Any], category: Category, where: str) -> Column[Any]:
    """The same column: of another category in the rows in which the column `where` is filled."""
    column.info["or_else"] = (category, where)
    return column


def impersonal(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]], *more: Any, **options: Any) -> Column[Any]:
    """Says nothing about a person."""
    options.setdefault("nullable", False)
    return Column(name, kind, *more, info={"category": None}, **options)


def confidential(name: str, what: str) -> Column[Confidential]:
    """What an organisation writes that is about nobody by its purpose, but may hint at people: a name that it chose.

    It is of no category, so no period ends it and no export has it; it goes with the organisation.
    """
    return Column(name, ConfidentialType(what), nullable=False, info={"category": None, "form": CONFIDENTIAL})


def confidential_index(name: str) -> Column[bytes]:
    """What the exact text of a confidential column is found by."""
    because = "a keyed digest: it finds the text again, and says nothing without the key of the organisation"
    info = {"category": None, "form": CONFIDENTIAL, "because": because}
    return Column(name, LargeBinary, nullable=False, info=info)


def identity(name: str = "id") -> Column[str]:
    """An identifier drawn at random."""
    return impersonal(name, Text, primary_key=True)


def part_of(table: str, *, primary_key: bool = False) -> Column[str]:
    """`tenants` -> `tenant_id`, which dies with the tenant."""
    owner = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return impersonal(f"{table[:-1]}_id", Text, owner, primary_key=primary_key)


def moment(name: str, *, nullable: bool = False) -> Column[int]:
    """UTC milliseconds of something that is not about a person."""
    return impersonal(f"{name}_ms", BigInteger, nullable=nullable)
