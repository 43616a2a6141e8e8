"""The grid finds the boxes that hold a point, and looks at few others."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pttserver.places.areas import Box
from pttserver.places.grid import Grid

SIDES = st.floats(0, 20)


@st.composite
def boxes(draw):
    south, west = draw(st.floats(-85, 65)), draw(st.floats(-190, 180))
    return Box(south, west, south + draw(SIDES), west + draw(SIDES))


def holds(box: Box, latitude: float, longitude: float) -> bool:
    return box.south <= latitude <= box.north and any(
        box.west <= longitude + turn <= box.east for turn in (-360, 0, 360)
    )


@given(st.lists(boxes(), max_size=20), st.floats(-90, 90), st.floats(-180, 180))
def test_whatever_holds_the_point_is_found(some, latitude, longitude):
    near = Grid(some).near(latitude, longitude)
    assert [n for n, box in enumerate(some) if holds(box, latitude, longitude)] == sorted(near)


@given(boxes(), st.floats(0, 1), st.floats(0, 1))
def test_a_point_of_a_box_finds_it(box, north, east):
    latitude = box.south + north * (box.north - box.south)
    longitude = (box.west + east * (box.east - box.west) + 180) % 360 - 180
    assert not holds(box, latitude, longitude) or 0 in Grid([box]).near(latitude, longitude)


def test_of_a_thousand_fences_in_a_city_few_are_looked_at():
    draw = random.Random(7)
    corners = [(55.5 + draw.random() / 2, 12.2 + draw.random() / 2) for _ in range(1000)]
    grid = Grid(Box(south, west, south + 0.004, west + 0.006) for south, west in corners)
    cells = [len(cell) for cell in grid._cells.values()]
    assert sum(cells) / len(cells) < 3
