"""The procedures of the floor participant, and the few facts that they change (TS 24.380 §6.2.4).

Each takes the time (monotonic seconds) and the message (for a key or a timer: our last request), and returns
the effects in their order. `floor_participant.TABLE` says which one is run when.
"""

from ptthandset import floor_effects as tell
from ptthandset.floor_effects import FloorEffect, Transmit
from ptthandset.floor_hearing import Hearing
from ptthandset.floor_states import FloorEvent, FloorState, ParticipantTimers
from pttserver.wire.floor_control import FloorMessage, MessageType, Source


class FloorProcedures:
    """What the participant remembers between two events, and what it does about them."""

    def __init__(self, ssrc: int, timers: ParticipantTimers) -> None:
        self.state = FloorState.NO_PERMISSION
        self.key_down = False
        self.request = FloorMessage(type=MessageType.FLOOR_REQUEST, ssrc=ssrc)
        self.burst_ssrc: int | None = None
        self.ended_ssrc: int | None = None
        self.hearing = Hearing(timers.t103_end_of_rtp_s)
        self.deadlines: dict[FloorEvent, float] = {}
        self._ssrc = ssrc
        self._timers = timers
        self._tries = 0
        self._offered = False

    # Asking

    def ask(self, now: float, _message: FloorMessage) -> list[FloorEffect]:
        self._enter(FloorState.PENDING_REQUEST)
        return self._transmit_request(now)

    def ask_or_take(self, now: float, message: FloorMessage) -> list[FloorEffect]:
        """The key goes down while queued: for the turn that is offered, or with another urgency."""
        return self._talk(self.burst_ssrc, None) if self._offered else self.ask(now, message)

    def repeat_request(self, now: float, _message: FloorMessage) -> list[FloorEffect]:
        self._tries += 1
        if self._tries <= self._timers.c101_floor_request:
            return self._transmit_request(now)
        self._stop(FloorState.NO_PERMISSION)
        return [tell.RequestTimedOut()]

    def ask_position(self, now: float, message: FloorMessage) -> list[FloorEffect]:
        """T104: any answer starts the count anew."""
        self._tries += 1
        if self._tries > self._timers.c104_queue_position:
            return [tell.RequestTimedOut(), *self.let_go(now, message)]
        self.deadlines[FloorEvent.T104] = now + self._timers.t104_queue_position_s
        return [Transmit(FloorMessage(type=MessageType.QUEUE_POSITION_REQUEST, ssrc=self._ssrc))]

    # Being answered

    def accept(self, now: float, grant: FloorMessage) -> list[FloorEffect]:
        if self.key_down:
            return self.ack(grant) + self._talk(grant.granted_ssrc, grant.duration_s)
        return self.ack(grant) + self._offer(now, grant.granted_ssrc)

    def _talk(self, ssrc: int | None, duration_s: int | None) -> list[FloorEffect]:
        assert ssrc is not None, "event_of lets no grant without SSRC pass"
        again = self.state is FloorState.HAS_PERMISSION and self.burst_ssrc == ssrc
        self._enter(FloorState.HAS_PERMISSION)
        self.hearing.pause()
        self.burst_ssrc = ssrc
        return [] if again else [tell.FloorGranted(ssrc, duration_s)]

    def _offer(self, now: float, ssrc: int | None) -> list[FloorEffect]:
        assert ssrc is not None, "event_of lets no grant without SSRC pass"
        if self._offered and self.burst_ssrc == ssrc:
            return []
        self._enter(FloorState.QUEUED)
        self._offered, self.burst_ssrc = True, ssrc
        self.deadlines[FloorEvent.T132] = now + self._timers.t132_queued_granted_s
        return [tell.FloorOffered(ssrc)]

    def decline(self, now: float, grant: FloorMessage) -> list[FloorEffect]:
        """A request that the user no longer stands by was granted late."""
        self.burst_ssrc = grant.granted_ssrc
        self._enter(FloorState.PENDING_RELEASE)
        return self._transmit_release(now)

    def give_up(self, _now: float, deny: FloorMessage) -> list[FloorEffect]:
        self._stop(FloorState.NO_PERMISSION)
        return [tell.FloorDenied(deny.reject_cause or 0, deny.reject_phrase)]

    def wait(self, now: float, info: FloorMessage) -> list[FloorEffect]:
        assert info.queue_info is not None, "event_of saw it"
        if self._offered:
            return []
        self._enter(FloorState.QUEUED)
        self.deadlines[FloorEvent.T104] = now + self._timers.t104_queue_position_s
        return [tell.FloorQueued(*info.queue_info, info.queue_size)]

    def ask_again(self, now: float, info: FloorMessage) -> list[FloorEffect]:
        """Our place is gone, or the grant that took it was lost: the answer tells which."""
        return [] if self._offered else self.ask(now, info)

    # Letting go

    def let_go(self, now: float, _message: FloorMessage) -> list[FloorEffect]:
        self.key_down = False
        self._enter(FloorState.PENDING_RELEASE)
        return self._transmit_release(now)

    def repeat_release(self, now: float, message: FloorMessage) -> list[FloorEffect]:
        self._tries += 1
        again = self._tries <= self._timers.c100_floor_release
        return self._transmit_release(now) if again else self.finish(now, message)

    def finish(self, now: float, message: FloorMessage) -> list[FloorEffect]:
        """The release is over; a key that went down meanwhile counts now."""
        self._end_burst()
        self._enter(FloorState.NO_PERMISSION)
        return self.ask(now, message) if self.key_down else []

    def obey(self, now: float, revoke: FloorMessage) -> list[FloorEffect]:
        """The grace is for voice under way: the sooner we release, the sooner the next one talks."""
        if self.burst_ssrc is None or revoke.granted_ssrc not in (None, self.burst_ssrc):
            return []
        lost = tell.FloorLost(self.burst_ssrc, must_stop=True, cause=revoke.reject_cause)
        return [lost, *self.let_go(now, revoke)]

    # Hearing of others

    def hear_taken(self, now: float, taken: FloorMessage) -> list[FloorEffect]:
        return self.hearing.taken(now, taken)

    def hear_idle(self, _now: float, _idle: FloorMessage) -> list[FloorEffect]:
        return self.hearing.idle()

    def lose_to_another(self, now: float, taken: FloorMessage) -> list[FloorEffect]:
        return [] if taken.granted_ssrc == self.burst_ssrc else self._lose() + self.hearing.taken(now, taken)

    def lose(self, _now: float, _idle: FloorMessage) -> list[FloorEffect]:
        return self._lose() + self.hearing.idle()

    def finish_if_taken(self, now: float, taken: FloorMessage) -> list[FloorEffect]:
        """Another one talks, so the burst that we release is over; a place in the queue need not be."""
        heard = self.hearing.taken(now, taken)
        return heard if self.burst_ssrc is None else heard + self.finish(now, taken)

    def finish_if_idle(self, now: float, idle: FloorMessage) -> list[FloorEffect]:
        return self.hearing.idle() + self.finish(now, idle)

    # Steps that procedures share

    def _enter(self, state: FloorState) -> None:
        """Every state runs timers of its own; those of the state before stop."""
        self.state = state
        self._tries = 0
        self._offered = False
        self.deadlines = {}

    def _stop(self, state: FloorState) -> None:
        """Without the floor, whatever the key does: the user has to press it anew."""
        self.key_down = False
        self._end_burst()
        self._enter(state)

    def _end_burst(self) -> None:
        self.ended_ssrc, self.burst_ssrc = self.burst_ssrc or self.ended_ssrc, None

    def _lose(self) -> list[FloorEffect]:
        lost = tell.FloorLost(self.burst_ssrc or 0, must_stop=False)
        self._stop(FloorState.NO_PERMISSION)
        return [lost]

    def _transmit_request(self, now: float) -> list[FloorEffect]:
        wait_s = self._timers.backoff_s(self._timers.t101_floor_request_s, self._tries)
        self.deadlines[FloorEvent.T101] = now + wait_s
        return [Transmit(self.request)]

    def _transmit_release(self, now: float) -> list[FloorEffect]:
        wait_s = self._timers.backoff_s(self._timers.t100_floor_release_s, self._tries)
        self.deadlines[FloorEvent.T100] = now + wait_s
        kind, burst = MessageType.FLOOR_RELEASE, self.burst_ssrc
        release = FloorMessage(type=kind, ssrc=self._ssrc, ack_required=True, granted_ssrc=burst)
        return [Transmit(release)]

    def ack(self, message: FloorMessage) -> list[FloorEffect]:
        if not message.ack_required:
            return []
        kind, source = MessageType.FLOOR_ACK, Source.FLOOR_PARTICIPANT
        ack = FloorMessage(type=kind, ssrc=self._ssrc, source=source, message_type=message.type)
        return [Transmit(ack)]
