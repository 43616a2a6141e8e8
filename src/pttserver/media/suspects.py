"""Addresses that forged packets come from: held off before they cost AES, but never for good.

A source address proves nothing: the owner of a session may come to share it (a NAT gives the port to him), or somebody
may write it on packets of his own. So an address is held for a second at most, and every 16th of its packets is tried
all the same: the owner gets through, and his first packet makes the address that of his session, which is never held.
"""

FAILURES = 16  # packets of one address that may fail in a period
PERIOD_S = 1.0  # after which all is forgotten
TRIED_OF_HELD = 16  # one of so many packets of a held address is tried
MOST_ADDRESSES = 4096  # in a period; a flood from more addresses than that is met by AES alone


class Suspects:
    """How often each address failed in this period. `now` is in monotonic seconds."""

    __slots__ = ("_began", "_failures")

    def __init__(self) -> None:
        self._failures: dict[bytes, int] = {}
        self._began = float("-inf")

    def failed(self, address: bytes, now: float) -> None:
        """A packet from there was not what it said."""
        if now - self._began >= PERIOD_S:
            self._failures.clear()
            self._began = now
        if address in self._failures or len(self._failures) < MOST_ADDRESSES:
            self._failures[address] = self._failures.get(address, 0) + 1

    def holds(self, address: bytes, now: float) -> bool:
        """Whether the packet that just came from there is to be dropped unseen."""
        failures = self._failures.get(address, 0)
        if failures < FAILURES or now - self._began >= PERIOD_S:
            return False
        self._failures[address] = failures + 1
        return failures % TRIED_OF_HELD != 0
