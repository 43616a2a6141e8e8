"""One microphone for several who want it at once: whoever talks, and whoever is listened to meanwhile.

Some sound systems give a device to one at a time. The device is open while anybody reads.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

QUEUE_FRAMES = 20
_Queue = asyncio.Queue[bytes | None]


class SharedMicrophone:
    """`open_device` opens the real one: frames of s16le mono, all of one length."""

    def __init__(self, open_device: Callable[[], AbstractAsyncContextManager[AsyncIterable[bytes]]]) -> None:
        self._open_device = open_device
        self._readers: list[_Queue] = []
        self._turn = asyncio.Lock()
        self._pump: asyncio.Task[None] | None = None
        self.dropped = 0

    @asynccontextmanager
    async def frames(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """What it hears from now on; a reader that is too slow loses the oldest frames.

        Entering raises what opening the device raises.
        """
        queue: _Queue = asyncio.Queue(QUEUE_FRAMES)
        await self._enter(queue)
        try:
            yield self._read(queue)
        finally:
            await self._leave(queue)

    async def _enter(self, queue: _Queue) -> None:
        async with self._turn:
            if self._pump is None:
                opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._pump = asyncio.create_task(self._move(opened), name="microphone")
                try:
                    await opened
                except BaseException:
                    await self._stop()
                    raise
            self._readers.append(queue)

    async def _leave(self, queue: _Queue) -> None:
        self._readers.remove(queue)
        async with self._turn:
            if not self._readers:
                await self._stop()

    async def _stop(self) -> None:
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump

    async def _move(self, opened: asyncio.Future[None]) -> None:
        try:
            async with self._open_device() as heard:
                opened.set_result(None)
                async for frame in heard:
                    self._offer(frame)
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            self._offer(None)

    def _offer(self, frame: bytes | None) -> None:
        for queue in self._readers:
            if queue.full():
                queue.get_nowait()
                self.dropped += 1
            queue.put_nowait(frame)

    @staticmethod
    async def _read(queue: _Queue) -> AsyncIterator[bytes]:
        while (frame := await queue.get()) is not None:
            yield frame
