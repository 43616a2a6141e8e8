"""One call from person to person: who rings, who answers first, how it ends.

Pure: time is an argument (monotonic seconds), effects are returned; carry them out in their order, and call `expire` at
`deadline`.

    ringing --answer--> connected --end, or somebody is gone--> over
       |
       +--all rejected, caller gave up, nobody answered in time--> over

- The first answer wins: in the same step everybody else who rings is told, so two can never be connected.
- Who is told that the call is over is told once, and why. Whoever ended it knows.
- What comes too late (an answer after the end, a second rejection) has no effect; `answer` says whether it counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

from pttserver.ids import CallId, SubscriberId


class CallState(Enum):
    """Where a call stands."""

    RINGING = "ringing"
    CONNECTED = "connected"
    OVER = "over"


class CallEnd(StrEnum):
    """Why a call is over for somebody."""

    ENDED = "ended"
    """The other one ended it; while it rang: the caller gave up."""
    REJECTED = "rejected"
    """Nobody who was called wanted it."""
    NO_ANSWER = "no_answer"
    """Nobody answered in time."""
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    """Somebody else who was called was faster."""
    GONE = "gone"
    """The other one is not logged in any more, or left the call's group."""
    IDLE = "idle"
    """Nobody said anything for too long."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Tell this person of the call."""

    whom: SubscriberId


@dataclass(frozen=True, slots=True)
class Connect:
    """The caller and this person talk to each other from now on."""

    answered_by: SubscriberId


@dataclass(frozen=True, slots=True)
class TellEnd:
    """For this person the call is over."""

    whom: SubscriberId
    why: CallEnd


@dataclass(frozen=True, slots=True)
class Over:
    """The call is over for all: forget it, and its group if it has one."""


CallEffect = Ring | Connect | TellEnd | Over


class Call:
    """`called` ring at first; one person (private call) or several (first to answer)."""

    __slots__ = ("answered_by", "call_id", "caller", "deadline", "ringing", "state")

    def __init__(self, call_id: CallId, caller: SubscriberId, called: Iterable[SubscriberId], deadline: float) -> None:
        self.call_id = call_id
        self.caller = caller
        self.ringing = dict.fromkeys(called)
        self.answered_by: SubscriberId | None = None
        self.state = CallState.RINGING
        self.deadline = deadline
        assert self.ringing
        assert caller not in self.ringing

    @property
    def parties(self) -> set[SubscriberId]:
        """Whom the call keeps busy."""
        if self.state is CallState.OVER:
            return set()
        answered = {self.answered_by} if self.answered_by is not None else set()
        return {self.caller, *self.ringing, *answered}

    def start(self) -> list[CallEffect]:
        """Once, after the call was made."""
        return [Ring(whom) for whom in self.ringing]

    def answer(self, who: SubscriberId) -> list[CallEffect]:
        """Nothing: too late, or not called."""
        if self.state is not CallState.RINGING or who not in self.ringing:
            return []
        del self.ringing[who]
        others = self._stop_ringing(CallEnd.ANSWERED_ELSEWHERE)
        self.state, self.answered_by = CallState.CONNECTED, who
        return [*others, Connect(who)]

    def reject(self, who: SubscriberId) -> list[CallEffect]:
        """The last rejection ends the call."""
        return self._lose_ringing(who, CallEnd.REJECTED)

    def end(self, who: SubscriberId, why: CallEnd = CallEnd.ENDED) -> list[CallEffect]:
        """A party hangs up, or (`GONE`) is not there any more. Who only rings rejects by it."""
        if who in self.ringing:
            return self._lose_ringing(who, CallEnd.REJECTED if why is CallEnd.ENDED else why)
        if who not in self.parties:
            return []
        other = self.answered_by if who == self.caller else self.caller
        told: list[CallEffect] = [TellEnd(other, why)] if other is not None else []
        return [*self._stop_ringing(why), *told, *self._finish()]

    def fall_idle(self) -> list[CallEffect]:
        """The group of a connected call was given up, since nobody used it."""
        told = [TellEnd(who, CallEnd.IDLE) for who in sorted(self.parties)]
        return [*told, *self._finish()] if self.state is CallState.CONNECTED else []

    def expire(self, now: float) -> list[CallEffect]:
        """Nobody answered in time. Too early a call does nothing."""
        if self.state is not CallState.RINGING or now < self.deadline:
            return []
        return [*self._stop_ringing(CallEnd.NO_ANSWER), TellEnd(self.caller, CallEnd.NO_ANSWER), *self._finish()]

    def _lose_ringing(self, who: SubscriberId, why: CallEnd) -> list[CallEffect]:
        if self.state is not CallState.RINGING or who not in self.ringing:
            return []
        del self.ringing[who]
        return [] if self.ringing else [TellEnd(self.caller, why), *self._finish()]

    def _stop_ringing(self, why: CallEnd) -> list[CallEffect]:
        stopped: list[CallEffect] = [TellEnd(whom, why) for whom in self.ringing]
        self.ringing.clear()
        return stopped

    def _finish(self) -> list[CallEffect]:
        self.state = CallState.OVER
        return [Over()]
