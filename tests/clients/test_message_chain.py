"""The order of a device's messages: what is left out, repeated, exchanged or comes late is told apart."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ptthandset.message_chain import REMEMBERED_GAPS, Chain, Verdict


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest() if number else bytes(32)


def judged(numbers: list[int]) -> list[Verdict]:
    chain = Chain()
    return [chain.judge(number, digest(number - 1), digest(number)) for number in numbers]


def test_in_order_all_is_genuine() -> None:
    assert set(judged(list(range(1, 50)))) == {Verdict.GENUINE}


def test_each_disorder_has_its_name() -> None:
    assert judged([1, 2, 2]) == [Verdict.GENUINE, Verdict.GENUINE, Verdict.DUPLICATE]
    assert judged([1, 3, 2]) == [Verdict.GENUINE, Verdict.GAP, Verdict.LATE]
    assert judged([1, 3, 2, 2]) == [Verdict.GENUINE, Verdict.GAP, Verdict.LATE, Verdict.DUPLICATE]
    assert judged([5, 6]) == [Verdict.GAP, Verdict.GENUINE]


def test_a_message_that_does_not_follow_from_the_one_before_is_noticed() -> None:
    chain = Chain()
    chain.judge(1, bytes(32), digest(1))
    assert chain.judge(2, digest(7), digest(2)) is Verdict.BROKEN


def test_a_first_message_that_names_one_before_is_noticed() -> None:
    assert Chain().judge(1, digest(9), digest(1)) is Verdict.BROKEN


def test_a_gap_of_any_size_costs_little_memory() -> None:
    chain = Chain()
    assert chain.judge(2**53 - 1, digest(3), digest(4)) is Verdict.GAP
    assert len(chain.missing) <= REMEMBERED_GAPS


@given(st.lists(st.integers(1, 12), max_size=40))
def test_each_message_counts_once_and_none_is_called_genuine_out_of_order(numbers: list[int]) -> None:
    seen: set[int] = set()
    for number, verdict in zip(numbers, judged(numbers), strict=True):
        assert (verdict is Verdict.DUPLICATE) == (number in seen)
        highest = max(seen, default=0)
        assert (verdict is Verdict.GENUINE) == (number not in seen and number == highest + 1)
        seen.add(number)
