"""Cut-offs of a policy at one moment: what of a tenant is over, and what must not be served any more.

For all subjects of a tenant at once, and for each that has events of its own (a request for deletion, the end of a
subscription). What was recorded at or before a cut-off is meant; None: nothing is. All times are UTC milliseconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import Event


@dataclass(frozen=True, slots=True)
class Events:
    """What happened to a tenant, and beyond that to some of its subjects, by their identifiers."""

    of_all: tuple[Event, ...] = ()
    of_subjects: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)

    def about(self, subject_id: str | None) -> tuple[Event, ...]:
        """None: about nobody in particular."""
        return self.of_all + self.of_subjects.get(subject_id or "", ())


class Cutoffs:
    """Of one policy, at `now_ms`."""

    __slots__ = ("_known", "events", "now_ms", "policy")

    def __init__(self, policy: Policy, now_ms: int, events: Events) -> None:
        self.policy = policy
        self.now_ms = now_ms
        self.events = events
        self._known: dict[tuple[str, Category, str, str | None, Purpose | None], int | None] = {}

    def gone(
        self, category: Category, subject_id: str | None = None, extra: str = "", purpose: Purpose | None = None
    ) -> int | None:
        """What was recorded at or before it must not exist any more.

        `purpose`: what it is there for, of a category that is written for several.
        """
        return self._cutoff("gone_cutoff", category, subject_id, extra, purpose)

    def hidden(
        self, category: Category, subject_id: str | None = None, extra: str = "", purpose: Purpose | None = None
    ) -> int | None:
        """What was recorded at or before it must not be served any more. Never earlier than `gone`."""
        return self._cutoff("hidden_cutoff", category, subject_id, extra, purpose)

    def is_hidden(
        self,
        category: Category,
        recorded_ms: int,
        subject_id: str | None = None,
        extra: str = "",
        purpose: Purpose | None = None,
    ) -> bool:
        cutoff_ms = self.hidden(category, subject_id, extra, purpose)
        return cutoff_ms is not None and recorded_ms <= cutoff_ms

    @property
    def account(self) -> Category:
        """Whose end is the end of a subscriber as a whole."""
        return self.policy.account

    def _cutoff(
        self, kind: str, category: Category, subject_id: str | None, extra: str, purpose: Purpose | None
    ) -> int | None:
        subject_id = subject_id if subject_id in self.events.of_subjects else None
        key = (kind, category, extra, subject_id, purpose)
        if key not in self._known:
            retention = self.policy.lasts(category, extra, purpose)
            self._known[key] = getattr(retention, kind)(self.now_ms, self.events.about(subject_id))
        return self._known[key]


Cutoff = Callable[[Events], int | None]
"""Of one category, for who reads the events together with what they apply to: what is as old is not shown."""
