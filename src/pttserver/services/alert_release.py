"""A step of an alert, or a position of its raiser, on its way to the disk: taken through the gate as it is written."""

from collections.abc import Iterator
from typing import NamedTuple

from pttserver.alerts.alert import Alert
from pttserver.alerts.states import Step, StepKind
from pttserver.alerts.table import ENDS
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import PSEUDONYM
from pttserver.privacy.gate import Gate
from pttserver.privacy.location_admission import place_no_finer
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released, Value
from pttserver.store.alert_notes import NewNote
from pttserver.store.alert_track import LocatedBy, NewPosition, NewTrackPoint
from pttserver.store.alerts import Entry, NewAlert, NewStep


class Waiting(NamedTuple):
    """A step, or a position, that is not on the disk yet. `taken_ms`: of a point of the track."""

    tenant_id: TenantId
    alert: Alert
    step: Step | None
    position: Personal | None
    taken_ms: int | None = None


class Release:
    """Takes a step through the gate; `number`: of the gate's policy."""

    def __init__(self, gate: Gate, number: int, one: Waiting) -> None:
        self._gate = gate
        self._one = one
        location = gate.policy.location
        self._located_by = LocatedBy(number, location.subscriber_may_switch_off, location.sos_exception)

    def _of(self, subject_id: str, value: Value) -> Released | None:
        return self._gate.release(Category.ALERT, Purpose.SAFETY, subject_id, value)

    def entries(self) -> Iterator[Entry]:
        """None if the policy keeps no alerts."""
        one, raiser = self._one, self._one.alert.raiser
        subject, step = self._of(raiser, raiser), one.step
        if subject is None:
            return
        if step is not None and step.kind is StepKind.RAISED:
            yield from self._alert(subject, step)
        if step is not None:
            yield from self._step(subject, step)
            yield from self._noted(subject, step)
        if one.taken_ms is not None:
            yield from self._point(one.taken_ms)
        elif (position := self._position()) is not None:
            yield NewPosition(one.alert.alert_id, one.tenant_id, raiser, position, self._located_by)

    def _point(self, taken_ms: int) -> Iterator[NewTrackPoint]:
        """By the rule for positions alone: the track may be gone while the alert is still kept."""
        one, raiser = self._one, self._one.alert.raiser
        subject, place, at_ms = self._place(raiser), self._position(), self._place(taken_ms)
        if subject is not None and place is not None and at_ms is not None:
            yield NewTrackPoint(one.alert.alert_id, one.tenant_id, raiser, subject, place, at_ms, self._located_by)

    def _place(self, value: Value) -> Released | None:
        return self._gate.release(Category.LOCATION, Purpose.SAFETY, self._one.alert.raiser, value)

    def _position(self) -> Released | None:
        """As coarse as the policy of now lets it be, which may be another than when it was taken."""
        position = self._one.position
        if position is None:
            return None
        return self._place(Personal(place_no_finer(position.reveal(), self._gate.policy.location.precision_m)))

    def _alert(self, subject: Released, step: Step) -> Iterator[NewAlert]:
        one = self._one
        raised = self._of(one.alert.raiser, step.at_ms)
        if raised is not None:
            yield NewAlert(one.alert.alert_id, one.tenant_id, one.alert.raiser, subject, one.alert.drill, raised)

    def _step(self, subject: Released, step: Step) -> Iterator[NewStep]:
        one = self._one
        at = self._of(one.alert.raiser, step.at_ms)
        if at is None:
            return
        yield NewStep(
            alert_id=one.alert.alert_id,
            tenant_id=one.tenant_id,
            raiser_id=one.alert.raiser,
            subject=subject,
            number=step.number,
            kind=step.kind.value,
            actor=self._actor(step.who),
            at_ms=at,
            closed_ms=at if step.kind in ENDS else None,
        )

    def _noted(self, subject: Released, step: Step) -> Iterator[NewNote]:
        """What was said with a step is about the raiser, and goes with the raiser."""
        one, raiser = self._one, self._one.alert.raiser
        text, at_ms = self._readable(raiser, step.note), self._of(raiser, step.at_ms)
        if text is not None and at_ms is not None:
            yield NewNote(one.alert.alert_id, one.tenant_id, raiser, subject, step.number, text, at_ms)

    def _readable(self, subject_id: str, note: Personal) -> Released | None:
        """A pseudonym of what somebody wrote would say nothing."""
        released = self._of(subject_id, note) if note else None
        return None if released is None or released.form == PSEUDONYM else released

    def _actor(self, who: SubscriberId | None) -> Released | None:
        return None if who is None else self._of(who, who)
