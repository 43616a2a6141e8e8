"""Holds: what must not be deleted although its period is over, since a court or an authority wants it.

A hold covers one subject or all of a tenant, and one category or all. It lasts from when it was laid (never in the
future, so whoever finds it need not look at that) until it is ended, or until its date. Commands neither remove a held
subscriber, device or membership nor overwrite a profile. A PIN can be changed: it must be, once others know it.

Restriction of processing (GDPR Art. 18) forbids the same: the person wants what is held to be there, as it is. What
puts it right (Art. 16) is the person's own wish, and erasure is if the person asks for it instead: it must be said.
"""

from collections.abc import Collection
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, bindparam, insert, or_, select, update

from pttserver.errors import OnHold, Restricted
from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoff
from pttserver.privacy.released import Released
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Check, Database
from pttserver.store.events import events_of
from pttserver.store.governance_schema import holds, subjects
from pttserver.store.over import is_outlived
from pttserver.store.vault import KEY_COLUMNS, with_keys

_HOLD = holds.c


@dataclass(frozen=True, slots=True)
class Hold:
    """None as subject or category: all of them. It lasts from `since_ms` until before `until_ms`."""

    hold_id: str
    tenant_id: TenantId
    subject_id: str | None
    category: Category | None
    since_ms: int
    until_ms: int | None
    actor: Personal | None = None
    reason: Personal | None = None


def new_hold_id() -> str:
    return f"hld_{token_hex(8)}"


def holds_on(sql: Connection, tenant_id: TenantId, subject_id: str | None, now_ms: int) -> list[Hold]:
    """Those that last now and cover anything of the subject; None: of anybody."""
    when = {"tenant": tenant_id, "now_ms": now_ms}
    rows = sql.execute(_LASTING_ON_ONE, {**when, "subject": subject_id}) if subject_id else sql.execute(_LASTING, when)
    return [_hold(row) for row in rows]


def refuse_held(
    sql: Connection,
    tenant_id: TenantId,
    subject_id: str | None,
    now_ms: int,
    touched: Collection[Category] = frozenset(Category),
    *,
    despite_restriction: bool = False,
) -> None:
    """`subject_id` None: anybody of the tenant. `touched`: what would go, or be overwritten.

    Raises OnHold, which names the hold, and not its reason: whoever tries need not be somebody who may see that;
    Restricted, with the ground.
    """
    covers = or_(_HOLD.category.is_(None), _HOLD.category.in_(sorted(category.value for category in touched)))
    query = select(_HOLD.id).where(_HOLD.tenant_id == tenant_id, _lasts(now_ms), covers)
    if subject_id is not None:
        query = query.where(or_(_HOLD.subject_id.is_(None), _HOLD.subject_id == subject_id))
    hold_id = sql.scalar(query.order_by(_HOLD.since_ms, _HOLD.id).limit(1))
    if hold_id is not None:
        raise OnHold(f"the hold {hold_id} forbids it")
    if not despite_restriction:
        _refuse_restricted(sql, tenant_id, subject_id)


def _refuse_restricted(sql: Connection, tenant_id: TenantId, subject_id: str | None) -> None:
    who = subjects.c
    query = select(who.restriction).where(who.tenant_id == tenant_id, who.restricted_ms.is_not(None))
    row = sql.execute(query if subject_id is None else query.where(who.id == subject_id)).first()
    if row is not None:
        whose = "somebody of the tenant" if subject_id is None else "the person"
        raise Restricted(
            f"the processing of what is held about {whose} is restricted (GDPR Art. 18, ground: "
            f"{row.restriction or 'not recorded'}): it is neither changed nor deleted until the restriction ends"
        )


def ground_of_restriction(sql: Connection, subject_id: str) -> str | None:
    """None: the subject's processing is not restricted."""
    restricted = subjects.c.restricted_ms.is_not(None)
    return sql.scalar(select(subjects.c.restriction).where(subjects.c.id == subject_id, restricted))


def restricted_subjects(sql: Connection, tenant_id: TenantId) -> frozenset[str]:
    """Whose processing is restricted (GDPR Art. 18): their data are kept, and not used."""
    return frozenset(sql.scalars(_RESTRICTED, {"tenant": tenant_id}))


def _lasts(now_ms: Any) -> ColumnElement[bool]:
    """From the moment that it is written, whatever the clocks of two processes say."""
    return or_(_HOLD.until_ms.is_(None), _HOLD.until_ms > now_ms)


_LASTING = (
    select(_HOLD.id, _HOLD.tenant_id, _HOLD.subject_id, _HOLD.category, _HOLD.since_ms, _HOLD.until_ms)
    .where(_HOLD.tenant_id == bindparam("tenant"), _lasts(bindparam("now_ms", type_=BigInteger)))
    .order_by(_HOLD.since_ms, _HOLD.id)
)
_LASTING_ON_ONE = _LASTING.where(or_(_HOLD.subject_id.is_(None), _HOLD.subject_id == bindparam("subject")))
_RESTRICTED = select(subjects.c.id).where(
    subjects.c.tenant_id == bindparam("tenant"), subjects.c.restricted_ms.is_not(None)
)


def _hold(row: Any, *said: Personal | None) -> Hold:
    of = row._mapping
    category = of[_HOLD.category]
    return Hold(
        of[_HOLD.id],
        TenantId(of[_HOLD.tenant_id]),
        of[_HOLD.subject_id],
        Category(category) if category else None,
        of[_HOLD.since_ms],
        of[_HOLD.until_ms],
        *said,
    )


class Holds:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        hold: Hold,
        actor: Released | None,
        reason: Released | None,
        note: AuditNote | None = None,
        first: Check | None = None,
    ) -> None:
        """`actor`: released for the tenant's own subject; `reason`: for the hold's, or the tenant's if it has none.

        `first`: that nothing which it is to keep is being erased (`Erasures.refuse_unfinished`).

        Raises NotFound: no such tenant or subject.
        """
        vault = self._database.vault

        def work(sql: Connection) -> None:
            keys = vault.existing(sql, hold.tenant_id)
            about = vault.existing(sql, hold.subject_id) if hold.subject_id else keys
            row = {
                "id": hold.hold_id,
                "tenant_id": hold.tenant_id,
                "subject_id": hold.subject_id,
                "category": hold.category.value if hold.category else None,
                "since_ms": hold.since_ms,
                "until_ms": hold.until_ms,
                "actor": keys.seal(actor),
                "reason": about.seal(reason),
            }
            sql.execute(insert(holds), row)

        await self._database.write(work, note=note, first=first)

    async def of_tenant(self, tenant_id: TenantId, cutoff_ms: Cutoff) -> list[Hold]:
        """All that were ever laid, oldest first; without who and why, of those whose end is over by the events."""
        query = (
            select(*_HOLD, *KEY_COLUMNS)
            .select_from(with_keys(holds, _HOLD.tenant_id))
            .where(_HOLD.tenant_id == tenant_id)
            .order_by(_HOLD.since_ms, _HOLD.id)
        )
        vault = self._database.vault

        def work(sql: Connection) -> list[Hold]:
            over_ms, found = cutoff_ms(events_of(sql, tenant_id)), []
            for row in sql.execute(query):
                keys, of = vault.keys(row), row._mapping
                if is_outlived(holds, of, over_ms):
                    found.append(_hold(row))
                    continue
                about = vault.existing(sql, of[_HOLD.subject_id]) if of[_HOLD.subject_id] else keys
                found.append(_hold(row, keys.text(of[_HOLD.actor]), about.text(of[_HOLD.reason])))
            return found

        return await self._database.read(work)

    async def of_id(self, tenant_id: TenantId, hold_id: str) -> Hold | None:
        """Without who and why."""
        query = select(holds).where(_HOLD.tenant_id == tenant_id, _HOLD.id == hold_id)

        def work(sql: Connection) -> Hold | None:
            row = sql.execute(query).first()
            return None if row is None else _hold(row)

        return await self._database.read(work)

    async def end(self, tenant_id: TenantId, hold_id: str, now_ms: int, note: AuditNote | None = None) -> bool:
        """What it kept goes at the next sweep, if its period is over. False: no such hold lasts."""
        this = (_HOLD.tenant_id == tenant_id) & (_HOLD.id == hold_id)
        row = update(holds).where(this, _lasts(now_ms)).values(until_ms=now_ms)
        return await self._database.write(lambda sql: sql.execute(row).rowcount > 0, note=note)
