"""The queue of a group: order, places, room."""

from hypothesis import given
from hypothesis import strategies as st

from pttserver.floor.priority import EffectivePriority, Kind
from pttserver.floor.queue import FloorQueue, Request


def ordinary(ssrc: int, number: int = 0) -> Request:
    return Request(ssrc, EffectivePriority(Kind.ORDINARY, number))


def emergency(ssrc: int) -> Request:
    return Request(ssrc, EffectivePriority(Kind.EMERGENCY, 0))


def order(queue: FloorQueue) -> list[int]:
    return [request.ssrc for request in iter(queue.pop, None)]


def test_the_more_urgent_goes_first_and_equals_in_order_of_arrival() -> None:
    queue = FloorQueue(9)
    chair = Request(5, EffectivePriority(Kind.CHAIR, 0))
    peril = Request(6, EffectivePriority(Kind.IMMINENT_PERIL, 0))
    for request in (ordinary(1), ordinary(2, 200), ordinary(3), ordinary(4, 200), chair, peril, emergency(7)):
        assert queue.join(request) is None
    assert order(queue) == [7, 6, 5, 2, 4, 1, 3]


def test_positions_are_counted_from_one() -> None:
    queue = FloorQueue(9)
    queue.join(ordinary(1))
    queue.join(ordinary(2))
    assert (queue.position(1), queue.position(2), queue.position(3)) == (1, 2, None)
    queue.leave(1)
    queue.leave(1)
    assert (queue.position(2), len(queue)) == (1, 1)


def test_a_repeated_request_keeps_its_place_and_a_less_urgent_one_too() -> None:
    queue = FloorQueue(9)
    queue.join(ordinary(1, 5))
    queue.join(ordinary(2, 5))
    queue.join(ordinary(1, 5))
    queue.join(ordinary(1, 2))
    assert queue.find(1) == ordinary(1, 5)
    assert order(queue) == [1, 2]


def test_a_more_urgent_request_of_the_same_participant_is_placed_anew() -> None:
    queue = FloorQueue(2)
    queue.join(ordinary(1, 5))
    queue.join(ordinary(2, 4))
    assert queue.join(ordinary(2, 5)) is None
    assert queue.join(emergency(2)) is None
    assert order(queue) == [2, 1]


def test_who_finds_no_room_is_turned_away() -> None:
    queue = FloorQueue(1)
    queue.join(ordinary(1))
    assert queue.join(ordinary(2, 255)) == ordinary(2, 255)
    assert order(queue) == [1]
    assert FloorQueue(0).join(emergency(1)) == emergency(1)


def test_an_emergency_takes_the_last_ordinary_place_but_no_other_emergency_does() -> None:
    queue = FloorQueue(2)
    queue.join(ordinary(1))
    queue.join(ordinary(2))
    assert queue.join(emergency(3)) == ordinary(2)
    assert queue.join(emergency(4)) == ordinary(1)
    assert queue.join(emergency(5)) == emergency(5)
    assert order(queue) == [3, 4]


def test_who_overrides_the_talker_always_has_room() -> None:
    queue = FloorQueue(0)
    assert queue.join(emergency(1), overriding=True) is None
    assert order(queue) == [1]


_REQUESTS = st.builds(
    Request,
    ssrc=st.integers(1, 12),
    priority=st.builds(EffectivePriority, kind=st.sampled_from(Kind), number=st.integers(0, 3)),
)


@given(st.lists(_REQUESTS, max_size=40), st.integers(0, 8))
def test_against_a_sorted_list(requests: list[Request], limit: int) -> None:
    """Never above the limit, nobody twice, always in rank, and a priority never falls."""
    queue = FloorQueue(limit)
    for request in requests:
        before = queue.find(request.ssrc)
        turned_away = queue.join(request)
        found = queue.find(request.ssrc)
        assert found is None or before is None or found.priority >= before.priority
        assert turned_away is None or queue.find(turned_away.ssrc) is None
        assert len(queue) <= limit
    left = list(iter(queue.pop, None))
    assert len({request.ssrc for request in left}) == len(left)
    assert left == sorted(left, key=lambda request: request.priority, reverse=True)
