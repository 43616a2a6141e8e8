"""A client with bare hands: every byte that it sends is the test's choice, every byte that it gets is kept.

It speaks the protocol through `pttserver.wire` and `pttserver.crypto` only, without the handset's state machines.
Frames of the WebSocket are read by a task in their order; the UDP socket is read by nobody but the test (`datagrams`).
"""

import asyncio
import contextlib
import hashlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from ssl import SSLContext
from typing import Any, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ptthandset.credentials import Credentials
from pttserver.crypto.device_keys import Purpose, proof
from pttserver.crypto.srtp import SrtpError, SrtpKey, SrtpReceiver, SrtpSender
from pttserver.crypto.tls import client_context
from pttserver.wire import rtcp, signalling
from pttserver.wire.floor_control import FloorMessage, MessageType
from pttserver.wire.rtp import RtpPacket, is_rtcp
from pttserver.wire.signalling import PROTOCOL_VERSION, SUBPROTOCOL

PIN = "4711"
REPLY_S = 10.0
OPUS = bytes(60)

R = TypeVar("R", bound=signalling.Message)


@cache
def tls() -> SSLContext:
    """TLS 1.3 and AES-256 without looking at the certificate: made once, since that is what costs."""
    return client_context(verified_by_pin=True)


class Refusal(Exception):
    """The server answered with an `error` message."""

    def __init__(self, error: signalling.Error) -> None:
        super().__init__(error.code)
        self.error = error
        self.code = error.code


@dataclass
class BareRadio:
    """From `open` to `close`. `frames` are the binary frames, `events` the text frames without a reply's number."""

    url: str
    connection: ClientConnection
    frames: list[bytes] = field(default_factory=list)
    events: list[signalling.Message] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    on_event: Callable[[signalling.Message], None] = lambda _: None
    close_code: int | None = None

    def __post_init__(self) -> None:
        certificate = self.connection.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.certificate_digest = hashlib.sha256(certificate).digest()
        self.challenge = b""
        self.ids = count(1)
        self.session: signalling.SessionStarted | None = None
        self.affiliations: dict[str, signalling.Affiliation] = {}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setblocking(False)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.bind(("127.0.0.1", 0))
        self._replies: dict[int, asyncio.Future[signalling.Message]] = {}
        self._reader = asyncio.create_task(self._read())

    # The connection ----------------------------------------------------------------------------------------------

    @classmethod
    async def open(cls, url: str, **options: Any) -> Self:
        connection = await connect(
            url, ssl=tls(), subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, proxy=None, ping_interval=None,
            close_timeout=1, **options,
        )  # fmt: skip
        return cls(url, connection)

    @classmethod
    async def log_in(cls, credentials: Credentials, pin: str = PIN) -> Self:
        """A logged-in radio."""
        radio = await cls.open(credentials.server_url)
        try:
            await radio.hello()
            await radio.login(credentials, pin)
        except BaseException:
            await radio.close()
            raise
        return radio

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            async for frame in self.connection:
                if isinstance(frame, bytes):
                    self.frames.append(frame)
                    continue
                self.texts.append(frame)
                self._take(signalling.parse_server_message(frame))
        self.close_code = self.connection.close_code
        for future in self._replies.values():
            if not future.done():
                future.set_exception(ConnectionError(f"closed with {self.close_code}"))

    def _take(self, message: signalling.Message) -> None:
        future = self._replies.pop(getattr(message, "re", None) or 0, None)
        if future is None or future.done():
            self.events.append(message)
            self.on_event(message)
        else:
            future.set_result(message)

    async def closed(self, timeout_s: float = 5.0) -> int | None:
        """Waits until the server has ended the connection; gives its code."""
        await asyncio.wait_for(asyncio.shield(self._reader), timeout_s)
        return self.close_code

    @property
    def is_open(self) -> bool:
        return not self._reader.done()

    async def close(self) -> None:
        self.udp.close()
        with contextlib.suppress(ConnectionClosed, OSError):
            await self.connection.close()
        await self._reader

    def vanish(self) -> None:
        """As a radio that loses its battery."""
        self.connection.transport.abort()
        self.udp.close()

    # Signalling --------------------------------------------------------------------------------------------------

    async def send_text(self, text: str) -> None:
        await self.connection.send(text)

    async def ask(self, request: signalling.Request, kind: type[R]) -> R:
        """The reply of this kind. Raises Refusal, or ConnectionError if the connection ends first."""
        number = next(self.ids)
        return await self.ask_text(request.model_copy(update={"id": number}).to_json(), number, kind)

    async def ask_text(self, text: str, number: int, kind: type[R]) -> R:
        future = self._replies[number] = asyncio.get_running_loop().create_future()
        if self._reader.done():
            raise ConnectionError(f"closed with {self.close_code}")
        await self.send_text(text)
        reply = await asyncio.wait_for(future, REPLY_S)
        if isinstance(reply, signalling.Error):
            raise Refusal(reply)
        assert isinstance(reply, kind), reply
        return reply

    async def ask_ping(self) -> float:
        """Seconds until the server answered."""
        started = time.monotonic()
        await self.ask(signalling.Ping(id=1), signalling.Pong)
        return time.monotonic() - started

    async def hello(self, protocol: int = PROTOCOL_VERSION) -> signalling.Welcome:
        welcome = await self.ask(signalling.Hello(id=1, protocol=protocol, client="bare/1"), signalling.Welcome)
        self.challenge = welcome.challenge
        return welcome

    def proof(self, purpose: Purpose, credential: str) -> bytes:
        return proof(purpose, PROTOCOL_VERSION, self.challenge, self.certificate_digest, credential)

    def login_request(self, credentials: Credentials, pin: str = PIN) -> signalling.Login:
        signature = credentials.sign(self.proof("login", credentials.device))
        return signalling.Login(id=1, device=credentials.device, pin=pin, signature=signature)

    async def login(self, credentials: Credentials, pin: str = PIN) -> signalling.SessionStarted:
        reply = await self.ask(self.login_request(credentials, pin), signalling.SessionStarted)
        return self._adopt(reply)

    async def resume(
        self, credentials: Credentials, token: bytes, session: str | None = None
    ) -> signalling.SessionStarted:
        signature = credentials.sign(self.proof("resume", credentials.device))
        request = signalling.Resume(id=1, device=credentials.device, token=token, signature=signature, session=session)
        return self._adopt(await self.ask(request, signalling.SessionStarted))

    def _adopt(self, reply: signalling.SessionStarted) -> signalling.SessionStarted:
        self.session = reply
        if reply.uplink is not None and reply.downlink is not None:
            self.uplink = SrtpSender(SrtpKey(reply.uplink.key, reply.uplink.salt))
            self.downlink = SrtpReceiver(SrtpKey(reply.downlink.key, reply.downlink.salt))
        return reply

    async def affiliate(self, group: str | None = None) -> signalling.Affiliation:
        assert self.session is not None
        group_id = group or self.session.groups[0].group
        reply = await self.ask(signalling.Affiliate(id=1, group=group_id), signalling.Affiliated)
        self.affiliations[group_id] = reply.affiliation
        return reply.affiliation

    # Media -------------------------------------------------------------------------------------------------------

    @property
    def media_address(self) -> tuple[str, int]:
        assert self.session is not None
        return "127.0.0.1", self.session.media.port

    def send_udp(self, datagram: bytes, source: socket.socket | None = None) -> None:
        (source or self.udp).sendto(datagram, self.media_address)

    def datagrams(self) -> list[bytes]:
        """What waits at the UDP socket now."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.udp.recv(4096))
        return found

    def keepalive(self) -> bytes:
        """Plain RTCP that the server answers."""
        assert self.session is not None
        ssrc = self.session.ssrc
        return rtcp.ReceiverReport(ssrc).encode() + rtcp.ReferenceTime(ssrc, 1 << 32).encode()

    async def use_udp(self) -> None:
        """From now on the server sends to our UDP socket."""
        self.send_udp(self.uplink.protect_rtcp(self.keepalive()))
        for _ in range(100):
            await asyncio.sleep(0.01)
            with contextlib.suppress(Refusal):
                await self.ask(signalling.SetMediaPath(id=1, via="udp"), signalling.Done)
                return
        raise AssertionError("UDP does not work")

    def floor_message(self, kind: MessageType, group: str | None = None, **fields: Any) -> FloorMessage:
        affiliation = self.affiliations[group] if group else next(iter(self.affiliations.values()))
        return FloorMessage(type=kind, ssrc=affiliation.ssrc, **fields)

    async def say(self, message: FloorMessage) -> None:
        """A floor control message on the WebSocket."""
        await self.connection.send(message.encode())

    def floor_messages(self) -> list[FloorMessage]:
        """What came on the WebSocket so far."""
        plain = [frame for frame in self.frames if is_rtcp(frame)]
        return [packet for frame in plain for packet in rtcp.decode(frame) if isinstance(packet, FloorMessage)]

    async def told(self, kind: MessageType, since: int = 0, timeout_s: float = 5.0) -> FloorMessage:
        """The first floor message of the kind after `since` of them came on the WebSocket."""
        async with asyncio.timeout(timeout_s):
            while True:
                for message in self.floor_messages()[since:]:
                    if message.type is kind:
                        return message
                await asyncio.sleep(0.005)

    async def take_floor(self, group: str | None = None, **fields: Any) -> int:
        """Asks on the WebSocket (the session's path must still be that) and gives the SSRC of the burst."""
        before = len(self.floor_messages())
        await self.say(self.floor_message(MessageType.FLOOR_REQUEST, group, **fields))
        granted = await self.told(MessageType.FLOOR_GRANTED, before)
        assert granted.granted_ssrc is not None
        return granted.granted_ssrc

    def voice(self, ssrc: int, sequence: int, payload: bytes = OPUS) -> bytes:
        """A protected voice packet."""
        return self.uplink.protect_rtp(RtpPacket(sequence, 960 * sequence, ssrc, payload).encode())

    def voice_heard(self) -> list[RtpPacket]:
        """RTP that came on the WebSocket so far."""
        return [RtpPacket.decode(frame) for frame in self.frames if not is_rtcp(frame)]


class EpochEar:
    """Opens datagrams of a group with the keys of some epochs, as who recorded them and holds these keys could."""

    def __init__(self, *epochs: signalling.Epoch) -> None:
        self._receivers = [SrtpReceiver(SrtpKey(epoch.key, epoch.salt)) for epoch in epochs]

    def open(self, datagram: bytes) -> bytes | None:
        for receiver in self._receivers:
            unprotect = receiver.unprotect_rtcp if is_rtcp(datagram) else receiver.unprotect_rtp
            with contextlib.suppress(SrtpError):
                return unprotect(datagram)
        return None

    def opens_voice(self, datagrams: list[bytes]) -> list[int]:
        """Sequence numbers of the voice packets among them that it can read."""
        voice = [self.open(datagram) for datagram in datagrams if not is_rtcp(datagram)]
        return [RtpPacket.decode(packet).sequence for packet in voice if packet]


def voice_only(datagrams: list[bytes]) -> list[bytes]:
    return [datagram for datagram in datagrams if not is_rtcp(datagram)]
