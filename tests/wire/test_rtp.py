"""RTP packets: round trips, and whatever else comes is malformed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import MalformedPacket
from pttserver.wire.rtp import RtpPacket, is_rtcp, rtcp_ssrc, rtp_ssrc

packets = st.builds(
    RtpPacket,
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=100),
    marker=st.booleans(),
    payload_type=st.integers(0, 127),
)


@given(packets)
def test_what_is_written_is_read(packet: RtpPacket) -> None:
    assert RtpPacket.decode(packet.encode()) == packet
    assert rtp_ssrc(packet.encode()) == packet.ssrc


@given(st.binary(max_size=200))
def test_any_octets_are_a_packet_or_malformed(octets: bytes) -> None:
    """T-001."""
    with contextlib.suppress(MalformedPacket):
        assert len(RtpPacket.decode(octets).payload) <= len(octets) - 12


@pytest.mark.parametrize(
    ("packet", "payload"),
    [
        ("806f00010000000200000003" + "aabb", "aabb"),
        ("826f00010000000200000003" + "0000000400000005" + "aabb", "aabb"),  # two CSRCs
        ("906f00010000000200000003" + "bede0001" + "01020304" + "aabb", "aabb"),  # an extension
        ("a06f00010000000200000003" + "aabb" + "000003", "aa"[:0] + "aabb"),  # padding
        ("a06f00010000000200000003" + "01", ""),
    ],
)
def test_csrcs_extension_and_padding_are_read_over(packet: str, payload: str) -> None:
    assert RtpPacket.decode(bytes.fromhex(packet)).payload.hex() == payload


@pytest.mark.parametrize(
    "packet",
    ["", "80", "806f000100000002000000", "406f00010000000200000003", "8f6f00010000000200000003",
     "906f00010000000200000003", "906f00010000000200000003bedeffff", "a06f00010000000200000003ff"],
)  # fmt: skip
def test_is_malformed(packet: str) -> None:
    """T-002: too short, another version, more CSRCs, extension or padding than there is."""
    with pytest.raises(MalformedPacket):
        RtpPacket.decode(bytes.fromhex(packet))


@pytest.mark.parametrize(
    ("second", "rtcp"),
    [(111, False), (111 | 0x80, False), (191, False), (192, True), (200, True), (204, True), (223, True), (224, False)],
)
def test_rtcp_is_told_from_rtp_by_its_type(second: int, rtcp: bool) -> None:
    """RFC 5761 §4."""
    packet = bytes((0x80, second, 0, 1, 0, 0, 0, 7, 0, 0, 0, 9))
    assert is_rtcp(packet) is rtcp
    assert (rtcp_ssrc(packet), rtp_ssrc(packet)) == (7, 9)
