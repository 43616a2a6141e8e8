"""A talk burst as the voice path sees it."""

from pttserver.ids import Ssrc
from pttserver.media.channel import GroupChannel
from pttserver.sessions.session import Session


class TalkBurst:
    """The right to send RTP with one SSRC to one group. `last_packet_at` is in monotonic seconds."""

    __slots__ = ("channel", "highest_sequence", "last_packet_at", "packets", "session", "ssrc", "started_at")

    def __init__(self, ssrc: Ssrc, session: Session, channel: GroupChannel, now: float) -> None:
        self.ssrc = ssrc
        self.session = session
        self.channel = channel
        self.started_at = now
        self.last_packet_at = now
        self.packets = 0
        self.highest_sequence = -1
