"""A JSON document with its signature inside: Ed25519 (RFC 8032) over the document in one exact spelling.

The spelling is that of RFC 8785 for what is used here (texts, integers, lists, objects): keys sorted, no spaces, UTF-8.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from pttserver.crypto.signing import SigningKey, is_signed
from pttserver.errors import InvalidValue

Document = Mapping[str, Any]


def sign(document: Document, key: SigningKey) -> dict[str, Any]:
    """The document with `public_key` (base64 of 32 octets) and `signature` (base64 of 64)."""
    whole = {**document, "public_key": base64.b64encode(key.public).decode()}
    return whole | {"signature": base64.b64encode(key.sign(_spelling(whole))).decode()}


def verified_by(document: Document) -> bytes:
    """The public key (32 octets) that signed the document; whose it is, the reader must know. Raises InvalidValue."""
    whole = {name: value for name, value in document.items() if name != "signature"}
    try:
        public = base64.b64decode(document["public_key"], validate=True)
        signature = base64.b64decode(document["signature"], validate=True)
        signed = is_signed(public, signature, _spelling(whole))
    except (KeyError, TypeError, ValueError):
        signed = False
    if not signed:
        raise InvalidValue("the signature does not fit: the document was changed, or is none of a pttserver")
    return public


def _spelling(document: Document) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
