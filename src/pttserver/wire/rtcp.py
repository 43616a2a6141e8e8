"""RTCP: compound packets (RFC 3550 §6), receiver reports, the round-trip time of listeners (RFC 3611 §4.4, §4.5), Bye.

The keep-alive of a client is a Receiver Report and a Receiver Reference Time; the server answers with an empty Receiver
Report and a DLRR block, so the client learns that its packets arrive, that answers come back, and how long both took.
Floor control messages may stand alone in a datagram (reduced-size RTCP, RFC 5506).
"""

import struct
from dataclasses import dataclass

from pttserver.errors import MalformedPacket
from pttserver.wire import alert_packet, floor_control
from pttserver.wire.alert_packet import AlertPacket
from pttserver.wire.floor_control import FloorMessage

SENDER_REPORT = 200
RECEIVER_REPORT = 201
BYE = 203
EXTENDED_REPORT = 207
_RRTR_BLOCK = 4
_DLRR_BLOCK = 5
RTCP_HEADER_BYTES = 8

_REPORT = struct.Struct("!IB3sIIII")
_XR_TIME = struct.Struct("!BBHQ")
_XR_DLRR = struct.Struct("!BBHIII")
_KEEPALIVE = struct.Struct("!4sI4sI4s2xI2x")  # report, SSRC, extended report, SSRC, block, middle 32 bits of the time
_ANSWER = struct.Struct("!4sI4sI4sIII")
_EMPTY_REPORT = b"\x80\xc9\x00\x01"
_TIME_REPORT, _TIME_BLOCK = b"\x80\xcf\x00\x04", b"\x04\x00\x00\x02"
_DELAY_REPORT, _DELAY_BLOCK = b"\x80\xcf\x00\x05", b"\x05\x00\x00\x03"


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a listener says of one talk burst (RFC 3550 §6.4.1).

    `jitter` in 1/48,000 s; `lost` is a signed 24-bit count.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """Receiver Report (RFC 3550 §6.4.2) of the sender `ssrc`; without blocks it is a mere sign of life."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def encode(self) -> bytes:
        head = _head(RECEIVER_REPORT, len(self.blocks), 1 + 6 * len(self.blocks)) + _word(self.ssrc)
        return head + b"".join(
            _REPORT.pack(
                b.ssrc, b.fraction_lost, b.lost.to_bytes(3, "big", signed=True), b.highest_sequence, b.jitter, 0, 0
            )
            for b in self.blocks
        )


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """Receiver Reference Time block (RFC 3611 §4.4); `ntp` is a 64-bit NTP time stamp of the sender's own clock."""

    ssrc: int
    ntp: int

    def encode(self) -> bytes:
        return _head(EXTENDED_REPORT, 0, 4) + _word(self.ssrc) + _XR_TIME.pack(_RRTR_BLOCK, 0, 2, self.ntp)


@dataclass(frozen=True, slots=True)
class DelaySinceReference:
    """DLRR block (RFC 3611 §4.5): the middle 32 bits of the reference time, and the delay since, in 1/65,536 s."""

    ssrc: int
    about_ssrc: int
    last_reference: int
    delay: int = 0

    def encode(self) -> bytes:
        block = _XR_DLRR.pack(_DLRR_BLOCK, 0, 3, self.about_ssrc, self.last_reference, self.delay)
        return _head(EXTENDED_REPORT, 0, 5) + _word(self.ssrc) + block


@dataclass(frozen=True, slots=True)
class Bye:
    """Bye (RFC 3550 §6.6)."""

    ssrc: int

    def encode(self) -> bytes:
        return _head(BYE, 1, 1) + _word(self.ssrc)


RtcpPacket = FloorMessage | AlertPacket | ReceiverReport | ReferenceTime | DelaySinceReference | Bye


def keepalive_reference(datagram: bytes, ssrc: int) -> int | None:
    """The middle 32 bits of the time stamp, if the datagram is the bare keep-alive of `ssrc`; None: ask `decode`.

    Nearly all that an idle client ever sends is this one datagram, so it is worth knowing at sight.
    """
    if len(datagram) != _KEEPALIVE.size:
        return None
    report, reporter, extended, sender, block, reference = _KEEPALIVE.unpack(datagram)
    if (report, extended, block) != (_EMPTY_REPORT, _TIME_REPORT, _TIME_BLOCK) or not reporter == sender == ssrc:
        return None
    return int(reference)


def keepalive_answer(ssrc: int, about_ssrc: int, reference: int) -> bytes:
    """An empty Receiver Report of `ssrc` and a DLRR block without delay: the answer to a keep-alive."""
    return _ANSWER.pack(_EMPTY_REPORT, ssrc, _DELAY_REPORT, ssrc, _DELAY_BLOCK, about_ssrc, reference, 0)


def decode(datagram: bytes) -> list[RtcpPacket]:
    """All packets of a datagram in their order; kinds that we have no use for are left out. Raises MalformedPacket."""
    if not datagram:
        raise MalformedPacket
    found: list[RtcpPacket] = []
    at = 0
    while at < len(datagram):
        if len(datagram) - at < RTCP_HEADER_BYTES or datagram[at] >> 6 != 2:
            raise MalformedPacket
        size = 4 * (1 + int.from_bytes(datagram[at + 2 : at + 4], "big"))
        packet = datagram[at : at + size]
        if len(packet) != size or size < RTCP_HEADER_BYTES:
            raise MalformedPacket
        found += _decode_one(packet)
        at += size
    return found


def _decode_one(packet: bytes) -> list[RtcpPacket]:
    kind = packet[1]
    if kind == floor_control.APP_PACKET_TYPE and packet[8:12] == floor_control.NAME:
        return [FloorMessage.decode(packet)] if floor_control.is_known(packet) else []
    if alert_packet.is_known(packet):
        return [AlertPacket.decode(packet)]
    if kind == RECEIVER_REPORT:
        return [_decode_report(packet)]
    if kind == EXTENDED_REPORT:
        return _decode_extended(packet)
    if kind == BYE:
        return [Bye(_ssrc(packet))]
    return []


def _decode_report(packet: bytes) -> ReceiverReport:
    count = packet[0] & 0x1F
    if len(packet) < RTCP_HEADER_BYTES + count * _REPORT.size:
        raise MalformedPacket
    blocks = []
    for index in range(count):
        ssrc, fraction, lost, highest, jitter, _, _ = _REPORT.unpack_from(
            packet, RTCP_HEADER_BYTES + index * _REPORT.size
        )
        blocks.append(ReportBlock(ssrc, fraction, int.from_bytes(lost, "big", signed=True), highest, jitter))
    return ReceiverReport(_ssrc(packet), tuple(blocks))


def _decode_extended(packet: bytes) -> list[RtcpPacket]:
    found: list[RtcpPacket] = []
    at = RTCP_HEADER_BYTES
    while at < len(packet):
        if len(packet) - at < 4:
            raise MalformedPacket
        size = 4 * (1 + int.from_bytes(packet[at + 2 : at + 4], "big"))
        block = packet[at : at + size]
        if len(block) != size:
            raise MalformedPacket
        if block[0] == _RRTR_BLOCK and size == _XR_TIME.size:
            found.append(ReferenceTime(_ssrc(packet), _XR_TIME.unpack(block)[3]))
        elif block[0] == _DLRR_BLOCK and size == _XR_DLRR.size:
            found.append(DelaySinceReference(_ssrc(packet), *_XR_DLRR.unpack(block)[3:]))
        at += size
    return found


def _head(kind: int, count: int, words_after: int) -> bytes:
    return bytes((0x80 | count, kind)) + words_after.to_bytes(2, "big")


def _word(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _ssrc(packet: bytes) -> int:
    return int.from_bytes(packet[4:8], "big")
