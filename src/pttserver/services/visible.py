"""What of a person's data may be shown to that person now: what has expired, or an event hides, is as good as gone.

Unless processing is restricted (GDPR Art. 18): then it is held because the person wants it, and no period ends it.
"""

from collections.abc import Iterable, Sequence

from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs, Events
from pttserver.privacy.policy import Policy
from pttserver.privacy.retention import Event
from pttserver.store.holdings import HeldRow, HeldValue


class Visibility:
    """By the policy as it is now, for one subject with its events."""

    def __init__(self, policy: Policy, events: Sequence[Event], now_ms: int, *, restricted: bool = False) -> None:
        self._restricted = restricted
        self._policy = policy
        self._events = events
        self._cutoffs = Cutoffs(policy, now_ms, Events(tuple(events)))

    def shows(self, category: Category | None, recorded_ms: int, extra: str = "") -> bool:
        if category is None or self._restricted:
            return True
        cutoff = self._cutoffs.hidden(category, extra=extra)
        return cutoff is None or recorded_ms > cutoff

    def goes_ms(self, category: Category, recorded_ms: int, extra: str = "") -> int | None:
        """When it will be gone, as far as the events tell; None: no period runs."""
        if self._restricted:
            return None
        return self._policy.lasts(category, extra).expires_ms(recorded_ms, self._events)

    def category(self, value: HeldValue) -> Category | None:
        """By whose rule it lives under the policy: an account has an end although no identifiers are kept."""
        with_account = value.lifecycle and value.category is Category.IDENTIFIER
        return self._policy.account if with_account else value.category

    def values(self, values: Iterable[HeldValue]) -> list[HeldValue]:
        return [value for value in values if self.shows(self.category(value), value.recorded_ms, value.extra)]

    def row(self, row: HeldRow) -> list[HeldValue] | None:
        """The columns to show; None: not even that there is such a row."""
        personal = [value for value in row.values if value.category is not None]
        if row.happened and not self.shows(row.category, row.recorded_ms):
            return None
        if personal and not self.values(personal):
            return None
        if not personal and not self.shows(row.category, row.recorded_ms):
            return None
        return self.values(row.values)
