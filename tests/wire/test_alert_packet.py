"""Alert packets: what one end writes the other reads, and what is none is refused or passed over."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import MalformedPacket
from pttserver.wire import rtcp
from pttserver.wire.alert_packet import AlertPacket, AlertPacketType, RefusalCause

PACKET = AlertPacket(AlertPacketType.RAISE, 0x10000001, "alr_00000000000000f1", drill=True)
OCTETS = bytes.fromhex("80cc0005 10000001 534f5341 00000000 000000f1 80000000")


def test_the_layout() -> None:
    assert PACKET.encode() == OCTETS
    assert rtcp.decode(OCTETS) == [PACKET]


@given(
    st.sampled_from(AlertPacketType),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=8, max_size=8),
    st.booleans(),
    st.sampled_from(RefusalCause),
)
def test_what_is_written_is_read(
    kind: AlertPacketType, ssrc: int, number: bytes, drill: bool, cause: RefusalCause
) -> None:
    packet = AlertPacket(kind, ssrc, f"alr_{number.hex()}", drill, cause)
    assert rtcp.decode(packet.encode()) == [packet]


def test_what_a_later_version_adds_is_passed_over() -> None:
    longer = OCTETS[:2] + b"\0\x06" + OCTETS[4:] + b"more"
    other_type = bytes([0x83]) + OCTETS[1:]
    other_flags_and_cause = OCTETS[:20] + bytes([0xFF, 77]) + OCTETS[22:]
    assert rtcp.decode(longer) == [PACKET]
    assert rtcp.decode(other_type) == []
    (read,) = rtcp.decode(other_flags_and_cause)
    assert read == AlertPacket(AlertPacketType.RAISE, PACKET.ssrc, PACKET.alert, True, RefusalCause.OTHER)


@pytest.mark.parametrize("size", [12, 16, 20])
def test_one_that_is_cut_off_is_refused(size: int) -> None:
    cut = OCTETS[:2] + (size // 4 - 1).to_bytes(2, "big") + OCTETS[4:size]
    with pytest.raises(MalformedPacket):
        rtcp.decode(cut)


@given(st.binary(max_size=60))
def test_no_octets_do_more_than_be_refused(octets: bytes) -> None:
    with contextlib.suppress(MalformedPacket):
        AlertPacket.decode(octets)
