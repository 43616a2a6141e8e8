"""A bug, a locked database, a killed process, a lost radio: what each of them may cost, and no more."""

import asyncio
import contextlib
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio, Refusal
from attacks.live_call import LiveCall
from attacks.server_apart import server_apart
from pttserver.config import CallLogSettings, FloorTimerSettings, SessionSettings
from pttserver.services.attendance import Attendance
from pttserver.services.keyring import open_database
from pttserver.services.rosters import Rosters
from pttserver.store.groups import Groups
from pttserver.store.schema import bursts
from pttserver.wire import rtcp, signalling
from pttserver.wire.floor_control import MessageType
from running_server import Platform, running_platform, until

LONG = FloorTimerSettings(t1_end_of_rtp_s=60, t2_stop_talking_s=600)


@pytest.fixture
async def call(tmp_path: Path) -> AsyncIterator[LiveCall]:
    async with running_platform(tmp_path, floor=LONG) as platform:
        live = await LiveCall.start(platform)
        yield live
        await live.stop()


class Fault:
    """Raises once for each call of what it replaces, `times` times, then lets it work."""

    def __init__(self, plain: Any, times: int) -> None:
        self._plain = plain
        self._left = times
        self.raised = 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._left:
            self._left -= 1
            self.raised += 1
            raise RuntimeError("a bug")
        return self._plain(*arguments, **named)


def break_method(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int = 1) -> Fault:
    fault = Fault(getattr(owner, name), times)
    monkeypatch.setattr(owner, name, fault)
    return fault


# Bugs ----------------------------------------------------------------------------------------------------------------


async def test_a_bug_in_a_request_costs_that_request(call: LiveCall, monkeypatch: pytest.MonkeyPatch) -> None:
    """T-131: `internal` is the answer; the connection and everybody else go on."""
    session = call.server.services.sessions.get(call.listener.session.session)
    faults = [
        (Groups, "memberships", signalling.ListGroups(id=1)),
        (Groups, "group_for_member", signalling.Affiliate(id=1, group=call.group)),
        (Rosters, "presence", signalling.ListPresence(id=1, group=call.group)),
        (Attendance, "deaffiliate", signalling.Deaffiliate(id=1, group=call.group)),
    ]
    for owner, name, request in faults:
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, Fault(None, 1))
            with pytest.raises(Refusal, match="internal"):
                await call.listener.ask(request, signalling.Reply)
        assert await call.listener.ask_ping() < 1
        await call.still_works()
    assert session.link is not None


async def test_a_bug_in_the_voice_path_costs_one_packet(call: LiveCall, monkeypatch: pytest.MonkeyPatch) -> None:
    """T-131: by UDP, and on the WebSocket, whose connection stays."""
    channel = call.server.services.relay.channels[call.group]
    fault = Fault(type(channel).send_voice, 1)
    monkeypatch.setattr(type(channel), "send_voice", lambda *args: fault(*args))
    call.talker.send_udp(call.packet())
    assert await call.heard() == []
    await call.still_works()
    fault._left = 1
    plain = b"\x80\x6f\x00\x63" + bytes(4) + call.burst_ssrc.to_bytes(4, "big") + bytes(40)
    await call.talker.connection.send(plain)
    await until(lambda: fault.raised == 2)
    assert await call.talker.ask_ping() < 1
    assert call.drops() == {"internal_error": 2}
    await call.still_works()


async def test_a_bug_in_floor_control_does_not_leave_the_floor_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-131: an effect that fails does not stop the group's timers: silence still ends the burst."""
    floor = FloorTimerSettings(t1_end_of_rtp_s=0.5, taken_repeat_s=0.1)
    async with running_platform(tmp_path, floor=floor) as platform:
        call = await LiveCall.start(platform)
        channel = call.server.services.relay.channels[call.group]
        fault = Fault(type(channel).announce, 1)
        monkeypatch.setattr(type(channel), "announce", lambda *args: fault(*args))
        await until(lambda: fault.raised == 1)
        await until(lambda: not platform.server.services.talk.bursts_in_progress, 3)
        await call.stop()


async def test_a_bug_in_a_background_task_does_not_end_it(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """T-131: after one, revocations are still noticed and calls still written."""
    monkeypatch.setattr("pttserver.services.call_log.RETRY_AFTER_S", 0.2)
    call = await LiveCall.start(platform)
    watch = break_method(monkeypatch, platform.server.services.attendance, "end_unseen")
    await until(lambda: watch.raised == 1)
    log = break_method(monkeypatch, platform.server.services.call_log._store, "write_calls")
    await call.talker.say(call.talker.floor_message(MessageType.FLOOR_RELEASE))
    await until(lambda: log.raised == 1)
    device = platform.server.services.sessions.get(call.listener.session.session).identity.device_id
    await platform.devices.revoke("ACME", device)
    assert await call.listener.closed(3) == 4003
    await until(lambda: platform.server.services.call_log.written >= 2, 8)
    await call.stop()


# The database --------------------------------------------------------------------------------------------------------

LOCKER = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE" if len(sys.argv) > 3 else "BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
database.execute("ROLLBACK")
"""


@contextlib.asynccontextmanager
async def locked(file: Path, seconds: float) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process holds the database's write lock."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOCKER, str(file), str(seconds), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"locked\n"
    yield process
    await process.wait()


async def test_a_locked_database_delays_no_voice_and_loses_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-123: 6.5 s, longer than the store waits: voice goes on frame by frame, health says so, then all is written."""
    monkeypatch.setattr("pttserver.services.call_log.RETRY_AFTER_S", 0.2)
    async with running_platform(tmp_path, floor=LONG) as platform:
        call = await LiveCall.start(platform)
        spoken = heard = spurts = 0
        worst_lag_s, told = 0.0, False
        async with locked(platform.settings.database_file, 6.5) as locker:
            due = time.monotonic()
            while locker.returncode is None:
                spoken += 1
                call.talker.send_udp(call.packet())
                heard += len(call.listener.datagrams())
                if spoken % 20 == 0:
                    spurts += 1
                    await call.talker.say(call.talker.floor_message(MessageType.FLOOR_RELEASE))
                    await call.talker.say(call.talker.floor_message(MessageType.FLOOR_REQUEST))
                    before = call.burst_ssrc
                    await until(lambda before=before: set(platform.server.services.relay._bursts) - {before})
                    call.burst_ssrc = next(iter(platform.server.services.relay._bursts))
                due += 0.02
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                worst_lag_s = max(worst_lag_s, time.monotonic() - due)
                told = told or platform.server.services.call_log.is_failing
            assert platform.server.services.call_log.failures >= 1
            assert told
        await asyncio.sleep(0.05)
        heard += len(call.listener.datagrams())
        print(
            f"\nT-123: {spoken} frames in {spurts} bursts under the lock, "
            f"worst pause of the loop {worst_lag_s * 1000:.0f} ms"
        )
        assert platform.server.services.relay.packets_relayed == spoken
        assert heard >= spoken
        assert worst_lag_s < 0.25
        counting = select(func.count()).select_from(bursts)
        async with asyncio.timeout(10):  # the last of them may be on its way to the disk
            while await platform.database.read(lambda sql: sql.scalar(counting)) != spurts:
                await asyncio.sleep(0.05)
        assert not platform.server.services.call_log.is_failing
        assert platform.server.services.call_log.dropped == 0
        await call.stop()


async def test_the_queue_of_the_call_log_is_bounded_and_says_what_it_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-123, issue 2 part 10: over the limit records are dropped and counted, and the newest voice is not delayed."""
    async with running_platform(tmp_path, floor=LONG, call_log=CallLogSettings(queue_records=5)) as platform:
        call = await LiveCall.start(platform)
        break_method(monkeypatch, platform.server.services.call_log, "flush", times=0)

        async def never() -> bool:
            return True

        monkeypatch.setattr(platform.server.services.call_log, "flush", never)
        for number in range(20):
            await call.talker.say(call.talker.floor_message(MessageType.FLOOR_RELEASE))
            await until(lambda: not platform.server.services.talk.bursts_in_progress)
            await call.talker.say(call.talker.floor_message(MessageType.FLOOR_REQUEST))
            await until(lambda: platform.server.services.talk.bursts_in_progress)
            assert len(platform.server.services.call_log) <= 5 + 1, number
        assert platform.server.services.call_log.dropped >= 14
        monkeypatch.undo()
        assert await platform.server.services.call_log.flush()
        await call.stop()


async def test_a_killed_server_loses_at_most_the_last_flush_interval(tmp_path: Path) -> None:
    """T-119, issue 2 part 10: kill -9: every burst that ended before the last interval is there, the file is whole."""
    interval_s = 0.3
    log = CallLogSettings(flush_interval_s=interval_s)
    ended: list[float] = []
    async with server_apart(tmp_path, call_log=log, floor=LONG) as apart:
        platform = apart.platform
        await platform.organise("Patrol")
        talker = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
        listener = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
        await talker.affiliate()
        await listener.affiliate()
        for _ in range(15):
            await talker.take_floor()
            await talker.say(talker.floor_message(MessageType.FLOOR_RELEASE))
            await talker.ask_ping()
            ended.append(time.monotonic())
            await asyncio.sleep(0.07)
        killed = time.monotonic()
        await apart.kill()
        file = platform.settings.database_file
        database = await open_database(platform.settings)
        written = await database.read(lambda sql: sql.scalar(select(func.count()).select_from(bursts)))
        await database.close()
        with contextlib.closing(sqlite3.connect(file)) as check:
            assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        acknowledged = sum(killed - end > interval_s + 0.2 for end in ended)
        print(f"\nkill -9: {len(ended)} bursts, {written} written, {acknowledged} older than the interval")
        assert written >= acknowledged > 5


# Radios that go away and come back -----------------------------------------------------------------------------------


async def test_dead_sessions_end_and_living_ones_stay(tmp_path: Path) -> None:
    """T-128, issue 2 part 7: no sign of life for dead_after_s; UDP alone, or the WebSocket alone, is a sign of life."""
    settings = SessionSettings(keepalive_interval_s=0.3, dead_after_s=1.2)
    async with running_platform(tmp_path, sessions=settings) as platform:
        await platform.organise("Patrol")
        radios = {
            name: await BareRadio.log_in(await platform.enrol(name, "Patrol")) for name in ("ws", "udp", "gone", "mute")
        }
        for radio in radios.values():
            await radio.affiliate()
        for name in ("udp", "gone"):
            radios[name].connection.transport.abort()
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            await radios["ws"].ask_ping()
            radios["udp"].send_udp(
                radios["udp"].uplink.protect_rtcp(rtcp.ReceiverReport(radios["udp"].session.ssrc).encode())
            )
            await asyncio.sleep(0.1)
        alive = {name for name, radio in radios.items() if platform.server.services.sessions.get(radio.session.session)}
        assert alive == {"ws", "udp"}
        assert await radios["mute"].closed() == 4008
        assert radios["mute"].events[-1] == signalling.SessionEnded(reason="expired")
        group = radios["ws"].session.groups[0].group
        assert len(platform.server.services.talk.affiliations(group)) == 2
        await radios["ws"].close()


async def test_a_frozen_server_does_not_replay_what_waited(tmp_path: Path) -> None:
    """T-128: SIGSTOP for 2 s: the burst that fell silent ends, sessions go on, nobody is stuck."""
    async with server_apart(tmp_path, floor=FloorTimerSettings(t1_end_of_rtp_s=1, t2_stop_talking_s=60)) as apart:
        platform = apart.platform
        await platform.organise("Patrol")
        talker = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
        listener = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
        await talker.affiliate()
        await listener.affiliate()
        await talker.take_floor()
        apart.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        apart.process.send_signal(signal.SIGCONT)
        assert await listener.ask_ping() < 2
        await until(lambda: any(m.type is MessageType.FLOOR_IDLE for m in listener.floor_messages()))
        assert await listener.take_floor()
        await talker.close()
        await listener.close()


async def test_a_radio_that_roams_keeps_the_floor_and_hears_on(call: LiveCall) -> None:
    """Issue 2 part 7: one authenticated packet from a new address moves the session; the floor is kept."""
    import socket

    session = call.server.services.sessions.get(call.talker.session.session)
    old = session.address
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere.bind(("127.0.0.3", 0))
    elsewhere.setblocking(False)
    await asyncio.sleep(0.15)
    packet = call.packet()
    call.talker.send_udp(packet, elsewhere)
    assert len(await call.heard()) == 1
    assert session.address != old
    assert call.server.services.talk.bursts_in_progress == 1
    call.talker.datagrams()
    call.talker.send_udp(call.talker.uplink.protect_rtcp(call.talker.keepalive()), elsewhere)
    await asyncio.sleep(0.05)
    assert elsewhere.recv(2000)
    assert call.talker.datagrams() == []
    late = call.talker.voice(call.burst_ssrc, 0)
    await asyncio.sleep(0.15)
    call.talker.send_udp(late)  # an older packet from the old address does not move it back
    await asyncio.sleep(0.05)
    assert session.address != old
    elsewhere.close()


async def test_a_session_that_was_resumed_keeps_floor_keys_and_listeners(call: LiveCall) -> None:
    """Issue 2 part 5 and 7: the connection is replaced in the middle of a burst, by UDP voice goes on all the time."""
    session = call.server.services.sessions.get(call.talker.session.session)
    call.talker.connection.transport.abort()
    await until(lambda: session.link is None)
    await call.still_works()
    back = await BareRadio.open(call.platform.url)
    await back.hello()
    reply = await back.resume(call.credentials, call.talker.session.resume_token, session.id)
    assert reply.resumed
    assert [affiliation.ssrc for affiliation in reply.affiliations] == [call.talker.affiliations[call.group].ssrc]
    assert list(call.server.services.relay._bursts) == [call.burst_ssrc]
    await call.still_works()
    await back.close()
