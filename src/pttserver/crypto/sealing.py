"""Sealing at rest: a key for each data subject, wrapped by its tenant's key, wrapped by the operator's master key.

    master key --wraps--> tenant key --wraps--> subject key --seals--> values, derives references
                              '--derives--> blind index of the tenant

Destroying a subject's wrapped key makes all that was sealed under it unreadable, wherever copies of it lie: database,
write-ahead log, replicas, backups (crypto-shredding). Everything is AES-256-GCM (NIST SP 800-38D) with random 96-bit
nonces, and HMAC-SHA-256.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pttserver.errors import SealBroken

KEY_BYTES = 32
NONCE_BYTES = 12
INDEX_BYTES = 16
REFERENCE_BYTES = 12
PSEUDONYM_PREFIX = "psd_"

Value = str | int | bytes


def _encrypt(key: AESGCM, plain: bytes, context: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, context)


def _decrypt(key: AESGCM, octets: bytes, context: bytes) -> bytes:
    try:
        return key.decrypt(octets[:NONCE_BYTES], octets[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error


def _derive(key: bytes, label: str) -> bytes:
    """A key for one use (NIST SP 800-108: a pseudorandom function of the label)."""
    return hmac.digest(key, b"pttserver/1/" + label.encode(), "sha256")


class SubjectKey:
    """Seals what is known about one data subject, and derives the names that it goes by in histories."""

    __slots__ = ("_key", "_seal")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._seal = AESGCM(_derive(key, "seal"))

    def seal(self, value: Value, context: str) -> bytes:
        """`context` says what the value is; a seal opens in the same context only."""
        return _encrypt(self._seal, _to_octets(value), context.encode())

    def open(self, octets: bytes, context: str) -> Value:
        """Raises SealBroken if it was changed, or sealed for somebody or something else."""
        return _from_octets(_decrypt(self._seal, octets, context.encode()))

    def reference(self, area: str) -> str:
        """The subject's name in one area of the records; without the key nobody can tell whose it is."""
        return "ref_" + hmac.digest(_derive(self._key, "reference"), area.encode(), "sha256")[:REFERENCE_BYTES].hex()

    def pseudonym(self, value: Value, context: str) -> str:
        """Stands for the value: equal values of the subject give equal pseudonyms, and nothing leads back."""
        digest = hmac.digest(_derive(self._key, "pseudonym/" + context), _to_octets(value), "sha256")
        return PSEUDONYM_PREFIX + digest[:REFERENCE_BYTES].hex()

    def blind_index(self, text: str, context: str) -> bytes:
        """16 octets by which an exact text can be found again; without the key nobody can try texts against them."""
        return hmac.digest(_derive(self._key, "index/" + context), str.encode(text), "sha256")[:INDEX_BYTES]


class TenantKey:
    """Wraps the keys of a tenant's subjects, and derives its blind index."""

    __slots__ = ("_index", "_wrap")

    def __init__(self, key: bytes) -> None:
        self._wrap = AESGCM(_derive(key, "wrap"))
        self._index = _derive(key, "index")

    def draw_subject(self, subject_id: str) -> bytes:
        """A fresh subject key, wrapped."""
        return _encrypt(self._wrap, os.urandom(KEY_BYTES), b"subject/" + subject_id.encode())

    def subject(self, subject_id: str, wrapped: bytes) -> SubjectKey:
        """Raises SealBroken."""
        return SubjectKey(_decrypt(self._wrap, wrapped, b"subject/" + subject_id.encode()))

    def blind_index(self, text: str, context: str) -> bytes:
        """16 octets by which an exact text can be found again without being stored."""
        return hmac.digest(self._index, f"{context}/".encode() + str.encode(text), "sha256")[:INDEX_BYTES]


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The operator's key; `key_id` is no secret and tells which of several wrapped a tenant's key."""

    key: bytes = field(repr=False)

    @classmethod
    def draw(cls) -> Self:
        return cls(os.urandom(KEY_BYTES))

    @property
    def key_id(self) -> str:
        return hashlib.sha256(b"pttserver master key" + self.key).hexdigest()[:16]

    def draw_tenant(self, tenant_id: str) -> bytes:
        """A fresh tenant key, wrapped."""
        return self.wrap(tenant_id, os.urandom(KEY_BYTES))

    def wrap(self, tenant_id: str, key: bytes) -> bytes:
        return _encrypt(AESGCM(self.key), key, b"tenant/" + tenant_id.encode())

    def unwrap(self, tenant_id: str, wrapped: bytes) -> bytes:
        """Raises SealBroken."""
        return _decrypt(AESGCM(self.key), wrapped, b"tenant/" + tenant_id.encode())


def _to_octets(value: Value) -> bytes:
    if isinstance(value, str):
        return b"s" + str.encode(value)  # a Personal too: str.encode does not ask its __str__
    if isinstance(value, int):
        return b"i%d" % value
    return b"b" + value


def _from_octets(octets: bytes) -> Value:
    kind, content = octets[:1], octets[1:]
    if kind == b"s":
        return content.decode()
    return int(content) if kind == b"i" else content
