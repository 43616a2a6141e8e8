"""What the floor participant asks of its handset: a message to transmit, or something to tell the user."""

from dataclasses import dataclass

from pttserver.wire.floor_control import FloorIndicator, FloorMessage


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send the message to the floor control server."""

    message: FloorMessage


@dataclass(frozen=True, slots=True)
class FloorGranted:
    """Talk now, with RTP of this SSRC (first sequence number small), for at most `duration_s` seconds."""

    burst_ssrc: int
    duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class FloorOffered:
    """A turn came for a user who waits with the key up; press before T132 expires, else it is given back."""

    burst_ssrc: int


@dataclass(frozen=True, slots=True)
class FloorLost:
    """Send no more RTP of this burst. `must_stop`: revoked, for `cause`; the user must let go of the key.

    Otherwise the server ended the burst without a word that reached us (it heard no voice, for example).
    """

    burst_ssrc: int
    must_stop: bool
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class FloorDenied:
    """No floor for this request: `cause` of TS 24.380 §8.2.6.2, `phrase` for people."""

    cause: int
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class FloorQueued:
    """The request waits: position 1 is next, 254 is unknown; `size`: how many wait."""

    position: int
    priority: int
    size: int | None = None


@dataclass(frozen=True, slots=True)
class FloorTaken:
    """Somebody else talks, with RTP of this SSRC."""

    burst_ssrc: int | None
    user_id: str | None
    name: str | None
    indicator: FloorIndicator | None = None
    may_request: bool = True


@dataclass(frozen=True, slots=True)
class FloorIdle:
    """Nobody talks."""


@dataclass(frozen=True, slots=True)
class RequestTimedOut:
    """The server does not answer; the user may try again."""


FloorEffect = (
    Transmit
    | FloorGranted
    | FloorOffered
    | FloorLost
    | FloorDenied
    | FloorQueued
    | FloorTaken
    | FloorIdle
    | RequestTimedOut
)
