"""The opening handshake of a WebSocket (RFC 6455 §4.2): what a request for the upgrade must hold, and the answers."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from pttserver.net.origins import Headers
from pttserver.wire.signalling import SUBPROTOCOL

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
VERSION: Final = b"13"
KEY_BYTES: Final = 16
_ACCEPTANCE: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\nSec-WebSocket-Protocol: %b\r\n\r\n"
)


class UpgradeRequest:
    """A parsed request that asks for a WebSocket; `address`: the client's host."""

    __slots__ = ("_named", "address", "headers", "http_version", "method", "target")

    def __init__(self, method: str, http_version: str, target: bytes, headers: Headers, address: str) -> None:
        """`headers`: names in lower case."""
        self.method = method
        self.http_version = http_version
        self.target = target
        self.headers = headers
        self.address = address
        self._named: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            self._named.setdefault(name, []).append(value)

    @property
    def path(self) -> str:
        raw = self.target.partition(b"?")[0].decode("latin-1")
        return unquote(raw) if "%" in raw else raw

    def values(self, name: bytes) -> list[bytes]:
        """All lines of a header."""
        return self._named.get(name, [])

    def offers(self, subprotocol: bytes) -> bool:
        """In a list (RFC 9110 §5.6.1), whatever the number of its lines."""
        return any(
            token.strip() == subprotocol
            for line in self.values(b"sec-websocket-protocol")
            for token in line.split(b",")
        )

    def fault(self) -> str | None:
        """What RFC 6455 §4.2.1 asks for and is not there; None: it can be accepted."""
        if self.method != "GET" or self.http_version != "1.1":
            return "A WebSocket is asked for with GET and HTTP/1.1."
        if not self._named.keys().isdisjoint((b"content-length", b"transfer-encoding")):
            return "A request for a WebSocket has no body."
        if self.values(b"sec-websocket-version") != [VERSION]:
            return f"Version {VERSION.decode()} of WebSocket is served."
        return None if _is_key(self.values(b"sec-websocket-key")) else "Sec-WebSocket-Key is missing."

    def acceptance(self) -> bytes:
        """The answer that opens the WebSocket; no extension is agreed to."""
        (key,) = self.values(b"sec-websocket-key")
        digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
        return _ACCEPTANCE % (base64.b64encode(digest), SUBPROTOCOL.encode())


def refusal(status: int, text: str) -> bytes:
    """A whole answer; the connection ends with it."""
    body = text.encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def _is_key(values: Sequence[bytes]) -> bool:
    """One header, of 16 octets in base64."""
    try:
        return len(values) == 1 and len(base64.b64decode(values[0], validate=True)) == KEY_BYTES
    except (ValueError, binascii.Error):
        return False
