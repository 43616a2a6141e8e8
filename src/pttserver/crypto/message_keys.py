"""Sealing a message for devices: AES-256-GCM under a key of its own, which is wrapped for each device by HPKE.

HPKE (RFC 9180) in base mode, single shot, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM. Who sent it is
proved by the signature over the message (wire/signed_message.py), not by HPKE. A device's X25519 key stays the same, so
there is no forward secrecy: who takes the private key opens what was sealed for it before.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pttserver.errors import SealBroken

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
WRAPPED_BYTES: Final = 32 + KEY_BYTES + TAG_BYTES
"""The encapsulated key, then the content key encrypted."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def draw_content_key() -> bytes:
    """For one message."""
    return os.urandom(KEY_BYTES)


def encrypt(key: bytes, plain: bytes, header: bytes) -> bytes:
    """Nonce (12 octets, random), then ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, header)


def decrypt(key: bytes, octets: bytes, header: bytes) -> bytes:
    """Raises SealBroken."""
    try:
        return AESGCM(key).decrypt(octets[:NONCE_BYTES], octets[NONCE_BYTES:], header)
    except (InvalidTag, ValueError):
        raise SealBroken from None


def wrap(content_key: bytes, public_key: bytes, binding: bytes) -> bytes:
    """For the device with this X25519 key. Raises SealBroken for a key that nobody can have."""
    try:
        return _SUITE.encrypt(content_key, X25519PublicKey.from_public_bytes(public_key), binding)
    except ValueError:
        raise SealBroken("this is no X25519 key") from None


def unwrap(wrapped: bytes, private_key: bytes, binding: bytes) -> bytes:
    """Raises SealBroken: it was changed, or is bound to another message or device."""
    try:
        return _SUITE.decrypt(wrapped, X25519PrivateKey.from_private_bytes(private_key), binding)
    except (InvalidTag, ValueError):
        raise SealBroken from None
