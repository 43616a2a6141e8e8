"""Alerts that are over, a page at a time: what a dispatcher chooses from to read one of them again."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select, tuple_

from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.store.alert_reading import AlertReading, StoredAlert
from pttserver.store.alert_schema import alert_steps, alerts
from pttserver.store.database import Database

_ALERT, _STEP = alerts.c, alert_steps.c
_LAST_STEP = (
    select(_STEP.kind).where(_STEP.alert_id == _ALERT.id).order_by(_STEP.number.desc()).limit(1).scalar_subquery()
)
_CLOSED = (
    select(_ALERT.id, _ALERT.tenant_id, _ALERT.subject, _ALERT.drill, _ALERT.raised_ms, _ALERT.closed_ms)
    .add_columns(_LAST_STEP.label("outcome"))
    .where(_ALERT.closed_ms.is_not(None))
    .order_by(_ALERT.raised_ms.desc(), _ALERT.id.desc())
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the order of alerts: by when they were raised, then by id."""

    raised_ms: int
    alert_id: AlertId


@dataclass(frozen=True, slots=True)
class PastAlert:
    """An alert that is over, without its steps. `outcome`: the kind of the step that closed it."""

    alert_id: AlertId
    raiser_id: SubscriberId
    raiser_name: Personal | None
    drill: bool
    raised_ms: int
    closed_ms: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `further`: older ones come after this mark; None: there are none."""

    alerts: tuple[PastAlert, ...]
    further: Mark | None


class PastAlerts:
    """Raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, tenant_id: TenantId, cutoffs: Cutoffs, before: Mark | None, limit: int) -> Page:
        """Looks at `limit` alerts: of those, the ones that may be served, which can be none of them."""
        query = _page(tenant_id, cutoffs.hidden(Category.ALERT), before).limit(limit + 1)
        vault = self._database.vault

        def work(sql: Connection) -> Page:
            reading = AlertReading(sql, vault, cutoffs)
            rows = sql.execute(query).all()
            found = tuple(past for row in rows[:limit] if (past := _past(reading, row)) is not None)
            last = rows[limit - 1] if len(rows) > limit else None
            return Page(found, None if last is None else Mark(last.raised_ms, AlertId(last.id)))

        return await self._database.read(work)

    async def one(self, tenant_id: TenantId, cutoffs: Cutoffs, alert_id: AlertId) -> StoredAlert | None:
        """With its steps; None: there is none that is over, or it must not be served any more."""
        query = select(alerts).where(
            _ALERT.tenant_id == tenant_id, _ALERT.id == alert_id, _ALERT.closed_ms.is_not(None)
        )
        vault = self._database.vault

        def work(sql: Connection) -> StoredAlert | None:
            return next(iter(AlertReading(sql, vault, cutoffs).alerts(query)), None)

        return await self._database.read(work)


def _page(tenant_id: TenantId, hidden_ms: int | None, before: Mark | None) -> Select[Any]:
    query = _CLOSED.where(_ALERT.tenant_id == tenant_id)
    if hidden_ms is not None:
        query = query.where(_ALERT.raised_ms > hidden_ms)
    if before is not None:
        query = query.where(tuple_(_ALERT.raised_ms, _ALERT.id) < tuple_(before.raised_ms, before.alert_id))
    return query


def _past(reading: AlertReading, row: Any) -> PastAlert | None:
    keys = reading.keys(row.tenant_id, row.subject)
    if keys is None or reading.is_hidden(row.raised_ms, keys.subject_id):
        return None
    return PastAlert(
        alert_id=AlertId(row.id),
        raiser_id=SubscriberId(keys.subject_id),
        raiser_name=reading.name(keys),
        drill=row.drill,
        raised_ms=row.raised_ms,
        closed_ms=row.closed_ms,
        outcome=row.outcome,
    )
