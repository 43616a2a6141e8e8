"""Alerts in the database: written step by step as they happen, found again after a restart, and read for debriefing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select, update
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.released import Released
from pttserver.store.alert_schema import alert_steps, alerts
from pttserver.store.alert_track import NewTrackPoint, put_point
from pttserver.store.audit_chain import AuditNote, append
from pttserver.store.columns import Reference
from pttserver.store.database import Database
from pttserver.store.schema import subscribers, tenants
from pttserver.store.vault import SubjectVault, Vault

Names = Mapping[str, SubjectVault]
_ALERT, _STEP = alerts.c, alert_steps.c


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert on its way in. `position`: decimal degrees, `55.676,12.568`."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    subject: Released
    drill: bool
    position: Released | None
    raised_ms: Released


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step on its way in. `closed_ms`: set if it closes the alert. `note`: for the tenant's own subject."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    subject: Released
    number: int
    kind: str
    actor: Released | None
    note: Released | None
    at_ms: Released
    closed_ms: Released | None = None


@dataclass(frozen=True, slots=True)
class NewPosition:
    """A position that came after its alert."""

    alert_id: AlertId
    raiser_id: SubscriberId
    position: Released


Entry = NewAlert | NewStep | NewPosition | NewTrackPoint | AuditNote


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A step that was read. `who` None: the server, or somebody who was erased since."""

    number: int
    kind: str
    at_ms: int
    who: SubscriberId | None
    note: Personal | None


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert that was read. `position`: decimal degrees."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    raiser_name: Personal | None
    drill: bool
    position: Personal | None
    raised_ms: int
    closed_ms: int | None
    steps: tuple[StoredStep, ...]


class Alerts:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, entries: Sequence[Entry]) -> None:
        """One transaction, in this order. What is there already stays, so entries may be written again.

        Entries of a tenant or a raiser that is gone, or whose processing is restricted, are left out.
        """
        vault = self._database.vault

        def work(sql: Connection) -> None:
            for entry in entries:
                _write(sql, vault, entry)

        await self._database.write(work)

    async def open_alerts(self) -> list[StoredAlert]:
        """Of all tenants, oldest first."""
        query = select(alerts).where(_ALERT.closed_ms.is_(None)).order_by(_ALERT.raised_ms)
        vault = self._database.vault
        return await self._database.read(lambda sql: _Reading(sql, vault).alerts(query))

    async def closed_since(self, since_ms: int) -> list[StoredAlert]:
        """Those that closed then or later."""
        query = select(alerts).where(_ALERT.closed_ms >= since_ms)
        vault = self._database.vault
        return await self._database.read(lambda sql: _Reading(sql, vault).alerts(query))

    async def of_tenant(
        self, tenant_id: TenantId, cutoffs: Cutoffs, alert_id: AlertId | None = None, limit: int = 100
    ) -> list[StoredAlert]:
        """Newest first; what must not be served any more is left out, and of whom must not be shown."""
        query = select(alerts).where(_ALERT.tenant_id == tenant_id).order_by(_ALERT.raised_ms.desc(), _ALERT.id)
        if alert_id is not None:
            query = query.where(_ALERT.id == alert_id)
        vault = self._database.vault

        def work(sql: Connection) -> list[StoredAlert]:
            return _Reading(sql, vault, cutoffs).alerts(query, limit=limit)

        return await self._database.read(work)


# Writing -------------------------------------------------------------------------------------------------------------


def _write(sql: Connection, vault: Vault, entry: Entry) -> None:
    if isinstance(entry, AuditNote):
        if sql.scalar(select(tenants.c.id).where(tenants.c.id == entry.tenant_id)) is not None:
            append(sql, vault, entry)
        return
    raiser = vault.subject(sql, entry.raiser_id)
    if raiser is None:
        return
    if isinstance(entry, NewAlert):
        _put_alert(sql, raiser, entry)
    elif isinstance(entry, NewPosition):
        mine = (_ALERT.id == entry.alert_id) & _ALERT.subject.in_(raiser.references())
        sql.execute(update(alerts).where(mine).values(position=raiser.seal(entry.position)))
    elif isinstance(entry, NewTrackPoint):
        put_point(sql, raiser, entry)
    else:
        _put_step(sql, vault, raiser, entry)


def _put_alert(sql: Connection, raiser: SubjectVault, new: NewAlert) -> None:
    subject = raiser.refer(new.subject)
    if subject is None:
        return
    row = {
        "id": new.alert_id,
        "tenant_id": new.tenant_id,
        "subject": subject,
        "drill": new.drill,
        "position": raiser.seal(new.position),
        "raised_ms": new.raised_ms,
    }
    sql.execute(insert(alerts).on_conflict_do_nothing(), row)


def _put_step(sql: Connection, vault: Vault, raiser: SubjectVault, new: NewStep) -> None:
    """Only if the alert is the raiser's: an id that somebody else drew before is theirs."""
    mine = (_ALERT.id == new.alert_id) & _ALERT.subject.in_(raiser.references())
    if sql.scalar(select(_ALERT.id).where(mine)) is None:
        return
    actor = vault.subject(sql, new.actor.subject_id) if new.actor else None
    row = {
        "alert_id": new.alert_id,
        "number": new.number,
        "tenant_id": new.tenant_id,
        "subject": raiser.refer(new.subject),
        "actor": actor.refer(new.actor) if actor else None,
        "kind": new.kind,
        "note": vault.existing(sql, new.tenant_id).seal(new.note),
        "at_ms": new.at_ms,
    }
    sql.execute(insert(alert_steps).on_conflict_do_nothing(), row)
    if new.closed_ms is not None:
        sql.execute(update(alerts).where(mine).values(closed_ms=new.closed_ms))


# Reading -------------------------------------------------------------------------------------------------------------


class _Reading:
    """Opens rows with the keys of their tenant. `cutoffs`: what must not be served is left out; None: nothing is."""

    def __init__(self, sql: Connection, vault: Vault, cutoffs: Cutoffs | None = None) -> None:
        self._sql = sql
        self._vault = vault
        self._cutoffs = cutoffs
        self._tenants: dict[TenantId, Names] = {}

    def alerts(self, query: Select[Any], limit: int | None = None) -> list[StoredAlert]:
        found = []
        for row in self._sql.execute(query).all():
            keys = self._keys(row.tenant_id, row.subject)
            if keys is None or self._is_hidden(row.raised_ms, keys.subject_id):
                continue
            found.append(self._alert(row, keys, self._steps(row)))
            if len(found) == limit:
                break
        return found

    def _is_hidden(self, recorded_ms: int, raiser_id: str, category: Category = Category.ALERT) -> bool:
        return self._cutoffs is not None and self._cutoffs.is_hidden(category, recorded_ms, raiser_id)

    def _alert(self, row: Any, keys: SubjectVault, steps: Iterable[StoredStep]) -> StoredAlert:
        name = self._sql.scalar(select(subscribers.c.display_name).where(subscribers.c.id == keys.subject_id))
        shown = not self._is_hidden(row.raised_ms, keys.subject_id, Category.LOCATION)
        return StoredAlert(
            alert_id=AlertId(row.id),
            tenant_id=TenantId(row.tenant_id),
            raiser_id=SubscriberId(keys.subject_id),
            raiser_name=keys.shown_text(name),
            drill=row.drill,
            position=keys.shown_text(row.position) if shown else None,
            raised_ms=row.raised_ms,
            closed_ms=row.closed_ms,
            steps=tuple(steps),
        )

    def _steps(self, row: Any) -> Iterable[StoredStep]:
        tenant = self._vault.existing(self._sql, row.tenant_id)
        query = select(alert_steps).where(_STEP.alert_id == row.id).order_by(_STEP.number)
        for step in self._sql.execute(query):
            who = self._keys(row.tenant_id, step.actor) if step.actor is not None else None
            named = SubscriberId(who.subject_id) if who else None
            yield StoredStep(step.number, step.kind, step.at_ms, named, tenant.text(step.note))

    def _keys(self, tenant_id: TenantId, name: Reference | None) -> SubjectVault | None:
        """Whom the reference means. Debriefing (with cut-offs) follows no pseudonym, and shows nobody restricted."""
        if name is None:
            return None
        if tenant_id not in self._tenants:
            self._tenants[tenant_id] = self._names(tenant_id)
        return self._tenants[tenant_id].get(name.text)

    def _names(self, tenant_id: TenantId) -> Names:
        known = self._vault.of_tenant(self._sql, tenant_id)
        if self._cutoffs is None:
            return {name: keys for keys in known for name in keys.references()}
        return {keys.reference(): keys for keys in known if not keys.restricted}
