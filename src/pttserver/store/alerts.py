"""Alerts in the database: written step by step as they happen, found again after a restart, and read for debriefing."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import AlertId, SubscriberId, TenantId
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.released import Released
from pttserver.store.alert_notes import NewNote, put_note
from pttserver.store.alert_reading import AlertReading, StoredAlert
from pttserver.store.alert_schema import alert_steps, alerts
from pttserver.store.alert_track import NewPosition, NewTrackPoint, Placing, put_point, put_position
from pttserver.store.audit_chain import AuditNote, append
from pttserver.store.database import Database
from pttserver.store.schema import tenants
from pttserver.store.vault import SubjectVault, Vault

_ALERT = alerts.c


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert on its way in; its position follows."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    subject: Released
    drill: bool
    raised_ms: Released


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step on its way in. `closed_ms`: set if it closes the alert."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    subject: Released
    number: int
    kind: str
    actor: Released | None
    at_ms: Released
    closed_ms: Released | None = None


_Placed = (NewPosition, NewTrackPoint)
Entry = NewAlert | NewStep | NewNote | NewPosition | NewTrackPoint | AuditNote


class Alerts:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, entries: Sequence[Entry]) -> list[int]:
        """One transaction, in this order. What is there already stays, so entries may be written again.

        Entries of a tenant or a raiser that is gone, or whose processing is restricted, are left out, and positions of
        whom nobody may locate any more. Gives the places of positions that another policy has to release anew.
        """
        vault = self._database.vault

        def work(sql: Connection) -> list[int]:
            placing, again = Placing(sql, [each for each in entries if isinstance(each, _Placed)]), list[int]()
            for number, entry in enumerate(entries):
                if not isinstance(entry, _Placed) or placing.lets(entry):
                    _write(sql, vault, entry)
                elif placing.waits(entry):
                    again.append(number)
            return again

        return await self._database.write(work)

    async def open_alerts(self) -> list[StoredAlert]:
        """Of all tenants, oldest first."""
        query = select(alerts).where(_ALERT.closed_ms.is_(None)).order_by(_ALERT.raised_ms)
        vault = self._database.vault
        return await self._database.read(lambda sql: AlertReading(sql, vault).alerts(query))

    async def closed_since(self, since_ms: int) -> list[StoredAlert]:
        """Those that closed then or later."""
        query = select(alerts).where(_ALERT.closed_ms >= since_ms)
        vault = self._database.vault
        return await self._database.read(lambda sql: AlertReading(sql, vault).alerts(query))

    async def of_tenant(
        self, tenant_id: TenantId, cutoffs: Cutoffs, alert_id: AlertId | None = None, limit: int = 100
    ) -> list[StoredAlert]:
        """Newest first; what must not be served any more is left out, and of whom must not be shown."""
        query = select(alerts).where(_ALERT.tenant_id == tenant_id).order_by(_ALERT.raised_ms.desc(), _ALERT.id)
        if alert_id is not None:
            query = query.where(_ALERT.id == alert_id)
        vault = self._database.vault

        def work(sql: Connection) -> list[StoredAlert]:
            return AlertReading(sql, vault, cutoffs).alerts(query, limit=limit)

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
        put_position(sql, raiser, entry)
    elif isinstance(entry, NewTrackPoint):
        put_point(sql, raiser, entry)
    elif isinstance(entry, NewNote):
        put_note(sql, raiser, entry)
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
        "at_ms": new.at_ms,
    }
    sql.execute(insert(alert_steps).on_conflict_do_nothing(), row)
    if new.closed_ms is not None:
        sql.execute(update(alerts).where(mine).values(closed_ms=new.closed_ms))
