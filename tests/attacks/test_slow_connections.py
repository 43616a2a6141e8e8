"""Connections that take their time: closed when it is up, while good log-ins go through."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks.bare_radio import BareRadio
from attacks.raw_websocket import TEXT, RawWebSocket, frame, upgrade
from attacks.server_apart import server_apart
from pttserver.config import SignallingSettings
from running_server import running_platform, until

SOCKETS = 300
dripping: list[float] = []  # when each slow connection stood
TIMEOUT_S = 1.5
FAST = SignallingSettings(
    address="127.0.0.1", port=0, public_host="127.0.0.1", handshake_timeout_s=TIMEOUT_S, login_timeout_s=TIMEOUT_S,
    max_unauthenticated_per_address=1000,
)  # fmt: skip


async def in_tls(port: int) -> float:
    """A TCP connection that starts a TLS handshake octet by octet; gives how long the server bore it."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    hello = bytes.fromhex("1603010200010001fc0303") + bytes(400)
    return await drip(reader, writer, lambda n: hello[n : n + 1], started)


async def in_http(port: int) -> float:
    started = time.monotonic()
    raw = await RawWebSocket.connect(port)
    request = upgrade()[:-2] + b"X: " + b"y" * 500
    return await drip(raw.reader, raw.writer, lambda n: request[n : n + 1], started)


async def in_second_request(port: int) -> float:
    """The first request is well behaved."""
    raw = await RawWebSocket.connect(port)
    raw.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    await raw.http_head()
    started = time.monotonic()
    request = b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 500
    return await drip(raw.reader, raw.writer, lambda n: request[n : n + 1], started)


async def in_frame(port: int) -> float:
    raw = await RawWebSocket.open(port)
    started = time.monotonic()
    octets = frame(TEXT, b"{" * 500)
    return await drip(raw.reader, raw.writer, lambda n: octets[n : n + 1], started)


async def after_upgrade(port: int) -> float:
    raw = await RawWebSocket.open(port)
    started = time.monotonic()
    return await drip(raw.reader, raw.writer, lambda n: b"", started)


async def after_hello(port: int) -> float:
    raw = await RawWebSocket.open(port)
    raw.send_json({"type": "hello", "id": 1, "protocol": 1, "client": "slow"})
    await raw.message()
    started = time.monotonic()
    return await drip(raw.reader, raw.writer, lambda n: b"", started)


async def drip(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, octet: Callable[[int], bytes], started: float
) -> float:
    """One octet each quarter of a second until the server ends it."""
    dripping.append(started)
    ended = asyncio.create_task(reader.read(-1))
    number = 0
    while not ended.done() and time.monotonic() - started < 4 * TIMEOUT_S:
        writer.write(octet(number))
        number += 1
        await asyncio.wait([ended], timeout=0.25)
    took_s = time.monotonic() - started
    ended.cancel()
    writer.transport.abort()
    await asyncio.gather(ended, return_exceptions=True)
    return took_s


@pytest.mark.alone
@pytest.mark.parametrize("slow", [in_tls, in_http, in_second_request, in_frame, after_upgrade, after_hello])
async def test_slow_connections_are_closed_in_time_while_others_log_in(
    tmp_path: Path, slow: Callable[..., asyncio.Future[float]]
) -> None:
    """T-047: 300 sockets, an octet now and then, in TLS, in HTTP, in a frame, before the log-in."""
    count = SOCKETS if slow in (in_tls, after_hello) else 60
    async with running_platform(tmp_path, signalling=FAST) as platform:
        await platform.organise("Patrol")
        credentials = await platform.enrol("Anna", "Patrol")
        port = platform.server.signalling_port
        dripping.clear()
        crowd = [asyncio.create_task(slow(port)) for _ in range(count)]
        await until(lambda: len(dripping) == count, 10)  # their own handshakes take this process's time
        log_ins = []
        while not all(task.done() for task in crowd):
            started = time.monotonic()
            radio = await BareRadio.log_in(credentials)
            log_ins.append(time.monotonic() - started)
            await radio.close()
            await asyncio.sleep(0.2)
        took = sorted(task.result() for task in crowd)
        print(
            f"\nT-047 {slow.__name__}: {count} closed after {took[0]:.1f}..{took[-1]:.1f} s, "
            f"slowest log-in {max(log_ins):.2f} s"
        )
        assert took[-1] < TIMEOUT_S + 2.5  # the grace of a close frame is 2 s
        assert max(log_ins) < 1
        await until(lambda: platform.server.site.connections == 0)


async def test_a_server_without_file_descriptors_serves_who_is_there_and_recovers(tmp_path: Path) -> None:
    """T-129: RLIMIT_NOFILE 256: no spinning, existing sessions go on, new ones when there is room again."""
    async with server_apart(tmp_path, open_files=256, signalling=FAST) as apart:
        platform = apart.platform
        await platform.organise("Patrol")
        credentials = await platform.enrol("Anna", "Patrol")
        radio = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
        crowd = []
        for _ in range(SOCKETS):
            idle = socket.socket()
            idle.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                idle.connect(("127.0.0.1", platform.settings.signalling.port))
            crowd.append(idle)
        await asyncio.sleep(0.5)
        before = cpu_s(apart.process.pid)
        answers = 0
        for _ in range(20):
            assert await radio.ask_ping() < 0.5
            answers += 1
            await asyncio.sleep(0.05)
        used = cpu_s(apart.process.pid) - before
        for idle in crowd:
            idle.close()
        await asyncio.sleep(TIMEOUT_S + 0.5)
        back = await BareRadio.log_in(credentials)
        print(f"\nT-129: {answers} pings answered with no descriptor left, {used:.2f} s of CPU in about 1 s")
        assert used < 0.9
        await back.close()
        await radio.close()


def cpu_s(pid: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
