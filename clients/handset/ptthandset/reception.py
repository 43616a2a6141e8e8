"""Reception reports: what a listener tells the server of the bursts that it hears (RFC 3550 §6.4.1)."""

from ptthandset.audio.playout import PlayoutStream
from pttserver.wire.rtcp import ReportBlock
from pttserver.wire.rtp import OPUS_CLOCK_HZ

MAX_LOST = 0x7FFFFF


class ReceptionReports:
    """Remembers what was reported before: the fraction lost counts from one report to the next."""

    def __init__(self) -> None:
        self._reported: dict[int, tuple[int, int]] = {}

    def of(self, streams: dict[int, PlayoutStream]) -> list[ReportBlock]:
        """A block for each burst that is heard now, by SSRC."""
        self._reported = {ssrc: before for ssrc, before in self._reported.items() if ssrc in streams}
        return [self._block(ssrc, stream) for ssrc, stream in streams.items() if stream.highest_sequence is not None]

    def _block(self, ssrc: int, stream: PlayoutStream) -> ReportBlock:
        heard = stream.statistics
        expected = heard.played + heard.lost
        expected_before, lost_before = self._reported.get(ssrc, (0, 0))
        self._reported[ssrc] = expected, heard.lost
        lost_since = max(0, heard.lost - lost_before)
        fraction = min(255, 256 * lost_since // max(1, expected - expected_before))
        jitter = round(heard.jitter_ms * OPUS_CLOCK_HZ / 1000)
        return ReportBlock(ssrc, fraction, min(heard.lost, MAX_LOST), stream.highest_sequence or 0, jitter)
