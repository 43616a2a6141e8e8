"""One timer for a pure machine: set anew after every step, it calls `expire` when the machine's deadline comes."""

import asyncio
import time
from collections.abc import Callable


class Alarm:
    """`set(deadline)` in monotonic seconds; None switches it off, `close` for ever."""

    def __init__(self, on_due: Callable[[float], None]) -> None:
        self._on_due = on_due
        self._handle: asyncio.TimerHandle | None = None
        self._closed = False

    def set(self, deadline: float | None) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if deadline is not None and not self._closed:
            wait_s = max(0.0, deadline - time.monotonic())
            self._handle = asyncio.get_running_loop().call_later(wait_s, self._ring)

    def close(self) -> None:
        """Whoever still touches the machine cannot wake it again."""
        self.set(None)
        self._closed = True

    def _ring(self) -> None:
        self._handle = None
        self._on_due(time.monotonic())
