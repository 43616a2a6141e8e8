"""When a handset sends its alert: at once, again and again, on each connection, until the server has said something."""

import pytest

from ptthandset.alert_sender import AlertSender


def test_it_is_repeated_with_growing_pauses_up_to_two_seconds() -> None:
    sender = AlertSender("alr_1")
    sender.start(0.0)
    pauses, now = [], 0.0
    for _ in range(8):
        due = sender.next_deadline()
        assert due is not None
        assert not sender.expire(due - 0.001)
        assert sender.expire(due)
        pauses.append(due - now)
        now = due
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0])


def test_an_answer_ends_it() -> None:
    sender = AlertSender("alr_1")
    sender.start(0.0)
    sender.answered()
    assert sender.is_done
    assert sender.next_deadline() is None
    assert not sender.expire(100.0)
    assert not sender.connected(100.0)


def test_a_new_connection_makes_it_quick_again() -> None:
    sender = AlertSender("alr_1")
    sender.start(0.0)
    for now in (0.1, 0.3, 0.7, 1.5, 3.1):
        sender.expire(now)
    assert sender.connected(4.0)
    assert sender.next_deadline() == pytest.approx(4.1)
