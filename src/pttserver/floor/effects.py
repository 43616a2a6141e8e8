"""What the arbiter asks its caller to do, in this order and before the next call."""

from dataclasses import dataclass
from enum import Enum

from pttserver.wire.floor_control import FloorMessage


class BurstEnd(Enum):
    """Why a talk burst ended."""

    RELEASED = "released"
    END_OF_RTP = "end_of_rtp"
    STOP_TALKING = "stop_talking"
    PREEMPTED = "preempted"
    NOT_ANSWERED = "not_answered"
    LEFT = "left"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Send:
    """Send the message to one participant, under its session's key."""

    to_ssrc: int
    message: FloorMessage


@dataclass(frozen=True, slots=True)
class Announce:
    """Send the message to all participants (`besides`: but this one), under the group's key."""

    message: FloorMessage
    besides: int | None = None


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The first burst of a call is about to start."""

    initiator_ssrc: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call ended: hang time over (T4), or nobody is left."""


@dataclass(frozen=True, slots=True)
class BurstStarted:
    """From here on RTP of `burst_ssrc` from this participant, and no other, is relayed."""

    participant_ssrc: int
    burst_ssrc: int


@dataclass(frozen=True, slots=True)
class BurstEnded:
    """From here on RTP of `burst_ssrc` is dropped. Comes before anything that lets another one talk."""

    participant_ssrc: int
    burst_ssrc: int
    reason: BurstEnd


Effect = Send | Announce | CallStarted | CallEnded | BurstStarted | BurstEnded
