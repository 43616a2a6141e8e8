"""One alert: verbs around the table, its timeline, its timers.

After every call carry out the returned effects, in order; then ask `next_deadline()` and call `expire()` at that time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pttserver.alerts.effects import Closed, Effect, Record, Route
from pttserver.alerts.listening import Followed, Happened, Listening, ListeningEnd
from pttserver.alerts.states import NO_NOTE, SHOWS_DELIVERY, At, State, Step, StepKind
from pttserver.alerts.table import ENDS, TABLE
from pttserver.ids import AlertId, Personal, SubscriberId

MOST_NOTES: Final = 100


@dataclass(frozen=True, slots=True)
class AlertRules:
    """How the organisation has its alerts handled. `escalate_to`: what the timeline calls each further stage."""

    acknowledge_within_s: float
    escalate_to: tuple[str, ...] = ()


@dataclass(slots=True)
class Alert:
    """An alert that `raiser` raised. Times are monotonic seconds, and UTC milliseconds in the timeline."""

    alert_id: AlertId
    raiser: SubscriberId
    rules: AlertRules
    drill: bool = False
    state: State = State.RAISED
    timeline: list[Step] = field(default_factory=list)
    stage: int = 0
    delivered: set[SubscriberId] = field(default_factory=set)
    handler: SubscriberId | None = None
    listening: Listening = field(default_factory=Listening)
    _acknowledge_by: float | None = None

    @property
    def raised_ms(self) -> int:
        return self.timeline[0].at_ms

    @property
    def is_unanswered(self) -> bool:
        """Every stage was told, and nobody acknowledged it."""
        return any(step.kind is StepKind.UNANSWERED for step in self.timeline)

    # Verbs -------------------------------------------------------------------------------------------------------

    def open(self, at: At) -> list[Effect]:
        """The first step, once."""
        assert not self.timeline, "an alert is opened once"
        self._acknowledge_by = at.now + self.rules.acknowledge_within_s
        return [self._record(at, StepKind.RAISED, self.raiser), Route(0)]

    def deliver(self, at: At, recipient: SubscriberId) -> list[Effect]:
        """The recipient's device has it; no news after the recipient's own answer, which may overtake this."""
        return [] if recipient in self.delivered else self._happens(at, StepKind.DELIVERED, recipient)

    def acknowledge(self, at: At, dispatcher: SubscriberId) -> list[Effect]:
        """The dispatcher knows of it; the timer stops."""
        return self._happens(at, StepKind.ACKNOWLEDGED, dispatcher)

    def handle(self, at: At, dispatcher: SubscriberId) -> list[Effect]:
        """The dispatcher sees to it, perhaps in the place of another one."""
        return [] if dispatcher == self.handler else self._happens(at, StepKind.HANDLING, dispatcher)

    def write_note(self, at: At, dispatcher: SubscriberId, note: Personal) -> list[Effect]:
        """The dispatcher adds to the timeline. Nothing once the alert is over, or has `MOST_NOTES`."""
        return [] if self.is_full_of_notes else self._happens(at, StepKind.NOTED, dispatcher, note)

    @property
    def is_full_of_notes(self) -> bool:
        return sum(step.kind is StepKind.NOTED for step in self.timeline) >= MOST_NOTES

    def end(self, at: At, who: SubscriberId, outcome: StepKind, note: Personal) -> list[Effect]:
        """`outcome`: one of `ENDS`."""
        assert outcome in ENDS, f"{outcome} is no end"
        return [*self.silence(at, ListeningEnd.ALERT_OVER), *self._happens(at, outcome, who, note)]

    def nobody_reached(self, at: At) -> None:
        """Nobody of the stage that was just told is there: a further stage need not wait. `expire` is due."""
        if self._acknowledge_by is not None and self.stage < len(self.rules.escalate_to):
            self._acknowledge_by = at.now

    def restore(self, at: At, steps: Iterable[Step]) -> list[Effect]:
        """Walks the path of a timeline again, instead of `open`. Nobody is told of that path by this.

        What went on when the server stopped, and did not survive it, ends now: gives those steps.
        """
        listeners: dict[SubscriberId | None, None] = {}
        for step in steps:
            self._follow(step)
            if step.kind is StepKind.LISTENING_ASKED:
                listeners[step.who] = None
            elif step.kind is StepKind.LISTENING_ENDED:
                listeners.pop(step.who, None)
        begun_ms = max((s.at_ms for s in self.timeline if s.kind in _BEGINS_TO_WAIT), default=at.utc_ms)
        if self.state.is_waiting and not self.is_unanswered:
            waited_s = min(max(0.0, (at.utc_ms - begun_ms) / 1000), self.rules.acknowledge_within_s)
            self._acknowledge_by = at.now + self.rules.acknowledge_within_s - waited_s
        why = Personal(ListeningEnd.SERVER_RESTARTED)
        ended = [self._happens(at, StepKind.LISTENING_ENDED, who, why) for who in listeners]
        return [effect for effects in ended for effect in effects]

    # Ambient listening -------------------------------------------------------------------------------------------

    def listen(self, at: At, dispatcher: SubscriberId, reason: Personal, for_s: float) -> list[Effect]:
        """The dispatcher wants to hear the raiser's microphone, for `for_s` seconds at most."""
        if not self.state.is_open:
            return []
        return self._listened(at, self.listening.ask(at.now, dispatcher, reason, for_s))

    def microphone_opened(self, at: At) -> list[Effect]:
        """The raiser's device talks in the channel that was made for it."""
        return self._listened(at, self.listening.opened(at.now))

    def stop_listening(self, at: At, dispatcher: SubscriberId, why: ListeningEnd) -> list[Effect]:
        """This dispatcher hears no more."""
        return self._listened(at, self.listening.leave(dispatcher, why))

    def silence(self, at: At, why: ListeningEnd) -> list[Effect]:
        """The microphone closes, whoever listens."""
        return self._listened(at, self.listening.stop(why))

    def _listened(self, at: At, followed: Sequence[Followed]) -> list[Effect]:
        effects: list[Effect] = []
        for each in followed:
            if isinstance(each, Happened):
                effects += self._happens(at, each.kind, each.who, each.note)
            else:
                effects.append(each)
        return effects

    # Time --------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When `expire` is due (monotonic seconds); None: no timer runs."""
        running = (self._acknowledge_by, self.listening.deadline)
        return min((deadline for deadline in running if deadline is not None), default=None)

    def expire(self, at: At) -> list[Effect]:
        """Lets the timers expire that are due. Too early a call does nothing."""
        effects = self._listened(at, self.listening.expire(at.now))
        if self._acknowledge_by is not None and at.now >= self._acknowledge_by:
            effects += self._escalate(at)
        return effects

    def _escalate(self, at: At) -> list[Effect]:
        if self.stage >= len(self.rules.escalate_to):  # more, if the policy had more stages before a restart
            return self._happens(at, StepKind.UNANSWERED, None)
        return self._happens(at, StepKind.ESCALATED, None, Personal(self.rules.escalate_to[self.stage]))

    # Steps -------------------------------------------------------------------------------------------------------

    def _happens(self, at: At, kind: StepKind, who: SubscriberId | None, note: Personal = NO_NOTE) -> list[Effect]:
        if kind not in TABLE[self.state]:
            return []
        recorded = self._record(at, kind, who, note)
        if kind is StepKind.ESCALATED:
            self._acknowledge_by = at.now + self.rules.acknowledge_within_s
            return [recorded, Route(self.stage)]
        if kind is StepKind.UNANSWERED or not self.state.is_waiting:
            self._acknowledge_by = None
        return [recorded, Closed()] if kind in ENDS else [recorded]

    def _record(self, at: At, kind: StepKind, who: SubscriberId | None, note: Personal = NO_NOTE) -> Record:
        step = Step(len(self.timeline) + 1, kind, at.utc_ms, who, note)
        self._follow(step)
        return Record(step)

    def _follow(self, step: Step) -> None:
        """One step of the path; also of one that was written down before."""
        self.timeline.append(step)
        self.state = TABLE[self.state].get(step.kind, self.state)
        if step.kind in SHOWS_DELIVERY and step.who is not None:
            self.delivered.add(step.who)
        if step.kind is StepKind.ESCALATED:
            self.stage += 1
        if step.kind is StepKind.HANDLING:
            self.handler = step.who


_BEGINS_TO_WAIT = (StepKind.RAISED, StepKind.ESCALATED)
