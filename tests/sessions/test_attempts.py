"""Token buckets: how often somebody may try, by address or device; nobody is locked out for ever."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.sessions import attempts
from pttserver.sessions.attempts import AttemptLimiter, TokenBucket, address_bucket


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=100)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s(100) == pytest.approx(0.5)
    assert bucket.take(100.5)
    assert not bucket.take(100.5)
    assert [bucket.take(1e9) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_bucket_never_gives_more_than_burst_and_rate(times: list[float]) -> None:
    """T-127: whatever the clock does, also backwards."""
    bucket = TokenBucket(rate=1, burst=5, now=times[0])
    taken = sum(bucket.take(now) for now in times)
    assert taken <= 5 + max(times) - times[0] + 1e-6


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100)), max_size=100))
def test_a_limited_key_gets_in_again_after_its_wait(steps: list[tuple[int, float]]) -> None:
    """T-064: the wait that is told is enough, for every history."""
    limiter, now = AttemptLimiter(failures=3, refill_s=10), 0.0
    for key, pause in steps:
        now += pause
        limiter.failed(str(key), now)
        wait = limiter.wait_s(str(key), now)
        assert 0 <= wait <= 10
        later = copy.deepcopy(limiter)
        assert later.wait_s(str(key), now + wait + 1e-6) == 0


def test_a_key_does_not_touch_another() -> None:
    limiter = AttemptLimiter(failures=1, refill_s=10)
    limiter.failed("a", 0)
    assert limiter.wait_s("a", 0) > 0
    assert limiter.wait_s("b", 0) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """T-064: a million addresses leave a bounded number of buckets; full ones go first."""
    monkeypatch.setattr(attempts, "MAX_BUCKETS", 100)
    limiter = AttemptLimiter(failures=2, refill_s=1)
    for number in range(10_000):
        limiter.failed(str(number), number / 1000)
    assert len(limiter._buckets) <= 100
    limiter.failed("late", 1e6)
    assert len(limiter._buckets) == 1


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:0207", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not an address", "not an address"),
    ],
)
def test_an_address_has_one_bucket_however_it_is_written(host: str, bucket: str) -> None:
    """T-017."""
    assert address_bucket(host) == bucket
