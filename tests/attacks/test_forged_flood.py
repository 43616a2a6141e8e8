"""Forged packets by the hundred thousand: those who talk are heard, and who controls the floor is answered."""

import asyncio
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from attacks.bare_radio import BareRadio, voice_only
from attacks.server_apart import server_apart
from pttserver.config import FloorTimerSettings
from pttserver.media.batch_socket import AddressArray, BatchSocket
from pttserver.wire import signalling

FLOOD_S = 4.0
BATCH = 32


def flood(
    shapes: list[bytes], port: int, per_s: int, seconds: float, sent: "multiprocessing.sharedctypes.Synchronized[int]"
) -> None:
    """Sends the shapes in turn, in batches, at a steady pace."""
    udp = BatchSocket("127.0.0.1", 0, 1 << 20)
    target = AddressArray()
    address = b"\x02\x00" + port.to_bytes(2, "big") + bytes((127, 0, 0, 1)) + bytes(8)
    for _ in range(BATCH):
        target.append(address)
    started = time.monotonic()
    number = 0
    while (passed := time.monotonic() - started) < seconds:
        if udp.datagrams_sent > passed * per_s:
            time.sleep(0.0001)
            continue
        udp.send_to_all(shapes[number % len(shapes)], target, BATCH)
        number += 1
    sent.value = udp.datagrams_sent


@pytest.mark.alone
@pytest.mark.parametrize("forgery", ["unknown_ssrc", "bad_tag"])
async def test_voice_goes_on_under_a_flood_of_forged_packets(tmp_path: Path, forgery: str) -> None:
    """T-019: >= 99 % of the voice arrives, and the slowest of the pings on the TLS port is answered in time.

    The pace is what a core keeps up with beside the rest of the suite; the figures are printed. How far it goes alone:
    `python -m bench attack`.
    """
    floor = FloorTimerSettings(t2_stop_talking_s=60)
    async with server_apart(tmp_path, floor=floor) as apart:
        platform = apart.platform
        await platform.organise("Patrol")
        talker = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
        listener = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
        await talker.affiliate()
        await listener.affiliate()
        await listener.use_udp()
        ssrc = await talker.take_floor()
        await talker.use_udp()
        listener.datagrams()
        named = [ssrc.to_bytes(4, "big")] if forgery == "bad_tag" else [os.urandom(4) for _ in range(256)]
        shapes = [b"\x80\x6f\x7f\xff" + bytes(4) + name + os.urandom(76) for name in named]
        sent = multiprocessing.get_context("fork").Value("q", 0)
        sender = multiprocessing.get_context("fork").Process(
            target=flood, args=(shapes, apart.media_port, 60_000, FLOOD_S, sent)
        )
        before = await apart.metrics()
        sender.start()
        spoken = heard = 0
        slowest_s = 0.0
        due = time.monotonic()
        while sender.is_alive():
            spoken += 1
            talker.send_udp(talker.voice(ssrc, spoken))
            heard += len(voice_only(listener.datagrams()))
            if spoken % 10 == 0:
                asked = time.monotonic()
                await listener.ask(signalling.Ping(id=1), signalling.Pong)
                slowest_s = max(slowest_s, time.monotonic() - asked)
            due = max(due + 0.02, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        await asyncio.sleep(0.3)
        heard += len(voice_only(listener.datagrams()))
        after = await apart.metrics()
        name = f'pttserver_packets_dropped_total{{reason="{forgery}"}}'
        dropped = after[name] - before[name]
        lost = after["pttserver_datagrams_received_total"] - before["pttserver_datagrams_received_total"]
        print(
            f"\nT-019 {forgery}: {sent.value / FLOOD_S:,.0f} forged/s for {FLOOD_S:.0f} s, "
            f"{dropped:,.0f} dropped by name, {sent.value + spoken - lost:,.0f} lost in the kernel; "
            f"voice {heard}/{spoken}, slowest ping {slowest_s * 1000:.0f} ms"
        )
        assert heard >= 0.99 * spoken
        assert slowest_s < 0.5
        await talker.close()
        await listener.close()
