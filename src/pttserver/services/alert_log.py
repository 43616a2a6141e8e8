"""The record of alerts: each step goes to the disk at once, and waits for it while it cannot be written.

Telling people never waits for the disk. What is put passes the gate as it is written, by the policy of that moment: an
organisation without records has its alerts in memory only. Who answers an alert is noted in the audit log too, in the
same transaction.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pttserver.alerts.alert import Alert
from pttserver.alerts.states import LISTENING, Step, StepKind
from pttserver.alerts.table import ENDS
from pttserver.clock import Clock
from pttserver.errors import PolicyMissing, StoreUnavailable
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import PSEUDONYM
from pttserver.privacy.gate import Gate
from pttserver.privacy.location_admission import place_no_finer
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released, Value
from pttserver.services.policy_book import PolicyBook
from pttserver.store.alert_notes import NewNote
from pttserver.store.alert_track import NewTrackPoint
from pttserver.store.alerts import Alerts, Entry, NewAlert, NewPosition, NewStep
from pttserver.store.audit_chain import AuditNote

RETRY_AFTER_S = 1.0
MOST_POINTS_WAITING = 10_000  # of tracks; steps wait without a bound, for there are few
_MOST_AT_ONCE = 500
_BY_THE_WAY = frozenset({StepKind.RAISED, StepKind.DELIVERED})  # the person's own; no act of an operator
_NOTED_BEFORE = frozenset({StepKind.LISTENING_ASKED})  # with its reason, before it was done
_log = get_logger("alert_log")


class _Waiting(NamedTuple):
    """A step, or a position, that is not on the disk yet. `taken_ms`: of a point of the track."""

    tenant_id: TenantId
    alert: Alert
    step: Step | None
    position: Personal | None
    taken_ms: int | None = None


class AlertLog:
    """`put` and `flush`; `run` writes what a flush left behind."""

    def __init__(self, store: Alerts, policies: PolicyBook, clock: Clock) -> None:
        self._store = store
        self._policies = policies
        self._clock = clock
        self._waiting: list[_Waiting | AuditNote] = []
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self.failures = 0
        self.points_dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, tenant_id: TenantId, alert: Alert, step: Step, position: Personal | None = None) -> None:
        """`position`: that of the first step, decimal degrees."""
        self._waiting.append(_Waiting(tenant_id, alert, step, position))
        self._wake.set()

    def put_position(self, tenant_id: TenantId, alert: Alert, position: Personal) -> None:
        """It came after the alert."""
        self._waiting.append(_Waiting(tenant_id, alert, None, position))
        self._wake.set()

    def put_point(self, tenant_id: TenantId, alert: Alert, position: Personal, taken_ms: int) -> None:
        """Where the raiser was while the alert was open. While the disk fails for long, points are dropped."""
        if len(self._waiting) >= MOST_POINTS_WAITING:
            self.points_dropped += 1
            return
        self._waiting.append(_Waiting(tenant_id, alert, None, position, taken_ms))
        self._wake.set()

    def put_note(self, note: AuditNote) -> None:
        """Somebody looked at alerts."""
        self._waiting.append(note)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            if await self.flush():
                self._wake.clear()
            else:
                await asyncio.sleep(RETRY_AFTER_S)

    async def flush(self) -> bool:
        """Writes all that waits when its turn comes. False: the database cannot be written; it waits on."""
        async with self._turn:
            while some := self._waiting[:_MOST_AT_ONCE]:
                try:
                    await self._write(some)
                except StoreUnavailable as error:
                    self.failures += 1
                    _log.error("alert_log_not_written", waiting=len(self), error=error.message)
                    return False
                del self._waiting[: len(some)]
        return True

    async def _write(self, some: Sequence[_Waiting | AuditNote]) -> None:
        """What a bug keeps from being written is left out: it holds up nothing else. Raises StoreUnavailable."""
        try:
            await self._store.write([entry for one in some for entry in self._entries(one)])
        except StoreUnavailable:
            raise
        except Exception:
            if len(some) > 1:
                for one in some:
                    await self._write([one])
                return
            self.failures += 1
            _log.exception("alert_step_lost")

    def _entries(self, one: _Waiting | AuditNote) -> Iterator[Entry]:
        if isinstance(one, AuditNote):
            yield one
            return
        try:
            gate = self._policies.gate(one.tenant_id)
        except PolicyMissing:
            return
        yield from _Release(gate, one).entries()
        step = one.step
        if step is not None and step.who is not None and step.kind not in _BY_THE_WAY | _NOTED_BEFORE:
            why = {"why": step.note.reveal()} if step.kind in LISTENING and step.note else {}
            yield AuditNote(
                gate=gate,
                operation=f"alert.{step.kind}",
                tenant_id=one.tenant_id,
                actor=Personal(step.who),
                at_ms=step.at_ms,
                subject_id=one.alert.raiser,
                details={"alert": one.alert.alert_id, **why},
            )


class _Release:
    """Takes a step through the gate."""

    def __init__(self, gate: Gate, one: _Waiting) -> None:
        self._gate = gate
        self._one = one

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
        elif one.taken_ms is not None:
            yield from self._point(one.taken_ms)
        elif (position := self._position()) is not None:
            yield NewPosition(one.alert.alert_id, raiser, position)

    def _point(self, taken_ms: int) -> Iterator[NewTrackPoint]:
        """By the rule for positions alone: the track may be gone while the alert is still kept."""
        one, raiser = self._one, self._one.alert.raiser
        subject, place, at_ms = self._place(raiser), self._position(), self._place(taken_ms)
        if subject is not None and place is not None and at_ms is not None:
            yield NewTrackPoint(one.alert.alert_id, one.tenant_id, raiser, subject, place, at_ms)

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
            yield NewAlert(
                one.alert.alert_id,
                one.tenant_id,
                one.alert.raiser,
                subject,
                one.alert.drill,
                self._position(),
                raised,
            )

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
