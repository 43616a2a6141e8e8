"""The server's own signatures (Ed25519, RFC 8032): who has its public key can check what it vouches for."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class SigningKey:
    """32 octets of private key; the public half is 32 octets too."""

    __slots__ = ("_key",)

    def __init__(self, private: bytes) -> None:
        """Raises ValueError unless it is 32 octets."""
        self._key = Ed25519PrivateKey.from_private_bytes(private)

    @classmethod
    def draw(cls) -> "SigningKey":
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def private(self) -> bytes:
        return self._key.private_bytes_raw()

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, octets: bytes) -> bytes:
        """64 octets."""
        return self._key.sign(octets)


def is_signed(public: bytes, signature: bytes, octets: bytes) -> bool:
    """Whether the signature fits; a malformed key or signature fits nothing."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, octets)
    except (InvalidSignature, ValueError):
        return False
    return True
