"""What of a tenant is over, and what is laxer than its policy allows: steps, found by what the schema declares.

In a table of happenings rows go by the rule of their table, and single columns before them by their own. Of what lives
columns are emptied, and a subscriber whose identifier is over is shredded. What is sealed in a row goes with the
reference to its subject: without it nobody could find the key. What stays is rewritten where the policy wants it in a
stricter form. The audit log, a chain, is pruned elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from pttserver.privacy.purposes import Purpose
from pttserver.store.columns import Happening, Lasting, ReferenceType, is_lifecycle
from pttserver.store.governance_schema import audit_entries, subjects
from pttserver.store.over import TENANT, Over, contact, ended, old, outlived, outlived_by_another, own_field
from pttserver.store.partners import partners
from pttserver.store.rewriting import Rewriting, formed, laxer
from pttserver.store.schema import subscriber_fields
from pttserver.store.sparing import Sparing
from pttserver.store.steps import Reach, Step
from pttserver.store.tables import metadata
from pttserver.store.vault import Vault

_NONE: frozenset[Category] = frozenset()
_CHAINED = frozenset({audit_entries})
_OWN_FIELDS = (
    select(subscriber_fields.c.name)
    .distinct()
    .where(subscriber_fields.c.subscriber_id.in_(select(subjects.c.id).where(subjects.c.tenant_id == TENANT)))
    .where(subscriber_fields.c.extra.is_not(None))
)


class Planner:
    """Within one state of the database, at the time of the cut-offs. `only`: of one subject."""

    def __init__(self, sql: Connection, vault: Vault, tenant_id: TenantId, cutoffs: Cutoffs, only: str | None) -> None:
        self._sql = sql
        self._only = only
        self._ended = frozenset[str]()
        self._vault = vault
        self._tenant_id = tenant_id
        self.cutoffs = cutoffs
        self._sparing = Sparing.at(sql, tenant_id, cutoffs.now_ms)
        self._filled = self._find_filled()

    def steps(self) -> Iterator[Step | Rewriting]:
        """First whom to shred: what hangs on it need not be looked at again. Last what stays, in another form."""
        accounts = list(self._accounts())
        yield from accounts
        self._ended = frozenset(who for step in accounts for who in step.all_due(self._sql))
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

    def _reaches(
        self,
        category: Category,
        touched: frozenset[Category],
        extra: str = "",
        led_to: frozenset[Category] = _NONE,
        named: Category | None = None,
        purpose: Purpose | None = None,
    ) -> Iterator[Reach]:
        """`touched`: the categories that go too; a hold on any of them spares it. `purpose`: what it was written for.

        `led_to`: those of what is found by it alone; a hold of one person on any of them spares it as well.
        `named`: that of the reference by which a row is somebody's; None: it has none that goes before the row.
        Who is shredded by then has no cut-off of one's own any more: what stays of it is nobody's.
        """
        held = self._held(touched, led_to)
        if held is None:
            return
        if self._only is not None:
            cutoff_ms = self.cutoffs.gone(category, self._only, extra, purpose)
            if cutoff_ms is not None and self._only not in held | self._ended:
                yield Reach(cutoff_ms, only=self._only)
            return
        general = self.cutoffs.gone(category, None, extra, purpose)
        living = (who for who in self.cutoffs.events.of_subjects if who not in self._ended)
        own = {who: self._own(category, who, extra, named, purpose) for who in living}
        differing = {who: cutoff for who, cutoff in own.items() if cutoff != general}
        if general is not None:
            earlier = {who for who, cutoff in differing.items() if cutoff is None or cutoff < general}
            yield Reach(general, spared=held | earlier)
        for who, cutoff in differing.items():
            if cutoff is not None and who not in held:
                yield Reach(cutoff, only=who)

    def _own(
        self, category: Category, who: str, extra: str, named: Category | None, purpose: Purpose | None
    ) -> int | None:
        """A row that loses its name is nobody's, and goes as all others do, whatever happened to whom it named."""
        own = self.cutoffs.gone(category, who, extra, purpose)
        general = self.cutoffs.gone(category, None, extra, purpose)
        name = None if named is None else self.cutoffs.gone(named, who, purpose=purpose if named is category else None)
        if general is None or name is None:
            return own
        nobodys = min(general, name)
        return nobodys if own is None else max(own, nobodys)

    def _held(self, touched: frozenset[Category], led_to: frozenset[Category] = _NONE) -> frozenset[str] | None:
        """Whose rows are spared, by a hold on any of the categories or by restriction; None: everybody's."""
        return None if self._sparing.of_everybody(touched) else self._sparing.whom(touched | led_to)

    def audit_cutoff_ms(self) -> int | None:
        """The log is a chain, of which no entry in the midst can go: a hold on one subject keeps all."""
        covering = any(hold.category in (None, Category.AUDIT_LOG) for hold in self._sparing.holds)
        cutoff_ms = None if covering or self._only else self.cutoffs.gone(Category.AUDIT_LOG)
        if cutoff_ms is None:
            return None
        entry = audit_entries.c
        over = select(entry.sequence).where(entry.tenant_id == self._tenant_id, entry.at_ms <= cutoff_ms).limit(1)
        return cutoff_ms if self._sql.scalar(over) is not None else None

    # What happened -----------------------------------------------------------------------------------------------

    def _happenings(self, table: Table, record: Happening) -> Iterator[Step]:
        subject = table.c[record.subject]
        named = subject.info["category"] if subject.nullable else None
        whole, led_to = _categories(table), _led_to(table)
        for reach in self._reaches(record.category, whole, led_to=led_to, named=named, purpose=record.purpose):
            yield self._old(table, None, record.category, reach, whole)
        for column, category in _emptied(table, record.category):
            # a hold on anything of a row keeps the reference too: by it the hold finds the row
            touched = whole if column.name == record.subject else frozenset({category})
            for reach in self._reaches(category, touched, purpose=column.info.get("purpose")):
                yield self._old(table, column, category, reach, frozenset({category}))

    def _old(
        self, table: Table, column: Column[Any] | None, category: Category, reach: Reach, touched: frozenset[Category]
    ) -> Step:
        """Of no row is asked whether it is shared, unless a hold of somebody covers what is `touched` and shared."""
        shared = table.info["happening"].shared
        sharers = self._sparing.whom(touched & shared.covers) if shared else frozenset()
        over = old(table, column, reach.whom, shared=shared if sharers else None)
        more = {"sharers": self._references(sorted(sharers))} if sharers else {}
        return self._step(category, over, reach, **more)

    def _step(self, category: Category, over: Over, reach: Reach, **more: Any) -> Step:
        values: dict[str, Any] = {"tenant": self._tenant_id, "cutoff_ms": reach.cutoff_ms, **more}
        if reach.named:
            values["whose"] = self._references(reach.named) if "happening" in over.table.info else reach.named
        return Step(category, over, values)

    def _references(self, subject_ids: Sequence[str]) -> list[str]:
        known = self._vault.subjects(self._sql, subject_ids)
        return [name for keys in known.values() for name in keys.references()]

    # What lives --------------------------------------------------------------------------------------------------

    def _accounts(self) -> Iterator[Step]:
        """A subject goes as a whole, so that a hold on any of it spares it, or one of others who have a part in it."""
        account = self.cutoffs.account
        for reach in self._reaches(account, frozenset(Category)):
            if self._step(account, ended(reach.whom), reach).finds_any(self._sql):
                left = reach.without(partners(self._sql, self._vault, self._tenant_id, self._sparing))
                if left is not None:
                    yield self._step(account, ended(left.whom), left)

    def _lasting(self, table: Table, record: Lasting) -> Iterator[Step]:
        if record.category is not None:
            for reach in self._reaches(record.category, _categories(table)):
                yield self._step(record.category, outlived(table, None, reach.whom), reach)
                if record.about is not None and reach.only is not None:
                    kept = sorted(self._held(_categories(table)) or ())
                    yield self._step(record.category, outlived_by_another(table), reach, kept=kept)
        for column, category in _emptied(table, record.category):
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
def _led_to(table: Table) -> frozenset[Category]:
    """The categories of what else is about whoever a row is about, and is found by the row alone."""
    record: Happening = table.info["happening"]
    others = (each.info["happening"].shared for each in metadata.sorted_tables if "happening" in each.info)
    led = (each.covers for each in others if each and (each.table, each.subject) == (table.name, record.subject))
    return frozenset().union(*led)


@cache
def _emptied(table: Table, category: Category | None) -> list[tuple[Column[Any], Category]]:
    """The columns that lose their values before their row goes, by a rule of their own, and not by that of the row.

    Not states in the life of an account: without them the row would say something else, of somebody else too.
    """
    own = [each for each in table.columns if each.info["category"] not in (None, category)]
    return [(each, each.info["category"]) for each in own if each.nullable and not is_lifecycle(each)]


@cache
def _categories(table: Table) -> frozenset[Category]:
    return frozenset(column.info["category"] for column in table.columns if column.info["category"] is not None)
