"""A handset stripped to its wire protocol, so that one process holds thousands.

Log-in, resumption, affiliation, SRTCP floor requests and SRTP voice are the real ones (proto/); what it hears is left
to the ears, and nothing is decoded.
"""

import asyncio
import base64
import hashlib
import json
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.muster import PIN, Recruit
from bench.web_socket import BINARY, WebSocket, WebSocketClosed
from pttserver.crypto.device_keys import Purpose, proof
from pttserver.crypto.srtp import SrtpKey, SrtpReceiver, SrtpSender
from pttserver.wire import rtcp
from pttserver.wire.signalling import PATH, PROTOCOL_VERSION, SUBPROTOCOL

REPLY_TIMEOUT_S = 120.0
Json = dict[str, Any]


class Refused(ConnectionError):
    """The server answered with an error."""


@dataclass(slots=True)
class Affiliation:
    """What the handset knows of a group."""

    ssrc: int
    control_ssrc: int
    epochs: list[SrtpKey]


@dataclass(slots=True)
class Server:
    """Where the server is, and how to reach it."""

    signalling_port: int
    media_address: tuple[str, int]
    tls: ssl.SSLContext


@dataclass(slots=True)
class LightHandset:
    """`log_in`, `affiliate`, `open_path`; then its keys are ready for floor requests and voice."""

    number: int
    recruit: Recruit
    port: socket.socket | None
    server: Server
    affiliations: dict[str, Affiliation] = field(default_factory=dict)
    ssrc: int = 0
    server_ssrc: int = 0
    token: bytes | None = None
    session: str | None = None
    round_trip_ms: float | None = None
    events: int = 0
    voice_frames: list[tuple[int, bytes]] | None = None
    uplink: SrtpSender | None = None
    downlink_key: SrtpKey | None = None
    lost: bool = False
    _socket: WebSocket | None = None
    _replies: dict[int, asyncio.Future[Json]] = field(default_factory=dict)
    _next_id: int = 0
    _downlink: SrtpReceiver | None = None
    _certificate_digest: bytes = b""
    _private_key: Ed25519PrivateKey | None = None
    control: Callable[[int, bytes], None] | None = None
    answered: asyncio.Event | None = None

    # Signalling --------------------------------------------------------------------------------------------------

    async def connect(self) -> bytes:
        """TLS, WebSocket, hello; gives the challenge."""
        loop = asyncio.get_running_loop()
        transport, web_socket = await loop.create_connection(
            lambda: WebSocket(self._on_text, self._on_binary),
            "127.0.0.1", self.server.signalling_port, ssl=self.server.tls, server_hostname="localhost",
            ssl_handshake_timeout=REPLY_TIMEOUT_S,
        )  # fmt: skip
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self._certificate_digest = hashlib.sha256(certificate).digest()
        self._socket, self.lost = web_socket, False
        web_socket.on_lost = self._on_lost
        web_socket.request(PATH, SUBPROTOCOL)
        await asyncio.wait_for(web_socket.opened, REPLY_TIMEOUT_S)
        welcome = await self.ask("hello", protocol=PROTOCOL_VERSION, client="bench")
        return base64.b64decode(welcome["challenge"])

    async def log_in(self) -> None:
        """Device key and PIN."""
        challenge = await self.connect()
        device = self.recruit.device
        reply = await self.ask("login", device=device, pin=PIN, signature=self._sign("login", challenge))
        self.token = base64.b64decode(reply["resume_token"])
        self._adopt(reply)

    async def resume(self, *, keep_session: bool) -> bool:
        """Device key and resume token; says whether the old session goes on."""
        challenge = await self.connect()
        token = base64.b64encode(self.token or b"").decode()
        asked: Json = {"device": self.recruit.device, "token": token, "signature": self._sign("resume", challenge)}
        if keep_session and self.session:
            asked["session"] = self.session
        reply = await self.ask("resume", **asked)
        if not reply["resumed"]:
            self._adopt(reply)
        return bool(reply["resumed"])

    def _sign(self, purpose: Purpose, challenge: bytes) -> str:
        signed = proof(purpose, PROTOCOL_VERSION, challenge, self._certificate_digest, self.recruit.device)
        if self._private_key is None:
            self._private_key = Ed25519PrivateKey.from_private_bytes(self.recruit.private_key)
        return base64.b64encode(self._private_key.sign(signed)).decode()

    def _adopt(self, reply: Json) -> None:
        self.session, self.ssrc, self.server_ssrc = reply["session"], reply["ssrc"], reply["server_ssrc"]
        self.uplink = SrtpSender(_key(reply["uplink"]))
        self.downlink_key, self._downlink = _key(reply["downlink"]), None
        self.affiliations.clear()

    async def affiliate(self, group: str) -> None:
        given = (await self.ask("affiliate", group=group))["affiliation"]
        self.affiliations[group] = Affiliation(given["ssrc"], given["control_ssrc"], [_key(given["epoch"])])

    async def choose_path(self, via: str) -> None:
        await self.ask("media.path", via=via)

    async def ask(self, kind: str, **members: Any) -> Json:
        """Raises Refused or WebSocketClosed."""
        if self._socket is None or self.lost:
            raise WebSocketClosed("not connected")
        self._next_id += 1
        number = self._next_id
        future = self._replies[number] = asyncio.get_running_loop().create_future()
        self._socket.send(json.dumps({"type": kind, "id": number, **members}).encode())
        reply = await asyncio.wait_for(future, REPLY_TIMEOUT_S)
        if reply["type"] == "error":
            raise Refused(f"{reply['code']}: {reply['message']} {reply.get('details', '')}")
        return reply

    def post(self, kind: str) -> None:
        """A request whose reply does not matter."""
        if self._socket is not None and not self.lost:
            self._next_id += 1
            self._socket.send(json.dumps({"type": kind, "id": self._next_id}).encode())

    def _on_text(self, text: bytes) -> None:
        message = json.loads(text)
        future = self._replies.pop(message.get("re", 0), None)
        if future is not None and not future.done():
            future.set_result(message)
            return
        self.events += 1
        if message["type"] == "group.epoch" and message["group"] in self.affiliations:
            self.affiliations[message["group"]].epochs.append(_key(message["epoch"]))

    def _on_lost(self) -> None:
        self.lost = True
        for future in self._replies.values():
            if not future.done():
                future.set_exception(WebSocketClosed("the connection is lost"))
        self._replies.clear()

    def drop(self) -> None:
        """Drops the connection without a word, as a lost network does."""
        if self._socket is not None:
            self._socket.transport.abort()

    # Media -------------------------------------------------------------------------------------------------------

    def keep_alive(self) -> None:
        """A Receiver Report and a Receiver Reference Time by UDP (proto/)."""
        assert self.uplink is not None
        assert self.port is not None
        ntp = time.monotonic_ns() & 0xFFFFFFFFFFFFFFFF
        plain = rtcp.ReceiverReport(self.ssrc).encode() + rtcp.ReferenceTime(self.ssrc, ntp).encode()
        self.port.sendto(self.uplink.protect_rtcp(plain), self.server.media_address)

    def send_control(self, plain: bytes) -> None:
        """RTCP on the path in use."""
        assert self.uplink is not None
        if self.port is not None:
            self.port.sendto(self.uplink.protect_rtcp(plain), self.server.media_address)
        elif self._socket is not None:
            self._socket.send(plain, BINARY)

    def send_frame(self, packet: bytes) -> None:
        """RTP on the WebSocket."""
        if self._socket is not None:
            self._socket.send(packet, BINARY)

    def open_own(self, packet: bytes) -> bytes:
        """RTCP for this device alone. Raises SrtpError for what is the group's."""
        if self._downlink is None:
            assert self.downlink_key is not None
            self._downlink = SrtpReceiver(self.downlink_key)
        return self._downlink.unprotect_rtcp(packet)

    def _on_binary(self, packet: bytes) -> None:
        if 192 <= packet[1] <= 223:
            if self.control is not None:
                self.control(time.time_ns(), packet)
        elif self.voice_frames is not None:
            self.voice_frames.append((time.time_ns(), packet[:12]))


def _key(keys: Json) -> SrtpKey:
    return SrtpKey(base64.b64decode(keys["key"]), base64.b64decode(keys["salt"]))
