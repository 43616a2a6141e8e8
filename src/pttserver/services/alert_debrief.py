"""Debriefing: what happened from the press of the key to the end, as a record for machines and as a page to read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pttserver.alerts.states import SHOWS_DELIVERY, StepKind
from pttserver.alerts.table import ENDS
from pttserver.clock import Clock
from pttserver.errors import NotFound
from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.pages import Page, Section
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.services.provision import Provisioning
from pttserver.services.serving import Serving
from pttserver.services.staff_sight import Sees, StaffSight
from pttserver.services.subject_page import moment
from pttserver.store.alert_reading import StoredAlert
from pttserver.store.alert_track import AlertTracks, TrackPoint
from pttserver.store.alerts import Alerts
from pttserver.store.call_records import CallRecords, PastCall, Wanted
from pttserver.store.database import Database

_WORDS: Mapping[str, str] = {
    StepKind.RAISED: "raised the alert",
    StepKind.DELIVERED: "device shows it",
    StepKind.ESCALATED: "nobody acknowledged it in time; told to",
    StepKind.UNANSWERED: "nobody acknowledged it in time, and there is nobody else to tell",
    StepKind.ACKNOWLEDGED: "acknowledged it",
    StepKind.HANDLING: "sees to it",
    StepKind.RESOLVED: "closed it: resolved",
    StepKind.FALSE_ALARM: "closed it: false alarm",
    StepKind.TEST: "closed it: test",
    StepKind.CANCELLED: "took it back",
    StepKind.NOTED: "noted",
    StepKind.LISTENING_ASKED: "asked to listen to the microphone",
    StepKind.LISTENING_BEGUN: "listens: the microphone is open",
    StepKind.LISTENING_ENDED: "listens no more",
}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """`who` None: the server, or somebody who was erased since."""

    number: int
    at_ms: int
    kind: str
    who: Personal | None
    note: Personal | None


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A call meanwhile in which the person in distress took part."""

    group: str
    started_ms: int
    ended_ms: int
    started_by: Personal | None


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """`state`: of the last step. Times of answers in seconds since it was raised; None: it did not happen."""

    alert_id: AlertId
    raiser: Personal
    drill: bool
    state: str
    raised_ms: int
    closed_ms: int | None
    position: Personal | None
    delivered_after_s: float | None
    acknowledged_after_s: float | None
    steps: tuple[ShownStep, ...]
    calls: tuple[ShownCall, ...] = ()
    track: tuple[TrackPoint, ...] = ()


class AlertDebrief:
    """Every look is noted with its reason. Raises NotFound, PolicyForbids, PolicyMissing, StoreUnavailable."""

    def __init__(
        self, database: Database, policies: PolicyBook, provisioning: Provisioning, sight: StaffSight, clock: Clock
    ) -> None:
        self._alerts = Alerts(database)
        self._tracks = AlertTracks(database)
        self._calls = CallRecords(database)
        self._serving = Serving(database, policies, clock)
        self._policies = policies
        self._provisioning = provisioning
        self._sight = sight
        self._clock = clock

    async def alerts(self, tenant: str, by: Instruction, limit: int = 100) -> list[ShownAlert]:
        """Newest first, without calls."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        sees = await self._sight.require(owner, Category.ALERT)
        await self._note("alert.list", owner, None, by)
        found = await self._alerts.of_tenant(owner, await self._serving.cutoffs(owner), limit=limit)
        names = await self._names(tenant, sees)
        return [_shown(_allowed(stored, sees), names) for stored in found]

    async def alert(self, tenant: str, alert_id: str, by: Instruction) -> ShownAlert:
        """One alert, with the calls meanwhile and where the raiser was."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        sees = await self._sight.require(owner, Category.ALERT)
        cutoffs = await self._serving.cutoffs(owner)
        found = await self._alerts.of_tenant(owner, cutoffs, AlertId(alert_id))
        if not found:
            raise NotFound("the tenant has no such alert, or it is kept no longer")
        stored = found[0]
        await self._note("alert.show", owner, stored.raiser_id, by)
        wanted = Wanted(subscriber_id=stored.raiser_id, since_ms=stored.raised_ms, limit=1000)
        calls = (
            await self._calls.calls(owner, cutoffs, wanted)
            if sees(Category.CALL_RECORD) and sees(Category.PARTICIPANTS)
            else []
        )
        groups: dict[str, str] = {each.group_id: each.name for each in await self._provisioning.groups(tenant)}
        names = await self._names(tenant, sees)
        end_ms = stored.closed_ms or self._clock.utc_ms()
        meanwhile = [_call(call, groups, names) for call in reversed(calls) if call.started_ms <= end_ms]
        track = await self._tracks.track(stored.alert_id, stored.raiser_id, cutoffs) if sees(Category.LOCATION) else []
        return replace(_shown(_allowed(stored, sees), names, tuple(meanwhile)), track=tuple(track))

    async def _note(self, operation: str, tenant_id: TenantId, subject_id: str | None, by: Instruction) -> None:
        gate, now_ms = self._policies.gate(tenant_id), self._clock.utc_ms()
        await self._alerts.write([by.note(gate, operation, tenant_id, now_ms, subject_id)])

    async def _names(self, tenant: str, sees: Sees) -> dict[SubscriberId, Personal]:
        """By the name, else the identifier, else the number."""
        named, identified = sees(Category.SUBSCRIBER_NAME), sees(Category.IDENTIFIER)
        found = {}
        for each in await self._provisioning.subscribers(tenant):
            known_as = (each.display_name if named else None, each.identifier if identified else None)
            found[each.subscriber_id] = next((text for text in known_as if text), Personal(each.subscriber_id))
        return found


def _allowed(stored: StoredAlert, sees: Sees) -> StoredAlert:
    return stored if sees(Category.LOCATION) else replace(stored, position=None)


def _shown(
    stored: StoredAlert, names: Mapping[SubscriberId, Personal], calls: tuple[ShownCall, ...] = ()
) -> ShownAlert:
    def after_s(*kinds: StepKind) -> float | None:
        first = next((step.at_ms for step in stored.steps if step.kind in kinds), None)
        return None if first is None else (first - stored.raised_ms) / 1000

    def name(who: SubscriberId) -> Personal:
        return names.get(who, Personal(who))

    return ShownAlert(
        alert_id=stored.alert_id,
        raiser=name(stored.raiser_id),
        drill=stored.drill,
        state=_state(stored),
        raised_ms=stored.raised_ms,
        closed_ms=stored.closed_ms,
        position=stored.position,
        delivered_after_s=after_s(*SHOWS_DELIVERY),
        acknowledged_after_s=after_s(StepKind.ACKNOWLEDGED, StepKind.HANDLING),
        steps=tuple(
            ShownStep(step.number, step.at_ms, step.kind, name(step.who) if step.who else None, step.note)
            for step in stored.steps
        ),
        calls=calls,
    )


def _state(stored: StoredAlert) -> str:
    kinds = {step.kind for step in stored.steps}
    order = (*ENDS, StepKind.HANDLING, StepKind.ACKNOWLEDGED, StepKind.DELIVERED, StepKind.RAISED)
    return next((kind.value for kind in order if kind in kinds), StepKind.RAISED.value)


def _call(call: PastCall, groups: Mapping[str, str], names: Mapping[SubscriberId, Personal]) -> ShownCall:
    by = names.get(call.initiator, Personal(call.initiator)) if call.initiator else None
    return ShownCall(groups.get(call.group_id, call.group_id), call.started_ms, call.ended_ms, by)


# For people and machines ---------------------------------------------------------------------------------------------


def alert_page(alert: ShownAlert) -> Page:
    """The whole of it, in the order in which it happened."""
    kind = "Exercise" if alert.drill else "Emergency alert"
    steps = [
        [
            f"{(step.at_ms - alert.raised_ms) / 1000:.1f} s",
            moment(step.at_ms),
            step.who.reveal() if step.who else "the server",
            _WORDS.get(step.kind, step.kind),
            step.note.reveal() if step.note else "",
        ]
        for step in alert.steps
    ]
    calls = [
        [
            call.group,
            moment(call.started_ms),
            moment(call.ended_ms),
            call.started_by.reveal() if call.started_by else "-",
        ]
        for call in alert.calls
    ]
    track = [
        [f"{(point.at_ms - alert.raised_ms) / 1000:.1f} s", moment(point.at_ms), point.place.reveal()]
        for point in alert.track
    ]
    return Page(
        title=f"{kind} of {alert.raiser.reveal()}",
        lead=f"Raised on {moment(alert.raised_ms)}; now {alert.state.replace('_', ' ')}.",
        sections=[
            Section("In short", facts=_facts(alert)),
            Section("What happened", headings=["After", "When", "Who", "What", "Note"], rows=steps),
            Section(
                "Calls meanwhile",
                [] if calls else ["None in which the person took part, or none that are kept."],
                headings=["Group", "Began", "Ended", "Started by"],
                rows=calls,
            ),
            Section(
                "Positions meanwhile",
                [] if track else ["None, or none that are kept."],
                headings=["After", "When", "Degrees north, east"],
                rows=track,
            ),
        ],
    )


def _facts(alert: ShownAlert) -> dict[str, str]:
    def after(seconds: float | None) -> str:
        return "-" if seconds is None else f"after {seconds:.1f} s"

    return {
        "Number": alert.alert_id,
        "On a first device": after(alert.delivered_after_s),
        "Answered": after(alert.acknowledged_after_s),
        "Closed": moment(alert.closed_ms),
        "Position": alert.position.reveal() if alert.position else "not kept",
        "Exercise": "yes" if alert.drill else "no",
    }


def alert_document(alert: ShownAlert) -> dict[str, Any]:
    """The same for machines."""
    return {
        "alert": alert.alert_id,
        "raiser": alert.raiser.reveal(),
        "drill": alert.drill,
        "state": alert.state,
        "raised_ms": alert.raised_ms,
        "closed_ms": alert.closed_ms,
        "position": alert.position.reveal() if alert.position else None,
        "delivered_after_s": alert.delivered_after_s,
        "acknowledged_after_s": alert.acknowledged_after_s,
        "steps": [
            {
                "number": step.number,
                "at_ms": step.at_ms,
                "kind": step.kind,
                "who": step.who.reveal() if step.who else None,
                "note": step.note.reveal() if step.note else None,
            }
            for step in alert.steps
        ],
        "calls": [
            {
                "group": call.group,
                "started_ms": call.started_ms,
                "ended_ms": call.ended_ms,
                "started_by": call.started_by.reveal() if call.started_by else None,
            }
            for call in alert.calls
        ],
        "track": [{"at_ms": point.at_ms, "position": point.place.reveal()} for point in alert.track],
    }
