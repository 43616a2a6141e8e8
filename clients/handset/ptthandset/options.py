"""How a handset behaves, and whom it calls when something happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ptthandset.audio.playout import Played
from ptthandset.floor_states import ParticipantTimers
from ptthandset.talkgroup import Sent


@dataclass(frozen=True, slots=True)
class Options:
    """How a handset behaves. `use_udp=False` keeps all media on the WebSocket."""

    sample_rate_hz: int = 16_000
    use_udp: bool = True
    timers: ParticipantTimers = field(default_factory=ParticipantTimers)
    media_host: str | None = None
    media_port: int | None = None
    on_played: Played | None = None
    on_sent: Sent | None = None
    on_token: Callable[[bytes | None], None] | None = None
    """Called with each new resume token (None: it is dead), so that it can be kept."""
    message_file: Path | None = None
    """Where the device remembers its message key and its place in each conversation; None: nowhere."""
    on_wiped: Callable[[], None] | None = None
    """Called when the organisation wipes the device: delete the credentials, wherever they are kept."""
