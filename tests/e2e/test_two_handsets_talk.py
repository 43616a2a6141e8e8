"""Two handsets and a real server: what one says, the other hears."""

import asyncio
import time
from collections.abc import AsyncIterator

from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pcm import frames
from ptthandset.audio.similarity import similarity
from ptthandset.media_path import Via
from ptthandset.speech import sentence_pcm
from ptthandset.talkgroup import Talkgroup
from running_server import Platform, until

RATE_HZ = 16_000


async def spoken(pcm: bytes, encoder: OpusEncoder) -> AsyncIterator[bytes]:
    """Speech at its natural pace."""
    due = time.monotonic()
    for frame in frames(pcm, encoder.frame_bytes):
        due += encoder.frame_ms / 1000
        await asyncio.sleep(due - time.monotonic())
        yield frame


async def listen(group: Talkgroup, heard: bytearray) -> None:
    due = time.monotonic()
    while True:
        heard += group.pull(time.monotonic())
        due += 0.02
        await asyncio.sleep(due - time.monotonic())


async def test_speech_arrives_whole_and_intelligible_by_udp_and_websocket(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"), use_udp=False)
    groups = [await handset.affiliate("Patrol") for handset in (anna, bert, carl)]
    await until(lambda: anna.media.via is Via.UDP and bert.media.via is Via.UDP)
    assert carl.media.via is Via.WEBSOCKET
    heard = [bytearray(), bytearray()]
    listeners = [asyncio.create_task(listen(g, h)) for g, h in zip(groups[1:], heard, strict=True)]
    encoder = OpusEncoder()
    pcm = sentence_pcm(0, RATE_HZ)

    talking = asyncio.create_task(groups[0].talk(spoken(pcm, encoder), encoder))
    await until(lambda: groups[1].talker and groups[2].talker)
    assert {group.talker.name for group in groups[1:]} == {"Anna"}
    report = await talking
    await until(lambda: not groups[1].has_voice and not groups[2].has_voice)
    for listener in listeners:
        listener.cancel()

    assert report.lost is None
    for group, sound in zip(groups[1:], heard, strict=True):
        statistics = group.finished_streams[0].statistics
        assert (statistics.received, statistics.lost) == (report.frames_sent, 0)
        assert similarity(pcm, bytes(sound), RATE_HZ) > 0.8
    assert not any(count for _, count in platform.server.relay.drops.items())
