"""Tracks of alerts in the database: where the raiser was while an alert was open, for as long as positions are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.location_admission import place_no_finer
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.roles import Rights
from pttserver.store.alert_schema import alert_points, alerts
from pttserver.store.database import Database
from pttserver.store.positions import policy_numbers, rights_now
from pttserver.store.vault import SubjectVault

MOST_POINTS: Final = 1000  # of a track that is read: the newest
_ALERT, _POINT = alerts.c, alert_points.c


@dataclass(frozen=True, slots=True)
class LocatedBy:
    """The policy that let a position through. `optional`: the person may switch it off; `excepted`: not for alerts."""

    policy_number: int
    optional: bool
    excepted: bool

    def lets(self, rights: Rights | None) -> bool:
        """Whether a position of somebody with these rights may be written; None: who is gone."""
        if rights is None:
            return False
        return self.excepted or (rights.location_allowed and (rights.location_wanted or not self.optional))


@dataclass(frozen=True, slots=True)
class NewPosition:
    """Where the raiser was first. It is known with the alert, or comes after it."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    position: Released
    located_by: LocatedBy


@dataclass(frozen=True, slots=True)
class NewTrackPoint:
    """Where the raiser was while the alert was open. `place`: decimal degrees."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    subject: Released
    place: Released
    at_ms: Released
    located_by: LocatedBy


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
            hidden_ms = cutoffs.hidden(Category.LOCATION, raiser_id, purpose=Purpose.SAFETY)
            if hidden_ms is not None:
                query = query.where(_POINT.at_ms > hidden_ms)
            rows = sql.execute(query.order_by(_POINT.at_ms.desc()).limit(MOST_POINTS)).all()
            shown = ((row.at_ms, keys.shown_text(row.place)) for row in reversed(rows))
            return [TrackPoint(at_ms, _no_finer(place, cutoffs)) for at_ms, place in shown if place is not None]

        return await self._database.read(work)


def _no_finer(place: Personal, cutoffs: Cutoffs) -> Personal:
    """Than the policy of now lets it be."""
    return Personal(place_no_finer(place.reveal(), cutoffs.policy.location.precision_m))


class Placing:
    """Which positions may be written, by one state of the database: another process may have applied a policy, or
    turned a right, since they were taken."""

    def __init__(self, sql: Connection, new: Sequence[NewPosition | NewTrackPoint]) -> None:
        self._numbers = policy_numbers(sql, {each.tenant_id for each in new}) if new else {}
        self._rights = rights_now(sql, sorted({each.raiser_id for each in new})) if new else {}

    def waits(self, new: NewPosition | NewTrackPoint) -> bool:
        """A later policy has to release it anew."""
        return self._numbers.get(new.tenant_id, 0) > new.located_by.policy_number

    def lets(self, new: NewPosition | NewTrackPoint) -> bool:
        by = new.located_by
        return self._numbers.get(new.tenant_id) == by.policy_number and by.lets(self._rights.get(new.raiser_id))


def put_position(sql: Connection, raiser: SubjectVault, new: NewPosition) -> None:
    """In the transaction of what was put before it; nothing if the alert is not the raiser's."""
    mine = (_ALERT.id == new.alert_id) & _ALERT.subject.in_(raiser.references())
    sql.execute(update(alerts).where(mine).values(position=raiser.seal(new.position)))


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
