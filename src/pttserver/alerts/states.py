"""The states of an alert, and the steps that its timeline is made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from pttserver.ids import Personal, SubscriberId


class State(StrEnum):
    """How far an alert has got."""

    RAISED = "raised"
    """Nobody's device has confirmed it yet."""
    DELIVERED = "delivered"
    """The device of at least one recipient has it."""
    ACKNOWLEDGED = "acknowledged"
    """A dispatcher knows of it."""
    HANDLING = "handling"
    """A dispatcher sees to it."""
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in _OPEN

    @property
    def is_waiting(self) -> bool:
        """No dispatcher has answered yet."""
        return self in (State.RAISED, State.DELIVERED)


_OPEN = (State.RAISED, State.DELIVERED, State.ACKNOWLEDGED, State.HANDLING)


class StepKind(StrEnum):
    """What can happen to an alert; each is an entry of its timeline."""

    RAISED = "raised"
    DELIVERED = "delivered"
    """The device of one recipient confirmed it."""
    ESCALATED = "escalated"
    """Nobody acknowledged it in time: the next stage is told."""
    UNANSWERED = "unanswered"
    """Nobody acknowledged it in time, and there is no further stage."""
    ACKNOWLEDGED = "acknowledged"
    HANDLING = "handling"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    CANCELLED = "cancelled"
    NOTED = "noted"
    """A dispatcher wrote something down, which is in the note."""
    LISTENING_ASKED = "listening_asked"
    """A dispatcher asked to hear the raiser's microphone, for the reason in the note."""
    LISTENING_BEGUN = "listening_begun"
    """The microphone is open, and this dispatcher hears it."""
    LISTENING_ENDED = "listening_ended"
    """This dispatcher hears it no more, for the cause in the note."""


LISTENING: Final = (StepKind.LISTENING_ASKED, StepKind.LISTENING_BEGUN, StepKind.LISTENING_ENDED)
"""Steps of ambient listening; `who` is the dispatcher who listens, whoever ended it."""

FOR_STAFF: Final = (*LISTENING, StepKind.NOTED)
"""Steps of use to dispatchers and managers only."""

SHOWS_DELIVERY: Final = (StepKind.DELIVERED, StepKind.ACKNOWLEDGED, StepKind.HANDLING)
"""Whoever takes such a step has the alert."""

NO_NOTE: Final = Personal("")


class At(NamedTuple):
    """A moment on both clocks: `now` in monotonic seconds for deadlines, `utc_ms` for the timeline."""

    now: float
    utc_ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """An entry of the timeline, from number 1. `who` None: the server. `note`: said by that person."""

    number: int
    kind: StepKind
    at_ms: int
    who: SubscriberId | None
    note: Personal = NO_NOTE
