"""Numbers the voice packets of one talk burst (RFC 3550 §5.1, RFC 7587 §4.2)."""

import secrets

from pttserver.wire.rtp import RtpPacket


class VoiceSender:
    """Numbers the packets of one burst: sequence numbers from a small start, time stamps in 1/48,000 s."""

    def __init__(self, ssrc: int, samples_per_frame: int) -> None:
        self.ssrc = ssrc
        self._samples = samples_per_frame
        self._first_sequence = secrets.randbelow(1000)
        self._first_timestamp = secrets.randbits(32)
        self._sent = 0

    def packet(self, number: int, opus: bytes) -> RtpPacket:
        """The packet of the frame `number` since the press."""
        sequence = (self._first_sequence + self._sent) & 0xFFFF
        timestamp = (self._first_timestamp + number * self._samples) & 0xFFFFFFFF
        marker = self._sent == 0  # RFC 7587 §4.2: the start of a talk spurt
        self._sent += 1
        return RtpPacket(sequence, timestamp, self.ssrc, opus, marker)
