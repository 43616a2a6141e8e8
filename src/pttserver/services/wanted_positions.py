"""Positions that dispatchers asked for and that have not come yet; and how often a device is asked at most.

What answers a dispatcher is taken whatever the interval of the policy is. So that nobody is followed step by step in
this way, a device that answered is left alone for a while, whoever asks: that one is told what is known since.
"""

from pttserver.clock import Clock
from pttserver.errors import ServerBusy
from pttserver.ids import SubscriberId, new_location_request_id
from pttserver.wire.signalling import ANSWERS_APART_S

MOST_OPEN = 10_000


class _Open:
    __slots__ = ("askers", "reference", "until")

    def __init__(self, until: float) -> None:
        self.reference = new_location_request_id()
        self.askers: set[SubscriberId] = set()
        self.until = until


class WantedPositions:
    """One at a time of each device: who asks meanwhile gets the same answer.

    `asked`, `spared`: requests that went to the device, and those for which it was left alone.
    """

    def __init__(self, clock: Clock, lifetime_s: float) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._open: dict[SubscriberId, _Open] = {}
        self._spared_until: dict[SubscriberId, float] = {}
        self.asked = 0
        self.spared = 0

    def spared_s(self, subject: SubscriberId) -> float:
        """How long the device is left alone still, seconds; 0: it may be asked."""
        return max(0.0, self._spared_until.get(subject, 0.0) - self._clock.now())

    def spare(self) -> str:
        """Counts a request for which the device was left alone. A reference for what is told instead."""
        self.spared += 1
        return new_location_request_id()

    def ask(self, subject: SubscriberId, asker: SubscriberId) -> str:
        """The reference that the device answers with. Ask `spared_s` first. Raises ServerBusy."""
        now = self._clock.now()
        wanted = self._open.get(subject)
        if wanted is None or wanted.until <= now:
            self._open = {who: each for who, each in self._open.items() if each.until > now}
            if len(self._open) >= MOST_OPEN:
                raise ServerBusy
            wanted = self._open[subject] = _Open(now + self._lifetime_s)
        wanted.askers.add(asker)
        self.asked += 1
        return wanted.reference

    def is_open(self, subject: SubscriberId, reference: str | None) -> bool:
        wanted = self._open.get(subject)
        return wanted is not None and wanted.reference == reference and wanted.until > self._clock.now()

    def answered(self, subject: SubscriberId) -> tuple[str, set[SubscriberId]]:
        """The reference, and who asked; from now on nobody does."""
        now = self._clock.now()
        self._spared_until = {who: until for who, until in self._spared_until.items() if until > now}
        self._spared_until[subject] = now + ANSWERS_APART_S
        wanted = self._open.pop(subject)
        return wanted.reference, wanted.askers

    def forget(self, subject: SubscriberId) -> None:
        """Location is off: there will be no answer."""
        self._open.pop(subject, None)
