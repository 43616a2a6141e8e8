"""Handsets that talk and listen in tests at the natural pace of speech."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pacing import spoken, ticks
from ptthandset.speech import sentence_pcm
from ptthandset.talkgroup import Talkgroup, TalkReport

RATE_HZ = 16_000
FRAME_MS = 20


def sentence(index: int = 0, seconds: float | None = None) -> bytes:
    """Real speech, s16le mono at 16 kHz; `seconds` cuts it."""
    pcm = sentence_pcm(index, RATE_HZ)
    return pcm if seconds is None else pcm[: 2 * round(seconds * RATE_HZ)]


async def say(group: Talkgroup, pcm: bytes, **request: object) -> TalkReport:
    """Presses the key, says it, lets go."""
    encoder = OpusEncoder(RATE_HZ, FRAME_MS)
    return await group.talk(spoken(pcm, encoder.frame_bytes, FRAME_MS), encoder, **request)


@contextlib.asynccontextmanager
async def listening(*groups: Talkgroup) -> AsyncIterator[list[bytearray]]:
    """What each group's loudspeaker plays, while the block lasts."""
    heard = [bytearray() for _ in groups]

    async def listen(group: Talkgroup, sound: bytearray) -> None:
        async for now in ticks(FRAME_MS):
            sound += group.pull(now, FRAME_MS)

    tasks = [asyncio.create_task(listen(g, sound)) for g, sound in zip(groups, heard, strict=True)]
    try:
        yield heard
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
