"""uvicorn's protocols, with what a server on the open internet needs: deadlines, and a link that never waits.

uvicorn parses HTTP and WebSocket; its ASGI `send` awaits a slow reader. Signalling and voice must not wait for one
another, so `WebSocketLink` writes into the transport itself and looks at its buffer first.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from pttserver.config import SignallingSettings

CLOSE_GRACE_S = 2.0
LINK = "pttserver.link"
SETTINGS = "pttserver.signalling"  # in uvicorn's app_state


def _settings(protocol: HttpToolsProtocol | WebSocketsSansIOProtocol) -> SignallingSettings:
    settings: SignallingSettings = protocol.app_state[SETTINGS]
    return settings


class HttpProtocol(HttpToolsProtocol):
    """A connection that has not sent a whole request in time is aborted; the next request has its own deadline."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _settings(self).max_connections + 1:  # one more, to be told 503
            transport.abort()
            return
        self._set_deadline()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._set_deadline()

    def on_message_complete(self) -> None:
        self._meet_deadline()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._meet_deadline()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._meet_deadline()
        super().connection_lost(exc)

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(_settings(self).handshake_timeout_s, self.transport.abort)

    def _meet_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Puts a link to this connection into the scope of the application; bounds what frames without a message cost."""

    async def run_asgi(self) -> None:
        cast("dict[str, Any]", self.scope)[LINK] = WebSocketLink(self)
        await super().run_asgi()

    def shutdown(self) -> None:
        """uvicorn would send a close frame behind that of a client who hangs up just now."""
        if self.conn.state is State.OPEN:
            super().shutdown()
        else:
            self.transport.close()

    def handle_ping(self) -> None:
        """Pongs for a reader who never reads would fill the memory."""
        if self.transport.get_write_buffer_size() > _settings(self).outbox_bytes:
            self.transport.abort()
        else:
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        """The limit of a message counts octets: empty fragments without end would pass it."""
        if event.data or event.fin:
            super().handle_cont(event)


class WebSocketLink:
    """Writes frames to one WebSocket without ever waiting (sessions.session.Link).

    What a slow reader leaves unread is bounded: over `outbox_voice_bytes` voice is dropped, over `outbox_bytes` of
    signalling the connection is aborted.
    """

    __slots__ = ("_outbox_bytes", "_protocol", "_voice_bytes", "closed", "voice_dropped")

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol
        self._outbox_bytes = _settings(protocol).outbox_bytes
        self._voice_bytes = _settings(protocol).outbox_voice_bytes
        self.closed = False
        self.voice_dropped = 0

    def post(self, text: str) -> None:
        if self._may_write():
            self._protocol.conn.send_text(text.encode())
            self._flush()

    def post_control(self, packet: bytes) -> None:
        if self._may_write():
            self._protocol.conn.send_binary(packet)
            self._flush()

    def offer_voice(self, packet: bytes) -> None:
        transport = self._protocol.transport
        if transport.get_write_buffer_size() > self._voice_bytes:
            self.voice_dropped += 1
        elif self._is_open():
            self._protocol.conn.send_binary(packet)
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """The client has a moment to answer the close frame, so what was posted before is not lost with a reset."""
        protocol = self._protocol
        self.closed = True
        if not self._is_open():
            return
        protocol.conn.send_close(code, reason)
        self._flush()
        protocol.close_sent = True
        protocol.close_timer = protocol.loop.call_later(CLOSE_GRACE_S, protocol.transport.abort)
        protocol.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def _is_open(self) -> bool:
        protocol = self._protocol
        return not protocol.close_sent and not protocol.transport.is_closing() and protocol.conn.state is State.OPEN

    def _may_write(self) -> bool:
        if not self._is_open():
            return False
        if self._protocol.transport.get_write_buffer_size() > self._outbox_bytes:
            self.closed = True
            self._protocol.transport.abort()
            return False
        return True

    def _flush(self) -> None:
        self._protocol.transport.write(b"".join(self._protocol.conn.data_to_send()))
