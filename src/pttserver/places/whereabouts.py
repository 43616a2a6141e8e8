"""The last positions of an organisation's devices, in memory, until they are too old."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pttserver.ids import SubscriberId
from pttserver.wire.signalling import Position


class Past(NamedTuple):
    """What the next position of a device is compared with. UTC milliseconds.

    `last`: None if it was forgotten. `taken_ms`: of the newest that was taken, forgotten or not. `since_ms`: what was
    measured at or before this moment is not ours to know.
    """

    last: Position | None = None
    taken_ms: int | None = None
    since_ms: int = 0


class Whereabouts:
    """Of one organisation. `lifetime_ms`: what is older is forgotten; only its time is left, for the next to wait."""

    def __init__(self, lifetime_ms: int) -> None:
        self._lifetime_ms = lifetime_ms
        self._past: dict[SubscriberId, Past] = {}

    def past(self, who: SubscriberId) -> Past:
        return self._past.get(who, Past())

    def put(self, who: SubscriberId, position: Position) -> None:
        """Positions of a device come in the order of time."""
        self._past[who] = Past(position, position.at_ms, self.past(who).since_ms)

    def last(self, who: SubscriberId, now_ms: int) -> Position | None:
        position = self.past(who).last
        return None if position is None or self._is_over(position, now_ms) else position

    def known(self) -> list[SubscriberId]:
        """Of whom there is a position, too old or not."""
        return [who for who, past in self._past.items() if past.last is not None]

    def all(self, now_ms: int) -> Iterator[tuple[SubscriberId, Position]]:
        """Those that are not too old."""
        for who, past in list(self._past.items()):
            if past.last is not None and not self._is_over(past.last, now_ms):
                yield who, past.last

    def change(self, change: Callable[[Position], Position]) -> None:
        """Each last position into another, which is less exact."""
        for who, past in self._past.items():
            if past.last is not None:
                self._past[who] = past._replace(last=change(past.last))

    def forget(self, who: SubscriberId, now_ms: int) -> bool:
        """Location is off for the device, or on again: nothing from before counts. Whether there was a position."""
        past = self.past(who)
        self._past[who] = Past(None, None, now_ms)
        return past.last is not None

    def expire(self, now_ms: int) -> list[SubscriberId]:
        """Forgets positions that are too old; gives whose they were."""
        over = [who for who, past in self._past.items() if past.last is not None and self._is_over(past.last, now_ms)]
        for who in over:
            self._past[who] = self._past[who]._replace(last=None)
        return over

    def _is_over(self, position: Position, now_ms: int) -> bool:
        return position.at_ms <= now_ms - self._lifetime_ms
