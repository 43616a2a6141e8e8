"""The floor participant of one group (TS 24.380 §6.2) as a table: state x event -> procedure.

After every call carry out the returned effects, in order; then ask `next_deadline()` and call `expire()`
at that time.
"""

# Theory of operation
# ===================
#
#   U: has no permission   the user listens.
#   U: pending Request     the key is down; Floor Request is repeated (T101, C101) until any answer comes.
#   U: queued              the server knows that we wait. It is asked for our position now and then (T104),
#                          so a lost grant or a lost place is found out. A grant for a key that is up waits
#                          for the user (T132).
#   U: has permission      the user talks.
#   U: pending Release     the key is up, or a revoke is obeyed; Floor Release is repeated (T100, C100) until
#                          Floor Ack. A key pressed now is remembered until the release is over.
#
# Over UDP everything comes late, twice, or not at all. Three rules keep that harmless:
#
# - Floor Granted, Taken, Idle with a Message Sequence-Number older than the newest seen are not read at all.
# - A burst is known by its SSRC: Granted of a burst that is over is not read; Revoke and Release name theirs.
# - A grant that nobody waits for is given back; T103 ends a talker whose end was not heard.
#
# An event without an entry is discarded and the state stays, as the standard demands (§6.2.4.1).

import math
from collections.abc import Callable, Mapping

from ptthandset.floor_effects import FloorEffect
from ptthandset.floor_procedures import FloorProcedures
from ptthandset.floor_states import FloorEvent, FloorState, ParticipantTimers, event_of
from pttserver.wire.floor_control import FloorIndicator, FloorMessage, MessageType

Procedure = Callable[[FloorProcedures, float, FloorMessage], list[FloorEffect]]

TABLE: Mapping[FloorState, Mapping[FloorEvent, Procedure]] = {
    FloorState.NO_PERMISSION: {
        FloorEvent.PRESS: FloorProcedures.ask,
        FloorEvent.GRANTED: FloorProcedures.decline,
        FloorEvent.TAKEN: FloorProcedures.hear_taken,
        FloorEvent.IDLE: FloorProcedures.hear_idle,
    },
    FloorState.PENDING_REQUEST: {
        FloorEvent.PRESS: FloorProcedures.ask,
        FloorEvent.LET_GO: FloorProcedures.let_go,
        FloorEvent.T101: FloorProcedures.repeat_request,
        FloorEvent.GRANTED: FloorProcedures.accept,
        FloorEvent.DENIED: FloorProcedures.give_up,
        FloorEvent.POSITION: FloorProcedures.wait,
        FloorEvent.TAKEN: FloorProcedures.hear_taken,
        FloorEvent.IDLE: FloorProcedures.hear_idle,
    },
    FloorState.QUEUED: {
        FloorEvent.PRESS: FloorProcedures.ask_or_take,
        FloorEvent.LET_GO: FloorProcedures.let_go,
        FloorEvent.T104: FloorProcedures.ask_position,
        FloorEvent.T132: FloorProcedures.let_go,
        FloorEvent.GRANTED: FloorProcedures.accept,
        FloorEvent.DENIED: FloorProcedures.give_up,
        FloorEvent.POSITION: FloorProcedures.wait,
        FloorEvent.NOT_QUEUED: FloorProcedures.ask_again,
        FloorEvent.TAKEN: FloorProcedures.hear_taken,
        FloorEvent.IDLE: FloorProcedures.hear_idle,
    },
    FloorState.HAS_PERMISSION: {
        FloorEvent.LET_GO: FloorProcedures.let_go,
        FloorEvent.GRANTED: FloorProcedures.accept,
        FloorEvent.REVOKED: FloorProcedures.obey,
        FloorEvent.TAKEN: FloorProcedures.lose_to_another,
        FloorEvent.IDLE: FloorProcedures.lose,
    },
    FloorState.PENDING_RELEASE: {
        FloorEvent.T100: FloorProcedures.repeat_release,
        FloorEvent.RELEASE_ACK: FloorProcedures.finish,
        FloorEvent.GRANTED: FloorProcedures.decline,
        FloorEvent.TAKEN: FloorProcedures.finish_if_taken,
        FloorEvent.IDLE: FloorProcedures.finish_if_idle,
    },
}


class FloorParticipant:
    """One participant's end of the floor. Times are monotonic seconds; `ssrc` is that of the affiliation."""

    def __init__(self, ssrc: int, timers: ParticipantTimers | None = None) -> None:
        self._ssrc = ssrc
        self._does = FloorProcedures(ssrc, timers or ParticipantTimers())

    @property
    def state(self) -> FloorState:
        return self._does.state

    @property
    def burst_ssrc(self) -> int | None:
        """The SSRC of our own burst: granted, offered, or being released."""
        return self._does.burst_ssrc

    @property
    def talker_ssrc(self) -> int | None:
        """The SSRC of the burst that somebody else is known to talk in."""
        return self._does.hearing.talker_ssrc

    def press(
        self, now: float, priority: int | None = None, indicator: FloorIndicator = FloorIndicator.NORMAL
    ) -> list[FloorEffect]:
        """The user wants to talk. While pending or queued: asks anew, with another urgency perhaps."""
        self._does.key_down = True
        self._does.request = FloorMessage(
            type=MessageType.FLOOR_REQUEST, ssrc=self._ssrc, floor_priority=priority, indicator=indicator
        )
        return self._happens(now, FloorEvent.PRESS)

    def release(self, now: float, *, keep_place: bool = False) -> list[FloorEffect]:
        """The user lets go of the key. `keep_place`: if queued, waits on and is offered its turn."""
        self._does.key_down = False
        if keep_place and self.state is FloorState.QUEUED:
            return []
        return self._happens(now, FloorEvent.LET_GO)

    def receive(self, now: float, message: FloorMessage) -> list[FloorEffect]:
        """A message of the floor control server, as the transport has authenticated it."""
        event = event_of(message)
        if event is None or self._does.hearing.is_late(message):
            return []
        if event is FloorEvent.GRANTED:  # acknowledged only if it is accepted
            over = message.granted_ssrc == self._does.ended_ssrc
            return [] if over else self._happens(now, event, message)
        return self._does.ack(message) + self._happens(now, event, message)

    def media_received(self, now: float) -> None:
        """RTP came from the network: T103 starts anew."""
        self._does.hearing.media_received(now)

    def next_deadline(self) -> float | None:
        """When `expire` is due (monotonic seconds); None: no timer runs."""
        earliest = min(self._does.hearing.next_deadline(), *self._does.deadlines.values(), math.inf)
        return None if earliest == math.inf else earliest

    def expire(self, now: float) -> list[FloorEffect]:
        """Lets every timer expire that is due. Too early a call does nothing."""
        silent = self._does.hearing.next_deadline() <= now
        effects = self._does.hearing.idle() if silent else []
        due = [timer for timer, deadline in self._does.deadlines.items() if deadline <= now]
        for timer in due:  # a state runs one timer at a time
            del self._does.deadlines[timer]
            effects += self._happens(now, timer)
        return effects

    def _happens(self, now: float, event: FloorEvent, message: FloorMessage | None = None) -> list[FloorEffect]:
        procedure = TABLE[self.state].get(event)
        return [] if procedure is None else procedure(self._does, now, message or self._does.request)
