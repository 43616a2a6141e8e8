"""Downlink key epochs of a group: one key for all listeners, replaced whenever somebody leaves."""

from pttserver.crypto.srtp import SrtpKey, SrtpSender

PACKETS_PER_KEY = 2**23  # far below the 2^31 SRTCP and 2^48 SRTP packets that RFC 7714 §13 allows
PACKETS_PER_BURST = 2**16  # a burst never wraps its sequence number, so its roll-over counter stays 0


class KeyEpoch:
    """One epoch: its number, its key, and the context that protects with it."""

    __slots__ = ("key", "number", "packets", "sender")

    def __init__(self, number: int) -> None:
        self.number = number
        self.key = SrtpKey.draw()
        self.sender = SrtpSender(self.key)
        self.packets = 0

    def next(self) -> "KeyEpoch":
        """The epoch after this one, with a key of its own."""
        return KeyEpoch(self.number + 1)

    @property
    def has_room_for_burst(self) -> bool:
        """Whether a whole talk burst more stays within the limit of the key."""
        return self.packets + PACKETS_PER_BURST <= PACKETS_PER_KEY
