"""Follows a counter of RTP that wraps (sequence number 16 bit, timestamp 32 bit) as a number that does not."""


class WrappingCounter:
    """Each value is taken to be the nearest to the one before (RFC 3550 §A.1); the first one stands as it is."""

    __slots__ = ("_last", "_period", "highest")

    def __init__(self, bits: int) -> None:
        self._period = 1 << bits
        self._last: int | None = None
        self.highest: int | None = None

    def follow(self, value: int) -> int:
        """`value` without its wraps; it may be lower than the one before, and even negative."""
        last = value if self._last is None else self._last
        half = self._period // 2
        self._last = last + (value - last + half) % self._period - half
        self.highest = self._last if self.highest is None else max(self.highest, self._last)
        return self._last
