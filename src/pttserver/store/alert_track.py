"""Tracks of alerts in the database: where the raiser was while an alert was open, for as long as positions are kept."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.location_admission import place_no_finer
from pttserver.privacy.released import Released
from pttserver.store.alert_schema import alert_points, alerts
from pttserver.store.database import Database
from pttserver.store.vault import SubjectVault

MOST_POINTS: Final = 1000  # of a track that is read: the newest
_ALERT, _POINT = alerts.c, alert_points.c


@dataclass(frozen=True, slots=True)
class NewTrackPoint:
    """Where the raiser was while the alert was open. `place`: decimal degrees."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    subject: Released
    place: Released
    at_ms: Released


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """`place`: decimal degrees."""

    at_ms: int
    place: Personal


class AlertTracks:
    """Raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def track(self, alert_id: AlertId, raiser_id: SubscriberId, cutoffs: Cutoffs) -> list[TrackPoint]:
        """The newest `MOST_POINTS`, oldest first, without what must not be served any more.

        Empty if the raiser's processing is restricted (GDPR Art. 18), or the key is gone.
        """
        vault = self._database.vault

        def work(sql: Connection) -> list[TrackPoint]:
            keys = vault.subject(sql, raiser_id)
            if keys is None:
                return []
            query = select(alert_points).where(_POINT.alert_id == alert_id, _POINT.subject.in_(keys.references()))
            hidden_ms = cutoffs.hidden(Category.LOCATION, raiser_id)
            if hidden_ms is not None:
                query = query.where(_POINT.at_ms > hidden_ms)
            rows = sql.execute(query.order_by(_POINT.at_ms.desc()).limit(MOST_POINTS)).all()
            shown = ((row.at_ms, keys.shown_text(row.place)) for row in reversed(rows))
            return [TrackPoint(at_ms, _no_finer(place, cutoffs)) for at_ms, place in shown if place is not None]

        return await self._database.read(work)


def _no_finer(place: Personal, cutoffs: Cutoffs) -> Personal:
    """Than the policy of now lets it be."""
    return Personal(place_no_finer(place.reveal(), cutoffs.policy.location.precision_m))


def put_point(sql: Connection, raiser: SubjectVault, new: NewTrackPoint) -> None:
    """In the transaction of what was put before it; nothing if the alert is not the raiser's."""
    mine = (_ALERT.id == new.alert_id) & _ALERT.subject.in_(raiser.references())
    if sql.scalar(select(_ALERT.id).where(mine)) is None:
        return
    row = {
        "alert_id": new.alert_id,
        "tenant_id": new.tenant_id,
        "subject": raiser.refer(new.subject),
        "place": raiser.seal(new.place),
        "at_ms": new.at_ms,
    }
    sql.execute(insert(alert_points).on_conflict_do_nothing(), row)
