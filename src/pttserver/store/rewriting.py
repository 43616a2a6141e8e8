"""Values that an earlier policy let in are brought into the form that the policy demands now: cut, or made pseudonyms.

Before each value stands its form (privacy/forms.py), and a reference tells by its beginning whether look-ups follow it:
so what is laxer than the policy is found without opening anything, and what was rewritten is not found again. A policy
that became laxer finds nothing. What cannot be brought into the new form, or opened, is taken away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)

from pttserver.errors import SealBroken
from pttserver.ids import TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import FORM_BYTES, FORMED, strict_enough
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import Rule, Storage
from pttserver.privacy.released import Released
from pttserver.store.columns import Reference, ReferenceType, Sealed, SealedType
from pttserver.store.schema import subscriber_fields, subscribers
from pttserver.store.vault import FOLLOWED, SubjectVault, Vault

_rowid: ColumnElement[int] = literal_column("rowid")


@dataclass(slots=True)
class Rewriting:
    """Values of a column that are in a laxer form than `gate` allows.

    `owner`: names the subject, by its identifier, or by a reference, for which `names` has the identifier. `since`: the
    moment of a record, by which the tenant's are in order. `passed`: moment and number of the last row that was looked
    at; one before it that was not rewritten after all is found by the next plan.
    """

    gate: Gate
    vault: Vault
    tenant_id: TenantId
    table: Table
    column: Column[Any]
    owner: Column[Any]
    over: ColumnElement[bool]
    extra: str = ""
    names: Mapping[str, str] | None = None
    since: Column[Any] | None = None
    passed: tuple[int, int] | None = None

    @property
    def category(self) -> Category:
        category: Category = self.column.info["category"]
        return category

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name} rewritten"

    @property
    def found(self) -> ColumnElement[bool]:
        return self.over

    def finds_any(self, sql: Connection) -> bool:
        return sql.execute(select(_rowid).select_from(self.table).where(self.over).limit(1)).first() is not None

    def rewrite(self, sql: Connection, limit: int) -> int:
        """Up to `limit` values; gives how many. No batch looks at the rows of the batch before."""
        since: ColumnElement[int] = _rowid if self.since is None else type_coerce(self.since, BigInteger)
        columns = (_rowid.label("row"), since.label("at"), self.owner.label("owner"), self.column.label("value"))
        ahead = select(*columns).where(self.over).order_by(since, _rowid).limit(limit)
        if self.passed is not None:
            at, row = self.passed
            ahead = ahead.where(since >= at, or_(since > at, _rowid > row))
        rows = sql.execute(ahead).all()
        owners = {row.row: self._subject_id(row.owner) for row in rows}
        keys = self.vault.subjects(sql, sorted({who for who in owners.values() if who is not None}))
        new = [{"row": row.row} | self._again(sql, keys.get(owners[row.row] or ""), row.value) for row in rows]
        self._put(sql, [values for values in new if values[self.column.name] is not None])
        self._take_away(sql, [values for values in new if values[self.column.name] is None])
        self.passed = (rows[-1].at, rows[-1].row) if rows else self.passed
        return len(rows)

    def _subject_id(self, owner: str | Reference | None) -> str | None:
        if isinstance(owner, Reference):
            return (self.names or {}).get(owner.text)
        return owner

    def _again(self, sql: Connection, keys: SubjectVault | None, value: Sealed | Reference) -> dict[str, Any]:
        """The columns of the row with what they hold from now on."""
        if keys is None:
            return self._values(None)
        if isinstance(value, Reference):
            return self._values(keys.refer(self._released(keys, keys.subject_id)))
        try:
            opened = keys.open(value)
            # Octets are no text to be cut or told equal: the gate keeps nothing of them under such a policy either.
            released = None if isinstance(opened, bytes) else self._released(keys, opened)
        except SealBroken:
            return self._values(None)
        values = self._values(keys.seal(released))
        if self.column is subscribers.c.identifier and released is not None:
            values["identifier_index"] = self._index(sql, keys, value, released)
        return values

    def _released(self, keys: SubjectVault, value: Any) -> Released | None:
        return self.gate.again(self.category, keys.subject_id, value, extra=self.extra)

    def _values(self, new: Sealed | Reference | None) -> dict[str, Any]:
        values: dict[str, Any] = {self.column.name: new}
        return values | {"identifier_index": None} if self.column is subscribers.c.identifier else values

    def _index(self, sql: Connection, keys: SubjectVault, old: Sealed, released: Released) -> bytes | None:
        """A pseudonym of what was cut before is looked up by its subject's id only: others may have the same part."""
        was_cut = keys.is_cut(old)
        if was_cut and self.gate.policy.rule(self.category).storage is Storage.PSEUDONYMISED:
            return None
        return self.vault.index_of(sql, self.tenant_id, released)

    def _put(self, sql: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """A reference takes the place of its equal: somebody may have been written down in both forms."""
        if rows:
            names = [name for name in rows[0] if name != "row"]
            new = {name: bindparam(f"new_{name}", type_=self.table.c[name].type) for name in names}
            put = update(self.table).where(bindparam("of_row") == _rowid).values(new)
            twice = isinstance(self.column.type, ReferenceType)
            given = [{"of_row": each["row"]} | {f"new_{name}": each[name] for name in names} for each in rows]
            sql.execute(put.prefix_with("OR REPLACE") if twice else put, given)

    def _take_away(self, sql: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """A row whose only value is gone goes too."""
        whole = not self.column.nullable or self.table is subscriber_fields
        these = _rowid.in_([each["row"] for each in rows])
        if rows and whole:
            sql.execute(delete(self.table).where(these))
        elif rows:
            sql.execute(update(self.table).where(these).values(self._values(None)))


def laxer(column: Column[Any], rule: Rule) -> ColumnElement[bool] | None:
    """Which values of a column must be rewritten under a rule; None: none of any column like it."""
    enough = strict_enough(rule)
    if enough is None or column.info["category"] not in FORMED:
        return None
    if isinstance(column.type, SealedType):
        form = func.substr(type_coerce(column, LargeBinary), 1, FORM_BYTES, type_=LargeBinary)
        return and_(column.is_not(None), form.not_in(sorted(enough)))
    if isinstance(column.type, ReferenceType) and rule.storage is Storage.PSEUDONYMISED:
        return func.substr(type_coerce(column, Text), 1, len(FOLLOWED), type_=Text) == FOLLOWED
    return None


def formed(table: Table) -> Iterator[Column[Any]]:
    """The columns of a table whose values have forms. What operators wrote is under another key, and is theirs."""
    for column in table.columns:
        of_people = isinstance(column.type, (SealedType, ReferenceType)) and column.info.get("of") != "tenant"
        if column.info["category"] in FORMED and of_people:
            yield column
