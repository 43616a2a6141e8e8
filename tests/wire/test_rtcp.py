"""RTCP: round trips of what we send, and whatever else comes is malformed or left out."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import MalformedPacket
from pttserver.wire import rtcp
from pttserver.wire.floor_control import FloorMessage, MessageType

ssrcs = st.integers(0, 0xFFFFFFFF)
words = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(
    rtcp.ReportBlock,
    ssrc=ssrcs,
    fraction_lost=st.integers(0, 255),
    lost=st.integers(-(2**23), 2**23 - 1),
    highest_sequence=words,
    jitter=words,
)
packets = st.one_of(
    st.builds(rtcp.ReceiverReport, ssrc=ssrcs, blocks=st.lists(blocks, max_size=31).map(tuple)),
    st.builds(rtcp.ReferenceTime, ssrc=ssrcs, ntp=st.integers(0, 2**64 - 1)),
    st.builds(rtcp.DelaySinceReference, ssrc=ssrcs, about_ssrc=ssrcs, last_reference=words, delay=words),
    st.builds(rtcp.Bye, ssrc=ssrcs),
    st.builds(FloorMessage, type=st.sampled_from(MessageType), ssrc=ssrcs),
)


@given(st.lists(packets, min_size=1, max_size=5))
def test_what_is_written_is_read(compound: list[rtcp.RtcpPacket]) -> None:
    assert rtcp.decode(b"".join(packet.encode() for packet in compound)) == compound


@given(st.binary(max_size=300))
def test_any_octets_are_packets_or_malformed(octets: bytes) -> None:
    """T-001."""
    with contextlib.suppress(MalformedPacket):
        rtcp.decode(octets)


@given(packets, st.data())
def test_a_damaged_packet_is_read_or_malformed_and_nothing_else(packet: rtcp.RtcpPacket, data: st.DataObject) -> None:
    """T-002: every kind of damage behind the tag that would have caught it."""
    octets = bytearray(packet.encode())
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] = data.draw(st.integers(0, 255))
    for damaged in (bytes(octets), bytes(octets[: data.draw(st.integers(0, len(octets)))])):
        with contextlib.suppress(MalformedPacket):
            rtcp.decode(damaged)


@given(ssrcs, st.integers(0, 2**64 - 1))
def test_a_bare_keepalive_is_known_at_sight(ssrc: int, ntp: int) -> None:
    """What is told of it is what the general way would tell; with anything else in it, it is not bare."""
    report, time = rtcp.ReceiverReport(ssrc).encode(), rtcp.ReferenceTime(ssrc, ntp).encode()
    assert rtcp.keepalive_reference(report + time, ssrc) == ntp >> 16 & 0xFFFFFFFF
    for other in (b"", report, time, time + report, report + time + rtcp.Bye(ssrc).encode()):
        assert rtcp.keepalive_reference(other, ssrc) is None
    for foreign in (ssrc ^ 1, ssrc ^ 0x80000000):
        assert rtcp.keepalive_reference(report + time, foreign) is None
        assert rtcp.keepalive_reference(report + rtcp.ReferenceTime(foreign, ntp).encode(), ssrc) is None


@given(ssrcs, st.integers(0, 2**64 - 1), st.data())
def test_a_damaged_keepalive_is_one_to_both_ways_or_to_the_general_one_alone(
    ssrc: int, ntp: int, data: st.DataObject
) -> None:
    octets = bytearray(rtcp.ReceiverReport(ssrc).encode() + rtcp.ReferenceTime(ssrc, ntp).encode())
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    reference = rtcp.keepalive_reference(bytes(octets), ssrc)
    if reference is not None:
        report, time = rtcp.decode(bytes(octets))
        assert report == rtcp.ReceiverReport(ssrc)
        assert isinstance(time, rtcp.ReferenceTime)
        assert (time.ssrc, time.ntp >> 16 & 0xFFFFFFFF) == (ssrc, reference)


@given(ssrcs, ssrcs, words)
def test_the_answer_to_a_keepalive_is_a_report_and_a_delay(ssrc: int, about: int, reference: int) -> None:
    assert rtcp.decode(rtcp.keepalive_answer(ssrc, about, reference)) == [
        rtcp.ReceiverReport(ssrc),
        rtcp.DelaySinceReference(ssrc, about, reference),
    ]


@pytest.mark.parametrize("kind", [194, 200, 202, 205, 206, 223])
def test_kinds_that_nobody_needs_are_left_out(kind: int) -> None:
    unknown = bytes((0x81, kind, 0, 1)) + bytes(4)
    bye = rtcp.Bye(9)
    assert rtcp.decode(unknown + bye.encode()) == [bye]


@pytest.mark.parametrize(
    "packet",
    ["", "80c9", "80c90001000000", "40c9000100000001", "80c9000200000001", "81c9000100000001", "9fc9000100000001",
     "80c90000" + "00000001", "80cf0002000000010400ffff", "80c9000100000001" + "80"],
)  # fmt: skip
def test_is_malformed(packet: str) -> None:
    with pytest.raises(MalformedPacket):
        rtcp.decode(bytes.fromhex(packet))
