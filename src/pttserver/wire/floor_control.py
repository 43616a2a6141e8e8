"""Floor control messages: RTCP APP packets named "MCPT" (3GPP TS 24.380 §8, RFC 3550 §6.7).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |V=2|P| subtype |   PT = 204    |  length in words minus one    |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                       SSRC of the sender                      |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                         name = "MCPT"                         |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |   field id    | field length  |  value, zeros to a multiple   |
    |   of four octets ...                                          |

Both ends use one table, `_CODECS`: a field id, the attribute that holds it, and how its value is written and read.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final, NamedTuple

from pttserver.errors import MalformedPacket

APP_PACKET_TYPE = 204
NAME = b"MCPT"
ACK_REQUIRED = 0x10
MAX_TEXT_BYTES = 255


class MessageType(IntEnum):
    """Subtype of the message (TS 24.380 table 8.2.2.1-1)."""

    FLOOR_REQUEST = 0
    FLOOR_GRANTED = 1
    FLOOR_TAKEN = 2
    FLOOR_DENY = 3
    FLOOR_RELEASE = 4
    FLOOR_IDLE = 5
    FLOOR_REVOKE = 6
    QUEUE_POSITION_REQUEST = 8
    QUEUE_POSITION_INFO = 9
    FLOOR_ACK = 10
    RELEASE_MULTI_TALKER = 15


def is_known(packet: bytes) -> bool:
    """Whether this version knows the type of an APP packet named "MCPT"; others are passed over, not refused."""
    return packet[0] & 0x1F & ~ACK_REQUIRED in MessageType._value2member_map_


ACKNOWLEDGEABLE = frozenset(
    {
        MessageType.FLOOR_GRANTED,
        MessageType.FLOOR_TAKEN,
        MessageType.FLOOR_DENY,
        MessageType.FLOOR_RELEASE,
        MessageType.FLOOR_IDLE,
        MessageType.QUEUE_POSITION_INFO,
    }
)


class DenyCause(IntEnum):
    """Reject Cause of Floor Deny (TS 24.380 §8.2.6.2)."""

    ANOTHER_HAS_PERMISSION = 1
    INTERNAL_ERROR = 2
    ONLY_ONE_PARTICIPANT = 3
    RETRY_AFTER_NOT_EXPIRED = 4
    RECEIVE_ONLY = 5
    NO_RESOURCES = 6
    QUEUE_FULL = 7
    OTHER = 255


class RevokeCause(IntEnum):
    """Reject Cause of Floor Revoke (TS 24.380 §8.2.10.2)."""

    ONLY_ONE_CLIENT = 1
    BURST_TOO_LONG = 2
    NO_PERMISSION_TO_SEND = 3
    PREEMPTED = 4
    NO_RESOURCES = 6
    OTHER = 255


class FloorIndicator(IntFlag):
    """Floor Indicator (TS 24.380 §8.2.3.15)."""

    NORMAL = 0x8000
    BROADCAST_GROUP = 0x4000
    SYSTEM = 0x2000
    EMERGENCY = 0x1000
    IMMINENT_PERIL = 0x0800
    QUEUEING_SUPPORTED = 0x0400
    DUAL_FLOOR = 0x0200
    TEMPORARY_GROUP = 0x0100
    MULTI_TALKER = 0x0080


NO_CONDITION: Final = FloorIndicator(0)
"""Of a group that is neither temporary nor a broadcast, and in no peril."""


class Source(IntEnum):
    """Who sent a Floor Ack (TS 24.380 §8.2.3.12)."""

    FLOOR_PARTICIPANT = 0
    PARTICIPATING_FUNCTION = 1
    CONTROLLING_FUNCTION = 2
    NON_CONTROLLING_FUNCTION = 3


class QueueInfo(NamedTuple):
    """Place in the queue: `position` 1 is next (254: queued, position unknown; 255: not queued), `priority` 0-255."""

    position: int
    priority: int


NOT_QUEUED = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorMessage:
    """One floor control message. A field that is None is absent. Texts are at most 255 octets of UTF-8.

    `ssrc` is the sender's: the participant's SSRC of the group, or the group's floor control server.
    """

    type: MessageType
    ssrc: int
    ack_required: bool = False
    floor_priority: int | None = None
    duration_s: int | None = None
    reject_cause: int | None = None
    reject_phrase: str = ""
    queue_info: QueueInfo | None = None
    granted_party: str | None = None
    permission_to_request: bool | None = None
    user_id: str | None = None
    queue_size: int | None = None
    sequence_number: int | None = None
    queued_user_id: str | None = None
    source: Source | None = None
    message_type: int | None = None
    indicator: FloorIndicator | None = None
    granted_ssrc: int | None = None
    functional_alias: str | None = None

    def encode(self) -> bytes:
        """The RTCP APP packet, unprotected."""
        body = b"".join(
            _pad(bytes((field_id, len(value))) + value)
            for field_id, codec in _CODECS.items()
            if (value := codec.write(self)) is not None
        )
        subtype = self.type | (ACK_REQUIRED if self.ack_required else 0)
        return _HEADER.pack(0x80 | subtype, APP_PACKET_TYPE, 2 + len(body) // 4, self.ssrc, NAME) + body

    @classmethod
    def decode(cls, packet: bytes) -> "FloorMessage":
        """Reads one APP packet whose length field is right. Unknown fields are skipped. Raises MalformedPacket."""
        if len(packet) < _HEADER.size or packet[1] != APP_PACKET_TYPE or packet[8:12] != NAME:
            raise MalformedPacket
        subtype = packet[0] & 0x1F
        acked = bool(subtype & ACK_REQUIRED)
        try:
            kind = MessageType(subtype & ~ACK_REQUIRED)
        except ValueError:
            raise MalformedPacket from None
        if acked and kind not in ACKNOWLEDGEABLE:
            raise MalformedPacket
        ssrc = int.from_bytes(packet[4:8], "big")
        return cls(type=kind, ssrc=ssrc, ack_required=acked, **_read_fields(packet))


_HEADER = struct.Struct("!BBHI4s")


class _Codec(NamedTuple):
    write: Callable[[FloorMessage], bytes | None]
    read: Callable[[bytes], Mapping[str, Any]]


def _pad(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def _read_fields(packet: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = _HEADER.size
    while at < len(packet):
        field_id = packet[at]
        # "The length of the <Length> value is 8 bits; for ids of 192 and above, 16 bits" (TS 24.380 §8.2.3.1)
        prefix = 3 if field_id >= 192 else 2
        if at + prefix > len(packet):
            raise MalformedPacket
        length = int.from_bytes(packet[at + 1 : at + prefix], "big")
        value = packet[at + prefix : at + prefix + length]
        if len(value) != length:
            raise MalformedPacket
        codec = _CODECS.get(field_id)
        if codec is not None:
            found.update(codec.read(value))
        at += prefix + length + -(prefix + length) % 4
    return found


def _fixed(name: str, layout: str, make: Callable[[int], Any] = int) -> _Codec:
    """A field of one number; `layout` is a struct format with its spare octets as pad bytes."""
    packing = struct.Struct("!" + layout)

    def write(message: FloorMessage) -> bytes | None:
        number = getattr(message, name)
        return None if number is None else packing.pack(number)

    def read(value: bytes) -> Mapping[str, Any]:
        try:
            return {name: make(packing.unpack(value)[0])}
        except (struct.error, ValueError):
            raise MalformedPacket from None

    return _Codec(write, read)


def _text(name: str) -> _Codec:
    def write(message: FloorMessage) -> bytes | None:
        text = getattr(message, name)
        return None if text is None else truncate_utf8(text, MAX_TEXT_BYTES)

    return _Codec(write, lambda value: {name: _utf8(value)})


def truncate_utf8(text: str, limit: int) -> bytes:
    """UTF-8 of as many whole characters of the text as fit in `limit` octets."""
    return "".join(text).encode()[:limit].decode(errors="ignore").encode()


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise MalformedPacket from None


def _write_cause(message: FloorMessage) -> bytes | None:
    if message.reject_cause is None:
        return None
    return message.reject_cause.to_bytes(2, "big") + truncate_utf8(message.reject_phrase, MAX_TEXT_BYTES - 2)


def _read_cause(value: bytes) -> Mapping[str, Any]:
    if len(value) < 2:
        raise MalformedPacket
    return {"reject_cause": int.from_bytes(value[:2], "big"), "reject_phrase": _utf8(value[2:])}


def _write_queue_info(message: FloorMessage) -> bytes | None:
    return None if message.queue_info is None else bytes(message.queue_info)


def _read_queue_info(value: bytes) -> Mapping[str, Any]:
    if len(value) != 2:
        raise MalformedPacket
    return {"queue_info": QueueInfo(*value)}


# In the order in which they are written (TS 24.380 §8.2.3). Track Info, the lists of a multi-talker floor and the
# locations are read over: a single-talker group has no use for them.
_CODECS: Mapping[int, _Codec] = {
    0: _fixed("floor_priority", "Bx"),
    1: _fixed("duration_s", "H"),
    2: _Codec(_write_cause, _read_cause),
    3: _Codec(_write_queue_info, _read_queue_info),
    4: _text("granted_party"),
    5: _fixed("permission_to_request", "H", bool),
    6: _text("user_id"),
    7: _fixed("queue_size", "H"),
    8: _fixed("sequence_number", "H"),
    9: _text("queued_user_id"),
    10: _fixed("source", "H", Source),
    12: _fixed("message_type", "Bx"),
    13: _fixed("indicator", "H", FloorIndicator),
    14: _fixed("granted_ssrc", "Ixx"),
    17: _text("functional_alias"),
}
