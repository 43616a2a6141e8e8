"""Checks PINs off the event loop: argon2id in a few threads, with a bounded queue before them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from pttserver.config import AuthenticationSettings
from pttserver.crypto.passwords import PinHasher
from pttserver.errors import ServerBusy

RETRY_AFTER_S = 2


class PinCheck:
    """`verify` costs the same for a known and an unknown subscriber."""

    def __init__(self, settings: AuthenticationSettings) -> None:
        self._hasher = PinHasher(settings.pin_hash_memory_kib, settings.pin_hash_passes)
        self._threads = ThreadPoolExecutor(settings.pin_hash_workers, thread_name_prefix="pin")
        self._limit = settings.pin_hash_workers + settings.pin_hash_waiting
        self.in_progress = 0

    async def verify(self, pin_hash: str | None, pin: str) -> bool:
        """Whether the PIN fits; None stands for an unknown subscriber and fits nothing. Raises ServerBusy."""
        if self.in_progress >= self._limit:
            raise ServerBusy(retry_after_s=RETRY_AFTER_S)
        self.in_progress += 1
        try:
            loop = asyncio.get_running_loop()
            fits = await loop.run_in_executor(
                self._threads, self._hasher.verify, pin_hash or self._hasher.dummy_hash, pin
            )
        finally:
            self.in_progress -= 1
        return fits and pin_hash is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
