"""Suspects: an address that fails is held for a while, with a way through; others never are."""

from itertools import pairwise

import pytest

from pttserver.media.suspects import FAILURES, MOST_ADDRESSES, PERIOD_S, TRIED_OF_HELD, Suspects

BAD, GOOD = b"\x02\x00\x12\x34bad!", b"\x02\x00\x12\x34good"


@pytest.fixture
def suspects() -> Suspects:
    made = Suspects()
    for _ in range(FAILURES):
        assert not made.holds(BAD, 10.0)
        made.failed(BAD, 10.0)
    return made


def test_an_address_that_failed_often_is_held_and_others_are_not(suspects: Suspects) -> None:
    tried = [not suspects.holds(BAD, 10.5) for _ in range(10 * TRIED_OF_HELD)]
    assert sum(tried) == 10
    assert max(gap for gap in gaps(tried)) <= TRIED_OF_HELD
    assert not suspects.holds(GOOD, 10.5)


def gaps(tried: list[bool]) -> list[int]:
    """Packets between two that are tried, and before the first."""
    at = [-1] + [index for index, one in enumerate(tried) if one]
    return [later - earlier for earlier, later in pairwise(at)]


def test_tries_that_fail_too_do_not_close_the_way_through(suspects: Suspects) -> None:
    tried = 0
    for _ in range(100 * TRIED_OF_HELD):
        if not suspects.holds(BAD, 10.5):
            tried += 1
            suspects.failed(BAD, 10.5)
    assert tried >= 90


def test_all_is_forgotten_when_the_period_is_over(suspects: Suspects) -> None:
    assert not suspects.holds(BAD, 10.0 + PERIOD_S)
    suspects.failed(BAD, 10.0 + PERIOD_S)
    assert not suspects.holds(BAD, 10.0 + PERIOD_S)


def test_a_flood_from_ever_new_addresses_takes_bounded_memory(suspects: Suspects) -> None:
    for number in range(MOST_ADDRESSES + 100):
        suspects.failed(number.to_bytes(16, "big"), 10.0)
    assert len(suspects._failures) == MOST_ADDRESSES
    assert suspects.holds(BAD, 10.1) or suspects.holds(BAD, 10.1), "who was noted before stays noted"
