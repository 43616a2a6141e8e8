"""Reception reports count as RFC 3550 says: the highest sequence number, all losses, the fraction since the last."""

from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.playout import PlayoutStream
from ptthandset.reception import ReceptionReports
from pttserver.wire.rtp import RtpPacket

SSRC = 7


def play(stream: PlayoutStream, sequences: list[int], start: int) -> None:
    encoder = OpusEncoder()
    for tick in range(start, start + 100):
        sequence = 100 + tick
        if sequence in sequences:
            stream.push(tick / 50, RtpPacket(sequence, 960 * tick, SSRC, encoder.encode(bytes(encoder.frame_bytes))))
        stream.pull(tick / 50)


def test_a_report_of_what_was_heard() -> None:
    stream, reports = PlayoutStream(), ReceptionReports()
    assert reports.of({SSRC: stream}) == []

    play(stream, [s for s in range(100, 200) if s % 4], 0)
    (first,) = reports.of({SSRC: stream})
    assert (first.ssrc, first.highest_sequence) == (SSRC, 199)
    assert 20 <= first.lost <= 25
    assert abs(first.fraction_lost - 64) <= 6

    play(stream, list(range(200, 300)), 100)
    (second,) = reports.of({SSRC: stream})
    assert second.highest_sequence == 299
    assert second.fraction_lost <= 6  # since the first report
    assert second.lost >= first.lost
