"""Floor control messages: round trips of every field, and whatever else comes is malformed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import MalformedPacket
from pttserver.wire.floor_control import (
    ACKNOWLEDGEABLE,
    DenyCause,
    FloorIndicator,
    FloorMessage,
    MessageType,
    QueueInfo,
    Source,
    truncate_utf8,
)

octet, number = st.integers(0, 255), st.integers(0, 0xFFFF)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


messages = st.builds(
    FloorMessage,
    type=st.sampled_from(MessageType),
    ssrc=st.integers(0, 0xFFFFFFFF),
    floor_priority=maybe(octet),
    duration_s=maybe(number),
    queue_info=maybe(st.builds(QueueInfo, octet, octet)),
    granted_party=maybe(text),
    permission_to_request=maybe(st.booleans()),
    user_id=maybe(text),
    queue_size=maybe(number),
    sequence_number=maybe(number),
    queued_user_id=maybe(text),
    source=maybe(st.sampled_from(Source)),
    message_type=maybe(octet),
    indicator=maybe(st.integers(0, 0xFFFF).map(FloorIndicator)),
    granted_ssrc=maybe(st.integers(0, 0xFFFFFFFF)),
    functional_alias=maybe(text),
)


@given(messages)
def test_what_is_written_is_read(message: FloorMessage) -> None:
    packet = message.encode()
    assert len(packet) == 4 * (1 + int.from_bytes(packet[2:4], "big"))
    assert FloorMessage.decode(packet) == message


@given(messages, text)
def test_a_cause_and_its_phrase_are_read(message: FloorMessage, phrase: str) -> None:
    denied = FloorMessage(
        type=MessageType.FLOOR_DENY, ssrc=message.ssrc, reject_cause=DenyCause.QUEUE_FULL, reject_phrase=phrase
    )
    assert FloorMessage.decode(denied.encode()) == denied


@given(st.binary(max_size=200))
def test_any_octets_behind_the_name_are_a_message_or_malformed(body: bytes) -> None:
    """T-001."""
    with contextlib.suppress(MalformedPacket):
        FloorMessage.decode(b"\x80\xcc\x00\x02\x00\x00\x00\x01MCPT" + body)


@pytest.mark.parametrize("kind", MessageType)
def test_only_what_can_be_acknowledged_may_ask_for_it(kind: MessageType) -> None:
    packet = FloorMessage(type=kind, ssrc=1, ack_required=True).encode()
    if kind in ACKNOWLEDGEABLE:
        assert FloorMessage.decode(packet).ack_required
    else:
        with pytest.raises(MalformedPacket):
            FloorMessage.decode(packet)


FIELDS = [
    ("unknown message type", 7, ""),
    ("field without a length", 0, "00"),
    ("field longer than the packet", 0, "06ff41"),
    ("priority of one octet", 0, "000101"),
    ("duration of three octets", 0, "0103000000"),
    ("cause of one octet", 0, "020101"),
    ("phrase that is not UTF-8", 0, "0203" + "0001ff"),
    ("queue info of three octets", 0, "0303010203"),
    ("party that is not UTF-8", 0, "0402c328"),
    ("source that does not exist", 0, "0a02ffff"),
    ("SSRC of four octets", 0, "0e0400000001"),
    ("extended field without a long length", 0, "c000"),
    ("extended field longer than the packet", 0, "c0ffff00"),
]


@pytest.mark.parametrize("case", FIELDS, ids=lambda case: case[0])
def test_is_malformed(case: tuple[str, int, str]) -> None:
    """T-002: a field says more, or less, than it must."""
    _, subtype, fields = case
    body = bytes.fromhex(fields)
    packet = bytes((0x80 | subtype, 204, 0, 2)) + b"\0\0\0\1MCPT" + body
    with pytest.raises(MalformedPacket):
        FloorMessage.decode(packet)


def test_unknown_fields_are_read_over() -> None:
    known = FloorMessage(type=MessageType.FLOOR_REQUEST, ssrc=5, floor_priority=3)
    extended = bytes((200, 0, 4)) + b"abcd" + b"\0"
    packet = known.encode()[:12] + bytes((99, 1, 7, 0)) + extended + known.encode()[12:]
    assert FloorMessage.decode(packet) == known


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 300))
def test_a_text_is_cut_between_characters(value: str, limit: int) -> None:
    """T-055: length in octets, never half a character."""
    cut = truncate_utf8(value, limit)
    assert len(cut) <= limit
    assert value.startswith(cut.decode())
