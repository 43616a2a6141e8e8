"""A JSON document with its signature inside: Ed25519 (RFC 8032) over the document in one exact spelling.

The spelling is that of RFC 8785 for what is used here (texts, integers, lists, objects): keys sorted, no spaces, UTF-8.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from pttserver.errors import InvalidValue

Document = Mapping[str, Any]


def draw_signing_key() -> bytes:
    """A fresh Ed25519 private key, PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_signing_key(pem: bytes) -> Ed25519PrivateKey:
    """Raises ValueError."""
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key as documents carry it: base64 of its 32 octets."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(document: Document, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The document with `public_key` and `signature`."""
    whole = {**document, "public_key": public_text(key)}
    return whole | {"signature": base64.b64encode(key.sign(_spelling(whole))).decode()}


def verified_by(document: Document) -> str:
    """The public key that signed the document; whose it is, the reader must know. Raises InvalidValue."""
    whole = {name: value for name, value in document.items() if name != "signature"}
    try:
        public_key: str = document["public_key"]
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(document["signature"], validate=True), _spelling(whole))
    except (KeyError, TypeError, ValueError, InvalidSignature) as error:
        raise InvalidValue("the signature does not fit: the document was changed, or is none of ours") from error
    return public_key


def _spelling(document: Document) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
