"""Two messages of Anna to Bert, the first with an attachment: every octet on the way from the text to the wire."""

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from generator import fixed, hpke
from pttserver.wire import signalling as s
from pttserver.wire.message_body import AttachmentName, MessageBody, write_body
from pttserver.wire.signed_message import NOTHING, MessageHeader, key_binding, published_key

SENT_MS = 1_790_000_000_000
KEYS = {
    device: X25519PrivateKey.from_private_bytes(fixed.octets(f"message key of {device}", 32))
    for device in (fixed.DEVICE, fixed.BERTS_DEVICE)
}
_VOICE = AttachmentName(kind="voice", name="message.ogg", media_type="audio/ogg")


def public(device: str) -> bytes:
    return KEYS[device].public_key().public_bytes_raw()


def signed_key() -> bytes:
    """Signature of Anna's device over its X25519 key."""
    return fixed.DEVICE_KEY.sign(published_key(fixed.DEVICE, public(fixed.DEVICE)))


class Made:
    """A message with all that it was made of."""

    def __init__(self, sequence: int, previous: bytes, body: MessageBody, attachment: bytes | None) -> None:
        self.header = MessageHeader(
            message=fixed.octets(f"message {sequence}", 16),
            sequence=sequence,
            previous=previous,
            sent_ms=SENT_MS + sequence,
            sender=fixed.ANNA,
            device=fixed.DEVICE,
            group=None,
            recipients=[fixed.BERT],
        )
        bound = self.header.octets()
        self.body = body
        self.content_key = fixed.octets(f"content key {sequence}", 32)
        self.content = self._encrypt("content", write_body(body), bound)
        self.plain_attachment = attachment
        self.attachment = attachment and self._encrypt("attachment", attachment, bound + b"attachment")
        self.attachment_digest = hashlib.sha256(self.attachment).digest() if self.attachment else None
        self.signed = self.header.signed(self.content, self.attachment_digest)
        self.signature = fixed.DEVICE_KEY.sign(self.signed)
        self.digest = hashlib.sha256(self.signed).digest()

    def _encrypt(self, name: str, plain: bytes, associated: bytes) -> bytes:
        nonce = fixed.octets(f"{name} nonce {self.header.sequence}", 12)
        return nonce + AESGCM(self.content_key).encrypt(nonce, plain, associated)

    def wrapping(self, device: str) -> tuple[bytes, bytes, hpke.Context]:
        """Ephemeral private key, info, context."""
        ephemeral = fixed.octets(f"ephemeral {self.header.sequence} {device}", 32)
        info = key_binding(self.header.message, self.header.device, device)
        return ephemeral, info, hpke.setup(ephemeral, public(device), info)

    def wrapped(self, device: str) -> bytes:
        _, _, context = self.wrapping(device)
        return context.enc + context.seal(self.content_key)

    def sealed(self) -> s.SealedMessage:
        header, size = self.header, len(self.attachment or b"")
        info = s.AttachmentInfo(size=size, digest=self.attachment_digest) if self.attachment_digest else None
        return s.SealedMessage(
            message=header.message,
            device=header.device,
            recipients=list(header.recipients),
            sequence=header.sequence,
            previous=header.previous,
            sent_ms=header.sent_ms,
            content=self.content,
            attachment=info,
            signature=self.signature,
        )

    def keys(self) -> list[s.WrappedKey]:
        return [s.WrappedKey(device=device, octets=self.wrapped(device)) for device in sorted(KEYS)]


FIRST = Made(1, NOTHING, MessageBody(text="Hør: 🚒", attachment=_VOICE), fixed.octets("attachment", 48))
SECOND = Made(2, FIRST.digest, MessageBody(text="Kommer du?"), None)


def sealed_messages() -> dict[str, Any]:
    return {
        "about": "Sealed messages (messages.md). `content` = nonce, then AES-256-GCM of `body` with `header` as "
        "associated data; `attachment` likewise, with `header` and the ASCII octets of 'attachment'. A wrapped key is "
        "`enc`, then AES-256-GCM of the content key: HPKE of RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), "
        "HKDF-SHA256, AES-256-GCM, with `info`. `digest` = SHA-256 of `signed`, `previous` of the next message.",
        "device_private_key": fixed.DEVICE_KEY.private_bytes_raw().hex(),
        "device_public_key": fixed.DEVICE_KEY.public_key().public_bytes_raw().hex(),
        "published_key": {
            "device": fixed.DEVICE,
            "key": public(fixed.DEVICE).hex(),
            "signed": published_key(fixed.DEVICE, public(fixed.DEVICE)).hex(),
            "signature": signed_key().hex(),
        },
        "messages": [_message(FIRST), _message(SECOND)],
    }


def _message(made: Made) -> dict[str, Any]:
    header = made.header
    return {
        "message": header.message.hex(),
        "sequence": header.sequence,
        "previous": header.previous.hex(),
        "sent_ms": header.sent_ms,
        "sender": header.sender,
        "device": header.device,
        "group": header.group,
        "recipients": list(header.recipients),
        "header": header.octets().hex(),
        "body": write_body(made.body).decode(),
        "content_key": made.content_key.hex(),
        "content": made.content.hex(),
        "attachment_plain": made.plain_attachment.hex() if made.plain_attachment else None,
        "attachment": made.attachment.hex() if made.attachment else None,
        "signed": made.signed.hex(),
        "signature": made.signature.hex(),
        "digest": made.digest.hex(),
        "keys": [_wrapping(made, device) for device in sorted(KEYS)],
        "sealed": made.sealed().model_dump_json(exclude_none=True),
    }


def _wrapping(made: Made, device: str) -> dict[str, Any]:
    ephemeral, info, context = made.wrapping(device)
    return {
        "device": device,
        "private_key": KEYS[device].private_bytes_raw().hex(),
        "public_key": public(device).hex(),
        "ephemeral_private_key": ephemeral.hex(),
        "info": info.hex(),
        "enc": context.enc.hex(),
        "shared_secret": context.shared_secret.hex(),
        "key": context.key.hex(),
        "nonce": context.nonce.hex(),
        "wrapped": made.wrapped(device).hex(),
    }
