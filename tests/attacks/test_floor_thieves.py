"""Floor control under attack: who does not hold the floor moves nothing, and who is gone holds nothing."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from attacks.bare_radio import BareRadio, EpochEar, voice_only
from attacks.live_call import LiveCall
from pttserver.config import FloorTimerSettings
from pttserver.wire import signalling
from pttserver.wire.floor_control import FloorIndicator, FloorMessage, MessageType
from pttserver.wire.rtp import RtpPacket
from running_server import running_platform, until

T1_S = 0.6


@pytest.fixture
async def call(tmp_path: Path) -> AsyncIterator[LiveCall]:
    floor = FloorTimerSettings(t1_end_of_rtp_s=T1_S, t3_grace_s=0.3, t8_floor_revoke_s=0.1, taken_repeat_s=0.1)
    async with running_platform(tmp_path, floor=floor) as platform:
        live = await LiveCall.start(platform)
        yield live
        await live.stop()


NO_EFFECT: list[tuple[str, MessageType, dict[str, Any]]] = [
    ("release by a listener", MessageType.FLOOR_RELEASE, {}),
    ("release of a burst that is not one's own", MessageType.FLOOR_RELEASE, {"granted_ssrc": "burst"}),
    ("release of a burst that never was", MessageType.FLOOR_RELEASE, {"granted_ssrc": 77}),
    ("grant made by a client", MessageType.FLOOR_GRANTED, {"granted_ssrc": "burst", "duration_s": 60}),
    ("taken made by a client", MessageType.FLOOR_TAKEN, {"granted_ssrc": 99, "granted_party": "me"}),
    ("idle made by a client", MessageType.FLOOR_IDLE, {}),
    ("revoke made by a client", MessageType.FLOOR_REVOKE, {"reject_cause": 4, "granted_ssrc": "burst"}),
    ("deny made by a client", MessageType.FLOOR_DENY, {"reject_cause": 1}),
    ("ack of a grant by a listener", MessageType.FLOOR_ACK, {"message_type": 1}),
    ("queue position asked", MessageType.QUEUE_POSITION_REQUEST, {}),
    ("priority claimed above the provisioned one", MessageType.QUEUE_POSITION_REQUEST, {"floor_priority": 255}),
    ("release that asks for an ack", MessageType.FLOOR_RELEASE, {"ack_required": True}),
]


@pytest.mark.parametrize("case", NO_EFFECT, ids=lambda case: case[0])
async def test_a_message_of_a_listener_does_not_touch_the_talker(
    call: LiveCall, case: tuple[str, MessageType, dict[str, Any]]
) -> None:
    """T-026: forged, foreign, and out of turn: the floor stays where it is."""
    _, kind, fields = case
    named = {name: call.burst_ssrc if value == "burst" else value for name, value in fields.items()}
    message = call.listener.floor_message(kind, **named)
    for _ in range(3):
        await call.listener.say(message)
        call.listener.send_udp(call.listener.uplink.protect_rtcp(message.encode()))
    await asyncio.sleep(0.05)
    call.listener.datagrams()
    await call.still_works()
    assert call.server.services.talk.floor_grants == 1
    assert next(iter(call.server.services.relay._bursts)) == call.burst_ssrc


async def test_an_expired_grant_is_worth_nothing(call: LiveCall) -> None:
    """T-026: after the release the old SSRC is refused by name, also when the same talker has the floor again."""
    late = [call.packet() for _ in range(3)]
    release = call.talker.floor_message(MessageType.FLOOR_RELEASE, granted_ssrc=call.burst_ssrc)
    for _ in range(3):
        await call.talker.say(release)
    await until(lambda: not call.server.services.talk.bursts_in_progress)
    for packet in late:
        call.talker.send_udp(packet)
    assert await call.heard() == []
    await call.talker.say(call.talker.floor_message(MessageType.FLOOR_REQUEST))
    await until(lambda: call.server.services.talk.bursts_in_progress)
    again = next(iter(call.server.services.relay._bursts))
    assert again != call.burst_ssrc
    await call.talker.say(release)
    call.talker.send_udp(late[0])
    call.talker.send_udp(call.talker.voice(again, 1))
    assert len(await call.heard(0.05)) == 1
    assert call.drops() == {"no_floor": 4}
    assert call.server.services.talk.bursts_in_progress == 1


async def test_an_emergency_takes_the_floor_without_overlap(call: LiveCall) -> None:
    """T-027: after the first packet of the new talker not one of the old is relayed."""
    carl = await BareRadio.log_in(await call.platform.enrol("Carl", "Patrol"))
    await carl.affiliate()
    await call.listener.ask(signalling.RaiseAlert(id=1, alert="alr_00000000000000a1"), signalling.AlertAccepted)
    await call.listener.say(call.listener.floor_message(MessageType.FLOOR_REQUEST, indicator=FloorIndicator.EMERGENCY))
    new_ssrc = 0
    sequence = 0
    async with asyncio.timeout(3):
        while sequence < 20:
            call.talker.send_udp(call.packet())
            current = next(iter(call.server.services.relay._bursts), call.burst_ssrc)
            if current != call.burst_ssrc:
                new_ssrc = current
                sequence += 1
                call.listener.send_udp(call.listener.voice(new_ssrc, sequence))
            await asyncio.sleep(0.01)
    heard = [packet.ssrc for packet in carl.voice_heard()]
    assert set(heard) == {call.burst_ssrc, new_ssrc}
    assert heard.index(new_ssrc) == heard.count(call.burst_ssrc), "old and new talker overlap"
    assert heard.count(new_ssrc) == 20
    assert call.drops()["no_floor"] >= 19
    await carl.close()


TALKER = """
import socket, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for packet in {packets!r}:
    udp.sendto(bytes.fromhex(packet), ("127.0.0.1", {port}))
    time.sleep(0.02)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_dead_talker_loses_the_floor_and_the_others_are_told(call: LiveCall, end: signal.Signals) -> None:
    """T-028: killed, or frozen: the floor is free within T1, by then everybody knows."""
    packets = [call.packet().hex() for _ in range(500)]
    source = TALKER.format(packets=packets, port=call.talker.media_address[1])
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", source)
    await until(lambda: call.server.services.relay.packets_relayed > 5)
    process.send_signal(end)
    ended = time.monotonic()
    await until(lambda: not call.server.services.talk.bursts_in_progress, 3)
    took_s = time.monotonic() - ended
    assert T1_S - 0.1 < took_s < T1_S + 0.3
    await asyncio.sleep(0.1)
    ear = EpochEar(call.listener.affiliations[call.group].epoch)
    plain = [ear.open(datagram) for datagram in call.listener.datagrams() if datagram[1] == 204]
    told = [FloorMessage.decode(packet).type for packet in plain if packet]
    assert told[-1] is MessageType.FLOOR_IDLE
    await call.listener.say(call.listener.floor_message(MessageType.FLOOR_REQUEST))
    await until(lambda: call.server.services.talk.bursts_in_progress)
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_a_listener_may_not_talk_without_the_floor_on_any_path(call: LiveCall) -> None:
    """T-026: RTP with SSRCs of one's own, or guessed ones, is dropped by name."""
    own = call.listener.affiliations[call.group].ssrc
    for ssrc in (own, call.listener.session.ssrc, 12345):
        call.listener.send_udp(call.listener.voice(ssrc, 1))
        await call.listener.connection.send(RtpPacket(1, 0, ssrc, bytes(20)).encode())
    await asyncio.sleep(0.05)
    assert call.drops() == {"no_floor": 4, "unknown_ssrc": 2}
    assert voice_only(call.talker.datagrams()) == []


async def test_a_listen_only_member_is_refused_even_in_an_emergency(call: LiveCall) -> None:
    """T-026: rights are the organisation's, not the packet's."""
    carl = await BareRadio.log_in(await call.platform.enrol("Carl", "Patrol", listen_only=True))
    await carl.affiliate()
    await carl.ask(signalling.RaiseAlert(id=1, alert="alr_00000000000000a1"), signalling.AlertAccepted)
    await carl.say(
        carl.floor_message(MessageType.FLOOR_REQUEST, indicator=FloorIndicator.EMERGENCY, floor_priority=255)
    )
    denied = await carl.told(MessageType.FLOOR_DENY)
    assert denied.reject_cause == 5
    await call.still_works()
    await carl.close()
