"""Areas: a shape of the wire, checked, that tells how far outside of it a point is.

Edges are straight in degrees of longitude and latitude, as in GeoJSON (RFC 7946 §3.1.1), so that whether a point is
inside is exact. Metres are measured with the scale at the point that is asked for: near a border, where they matter,
they are as good as the scale is, and 2 km from it they are right to 0.2 %, up to 78° of latitude.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from pttserver.errors import InvalidValue
from pttserver.places.geodesy import distance_m, eastward, scale
from pttserver.wire import signalling

FARTHEST_LATITUDE = 85.0  # nearer to a pole degrees of longitude are too narrow for grids and for fences
WIDEST_DEGREES = 20.0

Corner = tuple[float, float]  # longitude, latitude: x, y


class Box(NamedTuple):
    """Degrees; `west` and `east` may reach beyond ±180."""

    south: float
    west: float
    north: float
    east: float


class Area(Protocol):
    """What shapes can do."""

    box: Box
    size_m: float
    """How far, roughly, its midst is from its border."""

    def outside_m(self, latitude: float, longitude: float) -> float:
        """Metres to the border; 0 or negative inside."""


class Circle:
    """What is within a distance of a point; it may lie across ±180°."""

    __slots__ = ("_latitude", "_longitude", "box", "size_m")

    def __init__(self, shape: signalling.CircleShape) -> None:
        self._latitude, self._longitude = shape.center.latitude, shape.center.longitude
        self.size_m = shape.radius_m
        self.box = _around([(self._longitude, self._latitude)], shape.radius_m)

    def outside_m(self, latitude: float, longitude: float) -> float:
        return distance_m(latitude, longitude, self._latitude, self._longitude) - self.size_m


class Polygon:
    """What a ring encloses. Raises InvalidValue if it crosses itself, or ±180°."""

    __slots__ = ("_edges", "box", "size_m")

    def __init__(self, shape: signalling.PolygonShape) -> None:
        corners = _corners(shape.points)
        if len(corners) > 1 and corners[0] == corners[-1]:
            corners.pop()
        if len(set(corners)) < len(corners) or len(corners) < 3:
            raise InvalidValue("A polygon has at least three corners, no two of them the same.")
        self._edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
        _refuse_long(self._edges)
        _refuse_crossing(self._edges)
        self.box = _around(corners, 0)
        north_m, east_m = scale((self.box.south + self.box.north) / 2)
        self.size_m = math.sqrt(abs(_doubled_area(self._edges)) / 2 * north_m * east_m / math.pi)
        if not self.size_m:
            raise InvalidValue("The polygon encloses nothing.")

    def outside_m(self, latitude: float, longitude: float) -> float:
        border_m = _to_edges_m(self._edges, latitude, longitude)
        return -border_m if _encloses(self._edges, latitude, longitude) else border_m


class Corridor:
    """What is near a line. Raises InvalidValue if it crosses ±180°."""

    __slots__ = ("_edges", "box", "size_m")

    def __init__(self, shape: signalling.CorridorShape) -> None:
        corners = _corners(shape.points)
        if len(set(corners)) < 2:
            raise InvalidValue("A corridor leads from one point to another.")
        self._edges = list(pairwise(corners))
        _refuse_long(self._edges)
        self.size_m = shape.width_m / 2
        self.box = _around(corners, self.size_m)

    def outside_m(self, latitude: float, longitude: float) -> float:
        return _to_edges_m(self._edges, latitude, longitude) - self.size_m


Edge = tuple[Corner, Corner]


def area(shape: signalling.CircleShape | signalling.PolygonShape | signalling.CorridorShape) -> Area:
    """Raises InvalidValue; its message says what is wrong with the shape."""
    match shape:
        case signalling.CircleShape():
            return Circle(shape)
        case signalling.PolygonShape():
            return Polygon(shape)
        case signalling.CorridorShape():
            return Corridor(shape)


def _corners(points: Sequence[signalling.Point]) -> list[Corner]:
    return [(point.longitude, point.latitude) for point in points]


def _around(corners: Sequence[Corner], margin_m: float) -> Box:
    """The box of the corners with a margin."""
    south, north = min(y for _, y in corners), max(y for _, y in corners)
    rise = margin_m / scale(0)[0]  # a degree is shortest there
    farthest = max(abs(south - rise), abs(north + rise))
    if farthest > FARTHEST_LATITUDE:
        raise InvalidValue(f"A fence lies between {FARTHEST_LATITUDE:.0f}° south and north, not at a pole.")
    aside = margin_m / scale(farthest)[1]
    west, east = min(x for x, _ in corners), max(x for x, _ in corners)
    box = Box(south - rise, west - aside, north + rise, east + aside)
    if max(box.north - box.south, box.east - box.west) > WIDEST_DEGREES:
        raise InvalidValue(f"A fence is at most {WIDEST_DEGREES:.0f}° high and wide.")
    return box


def _refuse_long(edges: Sequence[Edge]) -> None:
    for (x1, _), (x2, _) in edges:
        if abs(x2 - x1) > 180:
            raise InvalidValue("The shape crosses the meridian of 180°: cut it there into two (RFC 7946 §3.1.9).")


# Planes: x is longitude, y latitude, both in degrees ----------------------------------------------------------------


def _encloses(edges: Sequence[Edge], y: float, x: float) -> bool:
    """Counts the edges that a ray to the east crosses; an edge has its lower end, not its upper one."""
    inside = False
    for (x1, y1), (x2, y2) in edges:
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


def _to_edges_m(edges: Sequence[Edge], latitude: float, longitude: float) -> float:
    """Metres from a point to the nearest of the edges, in the plane that touches the Earth there."""
    north_m, east_m = scale(latitude)
    nearest = math.inf
    for (x1, y1), (x2, y2) in edges:
        from_x, from_y = eastward(longitude, x1) * east_m, (y1 - latitude) * north_m
        along_x, along_y = (x2 - x1) * east_m, (y2 - y1) * north_m
        length_2 = along_x * along_x + along_y * along_y
        part = -(from_x * along_x + from_y * along_y) / length_2 if length_2 else 0.0
        part = min(1.0, max(0.0, part))
        nearest = min(nearest, math.hypot(from_x + part * along_x, from_y + part * along_y))
    return nearest


def _doubled_area(edges: Sequence[Edge]) -> float:
    """Square degrees, from the first corner to keep what little there is of rounding."""
    (x0, y0), _ = edges[0]
    return sum((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0) for (x1, y1), (x2, y2) in edges)


def _refuse_crossing(edges: Sequence[Edge]) -> None:
    """Edges are compared from west to east, each with those that begin before it ends."""
    number = {edge: n for n, edge in enumerate(edges)}
    by_west = sorted(edges, key=lambda edge: min(edge[0][0], edge[1][0]))
    for n, one in enumerate(by_west):
        east = max(one[0][0], one[1][0])
        for other in by_west[n + 1 :]:
            if min(other[0][0], other[1][0]) > east:
                break
            apart = abs(number[one] - number[other])
            neighbours = apart in (1, len(edges) - 1)
            if _folded(one, other) if neighbours else _cross(one, other):
                raise InvalidValue("The polygon crosses itself.")


def _side(one: Corner, other: Corner, point: Corner) -> float:
    return (other[0] - one[0]) * (point[1] - one[1]) - (other[1] - one[1]) * (point[0] - one[0])


def _between(one: Corner, other: Corner, point: Corner) -> bool:
    """Of a point on the line through both."""
    return min(one[0], other[0]) <= point[0] <= max(one[0], other[0]) and min(one[1], other[1]) <= point[1] <= max(
        one[1], other[1]
    )


def _cross(one: Edge, other: Edge) -> bool:
    """Whether two edges have any point in common."""
    a, b, c, d = *one, *other
    sides = (_side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b))
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0 and _between(*end) for side, end in zip(sides, ends, strict=True))


def _folded(one: Edge, other: Edge) -> bool:
    """Whether two edges that share a corner lie on each other."""
    shared = (set(one) & set(other)).pop()
    (end,), (other_end,) = set(one) - {shared}, set(other) - {shared}
    if _side(shared, end, other_end) != 0:
        return False
    forth = (end[0] - shared[0]) * (other_end[0] - shared[0]) + (end[1] - shared[1]) * (other_end[1] - shared[1])
    return forth > 0
