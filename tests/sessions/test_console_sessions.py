"""Console sessions: idle and absolute end, by the second."""

import pytest

from pttserver.ids import SubscriberId, TenantId
from pttserver.sessions.console import ConsoleSessions

WHO = TenantId("ten_1"), SubscriberId("sub_1"), 5


@pytest.fixture
def console() -> ConsoleSessions:
    return ConsoleSessions(idle_s=100, absolute_s=250)


def test_a_token_finds_its_session_and_no_other(console: ConsoleSessions) -> None:
    first, token = console.open(*WHO, now=0.0)
    second, other = console.open(*WHO, now=0.0)
    assert console.find(token, 1.0) is first
    assert console.find(other, 1.0) is second
    assert console.find("x", 1.0) is None
    assert token not in repr(vars(console))  # its digest is all that is held
    console.close(first)
    console.close(first)
    assert console.find(token, 1.0) is None
    assert console.of_subscriber(SubscriberId("sub_1")) == [second]


def test_it_ends_when_nobody_uses_it(console: ConsoleSessions) -> None:
    session, token = console.open(*WHO, now=0.0)
    assert console.find(token, 99.9) is session
    assert console.find(token, 100.0) is None
    assert console.expired(100.0) == [session]
    assert not console.lives(session, 100.0)


def test_use_keeps_it_until_it_is_too_old(console: ConsoleSessions) -> None:
    session, token = console.open(*WHO, now=0.0)
    for now in (90.0, 180.0, 240.0):
        assert console.find(token, now) is session
        session.used_at = now
    assert console.left_s(session, 240.0) == pytest.approx(10.0)
    assert console.find(token, 250.0) is None
