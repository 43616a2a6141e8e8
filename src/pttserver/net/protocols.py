"""HTTP on the TLS port: uvicorn's protocol, with the deadlines that a server on the open internet needs.

What asks for a WebSocket is parsed by it too, and then goes its own way (net/web_socket.py): by ASGI it would be parsed
twice, and each message would wait for a task to fetch it.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pttserver.net.site import Site
from pttserver.net.upgrade import UpgradeRequest, refusal
from pttserver.net.web_socket import Pings, WebSocketLink, WebSocketProtocol
from pttserver.sessions.attempts import address_bucket

MAX_HEAD_BYTES: Final = 1 << 16  # of a request's line and headers, while they are not whole


class HttpProtocol(HttpToolsProtocol):
    """A connection that has not sent a whole request in time is aborted; the next request has its own deadline."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes: int | None = 0  # None: the head is whole

    def __init__(self, site: Site, pings: Pings, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._site = site
        self._pings = pings

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._site.settings.max_connections + 1:  # one more, to be told 503
            transport.abort()
            return
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_bytes is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(refusal(431, "The headers are too long."))
                self.transport.close()

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()
        if self._deadline is None:
            self._set_deadline()

    def on_message_complete(self) -> None:
        self._meet_deadline()
        super().on_message_complete()

    def _should_upgrade_to_ws(self) -> bool:
        return True

    def handle_websocket_upgrade(self) -> None:
        """What came behind the request is dropped: no client speaks before it was answered (RFC 6455 §4.1)."""
        self._meet_deadline()
        self.connections.discard(self)
        request = UpgradeRequest(
            method=self.scope["method"],
            http_version=self.scope["http_version"],
            target=self.url,
            headers=self.headers,
            address=self.client[0] if self.client else "",
        )
        self.parser = None  # type: ignore[assignment] # it holds this object, and would wait for the garbage collector
        bucket = address_bucket(request.address)
        refused = self._site.refusal(request, bucket)
        if refused is not None:
            self.transport.write(refusal(*refused))
            self.transport.close()
            return
        protocol = WebSocketProtocol(self.transport, self._site.settings, self._pings, self.connections)
        self.transport.set_protocol(protocol)
        self.transport.write(request.acceptance())
        protocol.guest = self._site.visit(request, bucket, WebSocketLink(protocol), self.tasks)

    def connection_lost(self, exc: Exception | None) -> None:
        self._meet_deadline()
        super().connection_lost(exc)

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self._site.settings.handshake_timeout_s, self.transport.abort)

    def _meet_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
