"""Frames, messages and connections of the TLS port that no honest client sends."""

import asyncio
import base64
import contextlib
import gc
import hashlib
import json
import resource
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from attacks.bare_radio import BareRadio, Refusal
from attacks.live_call import LiveCall
from attacks.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    RawWebSocket,
    frame,
    upgrade,
)
from pttserver.config import FloorTimerSettings, SignallingSettings
from pttserver.crypto.device_keys import proof
from pttserver.net.tls_port import TlsPort
from pttserver.store.schema import calls, metadata
from pttserver.wire import signalling
from pttserver.wire.floor_control import MessageType
from pttserver.wire.signalling import PATH, SUBPROTOCOL
from running_server import Platform, running_platform, until

HELLO = {"type": "hello", "id": 1, "protocol": 1, "client": "raw/1"}


def signalling_settings(**changes: Any) -> SignallingSettings:
    return SignallingSettings(address="127.0.0.1", port=0, public_host="127.0.0.1", **changes)


def memory_kib() -> int:
    """Resident memory at its highest so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def logged_in(platform: Platform, name: str = "Anna", groups: tuple[str, ...] = ("Patrol",)) -> RawWebSocket:
    """A raw connection with a session."""
    if not await platform.provisioning.tenants():
        await platform.organise(*groups)
    credentials = await platform.enrol(name, *groups)
    raw = await RawWebSocket.open(platform.server.signalling_port, receive_bytes=8192)
    raw.send_json(HELLO)
    challenge = base64.b64decode((await raw.message())["challenge"])
    digest = hashlib.sha256(raw.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)).digest()
    signature = credentials.sign(proof("login", 1, challenge, digest, credentials.device))
    raw.send_json({
        "type": "login", "id": 2, "device": credentials.device, "pin": "4711",
        "signature": base64.b64encode(signature).decode(),
    })  # fmt: skip
    session = await raw.message()
    assert session["type"] == "session", session
    raw.groups = session["groups"]
    return raw


async def serves_on(platform: Platform) -> None:
    """The process is alive and takes new clients."""
    radio = await BareRadio.open(platform.url)
    await radio.hello()
    await radio.close()


@pytest.mark.parametrize("line", [b"X: y\r\n", b"y"], ids=["many headers", "a long header"])
async def test_headers_without_end_are_refused(platform: Platform, line: bytes) -> None:
    raw = await RawWebSocket.connect(platform.server.signalling_port)
    raw.send(upgrade()[:-2] + b"X: ")
    with contextlib.suppress(ConnectionError):
        for _ in range(40):
            raw.send(line * (8192 // len(line)))
            await raw.writer.drain()
            await asyncio.sleep(0.002)
    assert (await raw.http_head()).startswith("HTTP/1.1 431 Request Header Fields Too Large\r\n")
    await raw.ended()
    await serves_on(platform)


# Frames --------------------------------------------------------------------------------------------------------------

WRONG_FRAMES: list[tuple[str, list[bytes], set[int]]] = [
    ("unmasked", [frame(TEXT, b"{}", masked=False)], {1002}),
    ("RSV1", [frame(TEXT, b"{}", rsv=4)], {1002}),
    ("RSV2", [frame(TEXT, b"{}", rsv=2)], {1002}),
    ("RSV3", [frame(TEXT, b"{}", rsv=1)], {1002}),
    *[(f"opcode {code}", [frame(code, b"{}")], {1002}) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    ("ping of 126 octets", [frame(PING, bytes(126))], {1002}),
    ("fragmented ping", [frame(PING, b"", final=False)], {1002}),
    ("close of 1 octet", [frame(CLOSE, b"\x03")], {1002}),
    ("close with code 999", [frame(CLOSE, b"\x03\xe7")], {1002}),
    ("close with code 1005", [frame(CLOSE, b"\x03\xed")], {1002}),
    ("close with a reason that is not UTF-8", [frame(CLOSE, b"\x03\xe8\xff")], {1002, 1007}),
    ("text that is not UTF-8", [frame(TEXT, b"\xff\xfe{}")], {1007}),
    ("text with an encoded surrogate", [frame(TEXT, b'"\xed\xa0\x80"')], {1007}),
    ("continuation of nothing", [frame(CONTINUATION, b"x")], {1002}),
    ("text within a fragmented text", [frame(TEXT, b"{", final=False), frame(TEXT, b"}")], {1002}),
    ("65,537 octets", [frame(TEXT, bytes(65_537))], {1009}),
    ("an object of 200,000 keys", [frame(TEXT, json.dumps({str(n): 1 for n in range(200_000)}).encode())], {1009}),
    ("a length of 2^31", [frame(TEXT, b"", length=1 << 31)], {1009}),
    ("a length of 2^63 - 1", [frame(BINARY, b"", length=(1 << 63) - 1)], {1002, 1009}),
    ("a length of 2^64 - 1", [frame(BINARY, b"", length=(1 << 64) - 1)], {1002, 1009}),
    (
        "fragments that never end",
        [frame(TEXT, bytes(8192), final=False)] + [frame(CONTINUATION, bytes(8192), final=False)] * 9,
        {1009},
    ),
]  # fmt: skip


async def test_a_wrong_frame_closes_its_connection_with_the_right_code(platform: Platform) -> None:
    """T-049, T-051: 1002, 1007, 1009; the process lives, memory does not grow by what was claimed or sent."""
    before = memory_kib()
    for name, frames, codes in WRONG_FRAMES:
        raw = await RawWebSocket.open(platform.server.signalling_port)
        for octets in frames:
            raw.send(octets)
        assert await raw.close_code() in codes, name
        await raw.ended()
        await serves_on(platform)
    assert memory_kib() - before < 16 * 1024  # the test's own buffers and OpenSSL's included


async def test_endless_empty_fragments_fill_no_memory(platform: Platform) -> None:
    """T-049: a message that never ends, of fragments without an octet."""
    raw = await logged_in(platform)
    burst = frame(CONTINUATION, b"", final=False) * 20_000
    raw.send(frame(TEXT, b"{", final=False))
    protocols = [p for p in connections(platform) if type(p).__name__ == "WebSocketProtocol"]
    for _ in range(10):
        raw.send(burst)
        await raw.writer.drain()
    await asyncio.sleep(0.5)
    assert len(protocols) == 1
    assert len(protocols[0].frames) < 100
    raw.abort()
    await serves_on(platform)


def connections(platform: Platform) -> list[Any]:
    """uvicorn's protocol objects of this process's server."""
    ports = [found for found in gc.get_objects() if type(found) is TlsPort]
    return [c for port in ports if port._server.sockets and port.port == platform.server.signalling_port
            for c in port._state.connections]  # fmt: skip


async def test_a_flood_of_pings_by_one_who_never_reads_is_cut_off(tmp_path: Path) -> None:
    """T-059: pongs that nobody fetches must not fill the memory."""
    async with running_platform(tmp_path, signalling=signalling_settings(outbox_bytes=65_536)) as platform:
        raw = await logged_in(platform)
        raw.writer.transport.pause_reading()
        burst = frame(PING, bytes(125)) * 2000
        highest = 0
        ended = False
        for _ in range(200):
            try:
                raw.send(burst)
                await asyncio.wait_for(raw.writer.drain(), 0.5)
            except (TimeoutError, ConnectionError):
                ended = True
                break
            for protocol in connections(platform):
                highest = max(highest, protocol.transport.get_write_buffer_size())
        print(f"\nT-059 pings: at most {highest:,} octets waited; cut off: {ended}")
        await until(lambda: not platform.server.site.connections, 5)
        raw.abort()
        assert highest < 1 << 20
        await serves_on(platform)


@pytest.mark.parametrize(
    "offer", ["permessage-deflate", "permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame"]
)
async def test_compression_is_declined(platform: Platform, offer: str) -> None:
    """T-050: no extension, so no bomb; a compressed frame breaks the protocol."""
    raw = await RawWebSocket.open(platform.server.signalling_port, f"Sec-WebSocket-Extensions: {offer}")
    assert "sec-websocket-extensions" not in raw.head.lower()
    raw.send(frame(TEXT, b"\xaa\x56\x00\x00", rsv=4))
    assert await raw.close_code() == 1002


# The door ------------------------------------------------------------------------------------------------------------

WRONG_DOORS: list[tuple[str, bytes, str]] = [
    ("no subprotocol", upgrade(PATH, None), "400"),
    ("wrong subprotocol", upgrade(PATH, "mqtt"), "400"),
    ("next version's subprotocol", upgrade(PATH, "ptt.v2"), "400"),
    ("wrong path", upgrade("/v2/ptt"), "404"),
    ("path climbing", upgrade("/v1/../v1/ptt"), "404"),
    ("path with NUL", upgrade("/v1/ptt%00"), "404"),
    ("HTTP without upgrade", b"GET /v1/ptt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"),
    ("old WebSocket version", upgrade().replace(b"Version: 13", b"Version: 8"), "400"),
    ("no key", upgrade().replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""), "400"),
    ("POST to health", b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "405"),
    ("not HTTP", b"\x16\x03\x01\x02\x00" + bytes(600) + b"\r\n\r\n", "400"),
    ("documentation pages", b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"),
]


async def test_a_wrong_request_is_refused_and_closed(platform: Platform) -> None:
    """Issue 2, bad input: wrong path, wrong subprotocol, not our protocol at all; nothing is told of the server."""
    for name, request, status in WRONG_DOORS:
        raw = await RawWebSocket.connect(platform.server.signalling_port)
        raw.send(request)
        answer = await raw.http_answer()
        assert answer.startswith(f"HTTP/1.1 {status}"), (name, answer)
        assert "server:" not in answer.lower(), name
        assert "uvicorn" not in answer.lower(), name


async def test_an_unknown_protocol_version_is_refused_with_those_served(platform: Platform) -> None:
    """Issue 2 part 2: a client states its version; an unknown one is refused with the versions served."""
    radio = await BareRadio.open(platform.url)
    with pytest.raises(Refusal) as refusal:
        await radio.hello(protocol=2)
    assert refusal.value.code == "protocol.version"
    assert refusal.value.error.details == {"versions_served": [1]}
    assert await radio.closed() == 4002


async def test_a_forwarded_address_of_a_stranger_is_not_believed(tmp_path: Path) -> None:
    """T-061: neither for the limit of an address nor in the record of a call."""
    signalling_limits = signalling_settings(max_unauthenticated_per_address=3)
    floor = FloorTimerSettings(t4_inactivity_s=0.1)
    async with running_platform(tmp_path, signalling=signalling_limits, floor=floor) as platform:
        port = platform.server.signalling_port
        lies = [(f"X-Forwarded-For: 198.51.100.{n}", f"X-Real-IP: 198.51.100.{n}", f"Forwarded: for=198.51.100.{n}")
                for n in range(4)]  # fmt: skip
        raws = [await RawWebSocket.open(port, *lie) for lie in lies[:3]]
        fourth = await RawWebSocket.connect(port)
        fourth.send(upgrade(PATH, SUBPROTOCOL, *lies[3]))
        assert (await fourth.http_answer()).startswith("HTTP/1.1 429")
        assert platform.server.site.refused_connections == 1
        for raw in raws:
            raw.abort()
        await until(lambda: not platform.server.site.connections)
        call = await LiveCall.start(platform)
        await call.talker.say(call.talker.floor_message(MessageType.FLOOR_RELEASE))
        found: Sequence[Any] = []
        async with asyncio.timeout(5):
            while not found:  # the call ends a moment after the floor is free
                await asyncio.sleep(0.05)
                await platform.server.services.call_log.flush()
                found = await platform.database.read(lambda sql: sql.execute(select(calls.c.initiator_address)).all())
        (row,) = found
        initiator = await platform.keys(call.talker.session.subscriber)
        assert initiator.text(row.initiator_address).reveal() == "127.0.0.1"
        await call.stop()


async def test_connections_of_an_address_that_do_not_log_in_are_limited_and_others_get_in(tmp_path: Path) -> None:
    """Issue 2, bad input: who is logged in is not counted against its address, and a place becomes free again."""
    async with running_platform(
        tmp_path, signalling=signalling_settings(max_unauthenticated_per_address=2)
    ) as platform:
        await platform.organise("Patrol")
        credentials = await platform.enrol("Anna", "Patrol")
        radios = [await BareRadio.log_in(credentials) for _ in range(1)]
        idle = [await RawWebSocket.open(platform.server.signalling_port) for _ in range(2)]
        refused = await RawWebSocket.connect(platform.server.signalling_port)
        refused.send(upgrade())
        assert (await refused.http_answer()).startswith("HTTP/1.1 429")
        idle[0].abort()
        await until(lambda: platform.server.site.connections == 2)
        await serves_on(platform)
        await radios[0].ask(signalling.Ping(id=1), signalling.Pong)


async def test_websockets_are_limited(tmp_path: Path) -> None:
    """Issue 2, bad input: the configured number, then 503."""
    async with running_platform(tmp_path, signalling=signalling_settings(max_connections=3)) as platform:
        idle = [await RawWebSocket.open(platform.server.signalling_port) for _ in range(3)]
        refused = await RawWebSocket.connect(platform.server.signalling_port)
        refused.send(upgrade())
        assert (await refused.http_answer()).startswith("HTTP/1.1 503")
        idle[0].abort()
        await until(lambda: platform.server.site.connections == 2)
        await serves_on(platform)


async def test_connections_that_stay_with_http_are_limited_too(tmp_path: Path) -> None:
    """Issue 2, bad input: `max_connections` is "open connections, of all kinds"; keep-alive requests hold no more."""
    async with running_platform(tmp_path, signalling=signalling_settings(max_connections=3)) as platform:
        kept, held = 0, []
        for _ in range(10):
            raw = await RawWebSocket.connect(platform.server.signalling_port)
            held.append(raw)
            raw.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                kept += (await raw.http_head()).startswith("HTTP/1.1 200")
        assert kept <= 4


# JSON ----------------------------------------------------------------------------------------------------------------


def nested(depth: int) -> str:
    return '{"type":"ping","id":7,"x":' + "[" * depth + "]" * depth + "}"


WRONG_TEXTS: list[tuple[str, str, str]] = [
    *[(f"nested {depth}", nested(depth), "protocol.malformed") for depth in (100, 201, 5_000, 30_000)],
    ("deep without an end", "[" * 60_000, "protocol.malformed"),
    ("NaN", '{"type":"ping","id":NaN}', "protocol.malformed"),
    ("Infinity", '{"type":"ping","id":Infinity}', "protocol.malformed"),
    ("1e999", '{"type":"ping","id":1e999}', "protocol.malformed"),
    ("-1e999", '{"type":"ping","id":-1e999}', "protocol.malformed"),
    ("an integer of 5,000 digits", '{"type":"ping","id":' + "9" * 5_000 + "}", "protocol.malformed"),
    ("an integer of 4,000 digits", '{"type":"ping","id":' + "9" * 4_000 + "}", "protocol.malformed"),
    ('"5" as a number', '{"type":"ping","id":"5"}', "protocol.malformed"),
    ("5.0 as an integer", '{"type":"ping","id":5.0}', "protocol.malformed"),
    ("true as an integer", '{"type":"ping","id":true}', "protocol.malformed"),
    ("yes", '{"type":"ping","id":yes}', "protocol.malformed"),
    ("a number as a text", '{"type":"affiliate","id":5,"group":5}', "protocol.malformed"),
    ("an id of 0", '{"type":"ping","id":0}', "protocol.malformed"),
    ("an id of 2^31", '{"type":"ping","id":2147483648}', "protocol.malformed"),
    ("a key twice", '{"type":"ping","id":5,"id":5}', "protocol.malformed"),
    ("the type twice", '{"type":"ping","type":"logout","id":5}', "protocol.malformed"),
    ("an unknown key", '{"type":"ping","id":5,"role":"admin"}', "protocol.malformed"),
    ("a tenant", '{"type":"groups.list","id":5,"tenant":"ten_0123456789abcdef"}', "protocol.malformed"),
    ("an unknown type", '{"type":"admin.everything","id":5}', "protocol.unknown_type"),
    ("a reply as a request", '{"type":"pong","re":5,"id":5}', "protocol.unknown_type"),
    ("no type", '{"id":5}', "protocol.malformed"),
    ("a type that is a list", '{"type":["ping"],"id":5}', "protocol.malformed"),
    ("a list", '[{"type":"ping","id":5}]', "protocol.malformed"),
    ("a number", "5", "protocol.malformed"),
    ("null", "null", "protocol.malformed"),
    ("nothing", "", "protocol.malformed"),
    ("two objects", '{"type":"ping","id":5}{"type":"ping","id":6}', "protocol.malformed"),
    ("a comma too many", '{"type":"ping","id":5,}', "protocol.malformed"),
    ("a comment", '{"type":"ping",/* */"id":5}', "protocol.malformed"),
    ("a byte order mark", '\ufeff{"type":"ping","id":5}', "protocol.malformed"),
    ("a lone surrogate as a type", '{"type":"\\ud800","id":5}', "protocol.unknown_type"),
    ("a lone surrogate as a key", '{"type":"ping","id":5,"\\ud800":1}', "protocol.malformed"),
    ("a lone surrogate as a value", '{"type":"affiliate","id":5,"group":"\\udfff"}', "protocol.malformed"),
    ("NUL in an identifier", '{"type":"affiliate","id":5,"group":"grp_0123456789abcde\\u0000"}', "protocol.malformed"),
    ("a newline after it", '{"type":"affiliate","id":5,"group":"grp_0123456789abcdef\\n"}', "protocol.malformed"),
    ("SQL in an identifier", '{"type":"affiliate","id":5,"group":"grp_\' OR 1=1 --"}', "protocol.malformed"),
    ("4,000 keys", json.dumps({"type": "ping", "id": 5, **{str(n): n for n in range(4000)}}), "protocol.malformed"),
    ("a very long key", '{"type":"ping","id":5,"' + "k" * 60_000 + '":1}', "protocol.malformed"),
]  # fmt: skip


async def test_a_wrong_message_is_answered_with_its_code(platform: Platform) -> None:
    """T-052, T-053, T-055, T-057: refused; after the log-in the connection stays unless the frame was no message.

    The answer comes in milliseconds and is short, whatever was sent.
    """
    slowest_s = 0.0
    for number, (name, text, code) in enumerate(WRONG_TEXTS):
        raw = await logged_in(platform, f"S{number}")
        started = time.perf_counter()
        raw.send(frame(TEXT, text.encode()))
        opcode, payload = await raw.frame()
        slowest_s = max(slowest_s, time.perf_counter() - started)
        error = json.loads(payload)
        assert (opcode, error["type"], error["code"]) == (TEXT, "error", code), name
        assert len(payload) < 1000, name
        if "re" in error:
            raw.send_json({"type": "ping", "id": 99})
            assert (await raw.message()) == {"type": "pong", "re": 99}, name
        else:
            assert await raw.close_code() == 1002, name
        raw.abort()
    print(f"\nT-052, T-057: the slowest answer to a wrong message took {slowest_s * 1000:.1f} ms")
    assert slowest_s < 0.25


async def test_what_comes_before_the_log_in_and_is_wrong_ends_the_connection(platform: Platform) -> None:
    """T-053: a stranger gets one answer."""
    for _, text, code in WRONG_TEXTS[::6]:
        raw = await RawWebSocket.open(platform.server.signalling_port)
        raw.send(frame(TEXT, text.encode()))
        assert (await raw.message())["code"] == code
        assert await raw.close_code() == 4002


async def test_nothing_is_served_behind_an_error_that_ends_the_connection(platform: Platform) -> None:
    """T-064: guesses that were sent together with the first wrong one are not tried."""
    await platform.organise("Patrol")
    credentials = await platform.enrol("Anna", "Patrol")
    radio = await BareRadio.open(platform.url)
    await radio.hello()
    guesses = [radio.login_request(credentials, pin) for pin in ("1", "2", "3", "4711")]
    for number, guess in enumerate(guesses, start=10):
        await radio.send_text(guess.model_copy(update={"id": number}).to_json())
    assert await radio.closed() == 4002
    await asyncio.sleep(0.1)
    assert len(radio.texts) == 2  # welcome, and one refusal
    assert len(platform.server.services.sessions) == 0
    assert platform.server.services.authentication.failures == 2  # one guess: charged to the address and to the device


DECEIVING = (
    "radio\x1b[2J", "radio\x9b2J", "radio\u202egnp", "ra\u200bdio", "radio\u2028x", "radio\ud800", "", "x" * 65,
    "a\u0000b", "\ufeffradio",
)  # fmt: skip


async def test_a_device_type_that_would_deceive_a_reader_is_refused(platform: Platform) -> None:
    """T-055, T-056: it is shown on the subscriber's other device and in the operator's terminal."""
    request = {
        "type": "enroll", "id": 2, "code": "0000-0000-0000-0000", "public_key": "A" * 43 + "=",
        "signature": "A" * 86 + "==",
    }  # fmt: skip
    for device_type in DECEIVING:
        raw = await RawWebSocket.open(platform.server.signalling_port)
        raw.send_json(HELLO)
        await raw.message()
        raw.send_json(request | {"device_type": device_type})
        answer = await raw.message()
        assert answer["code"] == "protocol.malformed", device_type
        assert "device_type" in answer["message"]


async def test_names_of_people_and_groups_are_inert(platform: Platform) -> None:
    """T-056: SQL, formulas, markup and log tricks are stored and told as they are, and do nothing."""
    names = [
        "Robert'); DROP TABLE subscribers;--",
        '=cmd|"/C calc"!A0',
        "<script>alert(1)</script>",
        "%s%n{0}${jndi:x}",
    ]
    await platform.organise(*names)
    radio = await BareRadio.log_in(await platform.enrol(names[0], *names))
    assert {group.name for group in radio.session.groups} == set(names)
    affiliation = await radio.affiliate()
    assert affiliation.roster.participants[0].name == names[0]
    tables = await platform.database.read(
        lambda sql: {row[0] for row in sql.exec_driver_sql("SELECT name FROM sqlite_master")}
    )
    assert set(metadata.tables) <= tables
    await radio.close()


# Floods and slow readers ---------------------------------------------------------------------------------------------


async def test_a_flood_of_messages_is_slowed_down_and_never_stuck(tmp_path: Path) -> None:
    """T-058: ten times the limit: all are answered, at the limit's pace; normal again within 2 s; others unharmed."""
    async with running_platform(
        tmp_path, signalling=signalling_settings(messages_per_s=100, messages_burst=50)
    ) as platform:
        await platform.organise("Patrol")
        radio = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
        other = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
        started = time.monotonic()
        for number in range(1000, 1250):
            await radio.send_text(json.dumps({"type": "ping", "id": number}))
        slowest_s = 0.0
        while len(radio.texts) < 250:
            asked = time.monotonic()
            await other.ask(signalling.Ping(id=1), signalling.Pong)
            slowest_s = max(slowest_s, time.monotonic() - asked)
            await asyncio.sleep(0.05)
        await until(lambda: len(radio.texts) >= 252)
        took_s = time.monotonic() - started
        assert took_s > (250 - 52) / 100 - 0.1
        asked = time.monotonic()
        await radio.ask(signalling.Ping(id=1), signalling.Pong)
        assert time.monotonic() - asked < 2
        print(f"\nT-058: 250 pings took {took_s:.1f} s, another client's slowest {slowest_s * 1000:.0f} ms")
        assert slowest_s < 0.5
        await radio.close()
        await other.close()


async def deaf(platform: Platform, name: str) -> RawWebSocket:
    """A member of the group on the WebSocket that reads nothing any more."""
    raw = await logged_in(platform, name)
    raw.send_json({"type": "affiliate", "id": 3, "group": raw.groups[0]["group"]})
    assert (await raw.message())["type"] in {"affiliated", "group.roster"}
    raw.writer.transport.pause_reading()
    return raw


async def test_a_listener_that_does_not_read_loses_voice_and_delays_nobody(tmp_path: Path) -> None:
    """T-059: bounded buffer; the others get every packet."""
    floor = FloorTimerSettings(t1_end_of_rtp_s=60, t2_stop_talking_s=600)
    async with running_platform(tmp_path, floor=floor) as platform:
        call = await LiveCall.start(platform)
        slow = await deaf(platform, "Slow")
        platform.server.services.relay._rate = 1_000_000
        heard = sent = highest = dropped = 0
        payload = bytes(1200)
        for _ in range(4000):
            sent += 1
            call.talker.send_udp(call.talker.voice(call.burst_ssrc, sent, payload))
            if sent % 20 == 0:
                heard += len(await call.heard(0.001))
                links = [s.link for s in platform.server.services.sessions if s.link is not None]
                dropped = max(link.voice_dropped for link in links)
                highest = max(link._protocol.transport.get_write_buffer_size() for link in links)
        heard += len(await call.heard(0.3))
        print(
            f"\nT-059 voice: {heard}/{sent} heard by the other, {dropped} dropped for the slow one, "
            f"{highest:,} octets waited"
        )
        assert heard == sent
        assert dropped > 0
        assert highest < 262_144
        slow.abort()
        await call.stop()


async def test_a_client_that_does_not_read_its_signalling_is_cut_off(tmp_path: Path) -> None:
    """T-059: over outbox_bytes the connection is dropped; the session can be resumed."""
    limits = signalling_settings(outbox_bytes=65_536, messages_per_s=100_000, messages_burst=100_000)
    async with running_platform(tmp_path, signalling=limits) as platform:
        slow = await logged_in(platform, groups=tuple(f"{number:02}{49 * chr(0x1F4FB)}" for number in range(60)))
        for protocol in connections(platform):  # what the kernel holds does not count, and would be megabytes
            protocol.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        slow.writer.transport.pause_reading()
        slow.send(b"".join(frame(TEXT, json.dumps({"type": "groups.list", "id": n}).encode()) for n in range(1, 2000)))
        highest = 0
        deadline = time.monotonic() + 60
        while platform.server.site.connections and time.monotonic() < deadline:
            for protocol in connections(platform):
                highest = max(highest, protocol.transport.get_write_buffer_size())
            await asyncio.sleep(0.001)
        print(f"\nT-059 signalling: cut off after {highest:,} octets")
        assert platform.server.site.connections == 0
        assert highest < 65_536 + 262_144
        assert len(platform.server.services.sessions) == 1
        slow.abort()
        await serves_on(platform)


# TLS -----------------------------------------------------------------------------------------------------------------


def old_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def only_suite(name: str) -> Callable[[], ssl.SSLContext]:
    def make() -> ssl.SSLContext:
        import _ssl
        import ctypes

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        library = ctypes.CDLL(_ssl.__file__)
        library.SSL_CTX_set_ciphersuites.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
        pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
        assert library.SSL_CTX_set_ciphersuites(pointer, name.encode()) == 1
        return context

    return make


@pytest.mark.parametrize(
    ("make", "welcome"),
    [
        (old_tls, False),
        (only_suite("TLS_AES_128_GCM_SHA256"), False),
        (only_suite("TLS_CHACHA20_POLY1305_SHA256"), False),
        (only_suite("TLS_AES_256_GCM_SHA384"), True),
    ],
    ids=["TLS 1.2", "AES-128 only", "ChaCha20 only", "AES-256"],
)
async def test_only_tls_1_3_with_aes_256_is_spoken(
    platform: Platform, make: Callable[[], ssl.SSLContext], welcome: bool
) -> None:
    """T-046: everything else fails in the handshake."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", platform.server.signalling_port, ssl=make())
    except (ssl.SSLError, ConnectionError):
        assert not welcome
        return
    assert welcome
    assert writer.get_extra_info("cipher")[:2] == ("TLS_AES_256_GCM_SHA384", "TLSv1.3")
    writer.close()


async def test_plain_text_gets_no_answer(platform: Platform) -> None:
    """T-046: ws:// and http:// are refused without a redirect."""
    reader, writer = await asyncio.open_connection("127.0.0.1", platform.server.signalling_port)
    writer.write(upgrade())
    try:
        answer = await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        answer = b""
    assert b"HTTP" not in answer
    assert len(answer) <= 7  # a TLS alert
    writer.close()


# Requests that come twice --------------------------------------------------------------------------------------------


async def test_a_request_that_comes_twice_has_one_effect(platform: Platform) -> None:
    """T-062: the reply was lost, so the client asks again, with the same number or another."""
    call = await LiveCall.start(platform)
    text = signalling.Affiliate(id=500, group=call.group).to_json()
    again = [await call.listener.ask_text(text, 500, signalling.Affiliated) for _ in range(3)]
    assert len({reply.affiliation.ssrc for reply in again}) == 1
    assert len(platform.server.services.talk.affiliations(call.group)) == 2
    request = call.talker.floor_message(MessageType.FLOOR_REQUEST)
    for _ in range(5):
        await call.talker.say(request)
    for _ in range(2):
        await call.talker.ask(signalling.SetMediaPath(id=1, via="udp"), signalling.Done)
    assert platform.server.services.talk.floor_grants <= 1 + 5
    assert list(platform.server.services.relay._bursts) == [call.burst_ssrc]
    await call.still_works()
    done = [signalling.Deaffiliate(id=1, group=call.group) for _ in range(2)]
    await call.listener.ask(done[0], signalling.Done)
    with pytest.raises(Refusal, match="not_found"):
        await call.listener.ask(done[1], signalling.Done)
    await call.stop()


async def test_an_enrolment_code_works_once_even_in_a_race(platform: Platform) -> None:
    """T-062: two devices with one code: one is enrolled."""
    from ptthandset.errors import Refused
    from ptthandset.handset import enroll

    await platform.organise("Patrol")
    await platform.enrol("Anna", "Patrol")
    ticket = await platform.devices.add("ACME", "Anna")
    results = await asyncio.gather(*(enroll(ticket.text) for _ in range(5)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Refused)]
    assert len(refused) == 4
    assert {error.code for error in refused} == {"enrolment.failed"}
