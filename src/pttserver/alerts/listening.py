"""Ambient listening to who raised an alert: who asked for it, whether the microphone is open, when it must close.

Pure: time is an argument (monotonic seconds), what follows is returned. `Alert` holds one, and ends it with the alert.

    silent --asked--> asked --the device opened its microphone--> open --> silent
                        |                                          |
                        +-----------> silent <---------------------+
                 it did not in time        the time box is over, the last listener left, or it must end

- The first dispatcher who asks sets the time box; it runs from the moment that the microphone is open. Whoever asks
  while it runs listens for the rest of it.
- For each listener the timeline has the request, the beginning, and the end with its cause, whatever happens.
- What comes twice or late (a second request of a listener, the end of what is over) does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from pttserver.alerts.effects import AdmitListener, CloseMicrophone, DismissListener, ListeningEffect, OpenMicrophone
from pttserver.alerts.states import NO_NOTE, StepKind
from pttserver.ids import Personal, SubscriberId

OPEN_WITHIN_S: Final = 10.0
"""A device that has not opened its microphone by then will not."""


class ListeningState(Enum):
    """Where it stands."""

    SILENT = "silent"
    ASKED = "asked"
    OPEN = "open"


class ListeningEnd(StrEnum):
    """Why somebody listens no more; the note of the step."""

    ENDED = "ended"
    """The dispatcher has heard enough."""
    TIME_UP = "time_up"
    """The time box is over."""
    NO_ANSWER = "no_answer"
    """The device did not open its microphone in time."""
    ALERT_OVER = "alert_over"
    DEVICE_GONE = "device_gone"
    """The device is not logged in any more, or left the channel."""
    DISPATCHER_GONE = "dispatcher_gone"
    """The dispatcher is not logged in any more, or left the channel."""
    FORBIDDEN = "forbidden"
    """The organisation allows it no more, or not to this dispatcher."""
    SERVER_RESTARTED = "server_restarted"


@dataclass(frozen=True, slots=True)
class Happened:
    """A step for the timeline of the alert."""

    kind: StepKind
    who: SubscriberId
    note: Personal = NO_NOTE


Followed = Happened | ListeningEffect


class Listening:
    """Of one alert. `listeners` in the order in which they asked."""

    __slots__ = ("_for_s", "deadline", "listeners", "state")

    def __init__(self) -> None:
        self.state = ListeningState.SILENT
        self.listeners: dict[SubscriberId, None] = {}
        self.deadline: float | None = None
        self._for_s = 0.0

    def left_s(self, now: float) -> float:
        """For how long the microphone will be open at most; before it is: the whole time box."""
        if self.state is ListeningState.OPEN and self.deadline is not None:
            return max(0.0, self.deadline - now)
        return self._for_s

    def ask(self, now: float, who: SubscriberId, reason: Personal, for_s: float) -> Sequence[Followed]:
        """A dispatcher wants to listen."""
        if who in self.listeners:
            return []
        self.listeners[who] = None
        asked = Happened(StepKind.LISTENING_ASKED, who, reason)
        if self.state is ListeningState.SILENT:
            self.state, self.deadline, self._for_s = ListeningState.ASKED, now + OPEN_WITHIN_S, for_s
            return [asked, OpenMicrophone(who)]
        if self.state is ListeningState.ASKED:
            return [asked, AdmitListener(who)]
        return [asked, AdmitListener(who), Happened(StepKind.LISTENING_BEGUN, who)]

    def opened(self, now: float) -> Sequence[Followed]:
        """The device talks in the channel: the time box begins."""
        if self.state is not ListeningState.ASKED:
            return []
        self.state, self.deadline = ListeningState.OPEN, now + self._for_s
        return [Happened(StepKind.LISTENING_BEGUN, who) for who in self.listeners]

    def leave(self, who: SubscriberId, why: ListeningEnd) -> Sequence[Followed]:
        """One listener has done; after the last one the microphone closes."""
        if who not in self.listeners:
            return []
        if len(self.listeners) == 1:
            return self.stop(why)
        del self.listeners[who]
        return [Happened(StepKind.LISTENING_ENDED, who, Personal(why)), DismissListener(who)]

    def stop(self, why: ListeningEnd) -> Sequence[Followed]:
        """Nobody listens any more."""
        if self.state is ListeningState.SILENT:
            return []
        ended = [Happened(StepKind.LISTENING_ENDED, who, Personal(why)) for who in self.listeners]
        self.listeners.clear()
        self.state, self.deadline = ListeningState.SILENT, None
        return [CloseMicrophone(), *ended]

    def expire(self, now: float) -> Sequence[Followed]:
        """The device was not fast enough, or the time box is over. Too early a call does nothing."""
        if self.deadline is None or now < self.deadline:
            return []
        return self.stop(ListeningEnd.TIME_UP if self.state is ListeningState.OPEN else ListeningEnd.NO_ANSWER)
