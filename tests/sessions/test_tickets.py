"""Tickets: one taker, for a while, in bounded memory."""

import pytest

from pttserver.sessions import tickets
from pttserver.sessions.tickets import Tickets


def test_one_takes_it() -> None:
    held: Tickets[str] = Tickets(300)
    ticket = held.issue("a", 0.0)
    assert (held.take(ticket, 1.0), held.take(ticket, 1.0), held.take("x", 1.0)) == ("a", None, None)


def test_it_is_over_after_its_time_and_forgotten() -> None:
    held: Tickets[str] = Tickets(300)
    first, second = held.issue("a", 0.0), held.issue("b", 10.0)
    assert held.take(first, 300.0) is None
    assert len(held) == 1
    assert held.take(second, 309.9) == "b"


def test_it_can_be_put_back() -> None:
    held: Tickets[str] = Tickets(300)
    ticket = held.issue("a", 0.0)
    assert held.take(ticket, 299.0) == "a"
    held.put_back(ticket, "a", 299.0)
    assert held.take(ticket, 300.0) == "a"


def test_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MAX_TICKETS", 3)
    held: Tickets[int] = Tickets(300)
    issued = [held.issue(number, 0.0) for number in range(5)]
    assert [held.take(ticket, 1.0) for ticket in issued] == [None, None, 2, 3, 4]
