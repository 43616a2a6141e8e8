"""The numbers on the packets of one burst."""

import itertools

from ptthandset.voice_sender import VoiceSender
from pttserver.wire.rtp import RtpPacket

FRAMES = 2000


def burst(samples: int = 960) -> list[RtpPacket]:
    voice = VoiceSender(7, samples)
    return [voice.packet(number, b"opus") for number in range(FRAMES)]


def test_every_packet_carries_the_granted_ssrc_and_only_the_first_the_marker() -> None:
    packets = burst()
    assert {packet.ssrc for packet in packets} == {7}
    assert [packet.marker for packet in packets] == [True] + [False] * (FRAMES - 1)


def test_sequence_numbers_start_small_and_never_wrap() -> None:
    """The longest burst there is (600 s of 10 ms) must keep the roll-over counter at 0."""
    for _ in range(200):
        first = VoiceSender(7, 960).packet(0, b"").sequence
        assert first + 60_000 < 1 << 16
    numbers = [packet.sequence for packet in burst()]
    assert numbers == list(range(numbers[0], numbers[0] + FRAMES))


def test_timestamps_run_with_the_frames_since_the_press_and_wrap() -> None:
    """A frame that was dropped before the grant leaves a gap in time and none in the sequence."""
    voice = VoiceSender(7, 960)
    first, second = voice.packet(5, b""), voice.packet(9, b"")
    assert (second.sequence - first.sequence, (second.timestamp - first.timestamp) % 2**32) == (1, 4 * 960)
    stamps = [packet.timestamp for packet in burst()]
    assert all((b - a) % 2**32 == 960 for a, b in itertools.pairwise(stamps))


def test_two_bursts_begin_with_different_timestamps() -> None:
    assert len({VoiceSender(7, 960).packet(0, b"").timestamp for _ in range(20)}) > 15
