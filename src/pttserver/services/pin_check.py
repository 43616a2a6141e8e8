"""Checks PINs and passwords off the event loop: argon2id in a few threads, with a bounded queue before them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pttserver.config import AuthenticationSettings
from pttserver.crypto.passwords import PinHasher
from pttserver.errors import ServerBusy

RETRY_AFTER_S = 2

T = TypeVar("T")


class PinCheck:
    """`verify` costs the same for a known and an unknown subscriber."""

    def __init__(self, settings: AuthenticationSettings) -> None:
        self._hasher = PinHasher(settings.pin_hash_memory_kib, settings.pin_hash_passes)
        self._nobodys_hash = self._hasher.dummy_hash  # made now: the first unknown subscriber must take no longer
        self._threads = ThreadPoolExecutor(settings.pin_hash_workers, thread_name_prefix="pin")
        self._limit = settings.pin_hash_workers + settings.pin_hash_waiting
        self.in_progress = 0

    async def verify(self, pin_hash: str | None, pin: str) -> bool:
        """Whether the PIN fits; None stands for an unknown subscriber and fits nothing. Raises ServerBusy."""
        fits = await self._in_turn(self._hasher.verify, pin_hash or self._nobodys_hash, pin)
        return fits and pin_hash is not None

    async def hash(self, password: str) -> str:
        """What is kept of a new password. Raises ServerBusy."""
        return await self._in_turn(self._hasher.hash, password)

    async def _in_turn(self, work: Callable[..., T], *arguments: str) -> T:
        if self.in_progress >= self._limit:
            raise ServerBusy(retry_after_s=RETRY_AFTER_S)
        self.in_progress += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self.in_progress -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
