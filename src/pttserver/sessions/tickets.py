"""What is half done and waits for its second step: under a random ticket, for a while, for one taker."""

import secrets
from collections import OrderedDict
from typing import Generic, TypeVar

from pttserver.crypto.device_keys import token_digest

MAX_TICKETS = 10_000

T = TypeVar("T")


class Tickets(Generic[T]):
    """Times are monotonic seconds. Memory is bounded: beyond the bound the oldest is forgotten."""

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._waiting: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def issue(self, value: T, now: float) -> str:
        """A new ticket."""
        ticket = secrets.token_urlsafe(32)
        self.put_back(ticket, value, now)
        return ticket

    def put_back(self, ticket: str, value: T, now: float) -> None:
        """The step failed, and may be tried again."""
        self._forget_expired(now)
        if len(self._waiting) >= MAX_TICKETS:
            self._waiting.popitem(last=False)
        self._waiting[token_digest(ticket.encode())] = (now + self._lifetime_s, value)

    def take(self, ticket: str, now: float) -> T | None:
        """Of all who come with it one gets the value; None: unknown, taken, or too late."""
        self._forget_expired(now)
        found = self._waiting.pop(token_digest(ticket.encode()), None)
        return None if found is None else found[1]

    def _forget_expired(self, now: float) -> None:
        while self._waiting and next(iter(self._waiting.values()))[0] <= now:
            self._waiting.popitem(last=False)
