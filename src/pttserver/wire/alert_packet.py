"""Alerts by UDP: RTCP APP packets named "SOSA" (RFC 3550 §6.7), for the moment at which TCP does not get through.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|V=2|P| subtype |   PT = 204    |           length = 5          |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|        SSRC of the session, in answers of the server          |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                         name = "SOSA"                         |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|           the 16 hexadecimal digits of the alert's id,        |
|                          as 8 octets                          |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|     flags     |     cause     |           zeros               |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from pttserver.errors import MalformedPacket
from pttserver.wire.floor_control import APP_PACKET_TYPE

NAME = b"SOSA"
DRILL = 0x80
_PACKET = struct.Struct("!BBHI4s8sBBxx")
_PREFIX = "alr_"


class AlertPacketType(IntEnum):
    """Subtype of the packet."""

    RAISE = 0
    """From the device: somebody calls for help."""
    ACCEPTED = 1
    """From the server: the alert stands; raise it no more."""
    REFUSED = 2
    """From the server: there is no alert, for this cause; raise it no more."""


class RefusalCause(IntEnum):
    """Why there is no alert."""

    NONE = 0
    SWITCHED_OFF = 1
    """The organisation has switched alerts off for the subscriber."""
    TOO_MANY = 2
    """Too many alerts of this subscriber in a short time."""
    OTHER = 255


@dataclass(frozen=True, slots=True)
class AlertPacket:
    """One packet. `ssrc` is the sender's: the session's, or that of the server's answers to keep-alives."""

    type: AlertPacketType
    ssrc: int
    alert: str
    drill: bool = False
    cause: RefusalCause = RefusalCause.NONE

    def encode(self) -> bytes:
        """The RTCP APP packet, unprotected."""
        number = bytes.fromhex(self.alert.removeprefix(_PREFIX))
        flags = DRILL if self.drill else 0
        head = (0x80 | self.type, APP_PACKET_TYPE, _PACKET.size // 4 - 1, self.ssrc, NAME)
        return _PACKET.pack(*head, number, flags, self.cause)

    @classmethod
    def decode(cls, packet: bytes) -> "AlertPacket":
        """Reads one APP packet whose length field is right; what is longer than this version knows is passed over.

        Raises MalformedPacket.
        """
        if len(packet) < _PACKET.size or not is_known(packet):
            raise MalformedPacket
        first, _, _, ssrc, _, number, flags, cause = _PACKET.unpack_from(packet)
        known = cause in RefusalCause._value2member_map_
        return cls(
            AlertPacketType(first & 0x1F),
            ssrc,
            f"{_PREFIX}{number.hex()}",
            bool(flags & DRILL),
            RefusalCause(cause) if known else RefusalCause.OTHER,
        )


def is_known(packet: bytes) -> bool:
    """Whether it is an alert packet of a type that this version knows; others are passed over, not refused."""
    named = packet[1] == APP_PACKET_TYPE and packet[8:12] == NAME
    return named and packet[0] & 0x1F in AlertPacketType._value2member_map_
