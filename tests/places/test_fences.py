"""Who entered, stays, left: with an uncertain position nobody flutters between in and out."""

from hypothesis import given
from hypothesis import strategies as st

from pttserver.ids import SubscriberId
from pttserver.places.areas import area
from pttserver.places.fences import LEAST_MARGIN_M, Crossing, Fence, Fences
from pttserver.places.geodesy import scale
from pttserver.wire.signalling import CircleShape, Point, Position

ANNA, BERT = SubscriberId("sub_1"), SubscriberId("sub_2")
SOUTH, WEST, RADIUS_M = 55.6, 12.5, 100.0
NORTH_M = scale(SOUTH)[0]


def yard(fence_id: str = "fen_1", *, dwell_s: int = 0, radius_m: float = RADIUS_M) -> Fence:
    centre = Point(latitude=SOUTH, longitude=WEST)
    return Fence(fence_id, "Yard", area(CircleShape(center=centre, radius_m=radius_m)), dwell_s)


def at(metres: float, at_s: float = 0, accuracy_m: float = 5) -> Position:
    """So many metres north of the midst of the yard."""
    return Position(latitude=SOUTH + metres / NORTH_M, longitude=WEST, accuracy_m=accuracy_m, at_ms=round(1000 * at_s))


def told(fences: Fences, *positions: Position, who: SubscriberId = ANNA) -> list[str]:
    return [crossing.value for position in positions for _, crossing in fences.see(who, position)]


def test_one_walks_in_and_out():
    fences = Fences([yard()])
    assert told(fences, at(300), at(50, 1), at(0, 2), at(300, 3)) == ["entered", "left"]
    assert fences.those_of(ANNA) == frozenset()


def test_at_the_border_nobody_flutters():
    fences = Fences([yard()])
    assert told(fences, *(at(RADIUS_M + (-1) ** n * 4, n) for n in range(50))) == ["entered"]


def test_a_vague_position_takes_nobody_out():
    fences = Fences([yard()])
    assert told(fences, at(0), at(400, 1, accuracy_m=500), at(400, 2, accuracy_m=20)) == ["entered", "left"]


def test_a_position_vaguer_than_the_fence_takes_nobody_in():
    fences = Fences([yard()])
    assert told(fences, at(0, accuracy_m=101)) == []
    assert told(fences, at(0, 1, accuracy_m=99)) == ["entered"]


def test_a_small_fence_can_be_entered_with_a_common_accuracy():
    assert told(Fences([yard(radius_m=15)]), at(0, accuracy_m=40)) == ["entered"]


def test_who_stays_is_told_of_once():
    fences = Fences([yard(dwell_s=60)])
    assert told(fences, at(0, 0), at(1, 59), at(1, 60), at(1, 200)) == ["entered", "stays"]
    assert told(fences, at(500, 300), at(0, 400), at(0, 460)) == ["left", "entered", "stays"]


def test_devices_are_apart():
    fences = Fences([yard()])
    assert told(fences, at(0)) == ["entered"]
    assert told(fences, at(0), who=BERT) == ["entered"]
    fences.forget(ANNA)
    assert fences.those_of(ANNA) == frozenset()
    assert fences.those_of(BERT) == {"fen_1"}
    assert told(fences, at(900, 1)) == []


def test_other_fences_leave_the_stays_in_those_that_go_on():
    fences = Fences([yard("fen_1"), yard("fen_2")])
    told(fences, at(0))
    fences.replace([yard("fen_1")])
    assert fences.those_of(ANNA) == {"fen_1"}
    assert told(fences, at(500, 1)) == ["left"]


def test_a_fence_that_moved_away_is_left_at_the_next_position():
    fences = Fences([yard()])
    told(fences, at(0))
    far = Fence("fen_1", "Yard", area(CircleShape(center=Point(latitude=10, longitude=10), radius_m=50)))
    fences.replace([far])
    assert told(fences, at(0, 1)) == ["left"]


walks = st.lists(st.tuples(st.floats(-400, 400), st.floats(0, 150)), min_size=1, max_size=40)


@given(walks)
def test_entered_and_left_take_turns_whatever_comes(walk):
    fences = Fences([yard()])
    events = told(fences, *(at(metres, n, accuracy_m) for n, (metres, accuracy_m) in enumerate(walk)))
    assert events == [("entered", "left")[n % 2] for n in range(len(events))]


@given(walks)
def test_who_is_in_is_never_far_out_and_who_is_out_was_never_surely_in(walk):
    fences, fence = Fences([yard()]), yard()
    for n, (metres, accuracy_m) in enumerate(walk):
        position = at(metres, n, accuracy_m)
        fences.see(ANNA, position)
        outside_m = fence.area.outside_m(position.latitude, position.longitude)
        if "fen_1" in fences.those_of(ANNA):
            assert outside_m <= max(accuracy_m, LEAST_MARGIN_M)
        else:
            assert outside_m > 0 or accuracy_m > RADIUS_M


@given(st.lists(st.tuples(st.floats(-2000, 2000), st.floats(0, 60)), min_size=1, max_size=30))
def test_the_index_tells_what_looking_at_all_fences_would(walk):
    """A hundred rings of fences on each other, against a look at each."""
    many = [yard(f"fen_{n}", radius_m=20 * n) for n in range(1, 40)]
    together, alone = Fences(many), [Fences([fence]) for fence in many]
    for n, (metres, accuracy_m) in enumerate(walk):
        position = at(metres, n, accuracy_m)
        found = {(fence.fence_id, crossing) for fence, crossing in together.see(ANNA, position)}
        expected = {(f.fence_id, crossing) for one in alone for f, crossing in one.see(ANNA, position)}
        assert found == expected
        assert all(crossing in Crossing for _, crossing in found)
