"""A step of a sweep: what is over by one cut-off, and whom the cut-off is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, select

from pttserver.privacy.categories import Category
from pttserver.store.governance_schema import subjects
from pttserver.store.over import Over, Whom

_SHREDDED_PER_ROW = 50  # what hangs on a subject, roughly: so much smaller is a batch of subjects


@dataclass(frozen=True, slots=True)
class Step:
    """What is over by one cut-off. `values`: those that the statements take."""

    category: Category
    over: Over
    values: Mapping[str, Any] = field(repr=False)

    @property
    def table(self) -> Table:
        return self.over.table

    @property
    def name(self) -> str:
        return ".".join((self.table.name, *self.over.emptied[:1]))

    @property
    def column(self) -> Column[Any] | None:
        """Whose values are over; None: rows are."""
        return self.table.c[self.over.emptied[0]] if self.over.emptied else None

    @property
    def takes_all(self) -> bool:
        """Every row of what happened, whoever's it is, up to the cut-off."""
        named = self.values.keys() & {"whose", "sharers"}
        return "happening" in self.table.info and self.column is None and not named

    @property
    def found(self) -> ColumnElement[bool]:
        return self.over.found(self.values)

    def finds_any(self, sql: Connection) -> bool:
        return sql.execute(self.over.any_row, self.values).first() is not None

    def erase(self, sql: Connection, limit: int) -> int:
        """Up to `limit` rows; gives how many. Not of subjects: those that are `due` are shredded."""
        return sql.execute(self.over.gone, {**self.values, "limit": limit}).rowcount

    def due(self, sql: Connection, limit: int) -> list[str]:
        """The subjects to shred, so many as weigh about as much as `limit` rows."""
        some = max(1, limit // _SHREDDED_PER_ROW)
        return list(sql.scalars(self.over.subject_ids, {**self.values, "limit": some}))

    def all_due(self, sql: Connection) -> list[str]:
        return list(sql.scalars(select(subjects.c.id).where(self.found)))


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a cut-off is for: one subject only, or all but those who are spared."""

    cutoff_ms: int
    only: str | None = None
    spared: frozenset[str] = frozenset()

    def without(self, others: frozenset[str]) -> "Reach | None":
        """Those are spared too; None: there is nobody left."""
        if self.only is not None:
            return None if self.only in others else self
        return replace(self, spared=self.spared | others)

    @property
    def whom(self) -> Whom:
        if self.only is not None:
            return Whom.ONE
        return Whom.OTHERS if self.spared else Whom.ALL

    @property
    def named(self) -> list[str]:
        return sorted(self.spared) if self.only is None else [self.only]
