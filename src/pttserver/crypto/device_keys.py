"""Keys of devices (Ed25519, RFC 8032) and the proof that a device signs for enrolment, log-in and resumption.

The proof names its purpose, the protocol version, the challenge of this connection, the server of this connection, and
the credential that is used; so a signature is worth nothing on another connection, server, or for another purpose:

    "pttserver" NUL purpose NUL version (1 octet) challenge (32) server digest (32) credential (UTF-8)

The server digest is SHA-256 of the DER certificate (tls-server-end-point of RFC 5929, with SHA-256 always). A page in a
browser cannot see the certificate: its browser vouches for the origin, and the digest is SHA-256 of that. The
credential is the device identifier, or the enrolment code for the purpose "enroll".
"""

import hashlib
import os
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Purpose = Literal["enroll", "login", "resume"]
CHALLENGE_BYTES = 32
TOKEN_BYTES = 32
_END_BYTES = 8

# For a public key of small order one signature fits many messages (RFC 8032 §5.1.7 lets it): it proves nothing. The
# y-coordinates of all eight such points; an all-zero key, as a client makes that forgot to draw one, is among them.
_P = 2**255 - 19
_ORDER_8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_SMALL_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})


def draw_challenge() -> bytes:
    return os.urandom(CHALLENGE_BYTES)


def draw_token(end_ms: int) -> bytes:
    """A resume token: its end (UTC milliseconds, 8 octets), and 24 random ones. To its holder it is opaque."""
    return end_ms.to_bytes(_END_BYTES, "big") + os.urandom(TOKEN_BYTES - _END_BYTES)


def token_end_ms(token: bytes) -> int:
    """From when on it is worth nothing; of a token whose digest is known, for anybody can write another one."""
    return int.from_bytes(token[:_END_BYTES], "big")


def token_digest(token: bytes) -> bytes:
    """What is stored of a resume token: SHA-256 (the token is random, so it needs no slow hash)."""
    return hashlib.sha256(token).digest()


def origin_digest(origin: str) -> bytes:
    """The server digest of a browser's proofs: of its origin, such as `https://ptt.example:8443`, in ASCII."""
    return hashlib.sha256(origin.encode("ascii")).digest()


def proof(purpose: Purpose, version: int, challenge: bytes, server_digest: bytes, credential: str) -> bytes:
    """The octets to sign."""
    head = b"pttserver\0" + purpose.encode() + b"\0" + bytes((version,))
    return head + challenge + server_digest + credential.encode()


def verify(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    """Whether `signature` (64 octets) over `signed` is by `public_key` (32 octets).

    A malformed key, or one of small order, verifies nothing.
    """
    if (int.from_bytes(public_key, "little") & (2**255 - 1)) % _P in _SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


STAND_IN_PUBLIC_KEY = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
"""Verified against for unknown devices, so that they cost the same time as known ones."""
