"""How often somebody may try to log in or send: token buckets, kept only while they are not full.

A guess from a stranger is charged to the stranger's address; only a wrong PIN together with a genuine signature of the
subscriber's own device is charged to the subscriber. So nobody can lock a subscriber out who does not hold the device,
and every bucket refills by itself: nobody is locked out for ever.
"""

import ipaddress
from collections import OrderedDict

MAX_BUCKETS = 100_000


class TokenBucket:
    """`burst` at once, `rate` a second on average. Times are monotonic seconds; a step backwards refills nothing."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def _refill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
            self._at = now

    def take(self, now: float) -> bool:
        """Takes one if there is one."""
        self._refill(now)
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until there is one; 0 if there is."""
        self._refill(now)
        return max(0.0, (1 - self._level) / self._rate)

    def is_full(self, now: float) -> bool:
        self._refill(now)
        return self._level >= self._burst


class AttemptLimiter:
    """Failed attempts by key. Memory is bounded: full buckets are forgotten, and beyond the bound the oldest."""

    def __init__(self, *, failures: int, refill_s: float) -> None:
        self._failures = failures
        self._refill_s = refill_s
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until the key may try again; 0 if now."""
        bucket = self._buckets.get(key)
        return bucket.wait_s(now) if bucket else 0.0

    def failed(self, key: str, now: float) -> None:
        """Charges a failure."""
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[key] = TokenBucket(1 / self._refill_s, self._failures, now)
        bucket.take(now)

    def _make_room(self, now: float) -> None:
        while self._buckets and next(iter(self._buckets.values())).is_full(now):
            self._buckets.popitem(last=False)
        if len(self._buckets) >= MAX_BUCKETS:
            self._buckets.popitem(last=False)


def address_bucket(host: str) -> str:
    """The key that limits an address: an IPv4 address, also when it is mapped into IPv6, or the /64 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
