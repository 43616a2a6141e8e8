"""What is signed of a message, and what its keys are bound to: octets that every client makes the same way.

    header = "pttserver" NUL "message" NUL version  message (16)  sequence (8)  previous (32)  sent_ms (8)
             sender  device  group  count (2)  recipient ...
    signed = header  SHA-256 of content (32)  SHA-256 of attachment (32)

Texts are UTF-8 behind their length in 2 octets; no group is the empty text; recipients are sorted; no attachment is 32
zero octets. Numbers are in network byte order. The next message of the device in the same conversation names SHA-256 of
`signed` as its `previous`: so what is left out, repeated or exchanged shows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
NOTHING: Final = bytes(32)
"""`previous` of the first message of a conversation; the digest of no attachment."""
_HEAD = b"pttserver\0%s\0" + bytes((VERSION,))


@dataclass(frozen=True, slots=True)
class MessageHeader:
    """Who says it to whom, and at which place of the conversation. `sequence` counts from 1, in each conversation."""

    message: bytes
    sequence: int
    previous: bytes
    sent_ms: int
    sender: str
    device: str
    group: str | None
    recipients: Sequence[str]

    def octets(self) -> bytes:
        """The header; content and attachment are encrypted with it as associated data."""
        texts = (self.sender, self.device, self.group or "")
        return b"".join((
            _HEAD % b"message",
            self.message,
            self.sequence.to_bytes(8, "big"),
            self.previous,
            self.sent_ms.to_bytes(8, "big"),
            *map(_text, texts),
            len(self.recipients).to_bytes(2, "big"),
            *map(_text, sorted(self.recipients)),
        ))  # fmt: skip

    def signed(self, content: bytes, attachment_digest: bytes | None) -> bytes:
        """What the sending device signs. `content`: as it is encrypted."""
        return self.octets() + hashlib.sha256(content).digest() + (attachment_digest or NOTHING)

    @property
    def conversation(self) -> str:
        return conversation(self.sender, self.recipients, self.group)


def conversation(sender: str, recipients: Sequence[str], group: str | None) -> str:
    """The group, or all who take part: in each the sender counts by itself. The same text for all who take part."""
    return group or ",".join(sorted({sender, *recipients}))


def key_binding(message: bytes, sender_device: str, recipient_device: str) -> bytes:
    """`info` of HPKE (RFC 9180 §5.1) that a content key is wrapped with: for this message and this device only."""
    return _HEAD % b"message key" + message + _text(sender_device) + _text(recipient_device)


def published_key(device: str, public_key: bytes) -> bytes:
    """What a device signs to say that this X25519 key is its own."""
    return _HEAD % b"device key" + _text(device) + public_key


def _text(text: str) -> bytes:
    octets = text.encode()
    return len(octets).to_bytes(2, "big") + octets
