"""Fences of an organisation, and who is in them: entered, stays, left.

A position is uncertain, so coming and going are told apart by a margin (hysteresis):
 1. who is outside has entered when a position lies inside, unless it is too vague to tell: less certain than the fence
    is large, and than 100 m
 2. who is inside has left when a position lies outside by more than its own accuracy, and by more than 10 m
 3. whoever is inside longer than the fence's dwell time stays; that is told once

Positions of a device come in the order of time. Nothing is kept of them: only which fences the device is in, and since
when.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pttserver.ids import SubscriberId
from pttserver.places.areas import Area
from pttserver.places.grid import Grid
from pttserver.wire.signalling import Position

VAGUE_M = 100.0
LEAST_MARGIN_M = 10.0


class Crossing(StrEnum):
    """What a position tells of a device and a fence."""

    ENTERED = "entered"
    STAYS = "stays"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Fence:
    """`dwell_s`: 0 if nobody is told who stays."""

    fence_id: str
    name: str
    area: Area
    dwell_s: int = 0

    def admits(self, position: Position) -> bool:
        """Whether who was outside is inside now."""
        if position.accuracy_m > max(self.area.size_m, VAGUE_M):
            return False
        return self.area.outside_m(position.latitude, position.longitude) <= 0

    def loses(self, position: Position) -> bool:
        """Whether who was inside is outside now."""
        margin_m = max(position.accuracy_m, LEAST_MARGIN_M)
        return self.area.outside_m(position.latitude, position.longitude) > margin_m


@dataclass(slots=True)
class _Stay:
    since_ms: int
    told: bool = False


class Fences:
    """Those of one organisation, with the stays of its devices. Other fences: `replace`."""

    def __init__(self, fences: Iterable[Fence] = ()) -> None:
        self._stays: dict[SubscriberId, dict[str, _Stay]] = {}
        self.replace(fences)

    def replace(self, fences: Iterable[Fence]) -> None:
        """From now on these. Who is in one that goes on is still in it; with another shape the next position tells."""
        self._fences = list(fences)
        self.by_id = {fence.fence_id: fence for fence in self._fences}
        self._grid = Grid(fence.area.box for fence in self._fences)
        for who, stays in list(self._stays.items()):
            self._keep(who, {fence_id: stay for fence_id, stay in stays.items() if fence_id in self.by_id})

    def see(self, who: SubscriberId, position: Position) -> list[tuple[Fence, Crossing]]:
        """What the position tells: who left comes first."""
        stays = dict(self._stays.get(who, {}))
        crossings = [*self._of_stays(stays, position), *self._of_others(stays, position)]
        self._keep(who, stays)
        return crossings

    def _of_stays(self, stays: dict[str, _Stay], position: Position) -> Iterator[tuple[Fence, Crossing]]:
        for fence_id, stay in list(stays.items()):
            fence = self.by_id[fence_id]
            if fence.loses(position):
                del stays[fence_id]
                yield fence, Crossing.LEFT
            elif fence.dwell_s and not stay.told and position.at_ms - stay.since_ms >= 1000 * fence.dwell_s:
                stay.told = True
                yield fence, Crossing.STAYS

    def _of_others(self, stays: dict[str, _Stay], position: Position) -> Iterator[tuple[Fence, Crossing]]:
        for number in self._grid.near(position.latitude, position.longitude):
            fence = self._fences[number]
            if fence.fence_id not in stays and fence.admits(position):
                stays[fence.fence_id] = _Stay(position.at_ms)
                yield fence, Crossing.ENTERED

    def those_of(self, who: SubscriberId) -> frozenset[str]:
        """Identifiers of the fences that the device is in."""
        return frozenset(self._stays.get(who, ()))

    def forget(self, who: SubscriberId) -> None:
        """Nothing is known of the device any more; that it left is not told."""
        self._stays.pop(who, None)

    def _keep(self, who: SubscriberId, stays: dict[str, _Stay]) -> None:
        if stays:
            self._stays[who] = stays
        else:
            self._stays.pop(who, None)
