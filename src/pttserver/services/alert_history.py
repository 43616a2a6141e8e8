"""Alerts that are over, for who answers alerts: what the policy still keeps, as a list and one by one for debriefing.

1. who may not see alerts of others is told of none
2. each look is noted in the audit log before its answer; of a place that is shown, the raiser reads that in
   `location.looks`
3. somebody whose processing is restricted, or who was erased, is not shown
"""

from pttserver.alerts.states import StepKind
from pttserver.clock import Clock
from pttserver.errors import NotFound
from pttserver.ids import AlertId, Personal
from pttserver.privacy.categories import Category
from pttserver.services.desk import Handlers
from pttserver.services.location_looks import LocationLooks
from pttserver.services.policy_book import PolicyBook
from pttserver.services.serving import Serving
from pttserver.sessions.session import Session
from pttserver.store.alert_reading import StoredAlert, StoredStep
from pttserver.store.alert_track import AlertTracks, TrackPoint
from pttserver.store.database import Database
from pttserver.store.looks import OPERATION, Looks
from pttserver.store.past_alerts import Mark, PastAlert, PastAlerts
from pttserver.wire import signalling


class AlertHistory:
    """The handlers of `alert.past` and `alert.debrief`. All raise PolicyMissing, StoreUnavailable."""

    def __init__(self, database: Database, looks: LocationLooks, policies: PolicyBook, clock: Clock) -> None:
        self._alerts = PastAlerts(database)
        self._tracks = AlertTracks(database)
        self._notes = Looks(database)
        self._serving = Serving(database, policies, clock)
        self._looks = looks
        self._policies = policies

    def handlers(self) -> Handlers:
        return {signalling.ListPastAlerts: self._list, signalling.DebriefAlert: self._debrief}

    async def _list(self, session: Session, request: signalling.ListPastAlerts) -> signalling.PastAlerts:
        tenant_id = session.identity.tenant_id
        if not self._policies.shows(session.identity, Category.ALERT):
            return signalling.PastAlerts(re=request.id, alerts=[])
        await self._notes.note([self._looks.entry(session, "alert.list")])
        asked = request.before
        before = Mark(asked.raised_ms, AlertId(asked.alert)) if asked is not None else None
        page = await self._alerts.page(tenant_id, await self._serving.cutoffs(tenant_id), before, request.limit)
        further = page.further
        return signalling.PastAlerts(
            re=request.id,
            alerts=[_past(each) for each in page.alerts],
            further=signalling.AlertMark(alert=further.alert_id, raised_ms=further.raised_ms) if further else None,
        )

    async def _debrief(self, session: Session, request: signalling.DebriefAlert) -> signalling.AlertDebriefing:
        """Raises NotFound: there is none, it is open, or kept no longer."""
        tenant_id = session.identity.tenant_id
        cutoffs = await self._serving.cutoffs(tenant_id)
        stored = await self._alerts.one(tenant_id, cutoffs, AlertId(request.alert))
        if stored is None or not self._policies.shows(session.identity, Category.ALERT):
            raise NotFound("There is no such alert, or it is kept no longer.")
        shows_place = self._policies.shows(session.identity, Category.LOCATION)
        place = stored.position if shows_place else None
        track = await self._tracks.track(stored.alert_id, stored.raiser_id, cutoffs) if shows_place else []
        await self._note(session, stored, is_placed=place is not None or bool(track))
        return signalling.AlertDebriefing(
            re=request.id,
            past=_past_of(stored),
            steps=[_step(step) for step in stored.steps[-signalling.MOST_STEPS_DEBRIEFED :]],
            place=signalling.Point.model_validate(_degrees(place)) if place is not None else None,
            track=[_point(point) for point in track],
        )

    async def _note(self, session: Session, stored: StoredAlert, *, is_placed: bool) -> None:
        """Raises NotFound if the raiser may not be shown any more."""
        operations = ["alert.show", *([OPERATION + "alert"] if is_placed else [])]
        shown = await self._notes.note([self._looks.entry(session, each, stored.raiser_id) for each in operations])
        if stored.raiser_id not in shown:
            raise NotFound("There is no such alert, or it is kept no longer.")


def _past(past: PastAlert) -> signalling.PastAlert:
    info = signalling.AlertInfo.model_validate(
        {
            "alert": past.alert_id,
            "subscriber": past.raiser_id,
            "name": _plain(past.raiser_name),
            "raised_ms": past.raised_ms,
            "state": past.outcome,
            "drill": past.drill,
        }
    )
    return signalling.PastAlert(info=info, closed_ms=past.closed_ms)


def _past_of(stored: StoredAlert) -> signalling.PastAlert:
    assert stored.closed_ms is not None
    last = stored.steps[-1]
    summary = PastAlert(
        alert_id=stored.alert_id,
        raiser_id=stored.raiser_id,
        raiser_name=stored.raiser_name,
        drill=stored.drill,
        raised_ms=stored.raised_ms,
        closed_ms=stored.closed_ms,
        outcome=last.kind,
    )
    past = _past(summary)
    handler = next((step.who for step in reversed(stored.steps) if step.kind == StepKind.HANDLING), None)
    return past.model_copy(update={"info": past.info.model_copy(update={"handler": handler})})


def _step(step: StoredStep) -> signalling.AlertStep:
    return signalling.AlertStep(
        number=step.number,
        kind=step.kind,
        at_ms=step.at_ms,
        by=step.who,
        name=_plain(step.name),
        note=_plain(step.note),
    )


def _point(point: TrackPoint) -> signalling.TrackPoint:
    return signalling.TrackPoint.model_validate({**_degrees(point.place), "at_ms": point.at_ms})


def _degrees(place: Personal) -> dict[str, float]:
    latitude, _, longitude = place.reveal().partition(",")
    return {"latitude": float(latitude), "longitude": float(longitude)}


def _plain(text: Personal | None) -> str:
    return "" if text is None else text.reveal()
