"""HPKE of RFC 9180 in base mode, written out from the RFC, with every secret on the way: for vectors, not for use."""

import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM_X25519 = 0x0020
KDF_SHA256 = 0x0001
AES_128_GCM, AES_256_GCM = 0x0001, 0x0002
_KEY_BYTES = {AES_128_GCM: 16, AES_256_GCM: 32}


@dataclass(frozen=True, slots=True)
class Context:
    """What sender and recipient share. `enc`: the encapsulated key; the nonce is that of the first message."""

    enc: bytes
    shared_secret: bytes
    key: bytes
    nonce: bytes

    def seal(self, plain: bytes, associated: bytes = b"") -> bytes:
        return AESGCM(self.key).encrypt(self.nonce, plain, associated)


def setup(ephemeral: bytes, public_key: bytes, info: bytes, aead: int = AES_256_GCM) -> Context:
    """SetupBaseS of §5.1.1, with a chosen ephemeral private key."""
    own = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = own.public_key().public_bytes_raw()
    shared = _shared_secret(own.exchange(X25519PublicKey.from_public_bytes(public_key)), enc + public_key)
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (KEM_X25519, KDF_SHA256, aead))
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    secret = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, secret, b"key", context, _KEY_BYTES[aead])
    return Context(enc, shared, key, _expand(suite, secret, b"base_nonce", context, 12))


def _shared_secret(dh: bytes, kem_context: bytes) -> bytes:
    """ExtractAndExpand of §4.1."""
    suite = b"KEM" + KEM_X25519.to_bytes(2, "big")
    return _expand(suite, _extract(suite, b"", b"eae_prk", dh), b"shared_secret", kem_context, 32)


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """LabeledExtract of §4, HKDF-Extract of RFC 5869."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand of §4; no more than one block is ever needed."""
    assert length <= 32
    return hmac.digest(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\x01", "sha256")[:length]
