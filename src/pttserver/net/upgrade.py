"""The opening handshake of a WebSocket (RFC 6455 §4.2): what a request for the upgrade must hold, and the answers."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from pttserver.net.origins import values_of
from pttserver.wire.signalling import SUBPROTOCOL

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
VERSION: Final = "13"
KEY_BYTES: Final = 16
MOST_HEADERS: Final = 128
LONGEST_HEADER_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """A parsed request that asks for a WebSocket. `headers`: names in lower case; `address`: the client's host."""

    method: str
    http_version: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    address: str

    @property
    def path(self) -> str:
        raw = self.target.partition(b"?")[0].decode("latin-1")
        return unquote(raw) if "%" in raw else raw

    def tokens(self, name: bytes) -> list[str]:
        """Of a header that is a list (RFC 9110 §5.6.1), in all its lines."""
        return [token.strip() for value in values_of(self.headers, name) for token in value.split(",")]

    def fault(self) -> str | None:
        """What RFC 6455 §4.2.1 asks for and is not there; None: it can be accepted."""
        if self.method != "GET" or self.http_version != "1.1":
            return "A WebSocket is asked for with GET and HTTP/1.1."
        if len(self.headers) > MOST_HEADERS or any(len(n) + len(v) > LONGEST_HEADER_BYTES for n, v in self.headers):
            return "Too many headers, or one too long."
        if values_of(self.headers, b"content-length") or values_of(self.headers, b"transfer-encoding"):
            return "A request for a WebSocket has no body."
        if values_of(self.headers, b"sec-websocket-version") != [VERSION]:
            return f"Version {VERSION} of WebSocket is served."
        return None if _is_key(values_of(self.headers, b"sec-websocket-key")) else "Sec-WebSocket-Key is missing."

    def acceptance(self) -> bytes:
        """The answer that opens the WebSocket; no extension is agreed to."""
        (key,) = values_of(self.headers, b"sec-websocket-key")
        digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\nSec-WebSocket-Protocol: %b\r\n\r\n"
        ) % (base64.b64encode(digest), SUBPROTOCOL.encode())


def refusal(status: int, text: str) -> bytes:
    """A whole answer; the connection ends with it."""
    body = text.encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def _is_key(values: Sequence[str]) -> bool:
    """One header, of 16 octets in base64."""
    try:
        return len(values) == 1 and len(base64.b64decode(values[0], validate=True)) == KEY_BYTES
    except (ValueError, binascii.Error):
        return False
