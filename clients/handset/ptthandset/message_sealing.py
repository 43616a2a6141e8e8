"""Sealing and opening of messages: from a text to what goes over the wire, and back with a verdict."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ptthandset.credentials import Credentials
from ptthandset.message_chain import Verdict
from pttserver.crypto import message_keys
from pttserver.crypto.device_keys import verify
from pttserver.errors import MalformedMessage, SealBroken
from pttserver.wire import signalling
from pttserver.wire.message_body import MessageBody, read_body, write_body
from pttserver.wire.signed_message import MessageHeader, key_binding, published_key

_FOR_ATTACHMENT = b"attachment"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sealed. `keys`: X25519 keys by device, of recipients and of the sender's own devices."""

    header: MessageHeader
    body: MessageBody
    keys: Mapping[str, bytes]
    attachment: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ready to go. `digest`: what the next message of the conversation names as `previous`."""

    message: signalling.SealedMessage
    keys: Sequence[signalling.WrappedKey]
    attachment: bytes | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """`body` None: the verdict says why. `digest`, `conversation`: empty if the signature does not fit."""

    verdict: Verdict
    body: MessageBody | None = None
    digest: bytes = b""
    conversation: str = ""


def is_own_key(device: signalling.DeviceKeys) -> bool:
    """Whether the device signed its X25519 key."""
    return verify(device.signing_key, device.signature, published_key(device.device, device.key))


def seal(draft: Draft, credentials: Credentials) -> Sealed:
    """Raises SealBroken: a key of a recipient is none."""
    header, content_key = draft.header, message_keys.draw_content_key()
    bound = header.octets()
    content = message_keys.encrypt(content_key, write_body(draft.body), bound)
    attachment = digest = None
    if draft.attachment is not None:
        attachment = message_keys.encrypt(content_key, draft.attachment, bound + _FOR_ATTACHMENT)
        digest = hashlib.sha256(attachment).digest()
    signed = header.signed(content, digest)
    message = signalling.SealedMessage(
        message=header.message,
        device=header.device,
        group=header.group,
        recipients=sorted(header.recipients),
        sequence=header.sequence,
        previous=header.previous,
        sent_ms=header.sent_ms,
        content=content,
        attachment=signalling.AttachmentInfo(size=len(attachment), digest=digest) if attachment and digest else None,
        signature=credentials.sign(signed),
    )
    keys = [
        signalling.WrappedKey(device=to, octets=message_keys.wrap(content_key, key, _binding(header, to)))
        for to, key in sorted(draft.keys.items())
    ]
    return Sealed(message, keys, attachment, hashlib.sha256(signed).digest())


def _binding(header: MessageHeader, device: str) -> bytes:
    return key_binding(header.message, header.device, device)


def header_of(stored: signalling.StoredMessage) -> MessageHeader:
    """As the signature must cover it: with the sender that the server names."""
    sealed = stored.sealed
    assert sealed is not None
    return MessageHeader(
        message=sealed.message,
        sequence=sealed.sequence,
        previous=sealed.previous,
        sent_ms=sealed.sent_ms,
        sender=stored.sender,
        device=sealed.device,
        group=sealed.group,
        recipients=sealed.recipients,
    )


def open_message(stored: signalling.StoredMessage, known_key: bytes | None, device: str, private_key: bytes) -> Opened:
    """`known_key`: the Ed25519 key that the sending device was first seen with; else the server's word is taken."""
    sealed = stored.sealed
    if sealed is None:
        return Opened(Verdict.GONE)
    header = header_of(stored)
    signed = header.signed(sealed.content, sealed.attachment.digest if sealed.attachment else None)
    claimed = stored.signing_key or b""
    if not verify(known_key or claimed, sealed.signature, signed):
        changed = known_key is not None and verify(claimed, sealed.signature, signed)
        return Opened(Verdict.KEY_CHANGED if changed else Verdict.FORGED)
    digest = hashlib.sha256(signed).digest()
    if stored.key is None:
        return Opened(Verdict.UNREADABLE, None, digest, header.conversation)
    try:
        content_key = message_keys.unwrap(stored.key, private_key, _binding(header, device))
        body = read_body(message_keys.decrypt(content_key, sealed.content, header.octets()))
    except (SealBroken, MalformedMessage):
        return Opened(Verdict.ALTERED, None, digest, header.conversation)
    return Opened(Verdict.GENUINE, body, digest, header.conversation)


def open_attachment(stored: signalling.StoredMessage, octets: bytes, device: str, private_key: bytes) -> bytes:
    """Raises SealBroken: it is not the attachment that was signed."""
    sealed, header = stored.sealed, header_of(stored)
    if sealed is None or sealed.attachment is None or stored.key is None:
        raise SealBroken("the message has no attachment that this device can open")
    if hashlib.sha256(octets).digest() != sealed.attachment.digest:
        raise SealBroken
    content_key = message_keys.unwrap(stored.key, private_key, _binding(header, device))
    return message_keys.decrypt(content_key, octets, header.octets() + _FOR_ATTACHMENT)
