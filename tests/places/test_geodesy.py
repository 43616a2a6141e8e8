"""Distances against the geodesic of pyproj (Karney's algorithm), which is right to nanometres."""

from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from pttserver.places.geodesy import distance_m, eastward, scale

WGS84 = Geod(ellps="WGS84")
ANYWHERE = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
WHERE_FENCES_LIE = st.tuples(st.floats(-84, 84), st.floats(-180, 180))


def geodesic_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(WGS84.inv(one[1], one[0], other[1], other[0])[2])


def at(start: tuple[float, float], azimuth: float, metres: float) -> tuple[float, float]:
    longitude, latitude, _ = WGS84.fwd(start[1], start[0], azimuth, metres)
    return float(latitude), float(longitude)


@given(WHERE_FENCES_LIE, st.floats(0, 360), st.floats(0, 1_000))
def test_a_kilometre_is_right_to_a_tenth_of_a_millimetre(start, azimuth, metres):
    assert abs(distance_m(*start, *at(start, azimuth, metres)) - metres) < 1e-4


@given(WHERE_FENCES_LIE, st.floats(0, 360), st.floats(1_000, 60_000))
def test_as_far_as_fences_reach_the_error_is_small(start, azimuth, metres):
    assert abs(distance_m(*start, *at(start, azimuth, metres)) - metres) < 1e-3 * metres


@given(ANYWHERE, ANYWHERE)
def test_anywhere_the_error_is_that_of_a_sphere(one, other):
    true_m = geodesic_m(one, other)
    assert abs(distance_m(*one, *other) - true_m) <= 0.006 * true_m + 1e-3 * 200_000 * (true_m < 260_000)


@given(ANYWHERE, ANYWHERE)
def test_there_and_back_are_the_same(one, other):
    assert abs(distance_m(*one, *other) - distance_m(*other, *one)) <= 1e-6


def test_the_shorter_way_east_goes_across_180():
    assert eastward(179.5, -179.5) == 1
    assert eastward(-179.5, 179.5) == -1
    assert distance_m(0, 179.9995, 0, -179.9995) < 112


def test_a_degree_at_the_equator_and_at_the_pole():
    """The lengths that every table of WGS 84 has."""
    assert [round(metres) for metres in scale(0)] == [110_574, 111_319]
    assert round(scale(45)[0]) == 111_132
    assert round(scale(90)[0]) == 111_694
