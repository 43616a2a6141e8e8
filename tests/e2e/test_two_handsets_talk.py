"""Two handsets and a real server: what one says, the others hear, by UDP and on a WebSocket."""

import asyncio

from e2e.voices import RATE_HZ, listening, say, sentence
from ptthandset.audio.similarity import similarity
from ptthandset.media_path import Via
from running_server import Platform, until


async def test_speech_arrives_whole_and_intelligible_by_udp_and_websocket(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    carl = await platform.log_in(await platform.enrol("Carl", "Patrol"), use_udp=False)
    talker, *listeners = [await handset.affiliate("Patrol") for handset in (anna, bert, carl)]
    await until(lambda: anna.media.via is Via.UDP and bert.media.via is Via.UDP)
    assert carl.media.via is Via.WEBSOCKET

    async with listening(*listeners) as heard:
        talking = asyncio.create_task(say(talker, sentence()))
        await until(lambda: all(group.talker for group in listeners))
        assert {group.talker.name for group in listeners} == {"Anna"}
        report = await talking
        await until(lambda: not any(group.has_voice for group in listeners))

    assert report.lost is None
    for group, sound in zip(listeners, heard, strict=True):
        assert (group.statistics.received, group.statistics.lost) == (report.frames_sent, 0)
        assert similarity(sentence(), bytes(sound), RATE_HZ) > 0.8
    assert not any(count for _, count in platform.server.services.relay.drops.items())
