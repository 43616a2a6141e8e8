"""A client written from proto/ alone: no line of the server or of the reference client. It enrols, logs in, and talks.

pttserver is imported to start a server, through the fixture; everything that goes over the wire is made here.
"""

import asyncio
import base64
import hashlib
import itertools
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pttserver.config import FloorTimerSettings, SessionSettings, SignallingSettings
from running_server import PIN, Platform, running_platform

REQUEST, GRANTED, TAKEN, DENY, RELEASE, IDLE, REVOKE = range(7)
POSITION_REQUEST, POSITION_INFO, ACK = 8, 9, 10
ACK_BIT = 0x10
NORMAL, EMERGENCY = b"\x80\x00", b"\x10\x00"


def from64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def to64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


class Srtp:
    """media.md, "SRTP" and "SRTCP": one direction under one master key."""

    def __init__(self, keys: dict[str, str]) -> None:
        master, salt = from64(keys["key"]), from64(keys["salt"])

        def prf(label: int, octets: int) -> bytes:
            block = bytearray(salt + bytes(4))
            block[7] ^= label
            return Cipher(algorithms.AES(master), modes.CTR(bytes(block))).encryptor().update(bytes(octets))

        self._rtp, self._rtp_salt = AESGCM(prf(0, 32)), prf(2, 12)
        self._rtcp, self._rtcp_salt = AESGCM(prf(3, 32)), prf(5, 12)
        self._index = itertools.count(1)

    @staticmethod
    def _nonce(octets: bytes, salt: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(octets, salt, strict=True))

    def protect_rtp(self, packet: bytes) -> bytes:
        nonce = self._nonce(b"\0\0" + packet[8:12] + bytes(4) + packet[2:4], self._rtp_salt)
        return packet[:12] + self._rtp.encrypt(nonce, packet[12:], packet[:12])

    def open_rtp(self, packet: bytes) -> bytes:
        nonce = self._nonce(b"\0\0" + packet[8:12] + bytes(4) + packet[2:4], self._rtp_salt)
        return packet[:12] + self._rtp.decrypt(nonce, packet[12:], packet[:12])

    def protect_rtcp(self, packet: bytes) -> bytes:
        word = (0x80000000 | next(self._index)).to_bytes(4, "big")
        return packet[:8] + self._rtcp.encrypt(self._rtcp_nonce(packet, word), packet[8:], packet[:8] + word) + word

    def open_rtcp(self, packet: bytes) -> bytes:
        word = packet[-4:]
        return packet[:8] + self._rtcp.decrypt(self._rtcp_nonce(packet, word), packet[8:-4], packet[:8] + word)

    def _rtcp_nonce(self, packet: bytes, word: bytes) -> bytes:
        index = (int.from_bytes(word, "big") & 0x7FFFFFFF).to_bytes(4, "big")
        return self._nonce(b"\0\0" + packet[4:8] + b"\0\0" + index, self._rtcp_salt)


def floor_message(kind: int, ssrc: int, fields: dict[int, bytes], *, ack: bool = False) -> bytes:
    """floor-control.md, "Format"."""
    body = b""
    for field_id, value in fields.items():
        field = bytes((field_id, len(value))) + value
        body += field + bytes(-len(field) % 4)
    first = 0x80 | kind | (ACK_BIT if ack else 0)
    return bytes((first, 204)) + (2 + len(body) // 4).to_bytes(2, "big") + ssrc.to_bytes(4, "big") + b"MCPT" + body


def read_floor(packet: bytes) -> tuple[int, dict[int, bytes]]:
    """Type and fields."""
    fields, at = {}, 12
    while at < len(packet):
        head = 3 if packet[at] >= 192 else 2
        length = int.from_bytes(packet[at + 1 : at + head], "big")
        fields[packet[at]] = packet[at + head : at + head + length]
        at += (head + length + 3) // 4 * 4
    return packet[0] & 0x0F, fields


def voice(ssrc: int, sequence: int, payload: bytes) -> bytes:
    """media.md, "RTP"."""
    head = bytes((0x80, 111 | (0x80 if sequence == 1 else 0)))
    return head + sequence.to_bytes(2, "big") + (960 * sequence).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + payload


class Client(asyncio.DatagramProtocol):
    """What the documents ask for, and nothing more."""

    def __init__(self, socket: ClientConnection, certificate: bytes) -> None:
        self.socket = socket
        self.digest = hashlib.sha256(certificate).digest()
        self.events: list[dict[str, Any]] = []
        self.floor: list[tuple[int, dict[int, bytes]]] = []
        self.heard: list[bytes] = []
        self.answers: list[bytes] = []
        self.udp: asyncio.DatagramTransport | None = None
        self.use_udp = False
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, pin: str) -> AsyncIterator["Client"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        async with connect(url, ssl=context, subprotocols=["ptt.v1"], compression=None) as socket:  # type: ignore[list-item]
            tls = socket.transport.get_extra_info("ssl_object")
            assert tls.cipher()[0] == "TLS_AES_256_GCM_SHA384"
            certificate = tls.getpeercert(binary_form=True)
            key = x509.load_der_x509_certificate(certificate).public_key()
            info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            assert base64.urlsafe_b64encode(hashlib.sha256(info).digest()).decode().rstrip("=") == pin
            client = cls(socket, certificate)
            welcome = await client.ask("hello", protocol=1, client="minimal/1")
            client.challenge = from64(welcome["challenge"])
            try:
                yield client
            finally:
                client._reader.cancel()
                if client.udp is not None:
                    client.udp.close()

    # Signalling

    async def _read(self) -> None:
        try:
            async for frame in self.socket:
                if isinstance(frame, bytes):
                    self._take(frame)
                    continue
                message = json.loads(frame)
                reply = self._replies.pop(message.get("re", 0), None)
                if reply is not None:
                    reply.set_result(message)
                else:
                    self.events.append(message)
                self._adopt(message)
        except ConnectionClosed:
            pass

    def _adopt(self, message: dict[str, Any]) -> None:
        """Before the next frame is read: it may need what this one tells."""
        if message["type"] == "session" and not message["resumed"]:
            self.session = message
            self.uplink, self.downlink = Srtp(message["uplink"]), Srtp(message["downlink"])
        elif message["type"] == "affiliated":
            self.affiliation = message["affiliation"]
            self.epochs = [Srtp(self.affiliation["epoch"])]
        elif message["type"] == "group.epoch":
            self.epochs = [Srtp(message["epoch"]), self.epochs[0]]

    async def ask(self, kind: str, **members: Any) -> dict[str, Any]:
        number = next(self._ids)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"type": kind, "id": number, **members}))
        return await asyncio.wait_for(reply, 10)

    def sign(self, key: Ed25519PrivateKey, purpose: str, credential: str) -> str:
        """keys.md, "Proofs"."""
        head = b"pttserver\0" + purpose.encode() + b"\0\x01"
        return to64(key.sign(head + self.challenge + self.digest + credential.encode()))

    async def closed_with(self) -> int | None:
        await asyncio.wait_for(self.socket.wait_closed(), 10)
        return self.socket.close_code

    # Media

    async def prove_udp(self) -> None:
        """media.md, "Signs of life and the choice of the path"."""
        media = self.session["media"]
        loop = asyncio.get_running_loop()
        host = media["host"] or self.socket.remote_address[0]
        self.udp, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, media["port"]))
        while not self.answers:
            self.udp.sendto(self.uplink.protect_rtcp(self.keepalive()))
            await asyncio.sleep(0.1)
        assert (await self.ask("media.path", via="udp"))["type"] == "done"
        self.use_udp = True

    def keepalive(self) -> bytes:
        ssrc = self.session["ssrc"].to_bytes(4, "big")
        now = int(time.monotonic() * 65536) << 16 & 0xFFFFFFFFFFFFFFFF
        return b"\x80\xc9\0\x01" + ssrc + b"\x80\xcf\0\x04" + ssrc + b"\x04\0\0\x02" + now.to_bytes(8, "big")

    async def send(self, packet: bytes) -> None:
        if self.use_udp and self.udp is not None:
            is_rtcp = 192 <= packet[1] <= 223
            self.udp.sendto(self.uplink.protect_rtcp(packet) if is_rtcp else self.uplink.protect_rtp(packet))
        else:
            await self.socket.send(packet)

    async def send_floor(self, kind: int, fields: dict[int, bytes] | None = None, *, ack: bool = False) -> None:
        await self.send(floor_message(kind, self.affiliation["ssrc"], fields or {}, ack=ack))

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """media.md, "Which key opens a datagram from the server"."""
        if not 192 <= data[1] <= 223:
            self.heard.append(self._open([epoch.open_rtp for epoch in self.epochs], data))
            return
        self._take(self._open([self.downlink.open_rtcp, *(epoch.open_rtcp for epoch in self.epochs)], data))

    @staticmethod
    def _open(ways: list[Callable[[bytes], bytes]], data: bytes) -> bytes:
        for way in ways:
            try:
                return way(data)
            except Exception:
                continue
        raise AssertionError("no key opens the datagram")

    def _take(self, packet: bytes) -> None:
        """An RTP packet or an RTCP datagram, without protection."""
        if not 192 <= packet[1] <= 223:
            self.heard.append(packet)
        elif packet[1] == 204:
            assert packet[4:8] == self.affiliation["control_ssrc"].to_bytes(4, "big")
            self.floor.append(read_floor(packet))
        else:
            assert packet[4:8] == self.session["server_ssrc"].to_bytes(4, "big")
            self.answers.append(packet)

    async def floor_says(self, kind: int) -> dict[int, bytes]:
        """The fields of the next message of this type."""
        async with asyncio.timeout(10):
            while True:
                for at, (found, fields) in enumerate(self.floor):
                    if found == kind:
                        del self.floor[: at + 1]
                        return fields
                await asyncio.sleep(0.005)


async def new_text(platform: Platform, name: str, *groups: str) -> str:
    """A subscriber with an enrolment text, as an administrator makes it."""
    await platform.provisioning.add_subscriber("ACME", name, display_name=name, pin=PIN)
    for group in groups:
        await platform.provisioning.set_member("ACME", group, name)
    return (await platform.devices.add("ACME", name)).text


def read_text(text: str) -> dict[str, str]:
    """keys.md, "Enrolment text"."""
    assert text.startswith("ptt:enroll?")
    return dict(parse_qsl(text.removeprefix("ptt:enroll?"), strict_parsing=True))


@asynccontextmanager
async def joined(text: str) -> AsyncIterator[Client]:
    """Enrolled, logged in, affiliated to the only group."""
    told = read_text(text)
    key = Ed25519PrivateKey.generate()
    async with Client.open(told["url"], told["pin"]) as client:
        public_key = to64(key.public_key().public_bytes_raw())
        signature = client.sign(key, "enroll", told["code"])
        enrolled = await client.ask(
            "enroll", code=told["code"], public_key=public_key, device_type="minimal", signature=signature
        )
        device = enrolled["device"]
        session = await client.ask("login", device=device, pin=PIN, signature=client.sign(key, "login", device))
        assert session["type"] == "session"
        await client.ask("affiliate", group=session["groups"][0]["group"])
        client.key, client.device = key, device
        yield client


async def test_two_minimal_clients_talk(platform: Platform) -> None:
    await platform.organise("Patrol")
    texts = [await new_text(platform, name, "Patrol") for name in ("Anna", "Bert")]
    async with joined(texts[0]) as anna, joined(texts[1]) as bert:
        await bert.prove_udp()
        await talks_and_is_heard(anna, bert)
        await anna.prove_udp()
        await talks_and_is_heard(anna, bert)
        await talks_and_is_heard(bert, anna)
        assert (await anna.ask("logout"))["type"] == "done"
        assert await anna.closed_with() == 1000
        async with asyncio.timeout(5):
            while not any(event["type"] == "group.epoch" for event in bert.events):
                await asyncio.sleep(0.01)
        await calls_for_help(bert)
        await bert.send_floor(REQUEST, {13: EMERGENCY})
        await bert.floor_says(GRANTED)
    assert not any(count for _, count in platform.server.services.relay.drops.items())


async def calls_for_help(client: Client) -> None:
    """alerts.md: without an alert an emergency is not believed."""
    accepted = await client.ask("alert.raise", alert="alr_00000000000000f1")
    assert (accepted["type"], accepted["state"]) == ("alert.accepted", "raised")


async def talks_and_is_heard(talker: Client, listener: Client) -> None:
    talker.floor.clear()
    listener.floor.clear()
    listener.heard.clear()
    await talker.send_floor(REQUEST, {13: NORMAL})
    granted = await talker.floor_says(GRANTED)
    ssrc = int.from_bytes(granted[14][:4], "big")
    assert int.from_bytes(granted[1], "big") == 30
    taken = await listener.floor_says(TAKEN)
    assert (taken[14], taken[8]) == (granted[14], granted[8])
    assert taken[4].decode() == talker.session["subscriber"]
    assert taken[17].decode() == talker.session["name"]
    said = [voice(ssrc, sequence, b"opus %d" % sequence) for sequence in range(1, 51)]
    for packet in said:
        await talker.send(packet)
        await asyncio.sleep(0.002)
    await talker.send_floor(RELEASE, {14: granted[14]}, ack=True)
    acknowledged = await talker.floor_says(ACK)
    assert (acknowledged[10], acknowledged[12]) == (b"\0\x02", bytes((RELEASE, 0)))
    idle = await listener.floor_says(IDLE)
    assert idle[8] == (int.from_bytes(taken[8], "big") + 1).to_bytes(2, "big")
    assert listener.heard == said


async def test_queue_pre_emption_and_refusals_as_documented(tmp_path: Any) -> None:
    timers = FloorTimerSettings(t3_grace_s=0.3, queue_limit=1)
    async with running_platform(tmp_path, floor=timers) as platform:
        await platform.organise("Patrol")
        texts = [await new_text(platform, name, "Patrol") for name in ("Anna", "Bert", "Carl")]
        async with joined(texts[0]) as anna:
            await anna.send_floor(REQUEST, {13: NORMAL})
            assert (await anna.floor_says(DENY))[2][:2] == b"\0\x03"
            async with joined(texts[1]) as bert, joined(texts[2]) as carl:
                await anna.send_floor(REQUEST, {13: NORMAL})
                granted = await anna.floor_says(GRANTED)
                await anna.send_floor(REQUEST, {13: NORMAL})
                again = await anna.floor_says(GRANTED)
                assert (again[14], again[8]) == (granted[14], granted[8])
                await bert.send_floor(REQUEST, {13: NORMAL})
                assert (await bert.floor_says(POSITION_INFO))[3][:1] == b"\x01"
                await carl.send_floor(POSITION_REQUEST)
                assert (await carl.floor_says(POSITION_INFO))[3][:1] == b"\xff"
                await carl.send_floor(REQUEST, {13: NORMAL})
                assert (await carl.floor_says(DENY))[2][:2] == b"\0\x07"
                await calls_for_help(carl)
                await carl.send_floor(REQUEST, {13: EMERGENCY})
                revoked = await anna.floor_says(REVOKE)
                assert (revoked[2][:2], revoked[14]) == (b"\0\x04", granted[14])
                assert (await carl.floor_says(POSITION_INFO))[3][:1] == b"\x01"
                mine = await carl.floor_says(GRANTED)
                assert mine[13] == b"\x14\x00"
                await carl.send_floor(ACK, {10: b"\0\0", 12: bytes((GRANTED, 0))})
                await carl.send_floor(RELEASE, {14: granted[14]}, ack=True)
                assert (await carl.floor_says(GRANTED))[14] == mine[14], "a stale release is told the state"
                await carl.send_floor(RELEASE, {14: mine[14]}, ack=True)
                assert (await bert.floor_says(GRANTED))[14] != mine[14]


# What signalling.md says of states, errors and close codes


async def pinned(platform: Platform, name: str) -> dict[str, str]:
    await platform.organise("Patrol")
    return read_text(await new_text(platform, name, "Patrol"))


@pytest.mark.parametrize(
    ("frame", "code", "re"),
    [
        ('{"type":"login","id":4}', "protocol.malformed", 4),
        ('{"type":"hello","id":5,"protocol":1,"client":"x"}', "protocol.state", 5),
        ('{"type":"ping","id":6}', "auth.required", 6),
        ('{"type":"nonsense","id":7}', "protocol.unknown_type", 7),
        ("not JSON", "protocol.malformed", None),
    ],
)
async def test_every_error_before_the_login_ends_the_connection(
    platform: Platform, frame: str, code: str, re: int | None
) -> None:
    told = await pinned(platform, "Anna")
    async with Client.open(told["url"], told["pin"]) as client:
        await client.socket.send(frame)
        assert await client.closed_with() == 4002
        await asyncio.sleep(0)
        assert (client.events[-1]["code"], client.events[-1].get("re")) == (code, re)


async def test_an_unknown_version_is_refused_with_those_that_are_served(platform: Platform) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with connect(platform.url, ssl=context, subprotocols=["ptt.v1"]) as socket:  # type: ignore[list-item]
        await socket.send('{"type":"hello","id":1,"protocol":2,"client":"x"}')
        refusal = json.loads(await socket.recv())
        await socket.wait_closed()
    assert (refusal["code"], refusal["details"]) == ("protocol.version", {"versions_served": [1]})
    assert socket.close_code == 4002


@pytest.mark.parametrize("code", ["7K3Q-0F9A-XWZ2-M4TB", "7K3Q-0F9A"])
async def test_wrong_enrolment_codes_cannot_be_told_apart(platform: Platform, code: str) -> None:
    told = await pinned(platform, "Anna")
    key = Ed25519PrivateKey.generate()
    async with Client.open(told["url"], told["pin"]) as client:
        refused = await client.ask(
            "enroll",
            code=code,
            public_key=to64(key.public_key().public_bytes_raw()),
            device_type="minimal",
            signature=client.sign(key, "enroll", code),
        )
        assert (refused["code"], await client.closed_with()) == ("enrolment.failed", 4002)


@pytest.mark.parametrize(
    ("path", "subprotocol", "status"), [("/v1/ptt", "ptt.v2", 400), ("/v1/ptt", None, 400), ("/", "ptt.v1", 404)]
)
async def test_wrong_upgrades(platform: Platform, path: str, subprotocol: str | None, status: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = platform.url.replace("/v1/ptt", path)
    offered: Any = [subprotocol] if subprotocol else None
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(url, ssl=context, subprotocols=offered):
            pass
    assert refusal.value.response.status_code == status


async def test_after_the_login_the_connection_survives_errors_with_an_id(platform: Platform) -> None:
    await platform.organise("Patrol")
    async with joined(await new_text(platform, "Anna", "Patrol")) as anna:
        assert (await anna.ask("media.path", via="udp"))["code"] == "protocol.state"
        assert (await anna.ask("affiliate", group="grp_0123456789abcdef"))["code"] == "not_found"
        assert (await anna.ask("hello", protocol=1, client="x"))["code"] == "protocol.state"
        assert (await anna.ask("ping", more=1))["code"] == "protocol.malformed"
        assert (await anna.ask("ping"))["type"] == "pong"
        listed = await anna.ask("presence.list", group=anna.affiliation["group"])
        assert (listed["affiliated"], listed["listed"][0]["presence"]) == (1, "affiliated")
        again = await anna.ask("affiliate", group=anna.affiliation["group"])
        assert again["affiliation"]["ssrc"] == anna.affiliation["ssrc"]
        await anna.socket.send("[]")
        assert await anna.closed_with() == 1002


async def test_resume_goes_on_and_a_takeover_ends_it(platform: Platform) -> None:
    await platform.organise("Patrol")
    text = await new_text(platform, "Anna", "Patrol")
    told = read_text(text)
    async with joined(text) as anna:
        async with Client.open(told["url"], told["pin"]) as back:
            resumed = await back.ask(
                "resume",
                device=anna.device,
                token=anna.session["resume_token"],
                signature=back.sign(anna.key, "resume", anna.device),
                session=anna.session["session"],
            )
            assert await anna.closed_with() == 4000
            assert (resumed["resumed"], "uplink" in resumed, "resume_token" in resumed) == (True, False, False)
            assert resumed["affiliations"][0]["ssrc"] == anna.affiliation["ssrc"]
            back.session, back.affiliation = anna.session, anna.affiliation
            other = await platform.another_device("Anna", device_type="another radio")
            await platform.log_in(other)
            assert await back.closed_with() == 4001
            assert back.events[-1]["type"] == "session.superseded"
            assert back.events[-1]["device_type"] == "another radio"
        async with Client.open(told["url"], told["pin"]) as late:
            refused = await late.ask(
                "resume",
                device=anna.device,
                token=anna.session["resume_token"],
                signature=late.sign(anna.key, "resume", anna.device),
            )
            assert refused["code"] == "auth.failed"
            assert await late.closed_with() == 4002


async def test_who_does_not_log_in_in_time_is_closed(tmp_path: Any) -> None:
    settings = SignallingSettings(address="127.0.0.1", port=0, public_host="127.0.0.1", login_timeout_s=0.3)
    async with running_platform(tmp_path, signalling=settings) as platform:
        told = await pinned(platform, "Anna")
        async with Client.open(told["url"], told["pin"]) as client:
            assert await client.closed_with() == 4009


async def test_frames_that_the_websocket_itself_refuses(platform: Platform) -> None:
    told = await pinned(platform, "Anna")
    async with Client.open(told["url"], told["pin"]) as client:
        await client.socket.send("x" * 65_537)
        assert await client.closed_with() == 1009
    async with Client.open(told["url"], told["pin"]) as client:
        await client.socket.send(b"\xff\xfe", text=True)
        assert await client.closed_with() == 1007


async def test_the_end_of_the_server_and_the_death_of_a_session_are_told(tmp_path: Any) -> None:
    sessions = SessionSettings(dead_after_s=1.5, keepalive_interval_s=0.5)
    async with running_platform(tmp_path, sessions=sessions) as platform:
        await platform.organise("Patrol")
        texts = [await new_text(platform, name, "Patrol") for name in ("Anna", "Bert")]
        async with joined(texts[0]) as anna, joined(texts[1]) as bert:
            kept = asyncio.create_task(keep_alive(bert))
            assert await anna.closed_with() == 4008
            assert anna.events[-1] == {"type": "session.ended", "reason": "expired"}
            leaving = asyncio.create_task(bert.closed_with())
            await asyncio.sleep(0)
            platform.server.services.attendance.end_all()
            assert await leaving == 1012
            assert bert.events[-1] == {"type": "session.ended", "reason": "server_stopping"}
            kept.cancel()


async def keep_alive(client: Client) -> None:
    while True:
        await client.socket.send(client.keepalive())
        await asyncio.sleep(0.3)
