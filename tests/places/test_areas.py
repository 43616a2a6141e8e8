"""Areas against shapely (GEOS) and pyproj: inside is exact, metres near the border are good."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import LinearRing, LineString, Point, Polygon

from pttserver.errors import InvalidValue
from pttserver.places.areas import area
from pttserver.wire.signalling import CircleShape, CorridorShape, PolygonShape
from pttserver.wire.signalling import Point as WirePoint

WGS84 = Geod(ellps="WGS84")
# Binary fractions, whose sums and products are exact: else shapely and we would judge different corners.
CENTRES = st.tuples(st.integers(-78 * 64, 78 * 64), st.integers(-178 * 64, 178 * 64)).map(
    lambda place: (place[0] / 64, place[1] / 64)
)
OFFSETS = st.tuples(st.integers(-1300, 1300), st.integers(-1300, 1300)).map(
    lambda place: (place[0] / 65536, place[1] / 65536)
)


def corners(*pairs: tuple[float, float]) -> list[WirePoint]:
    return [WirePoint(latitude=latitude, longitude=longitude) for latitude, longitude in pairs]


def around(centre: tuple[float, float], offsets: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(centre[0] + north, centre[1] + east) for north, east in offsets]


def polygon(*pairs: tuple[float, float]) -> PolygonShape:
    return PolygonShape(points=corners(*pairs))


@st.composite
def rings(draw):
    """Star-shaped about a centre, or any order of corners: then it crosses itself more often than not."""
    centre = draw(CENTRES)
    found = draw(st.lists(OFFSETS, min_size=3, max_size=12, unique=True))
    if draw(st.booleans()):
        found = sorted(found, key=lambda offset: math.atan2(*offset))
    return around(centre, found)


def is_simple(ring: list[tuple[float, float]]) -> bool:
    shape = LinearRing([(east, north) for north, east in ring])
    return bool(shape.is_simple) and Polygon(shape).area > 1e-12


@given(rings())
def test_what_crosses_itself_is_refused_as_shapely_sees_it(ring):
    if is_simple(ring):
        assert area(polygon(*ring)).size_m > 0
    else:
        with pytest.raises(InvalidValue):
            area(polygon(*ring))


@given(rings(), OFFSETS)
def test_inside_is_exact(ring, offset):
    assume(is_simple(ring))
    north, east = around(ring[0], [offset])[0]
    oracle = Polygon([(x, y) for y, x in ring])
    assume(oracle.exterior.distance(Point(east, north)) > 1e-9)
    assert (area(polygon(*ring)).outside_m(north, east) <= 0) == oracle.contains(Point(east, north))


@settings(max_examples=50)
@given(rings(), OFFSETS)
def test_metres_to_the_border_are_good(ring, offset):
    """Against the nearest of many geodesic distances to points on the border."""
    assume(is_simple(ring))
    north, east = around(ring[0], [offset])[0]
    border = Polygon([(x, y) for y, x in ring]).exterior
    on_it = [border.interpolate(n / 500, normalized=True) for n in range(500)]
    starts = [east] * 500, [north] * 500
    true_m = min(WGS84.inv(*starts, [point.x for point in on_it], [point.y for point in on_it])[2])
    step_m = border.length * 111_700 / 500
    assert abs(abs(area(polygon(*ring)).outside_m(north, east)) - true_m) <= step_m + 0.002 * true_m


@given(CENTRES, st.floats(0, 360), st.floats(10, 100_000), st.floats(0, 2))
def test_circles_are_right_to_a_thousandth(centre, azimuth, radius_m, part):
    metres = part * radius_m
    longitude, latitude, _ = WGS84.fwd(centre[1], centre[0], azimuth, metres)
    circle = area(CircleShape(center=corners(centre)[0], radius_m=radius_m))
    assert abs(circle.outside_m(latitude, longitude) - (metres - radius_m)) <= 1e-3 * max(metres, 1)


@given(CENTRES, st.lists(OFFSETS, min_size=2, max_size=8, unique=True), OFFSETS, st.floats(20, 2000))
def test_corridors_reach_half_their_width_from_the_line(centre, line, offset, width_m):
    route = around(centre, line)
    north, east = around(centre, [offset])[0]
    shape = LineString([(x, y) for y, x in route])
    nearest = shape.interpolate(shape.project(Point(east, north)))  # nearest in degrees: an upper bound in metres
    at_most_m = WGS84.inv(east, north, nearest.x, nearest.y)[2]
    found_m = area(CorridorShape(points=corners(*route), width_m=width_m)).outside_m(north, east)
    assert found_m <= 1.02 * at_most_m - width_m / 2 + 0.01


@given(rings(), OFFSETS)
def test_the_box_holds_all_that_is_inside(ring, offset):
    assume(is_simple(ring))
    made = area(polygon(*ring))
    north, east = around(ring[0], [offset])[0]
    if made.outside_m(north, east) <= 0:
        assert made.box.south <= north <= made.box.north
        assert made.box.west <= east <= made.box.east


@given(st.tuples(st.floats(-80, 80), st.floats(-180, 180)), st.floats(10, 100_000), st.floats(0, 360))
def test_the_box_of_a_circle_holds_it(centre, radius_m, azimuth):
    made = area(CircleShape(center=corners(centre)[0], radius_m=radius_m))
    longitude, latitude, _ = WGS84.fwd(centre[1], centre[0], azimuth, radius_m)
    nothing = 1e-9  # a tenth of a millimetre
    assert made.box.south - nothing <= latitude <= made.box.north + nothing
    turned = [longitude + turn for turn in (-360, 0, 360)]
    assert any(made.box.west - nothing <= east <= made.box.east + nothing for east in turned)


def test_a_circle_lies_across_180():
    made = area(CircleShape(center=corners((10, 179.999))[0], radius_m=1000))
    assert made.outside_m(10, -179.999) < 0
    assert made.outside_m(10, -179.9) > 0


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (polygon((10, 179), (10, -179), (11, 179)), "180"),
        (CorridorShape(points=corners((10, 179), (10, -179)), width_m=100), "180"),
        (polygon((0, 0), (1, 1), (0, 1), (1, 0)), "crosses itself"),
        (polygon((0, 0), (0, 1), (0, 2)), "crosses itself|encloses nothing"),
        (polygon((0, 0), (0, 1), (0, 0)), "three corners"),
        (polygon((0, 0), (0, 1), (1, 1), (0, 1)), "three corners"),
        (CircleShape(center=corners((86, 0))[0], radius_m=100), "not at a pole"),
        (polygon((0, 0), (0, 30), (1, 15)), "at most 20"),
        (CorridorShape(points=corners((1, 1), (1, 1)), width_m=100), "from one point to another"),
    ],
)
def test_what_cannot_be_a_fence_is_refused_with_its_reason(shape, reason):
    with pytest.raises(InvalidValue, match=reason):
        area(shape)


def test_a_closed_ring_of_geojson_is_the_same_polygon():
    ring = [(55.0, 12.0), (55.0, 12.1), (55.1, 12.1)]
    open_one, closed = area(polygon(*ring)), area(polygon(*ring, ring[0]))
    assert open_one.outside_m(55.05, 12.09) == closed.outside_m(55.05, 12.09)
