"""The WebSocket to the server: TLS 1.3 with the pinned certificate, requests with replies, events, media packets."""

import asyncio
import contextlib
import hashlib
import hmac
import ssl
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from ptthandset.errors import NotConnected, Refused, ServerUnreachable, WrongServer
from pttserver.crypto.certificate import certificate_pin_of_der
from pttserver.crypto.device_keys import Purpose, proof
from pttserver.crypto.tls import client_context
from pttserver.errors import ProtocolError
from pttserver.wire import signalling
from pttserver.wire.signalling import PROTOCOL_VERSION, SUBPROTOCOL

CONNECT_TIMEOUT_S = 10
REPLY_TIMEOUT_S = 20
PING_INTERVAL_S = 20
MAX_FRAME_BYTES = 1 << 20
WAITING_FRAMES = 200
CLIENT_NAME = "ptthandset/0.1"

R = TypeVar("R", bound=signalling.Reply)


class SignallingClient:
    """One connection, from `open` to `closed`. `on_event` and `on_packet` are called as frames come in."""

    def __init__(
        self,
        connection: ClientConnection,
        certificate: bytes,
        on_event: Callable[[signalling.Message], None],
        on_packet: Callable[[bytes], None],
    ) -> None:
        self._connection = connection
        self._certificate_digest = hashlib.sha256(certificate).digest()
        self._on_event = on_event
        self._on_packet = on_packet
        self._ids = count(1)
        self._replies: dict[int, asyncio.Future[signalling.Message]] = {}
        self._on_reply: dict[int, Callable[[Any], None]] = {}
        self._outgoing: deque[str | bytes] = deque()
        self._wake = asyncio.Event()
        self._challenge = b""
        self._reader = asyncio.create_task(self._read(), name="signalling reader")
        self._writer = asyncio.create_task(self._write(), name="signalling writer")

    @classmethod
    async def open(
        cls,
        url: str,
        certificate_pin: str | None,
        on_event: Callable[[signalling.Message], None],
        on_packet: Callable[[bytes], None],
    ) -> "SignallingClient":
        """Connects and says hello. Without a pin the certificate is verified as browsers do.

        Raises ServerUnreachable, WrongServer, Refused (the server does not speak our version).
        """
        context = client_context(verified_by_pin=certificate_pin is not None)
        try:
            connection = await connect(
                url,
                ssl=context,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                max_size=MAX_FRAME_BYTES,
                open_timeout=CONNECT_TIMEOUT_S,
                ping_interval=PING_INTERVAL_S,
                ping_timeout=PING_INTERVAL_S,
                proxy=None,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            raise ServerUnreachable(f"{url} cannot be reached: {error}") from None
        certificate = _peer_certificate(connection)
        if certificate_pin is not None and not _fits(certificate, certificate_pin):
            await connection.close()
            raise WrongServer
        client = cls(connection, certificate, on_event, on_packet)
        try:
            await client._say_hello()
        except BaseException:
            await client.close()
            raise
        return client

    async def _say_hello(self) -> None:
        hello = signalling.Hello(id=1, protocol=PROTOCOL_VERSION, client=CLIENT_NAME)
        self._challenge = (await self.request(hello, signalling.Welcome)).challenge

    def proof(self, purpose: Purpose, credential: str) -> bytes:
        """The octets to sign on this connection."""
        return proof(purpose, PROTOCOL_VERSION, self._challenge, self._certificate_digest, credential)

    @property
    def server_address(self) -> tuple[str, int]:
        """Host and port of the other end."""
        host, port, *_ = self._connection.remote_address
        return host, port

    def request(
        self, request: signalling.Request, kind: type[R], on_reply: Callable[[R], None] | None = None
    ) -> Coroutine[Any, Any, R]:
        """Queues the request now, with a fresh id; await what this returns for the reply.

        `on_reply` is called before the next frame is read: what follows the reply may rest on it. Awaiting raises
        Refused or NotConnected.
        """
        number = next(self._ids)
        future = self._replies[number] = asyncio.get_running_loop().create_future()
        if on_reply is not None:
            self._on_reply[number] = on_reply
        self._outgoing.append(request.model_copy(update={"id": number}).to_json())
        self._wake.set()
        return self._reply(number, future, kind)

    async def _reply(self, number: int, future: asyncio.Future[signalling.Message], kind: type[R]) -> R:
        try:
            if self._reader.done():
                raise NotConnected
            reply = await asyncio.wait_for(future, REPLY_TIMEOUT_S)
        except TimeoutError:
            raise NotConnected("The server did not answer in time.") from None
        finally:
            self._replies.pop(number, None)
            self._on_reply.pop(number, None)
        if not isinstance(reply, kind):
            raise Refused("protocol.invalid", f"The server answered with {type(reply).__name__}.")
        return reply

    def send_control(self, packet: bytes) -> None:
        """An RTCP packet, in order with requests and voice: a release must not overtake the last word."""
        self._outgoing.append(packet)
        self._wake.set()

    def send_voice(self, packet: bytes) -> None:
        """An RTP packet; it is dropped when the connection is too slow for voice."""
        if len(self._outgoing) < WAITING_FRAMES:
            self._outgoing.append(packet)
            self._wake.set()

    async def closed(self) -> None:
        """Waits until the connection is gone, whoever ended it."""
        await asyncio.wait([self._reader])

    async def close(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            await self._connection.close()
        self._writer.cancel()
        await asyncio.gather(self._reader, self._writer, return_exceptions=True)

    def abort(self) -> None:
        """Drops the connection without a word, as a lost network does."""
        self._connection.transport.abort()

    async def _read(self) -> None:
        try:
            async for frame in self._connection:
                if isinstance(frame, bytes):
                    self._on_packet(frame)
                else:
                    self._take(frame)
        except (ConnectionClosed, OSError, ssl.SSLError):
            pass  # `closed` tells
        finally:
            self._writer.cancel()
            for future in self._replies.values():
                if not future.done():
                    future.set_exception(NotConnected())

    def _take(self, text: str) -> None:
        try:
            message = signalling.parse_server_message(text)
        except ProtocolError:
            return  # a newer server may tell of things that this version does not know
        number = getattr(message, "re", None) or 0
        future = self._replies.get(number)
        if future is None:
            self._on_event(message)
        elif future.done():
            return  # whoever asked has given up
        elif isinstance(message, signalling.Error):
            retry = (message.details or {}).get("retry_after_s")
            future.set_exception(Refused(message.code, message.message, float(str(retry)) if retry else None))
        else:
            self._on_reply.get(number, _ignore)(message)
            future.set_result(message)

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outgoing:
                    await self._connection.send(self._outgoing.popleft())


def _ignore(_: object) -> None:
    """Nothing waits for this reply but the future."""


def _peer_certificate(connection: ClientConnection) -> bytes:
    tls = connection.transport.get_extra_info("ssl_object")
    certificate: bytes = tls.getpeercert(binary_form=True)
    return certificate


def _fits(certificate: bytes, pin: str) -> bool:
    return hmac.compare_digest(certificate_pin_of_der(certificate), pin)
