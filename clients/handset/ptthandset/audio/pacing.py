"""The steady beat of sound where no sound card gives it: files are spoken and heard at their natural pace."""

import asyncio
import time
from collections.abc import AsyncIterator

from ptthandset.audio.pcm import PcmFrame, frames

LATE_S = 0.5  # behind by more than this (the machine slept), the beat starts anew instead of catching up


async def ticks(interval_ms: float) -> AsyncIterator[float]:
    """Monotonic seconds, every `interval_ms` without drift."""
    due = time.monotonic()
    while True:
        yield time.monotonic()
        due += interval_ms / 1000
        wait_s = due - time.monotonic()
        if wait_s < -LATE_S:
            due = time.monotonic()
        await asyncio.sleep(max(0.0, wait_s))


async def spoken(pcm: bytes, frame_bytes: int, frame_ms: float) -> AsyncIterator[PcmFrame]:
    """The frames of a recording, each when a microphone would have it: at the end of the frame."""
    beat = ticks(frame_ms)
    await anext(beat)
    for frame in frames(pcm, frame_bytes):
        await anext(beat)
        yield frame
