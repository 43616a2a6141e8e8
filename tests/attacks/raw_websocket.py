"""A TLS connection on which a test writes the octets of HTTP and WebSocket (RFC 6455) itself, right or wrong."""

import asyncio
import json
import os
import socket
from typing import Any, Self

from attacks.bare_radio import tls
from pttserver.wire.signalling import PATH, SUBPROTOCOL

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def upgrade(path: str = PATH, protocol: str | None = SUBPROTOCOL, *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]  # fmt: skip
    if protocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return "\r\n".join([*lines, *more, "", ""]).encode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    masked: bool = True,
    rsv: int = 0,
    length: int | None = None,
) -> bytes:
    """`length` is what the header claims; the payload's own if None."""
    claimed = len(payload) if length is None else length
    head = bytes((final << 7 | rsv << 4 | opcode,))
    mask_bit = masked << 7
    if claimed < 126:
        head += bytes((mask_bit | claimed,))
    elif claimed < 1 << 16:
        head += bytes((mask_bit | 126,)) + claimed.to_bytes(2, "big")
    else:
        head += bytes((mask_bit | 127,)) + claimed.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + mixed.to_bytes(len(payload), "big")


class RawWebSocket:
    """`open` has finished the HTTP upgrade; `connect` only TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, receive_bytes: int | None = None) -> Self:
        """`receive_bytes` makes the kernel's buffer small, so that an idle reader is noticed soon."""
        tcp = socket.socket()
        if receive_bytes is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        tcp.connect(("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=tcp, ssl=tls(), server_hostname="localhost"))

    @classmethod
    async def open(cls, port: int, *more: str, receive_bytes: int | None = None) -> Self:
        raw = await cls.connect(port, receive_bytes)
        raw.writer.write(upgrade(PATH, SUBPROTOCOL, *more))
        head = await raw.http_head()
        assert head.startswith("HTTP/1.1 101"), head
        raw.head = head
        return raw

    head = ""
    groups: list[dict[str, Any]] = []

    async def http_head(self) -> str:
        return (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()

    async def http_answer(self) -> str:
        """Head and body up to the end of the connection."""
        return (await asyncio.wait_for(self.reader.read(), 5)).decode()

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    def send_json(self, message: Any) -> None:
        self.send(frame(TEXT, json.dumps(message).encode()))

    async def frame(self, timeout_s: float = 5) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; raises IncompleteReadError at the end of the connection."""
        async with asyncio.timeout(timeout_s):
            head = await self.reader.readexactly(2)
            length = head[1] & 0x7F
            if length == 126:
                length = int.from_bytes(await self.reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self.reader.readexactly(8), "big")
            return head[0] & 0x0F, await self.reader.readexactly(length)

    async def message(self) -> dict[str, Any]:
        """The next text frame."""
        while True:
            opcode, payload = await self.frame()
            if opcode == TEXT:
                return dict(json.loads(payload))
            assert opcode != CLOSE, payload

    async def close_code(self, timeout_s: float = 5) -> int | None:
        """Reads on to the close frame; None if the connection ends without one."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    opcode, payload = await self.frame(timeout_s)
                    if opcode == CLOSE:
                        return int.from_bytes(payload[:2], "big")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def ended(self, timeout_s: float = 5) -> None:
        """Waits until the server has closed TCP."""
        async with asyncio.timeout(timeout_s):
            try:
                while await self.reader.read(65_536):
                    pass
            except ConnectionError:
                pass

    def abort(self) -> None:
        self.writer.transport.abort()
