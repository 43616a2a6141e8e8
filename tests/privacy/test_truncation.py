"""Truncation: what is left of texts, addresses and positions, and that twice is as once."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_texts import policy_of

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Rule
from pttserver.privacy.sections import Truncation
from pttserver.privacy.truncation import coarse_position, on_grid, truncate

LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


def rule(category: Category, truncation: str) -> Rule:
    location = "[location]\nenabled = true\nlive_only = false\n" if category is Category.LOCATION else ""
    more = f"{location}[categories.{category}]\nstore = 'truncated'\ntruncate = {{ {truncation} }}"
    return policy_of(more).rule(category)


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """On a sphere of 6,371 km (haversine)."""
    south, north = math.radians(one[0]), math.radians(other[0])
    east = math.radians(other[1] - one[1])
    chord = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(east / 2) ** 2
    return 2 * 6_371_000 * math.asin(math.sqrt(min(1.0, chord)))


@pytest.mark.parametrize("text", ["", "x", "x" * 159, "x" * 160, "x" * 161, "🚒" * 200])
def test_texts_keep_their_first_code_points(text: str) -> None:
    assert truncate(Category.MESSAGE_CONTENT, text, rule(Category.MESSAGE_CONTENT, "characters = 160")) == text[:160]


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("255.255.255.255", "255.255.255.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::1", "::"),
    ],
)
def test_addresses_keep_their_leading_bits(address: str, left: str) -> None:
    kept = rule(Category.IP_ADDRESS, "ipv4_bits = 24, ipv6_bits = 48")
    assert truncate(Category.IP_ADDRESS, address, kept) == left
    assert truncate(Category.IP_ADDRESS, left, kept) == left


def test_all_bits_or_none() -> None:
    assert (
        truncate(Category.IP_ADDRESS, "203.0.113.77", rule(Category.IP_ADDRESS, "ipv4_bits=0, ipv6_bits=0"))
        == "0.0.0.0"
    )
    whole = rule(Category.IP_ADDRESS, "ipv4_bits=32, ipv6_bits=128")
    assert truncate(Category.IP_ADDRESS, "203.0.113.77", whole) == "203.0.113.77"


@pytest.mark.parametrize("address", ["", "localhost", "203.0.113.999", "203.0.113.7/8", "fe80::1%eth0/64"])
def test_what_is_no_address_is_not_let_through(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        truncate(Category.IP_ADDRESS, address, rule(Category.IP_ADDRESS, "ipv4_bits = 24, ipv6_bits = 48"))


def test_positions_are_texts_of_degrees() -> None:
    assert (
        truncate(Category.LOCATION, "55.67612,12.56834", rule(Category.LOCATION, "decimals = 2"))
        == "55.6800000,12.5700000"
    )
    gridded = truncate(Category.LOCATION, "55.67612,12.56834", rule(Category.LOCATION, "metres = 1000"))
    assert isinstance(gridded, str)
    latitude, longitude = map(float, gridded.split(","))
    assert 0 < metres_between((latitude, longitude), (55.67612, 12.56834)) < 708


@pytest.mark.parametrize("text", ["", "55", "55,12,3", "north,east", "91,0", "0,181", "nan,0", "0,inf", "-90.1,0"])
def test_what_is_no_position_is_not_let_through(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of float, of the comma, or of the place
        truncate(Category.LOCATION, text, rule(Category.LOCATION, "metres = 1000"))


@pytest.mark.parametrize("value", [b"octets", 1_700_000_000_000])
def test_only_texts_are_truncated(value: bytes | int) -> None:
    with pytest.raises(ValueError, match="cannot be truncated"):
        truncate(Category.NICKNAME, value, rule(Category.NICKNAME, "characters = 1"))


def test_a_rule_without_truncation_truncates_nothing() -> None:
    with pytest.raises(ValueError, match="cannot be truncated"):
        truncate(Category.NICKNAME, "x", policy_of().rule(Category.NICKNAME))


@given(LATITUDES, LONGITUDES, st.integers(1, 100_000))
def test_the_grid_is_near_and_twice_is_as_once(latitude: float, longitude: float, metres: int) -> None:
    point = on_grid(latitude, longitude, metres)
    assert -90 <= point[0] <= 90
    assert -180 <= point[1] <= 180
    assert on_grid(*point, metres) == pytest.approx(point, abs=1e-9)
    if abs(latitude) < 80:
        assert metres_between(point, (latitude, longitude)) <= metres * 0.72 + 1  # half a diagonal, and a little sphere


@pytest.mark.parametrize("latitude", [0.0, 45.0, -60.0, 80.0])
def test_neighbours_on_the_grid_are_its_metres_apart(latitude: float) -> None:
    """So a thousand points along a kilometre become two or three."""
    south_north = {on_grid(latitude + step / 111_195, 0.0, 1000) for step in range(1000)}
    degree_m = 111_195 * math.cos(math.radians(on_grid(latitude, 0.0, 1000)[0]))
    west_east = sorted({on_grid(latitude, 12.0 + step / degree_m, 1000) for step in range(0, 5000, 10)})
    assert len(south_north) <= 2
    assert 5 <= len(west_east) <= 6
    assert metres_between(west_east[0], west_east[1]) == pytest.approx(1000, rel=0.001)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_at_a_pole_all_meridians_meet(pole: float) -> None:
    assert on_grid(pole, 123.0, 111_195) == (pole, 0.0)


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 0), (-90, 0), (0, 180), (0, -180)])
def test_the_ends_of_the_earth_are_on_it(latitude: int, longitude: int) -> None:
    assert coarse_position(latitude, longitude, Truncation(decimals=3)) == (latitude, longitude)
    north, east = coarse_position(latitude, longitude, Truncation(metres=77_777))
    assert abs(north) <= 90
    assert abs(east) <= 180


@pytest.mark.parametrize(("latitude", "longitude"), [(90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1), (math.nan, 0)])
def test_what_is_beyond_them_is_not(latitude: float, longitude: float) -> None:
    with pytest.raises(ValueError, match=r"^no place on Earth$"):
        coarse_position(latitude, longitude, Truncation(decimals=3))


def test_a_grid_of_nothing_moves_nothing() -> None:
    assert on_grid(55.67612, 12.56834, 0) == (55.67612, 12.56834)


@given(LATITUDES, LONGITUDES, st.integers(0, 7))
def test_decimals_are_rounded(latitude: float, longitude: float, decimals: int) -> None:
    left = Truncation(decimals=decimals)
    assert coarse_position(latitude, longitude, left) == (round(latitude, decimals), round(longitude, decimals))
