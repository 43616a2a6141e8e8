"""What is needed of Mumble's wire protocol: framed protobuf messages on TLS, voice packets sealed with OCB2-AES128.

Written from the public descriptions: the Mumble protocol reference (messages, fields, voice header, variable-length
integers), and Rogaway's OCB2 (doubling in GF(2^128), one block cipher call per block and one for the pad). The server
takes `iv | tag (3 octets) | ciphertext` where `iv` is the lowest octet of a counter that both sides keep.
"""

from enum import IntEnum
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
_MASK = (1 << 128) - 1
_REDUCTION = 0x87  # x^128 = x^7 + x^2 + x + 1
HEAD_BYTES = 4
OPUS = 4 << 5  # voice packet type, normal talking
PING = 1 << 5
VERSION = 1 << 16 | 3 << 8 | 4


class Kind(IntEnum):
    """Message types that are used here."""

    VERSION = 0
    AUTHENTICATE = 2
    PING = 3
    REJECT = 4
    SERVER_SYNC = 5
    CHANNEL_STATE = 7
    USER_STATE = 9
    PERMISSION_DENIED = 12
    CRYPT_SETUP = 15


# Protobuf --------------------------------------------------------------------------------------------------------


def base128(number: int) -> bytes:
    """Protobuf's own variable-length integer."""
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def message(kind: Kind, fields: dict[int, int | str | bytes]) -> bytes:
    """A framed message: type (2 octets), length (4), protobuf fields."""
    body = b""
    for field, value in fields.items():
        if isinstance(value, int):
            body += base128(field << 3) + base128(value)
        else:
            octets = value.encode() if isinstance(value, str) else value
            body += base128(field << 3 | 2) + base128(len(octets)) + octets
    return kind.to_bytes(2, "big") + len(body).to_bytes(4, "big") + body


def fields_of(body: bytes) -> dict[int, Any]:
    """Field number -> integer or octets (the last one wins). Groups and fixed 64-bit numbers do not occur."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(body):
        tag, at = _base128_at(body, at)
        value: Any
        if tag & 7 == 0:
            value, at = _base128_at(body, at)
        elif tag & 7 == 2:
            size, at = _base128_at(body, at)
            value, at = body[at : at + size], at + size
        else:
            value, at = body[at : at + 4], at + 4
        found[tag >> 3] = value
    return found


def _base128_at(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        octet = body[at]
        number |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if octet < 0x80:
            return number, at


# Voice -----------------------------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    """The voice packets' variable-length integer: the leading ones of the first octet count the octets that follow."""
    for extra, limit in enumerate((1 << 7, 1 << 14, 1 << 21, 1 << 28)):
        if number < limit:
            lead = 0xFF00 >> extra & 0xFF
            return (number | lead << 8 * extra).to_bytes(extra + 1, "big")
    raise ValueError("the number is too large for a voice packet")


def varint_at(packet: bytes, at: int) -> tuple[int, int]:
    """The number and where the next field starts."""
    first = packet[at]
    extra = next(count for count in range(4) if not first << count & 0x80)
    number = int.from_bytes(packet[at : at + extra + 1], "big") & (1 << 7 * (extra + 1)) - 1
    return number, at + extra + 1


def voice_packet(sequence: int, opus: bytes) -> bytes:
    """As a client sends it; the server puts the talker's session before the sequence number."""
    return bytes((OPUS,)) + varint(sequence) + varint(len(opus)) + opus


def read_voice(packet: bytes) -> tuple[int, int, bytes]:
    """Session, sequence and Opus packet of what the server sent."""
    session, at = varint_at(packet, 1)
    sequence, at = varint_at(packet, at)
    size, at = varint_at(packet, at)
    return session, sequence, packet[at : at + (size & 0x1FFF)]


class Ocb2:
    """One direction of one session. The counter is a little-endian number that goes up before each packet."""

    def __init__(self, key: bytes, counter: bytes) -> None:
        self._aes = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()
        self._key = key
        self._counter = int.from_bytes(counter, "little")

    @property
    def count(self) -> int:
        """The counter as a number."""
        return self._counter

    @property
    def counter(self) -> bytes:
        """Of the last packet; settable, as the other side may ask for or tell it anew."""
        return self._counter.to_bytes(BLOCK, "little")

    @counter.setter
    def counter(self, octets: bytes) -> None:
        self._counter = int.from_bytes(octets, "little")

    def seal(self, plain: bytes) -> bytes:
        """The next packet."""
        self._counter = (self._counter + 1) & _MASK
        nonce = self._counter.to_bytes(BLOCK, "little")
        whole, pad, delta = self._masks(nonce, len(plain))
        blocks = [int.from_bytes(plain[at : at + BLOCK], "big") for at in range(0, BLOCK * len(whole), BLOCK)]
        sealed = self._aes.update(b"".join((b ^ d).to_bytes(BLOCK, "big") for b, d in zip(blocks, whole, strict=True)))
        body = b"".join(
            (int.from_bytes(sealed[at * BLOCK : (at + 1) * BLOCK], "big") ^ d).to_bytes(BLOCK, "big")
            for at, d in enumerate(whole)
        )
        rest = plain[BLOCK * len(whole) :]
        body += bytes(a ^ b for a, b in zip(rest, pad, strict=False))
        return nonce[:1] + self._tag(blocks, rest, pad, delta)[:3] + body

    def open(self, packet: bytes, near: int) -> tuple[int, bytes] | None:
        """The counter, within 128 of `near`, and the plain text of a packet; None if the tag is wrong.

        Our own counter does not move: this is for looking back at what was heard.
        """
        counter = near + (packet[0] - near + 128) % 256 - 128
        nonce = (counter & _MASK).to_bytes(BLOCK, "little")
        body = packet[HEAD_BYTES:]
        whole, pad, delta = self._masks(nonce, len(body))
        undo = Cipher(algorithms.AES128(self._key), modes.ECB()).decryptor()
        blocks = []
        for at, mask in enumerate(whole):
            sealed = int.from_bytes(body[at * BLOCK : (at + 1) * BLOCK], "big") ^ mask
            blocks.append(int.from_bytes(undo.update(sealed.to_bytes(BLOCK, "big")), "big") ^ mask)
        rest = bytes(a ^ b for a, b in zip(body[BLOCK * len(whole) :], pad, strict=False))
        if self._tag(blocks, rest, pad, delta)[:3] != packet[1:HEAD_BYTES]:
            return None
        return counter, b"".join(block.to_bytes(BLOCK, "big") for block in blocks) + rest

    def _masks(self, nonce: bytes, size: int) -> tuple[list[int], bytes, int]:
        """A mask for each whole block but the last one, the pad of the last, and the last mask."""
        delta = int.from_bytes(self._aes.update(nonce), "big")
        whole = []
        for _ in range(max(0, (size - 1) // BLOCK)):
            delta = _double(delta)
            whole.append(delta)
        delta = _double(delta)
        last = size - BLOCK * len(whole)
        pad = self._aes.update((8 * last ^ delta).to_bytes(BLOCK, "big"))
        return whole, pad, delta

    def _tag(self, blocks: list[int], rest: bytes, pad: bytes, delta: int) -> bytes:
        checksum = int.from_bytes(rest + pad[len(rest) :], "big")
        for block in blocks:
            checksum ^= block
        return self._aes.update((checksum ^ delta ^ _double(delta)).to_bytes(BLOCK, "big"))


def _double(number: int) -> int:
    return (number << 1 & _MASK) ^ (_REDUCTION if number >> 127 else 0)
