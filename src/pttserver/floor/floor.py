"""The facts of one group's floor, which `procedures` changes: participants, queue, burst, timers."""

import math
from collections.abc import Callable

from pttserver.config import FloorTimerSettings
from pttserver.floor.burst import Burst
from pttserver.floor.messages import ServerMessages
from pttserver.floor.participant import Participant
from pttserver.floor.queue import FloorQueue
from pttserver.floor.states import Event, ParticipantState, State
from pttserver.wire.floor_control import FloorIndicator, FloorMessage

NEVER = -math.inf
_SEQUENCE_NUMBERS = 1 << 16


class Floor:
    """All that the machine remembers between two events. Times are monotonic seconds.

    `deadlines`: running timers and when they expire; of two that expire together the first started goes
    first. `media_at`: last voice of the present burst, written by the voice path, read lazily.
    `sequence_number`: Message Sequence-Number of the newest Floor Taken or Floor Idle; its repetitions
    carry it again.
    """

    __slots__ = (
        "burst",
        "deadlines",
        "draw_ssrc",
        "idles_left",
        "media_at",
        "messages",
        "participants",
        "queue",
        "sequence_number",
        "settings",
        "state",
    )

    def __init__(
        self,
        control_ssrc: int,
        settings: FloorTimerSettings,
        draw_ssrc: Callable[[], int],
        condition: FloorIndicator,
    ) -> None:
        self.settings = settings
        self.draw_ssrc = draw_ssrc
        self.messages = ServerMessages(control_ssrc, queueing=settings.queue_limit > 0, condition=condition)
        self.state = State.START_STOP
        self.participants: dict[int, Participant] = {}
        self.queue = FloorQueue(settings.queue_limit)
        self.burst: Burst | None = None
        self.deadlines: dict[Event, float] = {}
        self.media_at = NEVER
        self.sequence_number = 0
        self.idles_left = 0

    def enter(self, state: State, deadlines: dict[Event, float]) -> None:
        """Every state runs timers of its own; those of the state before stop."""
        self.state = state
        self.deadlines = deadlines

    @property
    def present_burst(self) -> Burst:
        assert self.burst is not None, f"{self.state} has a talker"
        return self.burst

    @property
    def in_peril(self) -> bool:
        """Imminent peril is a state of the group (TS 22.179 §6.2.8.2): claims of it are believed."""
        return FloorIndicator.IMMINENT_PERIL in self.messages.condition

    @property
    def talker_ssrc(self) -> int | None:
        return None if self.burst is None else self.burst.talker_ssrc

    def count_change(self) -> None:
        """A new Floor Taken or Floor Idle: receivers can tell it from a late repetition of the one before."""
        self.sequence_number = (self.sequence_number + 1) % _SEQUENCE_NUMBERS

    def granted(self, now: float) -> FloorMessage:
        return self.messages.granted(self.present_burst, now, self.sequence_number)

    def announcement(self) -> FloorMessage:
        """What all but the talker are told: Floor Taken or Floor Idle."""
        if self.burst is None:
            return self.messages.idle(self.sequence_number)
        return self.messages.taken(self.burst, self.participants[self.burst.talker_ssrc], self.sequence_number)

    def take_note_of_voice(self) -> None:
        """Voice since the last event moves T1, and is as good as Floor Ack for a grant out of the queue."""
        if self.burst is None or self.media_at == NEVER:
            return
        if self.burst.unanswered:
            self.note_answer(self.media_at)
        if Event.T1 in self.deadlines:
            self.deadlines[Event.T1] = max(self.deadlines[Event.T1], self.media_at + self.settings.t1_end_of_rtp_s)

    def note_answer(self, at: float) -> None:
        """The talker has its grant: T20 stops, T1 takes over."""
        self.present_burst.grants_left = None
        if self.deadlines.pop(Event.T20, None) is not None:
            self.deadlines[Event.T1] = at + self.settings.t1_end_of_rtp_s

    def view_of(self, ssrc: int) -> ParticipantState:
        """The state towards one participant (§6.3.5)."""
        if self.burst is None:
            idle = self.state is State.FLOOR_IDLE
            return ParticipantState.NOT_PERMITTED_IDLE if idle else ParticipantState.START_STOP
        if self.burst.talker_ssrc == ssrc:
            revoked = self.state is State.PENDING_REVOKE
            return ParticipantState.PENDING_REVOKE if revoked else ParticipantState.PERMITTED
        queued = self.queue.position(ssrc) is not None
        return ParticipantState.QUEUED if queued else ParticipantState.NOT_PERMITTED_TAKEN
