"""One microphone for who talks and who is listened to: open while anybody reads, each frame for each reader."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator

import pytest

from ptthandset.audio.devices import AudioDeviceError
from ptthandset.audio.shared_microphone import QUEUE_FRAMES, SharedMicrophone


class Device:
    """Counts how often it is open; gives what the test says."""

    def __init__(self) -> None:
        self.opened = 0
        self.is_open = False
        self.works = True
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterable[bytes]]:
        if not self.works:
            raise AudioDeviceError
        assert not self.is_open, "the sound system gives it to one at a time"
        self.opened, self.is_open = self.opened + 1, True
        try:
            yield self._hear()
        finally:
            await asyncio.sleep(0.01)  # it takes a moment to close
            self.is_open = False

    async def _hear(self) -> AsyncIterator[bytes]:
        while True:
            yield await self._frames.get()

    async def hears(self, *frames: bytes) -> None:
        for frame in frames:
            self._frames.put_nowait(frame)
        while not self._frames.empty():
            await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_each_reader_gets_each_frame_from_its_entry_on() -> None:
    device = Device()
    shared = SharedMicrophone(device.open)
    async with shared.frames() as first:
        await device.hears(b"1")
        async with shared.frames() as second:
            await device.hears(b"2")
            assert await anext(second) == b"2"
        assert device.is_open
        await device.hears(b"3")
        assert [await anext(first) for _ in range(3)] == [b"1", b"2", b"3"]
    assert (device.opened, device.is_open) == (1, False)


async def test_who_comes_while_it_closes_waits_and_has_it_next() -> None:
    device = Device()
    shared = SharedMicrophone(device.open)

    async def use() -> None:
        async with shared.frames():
            await asyncio.sleep(0)

    async with shared.frames():
        later = asyncio.create_task(use())
    await asyncio.gather(later, *(use() for _ in range(5)))
    assert not device.is_open


async def test_a_microphone_that_does_not_open_says_why_and_may_work_the_next_time() -> None:
    device = Device()
    shared = SharedMicrophone(device.open)
    device.works = False
    with pytest.raises(AudioDeviceError):
        async with shared.frames():
            pass
    device.works = True
    async with shared.frames() as frames:
        await device.hears(b"1")
        assert await anext(frames) == b"1"


async def test_a_slow_reader_loses_the_oldest_and_delays_nobody() -> None:
    device = Device()
    shared = SharedMicrophone(device.open)
    async with shared.frames() as slow, shared.frames() as quick:
        for number in range(QUEUE_FRAMES + 5):
            await device.hears(bytes([number]))
            assert await anext(quick) == bytes([number])
        assert await anext(slow) == bytes([5])
    assert shared.dropped == 5
