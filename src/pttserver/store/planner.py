"""What of a tenant is over, and what is laxer than its policy allows: steps, found by what the schema declares.

In a table of happenings rows go by the rule of their table, and single columns before them by their own. Of what lives
columns are emptied, and a subscriber whose identifier is over is shredded. What is sealed in a row goes with the
reference to its subject: without it nobody could find the key. What stays is rewritten where the policy wants it in a
stricter form. The audit log, a chain, is pruned elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    exists,
    or_,
    select,
)

from pttserver.ids import TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.gate import Gate
from pttserver.store.columns import Happening, Lasting, ReferenceType
from pttserver.store.governance_schema import audit_entries, subjects
from pttserver.store.holds import holds_on, restricted_subjects
from pttserver.store.over import TENANT, Over, Whom, contact, ended, old, outlived, own_field
from pttserver.store.rewriting import Rewriting, formed, laxer
from pttserver.store.schema import subscriber_fields
from pttserver.store.tables import metadata
from pttserver.store.vault import Vault

_SHREDDED_PER_ROW = 50  # what hangs on a subject, roughly: so much smaller is a batch of subjects
_CHAINED = frozenset({audit_entries})
_OWN_FIELDS = (
    select(subscriber_fields.c.name)
    .distinct()
    .where(subscriber_fields.c.subscriber_id.in_(select(subjects.c.id).where(subjects.c.tenant_id == TENANT)))
    .where(subscriber_fields.c.extra.is_not(None))
)


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

    def count(self, sql: Connection) -> int:
        return sql.scalar(self.over.number, self.values) or 0

    def finds_any(self, sql: Connection) -> bool:
        return sql.execute(self.over.any_row, self.values).first() is not None

    def erase(self, sql: Connection, limit: int) -> int:
        """Up to `limit` rows; gives how many. Not of subjects: those that are `due` are shredded."""
        return sql.execute(self.over.gone, {**self.values, "limit": limit}).rowcount

    def due(self, sql: Connection, limit: int) -> list[str]:
        """The subjects to shred, so many as weigh about as much as `limit` rows."""
        some = max(1, limit // _SHREDDED_PER_ROW)
        return list(sql.scalars(self.over.subject_ids, {**self.values, "limit": some}))


@dataclass(frozen=True, slots=True)
class _Reach:
    """Whom a cut-off is for: one subject only, or all but those who are spared."""

    cutoff_ms: int
    only: str | None = None
    spared: frozenset[str] = frozenset()

    @property
    def whom(self) -> Whom:
        if self.only is not None:
            return Whom.ONE
        return Whom.OTHERS if self.spared else Whom.ALL

    @property
    def named(self) -> list[str]:
        return sorted(self.spared) if self.only is None else [self.only]


class Planner:
    """Within one state of the database, at the time of the cut-offs. `only`: of one subject."""

    def __init__(self, sql: Connection, vault: Vault, tenant_id: TenantId, cutoffs: Cutoffs, only: str | None) -> None:
        self._sql = sql
        self._only = only
        self._vault = vault
        self._tenant_id = tenant_id
        self.cutoffs = cutoffs
        self._holds = holds_on(sql, tenant_id, None, cutoffs.now_ms)
        self._restricted = restricted_subjects(sql, tenant_id)
        self._filled = self._find_filled()

    def steps(self) -> Iterator[Step | Rewriting]:
        """First whom to shred: what hangs on it need not be looked at again. Last what stays, in another form."""
        yield from self._accounts()
        for table in self._filled:
            happening, lasting = table.info.get("happening"), table.info.get("lasting")
            if happening is not None and table not in _CHAINED:
                yield from self._happenings(table, happening)
            if lasting is not None:
                yield from self._fields(table) if table is subscriber_fields else self._lasting(table, lasting)
        if self._only is None:
            yield from self._rewritings()

    def _find_filled(self) -> list[Table]:
        """Those in which something may be over: most organisations have nothing in many tables."""
        has_any = self._sql.execute(_whether_any(), {"tenant": self._tenant_id}).one()
        return [table for table, any_row in zip(metadata.sorted_tables, has_any, strict=True) if any_row]

    def _reaches(self, category: Category, touched: frozenset[Category], extra: str = "") -> Iterator[_Reach]:
        """`touched`: the categories that go too; a hold on any of them spares it."""
        held = self._held(touched)
        if held is None:
            return
        if self._only is not None:
            cutoff_ms = self.cutoffs.gone(category, self._only, extra)
            if cutoff_ms is not None and self._only not in held:
                yield _Reach(cutoff_ms, only=self._only)
            return
        general = self.cutoffs.gone(category, extra=extra)
        own = {who: self.cutoffs.gone(category, who, extra) for who in self.cutoffs.events.of_subjects}
        differing = {who: cutoff for who, cutoff in own.items() if cutoff != general}
        if general is not None:
            earlier = {who for who, cutoff in differing.items() if cutoff is None or cutoff < general}
            yield _Reach(general, spared=held | earlier)
        for who, cutoff in differing.items():
            if cutoff is not None and who not in held:
                yield _Reach(cutoff, only=who)

    def _held(self, touched: frozenset[Category]) -> frozenset[str] | None:
        """Whose rows are spared, by a hold on any of the categories or by restriction; None: everybody's."""
        covering = [hold for hold in self._holds if hold.category is None or hold.category in touched]
        if any(hold.subject_id is None for hold in covering):
            return None
        return self._restricted | {hold.subject_id for hold in covering if hold.subject_id}

    def audit_cutoff_ms(self) -> int | None:
        """The log is a chain, of which no entry in the midst can go: a hold on one subject keeps all."""
        covering = [hold for hold in self._holds if hold.category in (None, Category.AUDIT_LOG)]
        cutoff_ms = None if covering or self._only else self.cutoffs.gone(Category.AUDIT_LOG)
        if cutoff_ms is None:
            return None
        entry = audit_entries.c
        over = select(entry.sequence).where(entry.tenant_id == self._tenant_id, entry.at_ms <= cutoff_ms).limit(1)
        return cutoff_ms if self._sql.scalar(over) is not None else None

    # What happened -----------------------------------------------------------------------------------------------

    def _happenings(self, table: Table, record: Happening) -> Iterator[Step]:
        for reach in self._reaches(record.category, _categories(table)):
            yield self._step(record.category, old(table, None, reach.whom), reach)
        for column in table.columns:
            category = column.info["category"]
            if column.nullable and category not in (None, record.category):
                # a hold on anything of a row keeps the reference too: by it the hold finds the row
                touched = _categories(table) if column.name == record.subject else frozenset({category})
                for reach in self._reaches(category, touched):
                    yield self._step(category, old(table, column, reach.whom), reach)

    def _step(self, category: Category, over: Over, reach: _Reach, **more: str) -> Step:
        values: dict[str, Any] = {"tenant": self._tenant_id, "cutoff_ms": reach.cutoff_ms, **more}
        if reach.named:
            values["whose"] = self._references(reach.named) if "happening" in over.table.info else reach.named
        return Step(category, over, values)

    def _references(self, subject_ids: Sequence[str]) -> list[str]:
        known = self._vault.subjects(self._sql, subject_ids)
        return [name for keys in known.values() for name in keys.references()]

    # What lives --------------------------------------------------------------------------------------------------

    def _accounts(self) -> Iterator[Step]:
        """A subject goes as a whole, so that a hold on any of its categories spares it."""
        account = self.cutoffs.account
        for reach in self._reaches(account, frozenset(Category)):
            yield self._step(account, ended(reach.whom), reach)

    def _lasting(self, table: Table, record: Lasting) -> Iterator[Step]:
        if record.category is not None:
            for reach in self._reaches(record.category, _categories(table)):
                yield self._step(record.category, outlived(table, None, reach.whom), reach)
        for column in table.columns:
            category = column.info["category"]
            if column.nullable and category not in (None, record.category):
                for reach in self._reaches(category, frozenset({category})):
                    yield self._step(category, outlived(table, column, reach.whom), reach)

    def _fields(self, table: Table) -> Iterator[Step]:
        """A field is a row: either contact data, or one of the organisation's own, which has a rule by its name."""
        for reach in self._reaches(Category.CONTACT_DATA, frozenset({Category.CONTACT_DATA})):
            yield self._step(Category.CONTACT_DATA, contact(table, reach.whom), reach)
        for name in self._own_fields():
            for reach in self._reaches(Category.EXTRA, frozenset({Category.EXTRA}), name):
                yield self._step(Category.EXTRA, own_field(table, reach.whom), reach, own_field=name)

    def _own_fields(self) -> Sequence[str]:
        """Names of the organisation's own fields that anybody has."""
        return self._sql.scalars(_OWN_FIELDS, {"tenant": self._tenant_id}).all()

    # What stays ---------------------------------------------------------------------------------------------------

    def _rewritings(self) -> Iterator[Rewriting]:
        for table in self._filled:
            for column in () if table in _CHAINED else formed(table):
                held = self._held(frozenset({column.info["category"]}))
                if held is not None:
                    yield from self._rewriting(table, column, held)

    def _rewriting(self, table: Table, column: Column[Any], held: frozenset[str]) -> Iterator[Rewriting]:
        category, happening = column.info["category"], table.info.get("happening")
        for extra in self._own_fields() if category is Category.EXTRA else [""]:
            wrong = laxer(column, self.cutoffs.policy.rule(category, extra))
            if wrong is None:
                continue
            named = table.c[(happening or table.info["lasting"]).subject]
            owner = column if isinstance(column.type, ReferenceType) else named  # a row may refer to several people
            over = and_(wrong, self._theirs(table, owner, held, by_reference=happening is not None))
            if extra:
                over = and_(over, table.c.name == extra)
            made = Rewriting(Gate(self.cutoffs.policy), self._vault, self._tenant_id, table, column, owner, over, extra)
            if made.finds_any(self._sql):
                yield made if happening is None else replace(made, names=self._names(), since=table.c[happening.since])

    def _theirs(
        self, table: Table, owner: Column[Any], held: frozenset[str], *, by_reference: bool
    ) -> ColumnElement[bool]:
        if not by_reference:
            theirs = select(subjects.c.id).where(subjects.c.tenant_id == self._tenant_id)
            return owner.in_(theirs.where(subjects.c.id.not_in(sorted(held))) if held else theirs)
        mine = table.c.tenant_id == self._tenant_id
        if not held:
            return mine
        return and_(mine, or_(owner.is_(None), owner.not_in(self._references(sorted(held)))))

    def _names(self) -> dict[str, str]:
        known = self._vault.of_tenant(self._sql, self._tenant_id)
        return {name: keys.subject_id for keys in known for name in keys.references()}


@cache
def _whether_any() -> Any:
    """Of every table whether it has a row; of happenings, which are in order by tenant, one of the tenant's."""
    return select(*(exists(_any_row(table)) for table in metadata.sorted_tables))


def _any_row(table: Table) -> Any:
    any_row = select(1).select_from(table)
    return any_row.where(table.c.tenant_id == TENANT) if "happening" in table.info else any_row


@cache
def _categories(table: Table) -> frozenset[Category]:
    return frozenset(column.info["category"] for column in table.columns if column.info["category"] is not None)
