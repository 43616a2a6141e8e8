"""A grid index: whose boxes a point lies in, at a cost that does not grow with their number but with their crowding.

Each box lies on the level whose cells are at least as large as itself, so in four cells at most. Levels double from a
hundredth of a degree (1.1 km) on. A look-up asks each level that is in use for one cell, and compares the boxes there.
"""

import math
from collections.abc import Iterable, Sequence

from pttserver.places.areas import Box

FINEST_DEGREES = 0.01

_Cell = tuple[int, int, int]  # level, row, column


class Grid:
    """Numbers of boxes, in the order that they were given."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self._cells: dict[_Cell, list[tuple[Box, int]]] = {}
        for number, box in enumerate(boxes):
            for part in _within_180(box):
                self._put(number, part)
        self._levels = sorted({level for level, _, _ in self._cells})

    def _put(self, number: int, box: Box) -> None:
        level = _level(box)
        south, west = _row_and_column(level, box.south, box.west)
        north, east = _row_and_column(level, box.north, box.east)
        for row in range(south, north + 1):
            for column in range(west, east + 1):
                self._cells.setdefault((level, row, column), []).append((box, number))

    def near(self, latitude: float, longitude: float) -> Sequence[int]:
        """The boxes that hold the point."""
        found: list[int] = []
        for level in self._levels:
            for box, number in self._cells.get((level, *_row_and_column(level, latitude, longitude)), ()):
                south, west, north, east = box
                if south <= latitude <= north and west <= longitude <= east:
                    found.append(number)
        return found


def _level(box: Box) -> int:
    side = max(box.north - box.south, box.east - box.west)
    return max(0, math.ceil(math.log2(side / FINEST_DEGREES))) if side > FINEST_DEGREES else 0


def _row_and_column(level: int, latitude: float, longitude: float) -> tuple[int, int]:
    cell = FINEST_DEGREES * 2**level
    return math.floor(latitude / cell), math.floor(longitude / cell)


def _within_180(box: Box) -> Iterable[Box]:
    """A box across ±180° is two."""
    if box.west < -180:
        return (box._replace(west=-180.0), box._replace(west=box.west + 360, east=180.0))
    if box.east > 180:
        return (box._replace(east=180.0), box._replace(west=-180.0, east=box.east - 360))
    return (box,)
