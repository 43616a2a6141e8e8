"""A light WebSocket client (RFC 6455) for crowds: one protocol object, no queue, no task, a mask of zeros."""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import cast

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LARGE = 126
HUGE = 127


class WebSocketClosed(ConnectionError):
    """The server closed the connection, or it was lost."""


class WebSocket(asyncio.Protocol):
    """Frames in by `on_text` and `on_binary`; `opened` is done when the server has accepted."""

    def __init__(self, on_text: Callable[[bytes], None], on_binary: Callable[[bytes], None]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_lost: Callable[[], None] = lambda: None
        self._on_text = on_text
        self._on_binary = on_binary
        self._buffer = b""
        self._open = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def request(self, path: str, subprotocol: str) -> None:
        """Asks for the upgrade."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n".encode()
        )

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """One whole frame; RFC 6455 §5.3 wants a mask, and a mask of zeros leaves the payload as it is."""
        size = len(payload)
        if size < LARGE:
            head = bytes((0x80 | opcode, 0x80 | size))
        else:
            head = bytes((0x80 | opcode, 0x80 | LARGE)) + size.to_bytes(2, "big")
        self.transport.write(head + bytes(4) + payload)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._open and not self._accepted():
            return
        self._frames()

    def _accepted(self) -> bool:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self._fail(WebSocketClosed(head.split(b"\r\n", 1)[0].decode(errors="replace")))
            self.transport.abort()
            return False
        self._open, self._buffer = True, rest
        self.opened.set_result(None)
        return True

    def _frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size >= LARGE:
                width = 2 if size == LARGE else 8
                if len(buffer) < start + width:
                    break
                size, start = int.from_bytes(buffer[start : start + width], "big"), start + width
            if len(buffer) < start + size:
                break
            self._frame(buffer[at] & 0x0F, buffer[start : start + size])
            at = start + size
        self._buffer = buffer[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self._on_text(payload)
        elif opcode == BINARY:
            self._on_binary(payload)
        elif opcode == PING:
            self.send(payload, PONG)
        elif opcode == CLOSE:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(WebSocketClosed("the connection is lost"))
        self.on_lost()

    def _fail(self, error: WebSocketClosed) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
