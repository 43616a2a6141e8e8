"""The only reader of time: `now()` for deadlines (monotonic seconds), `utc_ms()` for records (UTC milliseconds)."""

import time


class Clock:
    """The machine's clocks. Tests pass another object with the same two methods."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean something."""
        return time.monotonic()

    def utc_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000
