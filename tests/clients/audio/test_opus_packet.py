from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptthandset.audio.opus_packet import CodecError, carries_fec, is_silence, packet_duration_ms


@pytest.mark.parametrize(
    ("packet", "duration_ms"),
    [
        (bytes([0 << 3]), 10),  # SILK narrowband
        (bytes([11 << 3]), 60),  # SILK wideband
        (bytes([13 << 3]), 20),  # hybrid
        (bytes([16 << 3]), 2.5),  # CELT
        (bytes([31 << 3 | 1]), 40),  # CELT, two frames
        (bytes([9 << 3 | 2]), 40),
        (bytes([9 << 3 | 3, 6]), 120),
        (bytes([9 << 3 | 3, 0xC0 | 3]), 60),  # flags beside the count
    ],
)
def test_the_first_bytes_say_how_long_the_packet_is(packet: bytes, duration_ms: float) -> None:
    assert packet_duration_ms(packet) == duration_ms


@pytest.mark.parametrize(
    "packet",
    [b"", bytes([9 << 3 | 3]), bytes([9 << 3 | 3, 0]), bytes([9 << 3 | 3, 7]), bytes([11 << 3 | 3, 63])],
)
def test_impossible_durations_are_refused(packet: bytes) -> None:
    with pytest.raises(CodecError):
        packet_duration_ms(packet)


def test_fec_is_sought_only_where_the_flag_is() -> None:
    assert carries_fec(bytes([9 << 3, 0b0100_0000]))
    assert not carries_fec(bytes([9 << 3, 0b1000_0000]))  # voice, without FEC
    assert carries_fec(bytes([11 << 3, 0b0001_0000]))  # 60 ms: three voice bits first
    assert not carries_fec(bytes([31 << 3, 0xFF]))  # CELT has none
    assert not carries_fec(bytes([9 << 3 | 1, 0xFF]))
    assert not carries_fec(b"")


def test_dtx_packets_have_two_octets_at_most() -> None:
    assert is_silence(b"\x48")
    assert not is_silence(b"\x48\x00\x00")


@given(st.binary(max_size=20))
def test_any_octets_give_a_duration_or_an_error(packet: bytes) -> None:
    carries_fec(packet)
    with suppress(CodecError):
        assert packet_duration_ms(packet) % 2.5 == 0
