"""RTP (RFC 3550 §5) and how one port tells it from RTCP (RFC 5761 §4).

The relay looks at bytes 0-3 and 8-11 of a packet only; clients build and read whole packets.
"""

import struct
from dataclasses import dataclass

from pttserver.errors import MalformedPacket

RTP_VERSION = 2
RTP_HEADER_BYTES = 12
OPUS_PAYLOAD_TYPE = 111
OPUS_CLOCK_HZ = 48_000  # RFC 7587 §4.1: always 48 kHz, whatever the audio bandwidth

_HEADER = struct.Struct("!BBHII")
RELAYED_HEADER_FORMAT = "BBH4xI"
"""What the relay reads of a header, in the language of `struct`: first octet, second octet, sequence number, SSRC."""


def is_rtcp(packet: bytes) -> bool:
    """RFC 5761 §4: packet types 192-223 are RTCP, so RTP payload types 64-95 are not used. Needs two octets."""
    return 192 <= packet[1] <= 223


def rtp_sequence(packet: bytes) -> int:
    """Sequence number of an RTP packet of at least 12 octets, protected or not."""
    return packet[2] << 8 | packet[3]


def rtp_ssrc(packet: bytes) -> int:
    """SSRC of an RTP packet of at least 12 octets, protected or not."""
    return int.from_bytes(packet[8:12], "big")


def rtcp_ssrc(packet: bytes) -> int:
    """SSRC of the sender of an RTCP packet of at least 8 octets, protected or not."""
    return int.from_bytes(packet[4:8], "big")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet without CSRCs or header extension.

    `sequence` 16 bit, `timestamp` 32 bit in 1/48,000 s, `ssrc` 32 bit, `payload` one Opus packet (RFC 7587 §4.2).
    """

    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    payload_type: int = OPUS_PAYLOAD_TYPE

    def encode(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return _HEADER.pack(0x80, second, self.sequence, self.timestamp & 0xFFFFFFFF, self.ssrc) + self.payload

    @classmethod
    def decode(cls, packet: bytes) -> "RtpPacket":
        """Reads a packet; CSRCs and an extension are skipped, padding is taken off. Raises MalformedPacket."""
        if len(packet) < RTP_HEADER_BYTES or packet[0] >> 6 != RTP_VERSION:
            raise MalformedPacket
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
        start = RTP_HEADER_BYTES + 4 * (first & 0x0F)
        if first & 0x10:
            if len(packet) < start + 4:
                raise MalformedPacket
            start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
        end = len(packet) - (packet[-1] if first & 0x20 else 0)
        if start > end:
            raise MalformedPacket
        return cls(sequence, timestamp, ssrc, packet[start:end], bool(second & 0x80), second & 0x7F)
