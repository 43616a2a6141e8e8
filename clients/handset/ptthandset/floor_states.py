"""States, events and timers of the floor participant (TS 24.380 §6.2.4, §11.1)."""

from dataclasses import dataclass
from enum import Enum

from pttserver.wire.floor_control import ACK_REQUIRED, NOT_QUEUED, FloorMessage, MessageType


class FloorState(Enum):
    """State of the 'basic floor control operation' of a participant (TS 24.380 §6.2.4)."""

    NO_PERMISSION = "U: has no permission"
    PENDING_REQUEST = "U: pending Request"
    QUEUED = "U: queued"
    HAS_PERMISSION = "U: has permission"
    PENDING_RELEASE = "U: pending Release"


class FloorEvent(Enum):
    """What can happen to a floor participant; an expired timer is an event of the timer's name.

    T103 is none of them: it tells who talks, not whether we may, and lives in `floor_hearing`.
    """

    PRESS = "key pressed"
    LET_GO = "key let go"
    GRANTED = "Floor Granted"
    DENIED = "Floor Deny"
    TAKEN = "Floor Taken"
    IDLE = "Floor Idle"
    REVOKED = "Floor Revoke"
    POSITION = "Floor Queue Position Info"
    NOT_QUEUED = "Floor Queue Position Info: not queued"
    RELEASE_ACK = "Floor Ack of the release"
    T100 = "T100 Floor Release"
    T101 = "T101 Floor Request"
    T104 = "T104 Floor Queue Position Request"
    T132 = "T132 queued granted user action"


@dataclass(frozen=True, slots=True)
class ParticipantTimers:
    """Timers and counters of TS 24.380 §11.1; the names are the standard's.

    T100 and T101 are the first waits; each next one doubles up to `retry_cap_s`. The standard's 2 s would
    miss its own access time (300 ms) with one lost datagram. The server has 5.1 s in all to answer.
    """

    t100_floor_release_s: float = 0.1
    c100_floor_release: int = 5
    t101_floor_request_s: float = 0.1
    c101_floor_request: int = 5
    retry_cap_s: float = 2.0
    t103_end_of_rtp_s: float = 4.0
    t104_queue_position_s: float = 2.0
    c104_queue_position: int = 3
    t132_queued_granted_s: float = 2.0

    def backoff_s(self, first_s: float, tries: int) -> float:
        """The wait after `tries` repetitions, in seconds."""
        return min(first_s * 2.0**tries, self.retry_cap_s)


def event_of(message: FloorMessage) -> FloorEvent | None:
    """What the message means to a participant; None: nothing (wrong direction, or a field is missing)."""
    match message.type:
        case MessageType.FLOOR_GRANTED:
            return FloorEvent.GRANTED if message.granted_ssrc is not None else None
        case MessageType.QUEUE_POSITION_INFO:
            return _position(message)
        case MessageType.FLOOR_ACK:
            acknowledged = (message.message_type or 0) & ~ACK_REQUIRED
            return FloorEvent.RELEASE_ACK if acknowledged == MessageType.FLOOR_RELEASE else None
    return _PLAIN.get(message.type)


def _position(message: FloorMessage) -> FloorEvent | None:
    if message.queue_info is None:
        return None
    return FloorEvent.NOT_QUEUED if message.queue_info.position == NOT_QUEUED else FloorEvent.POSITION


_PLAIN = {
    MessageType.FLOOR_DENY: FloorEvent.DENIED,
    MessageType.FLOOR_TAKEN: FloorEvent.TAKEN,
    MessageType.FLOOR_IDLE: FloorEvent.IDLE,
    MessageType.FLOOR_REVOKE: FloorEvent.REVOKED,
}
