"""How much a plan would take, counted as a sweep counts it: rows that go, and values that go from rows that stay.

Theory of operation. Nothing is written, so that it can be asked at any time, by readers.
 1. The steps are looked at in their order. Each counts what it finds, without what a step before it takes: the row,
    the value, or the row that it is part of (by a foreign key, or since it is about somebody who is shredded).
 2. So everything counts once, and what goes along with a row does not count beside it: not the steps of an alert, not
    the devices of a subscriber, not the address beside the reference by which its key is found. SQLite tells a sweep no
    other numbers.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, Table, Text, bindparam, func, or_, select, true

from pttserver.privacy.categories import Category
from pttserver.store import shredding
from pttserver.store.audit import over_entries
from pttserver.store.expiry import Plan
from pttserver.store.governance_schema import subjects
from pttserver.store.rewriting import Rewriting
from pttserver.store.steps import Step
from pttserver.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Due:
    """What a sweep would take: `rows` of a table, or as many values of a column that is named after it."""

    category: Category
    where: str
    rows: int

    @property
    def in_words(self) -> str:
        """`1 row`, `2,000 values`."""
        kind = "value" if "." in self.where else "row"
        return f"{self.rows:,} {kind if self.rows == 1 else f'{kind}s'}"


def due(sql: Connection, vault: Vault, made: Plan | None) -> list[Due]:
    """Within the reading transaction in which the plan was made; what of it counts at all, in its order."""
    if made is None:
        return []
    taken, found = _Taken(sql, vault), Counter[tuple[Category, str]]()
    for step in made.steps:
        found[step.category, step.name] += taken.more_by(step)
    if made.audit_cutoff_ms is not None:
        found[Category.AUDIT_LOG, "audit_entries"] += over_entries(
            sql, made.tenant_id, made.audit_cutoff_ms, made.at_ms
        )
    return [Due(category, where, rows) for (category, where), rows in found.items() if rows]


class _Taken:
    """By the steps up to now, as conditions on rows."""

    def __init__(self, sql: Connection, vault: Vault) -> None:
        self._sql, self._vault = sql, vault
        self._rows = defaultdict[Table, list[ColumnElement[bool]]](list)
        self._all_until_ms: dict[Table, int] = {}
        self._values = defaultdict[Column[object], list[ColumnElement[bool]]](list)

    def more_by(self, step: Step | Rewriting) -> int:
        """How much the next step takes."""
        if isinstance(step, Step) and self._all_until_ms.get(step.table, -1) >= step.values["cutoff_ms"]:
            return 0  # to ask would tell the same, row by row
        taken = self._rows_of(step.table)
        if step.column is not None:
            taken += self._values[step.column]
        left = [each.is_not(true()) for each in taken]  # one that is neither true nor false takes nothing
        number = self._sql.scalar(select(func.count()).select_from(step.table).where(step.found, *left))
        if isinstance(step, Step):  # what is rewritten no other step looks at
            self._take(step.table, step.found, step.over.emptied)
            if step.takes_all:
                self._all_until_ms[step.table] = step.values["cutoff_ms"]
            if step.table is subjects:
                self._shred(step)
        return number or 0

    def _rows_of(self, table: Table) -> list[ColumnElement[bool]]:
        """Which of them go: by themselves, or with what they are part of."""
        taken = list(self._rows[table])
        for key in table.foreign_keys:
            owners = self._rows_of(key.column.table) if key.ondelete == "CASCADE" else []
            if owners:
                taken.append(key.parent.in_(select(key.column).where(or_(*owners))))
        return taken

    def _take(self, table: Table, found: ColumnElement[bool], emptied: tuple[str, ...]) -> None:
        if not emptied:
            self._rows[table].append(found)
        for name in emptied:
            self._values[table.c[name]].append(found)

    def _shred(self, step: Step) -> None:
        people = step.all_due(self._sql)
        names = [name for who in people for name in shredding.names_of(self._sql, self._vault, who)]
        each = func.json_each(bindparam("names", json.dumps(names), Text, unique=True)).table_valued("value")
        for table, theirs, blanked in shredding.gone_with(select(each.c.value), shredding.OWN):
            self._take(table, theirs, blanked)
