"""Positions that dispatchers asked for and that have not come yet."""

from pttserver.clock import Clock
from pttserver.errors import ServerBusy
from pttserver.ids import SubscriberId, new_location_request_id

MOST_OPEN = 10_000


class _Open:
    __slots__ = ("askers", "reference", "until")

    def __init__(self, until: float) -> None:
        self.reference = new_location_request_id()
        self.askers: set[SubscriberId] = set()
        self.until = until


class WantedPositions:
    """One at a time of each device: who asks meanwhile gets the same answer."""

    def __init__(self, clock: Clock, lifetime_s: float) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._open: dict[SubscriberId, _Open] = {}

    def ask(self, subject: SubscriberId, asker: SubscriberId) -> str:
        """The reference that the device answers with. Raises ServerBusy."""
        now = self._clock.now()
        wanted = self._open.get(subject)
        if wanted is None or wanted.until <= now:
            self._open = {who: each for who, each in self._open.items() if each.until > now}
            if len(self._open) >= MOST_OPEN:
                raise ServerBusy
            wanted = self._open[subject] = _Open(now + self._lifetime_s)
        wanted.askers.add(asker)
        return wanted.reference

    def is_open(self, subject: SubscriberId, reference: str | None) -> bool:
        wanted = self._open.get(subject)
        return wanted is not None and wanted.reference == reference and wanted.until > self._clock.now()

    def answered(self, subject: SubscriberId) -> tuple[str, set[SubscriberId]]:
        """The reference, and who asked; from now on nobody does."""
        wanted = self._open.pop(subject)
        return wanted.reference, wanted.askers

    def forget(self, subject: SubscriberId) -> None:
        """Location is off: there will be no answer."""
        self._open.pop(subject, None)
