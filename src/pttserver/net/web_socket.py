"""One open WebSocket: `websockets` parses frames, messages go to who serves them, and nothing here ever waits."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Interface

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from pttserver.config import SignallingSettings

CLOSE_GRACE_S = 2.0
PING_BYTES = 4


@dataclass(frozen=True, slots=True)
class Pings:
    """A ping that long after the last pong, which has that long to come."""

    interval_s: float
    timeout_s: float


class Guest(Interface):
    """Who serves the messages of a WebSocket."""

    def receive(self, message: str | bytes) -> None:
        """A whole message, text or binary, in their order."""

    def gone(self) -> None:
        """No more messages come. Idempotent."""


class WebSocketProtocol(asyncio.Protocol):
    """Of a connection that was just accepted; `guest` must be set before anything is received.

    `connections`: where it counts itself, as long as it is open.
    """

    guest: Guest

    def __init__(
        self,
        transport: asyncio.Transport,
        settings: SignallingSettings,
        pings: Pings,
        connections: set[Any],
    ) -> None:
        self.transport = transport
        self.settings = settings
        self.conn = Protocol(Side.SERVER, max_size=settings.max_message_bytes)
        self.loop = asyncio.get_running_loop()
        self.frames: list[bytes] = []  # of a message that is not whole yet
        self.timer = self.loop.call_later(pings.interval_s, self._ping)
        self._is_text = False
        self._pings = pings
        self._pinged: bytes | None = None
        self._connections = connections
        connections.add(self)

    # From the client ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self.conn.receive_data(data)
        if self.conn.parser_exc is not None:
            self._hang_up()
            return
        for frame in self.conn.events_received():
            assert isinstance(frame, Frame)
            if not self.transport.is_closing():
                self._take(frame)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            self._pong()
        elif frame.opcode is Opcode.PONG:
            self._take_pong(bytes(frame.data))
        elif frame.opcode is Opcode.CLOSE:
            self._hang_up()
        else:
            self._take_data(frame)

    def _take_data(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        if not frame.fin:
            if frame.data:  # the limit of a message counts octets: empty fragments without end would pass it
                self.frames.append(bytes(frame.data))
            return
        whole = b"".join((*self.frames, frame.data)) if self.frames else bytes(frame.data)
        self.frames = []
        try:
            message = whole.decode() if self._is_text else whole
        except UnicodeDecodeError:
            self.conn.fail(CloseCode.INVALID_DATA)
            self._hang_up()
        else:
            self.guest.receive(message)

    def _hang_up(self) -> None:
        """The client said good-bye, or broke the protocol: what is left to say is said."""
        self.flush()
        self.transport.close()
        self._over()

    def eof_received(self) -> None:
        """The transport closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """What holds this object is let go: a herd of lost connections would else wait for the garbage collector."""
        self._connections.discard(self)
        self._over()
        self.conn.state = State.CLOSED
        self.conn.parser.close()
        del self.guest

    def _over(self) -> None:
        self.timer.cancel()
        self.guest.gone()

    # Pings -------------------------------------------------------------------------------------------------------

    def _pong(self) -> None:
        """Pongs for a reader who never reads would fill the memory."""
        if self.transport.get_write_buffer_size() > self.settings.outbox_bytes:
            self.transport.abort()
        else:
            self.flush()

    def _ping(self) -> None:
        self._pinged = secrets.token_bytes(PING_BYTES)
        self.conn.send_ping(self._pinged)
        self.flush()
        self.timer = self.loop.call_later(self._pings.timeout_s, self._ping_unanswered)

    def _take_pong(self, payload: bytes) -> None:
        if payload == self._pinged:
            self._pinged = None
            self.timer.cancel()
            self.timer = self.loop.call_later(self._pings.interval_s, self._ping)

    def _ping_unanswered(self) -> None:
        self.conn.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        self._hang_up()

    # To the client -----------------------------------------------------------------------------------------------

    def flush(self) -> None:
        self.transport.write(b"".join(self.conn.data_to_send()))

    def close(self, code: int, reason: str) -> None:
        """The client has a moment to answer the close frame, so what was posted before is not lost with a reset."""
        self.conn.send_close(code, reason)
        self.flush()
        self.transport.resume_reading()
        self.timer.cancel()
        self.timer = self.loop.call_later(CLOSE_GRACE_S, self.transport.abort)
        self.loop.call_soon(self.guest.gone)

    def shutdown(self) -> None:
        """The server stops."""
        if self.conn.state is State.OPEN:
            self.conn.send_close(CloseCode.SERVICE_RESTART)
            self.flush()
        self.transport.close()


class WebSocketLink:
    """Writes frames to one WebSocket without ever waiting (sessions.session.Link).

    What a slow reader leaves unread is bounded: over `outbox_voice_bytes` voice is dropped, over `outbox_bytes` of
    signalling the connection is aborted.
    """

    __slots__ = ("_protocol", "closed", "voice_dropped")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol
        self.closed = False
        self.voice_dropped = 0

    def post(self, text: str) -> None:
        if self._may_write():
            self._protocol.conn.send_text(text.encode())
            self._protocol.flush()

    def post_control(self, packet: bytes) -> None:
        if self._may_write():
            self._protocol.conn.send_binary(packet)
            self._protocol.flush()

    def offer_voice(self, packet: bytes) -> None:
        protocol = self._protocol
        if protocol.transport.get_write_buffer_size() > protocol.settings.outbox_voice_bytes:
            self.voice_dropped += 1
        elif self._is_open():
            protocol.conn.send_binary(packet)
            protocol.flush()

    def close(self, code: int, reason: str) -> None:
        """Closes after what was posted; what comes in from now on is not read."""
        self.closed = True
        if self._is_open():
            self._protocol.close(code, reason)

    def hold(self) -> None:
        """Reads no more for now: more came than is served at once, and TCP slows the client down."""
        self._protocol.transport.pause_reading()

    def go_on(self) -> None:
        self._protocol.transport.resume_reading()

    def _is_open(self) -> bool:
        """A connection that was lost is CLOSED."""
        return self._protocol.conn.state is State.OPEN and not self._protocol.transport.is_closing()

    def _may_write(self) -> bool:
        protocol = self._protocol
        if not self._is_open():
            return False
        if protocol.transport.get_write_buffer_size() > protocol.settings.outbox_bytes:
            self.closed = True
            protocol.transport.abort()
            return False
        return True
