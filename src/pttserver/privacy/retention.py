"""How long a record is kept: what `keep` in a policy file says, and from when on the record must be gone.

`keep` is a text or a list of texts, each a clause; the earliest that applies wins:

    "90 days"                                       since the record was made
    "60 days after account_closed"                  since an event
    "until billing_closed"                          until an event
    "60 days + 60 days after deletion_requested"    first it can be taken back, then it is final, then gone
    "while_subscribed"                              the same as "until unsubscribed"
    "unlimited"                                     never by itself

An event covers what was recorded at or before it. Cut-offs (`..._cutoff`) are moments: what was recorded at or before
them is meant. None means nothing. All times are milliseconds since 1970, UTC.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pttserver.privacy.periods import Period, shown

Events = Sequence["Event"]
UNLIMITED = "unlimited"


class EventKind(StrEnum):
    """What happens to an organisation, to its bills or to a person, and starts or stops the clocks of `keep`."""

    DELETION_REQUESTED = "deletion_requested"
    """Erasure was asked for; what it covers is not served any more."""
    DELETION_WITHDRAWN = "deletion_withdrawn"
    """... and the request was taken back, which counts in its first phase only."""
    ACCOUNT_CLOSED = "account_closed"
    CONTRACT_ENDED = "contract_ended"
    REOPENED = "reopened"
    """The account or contract goes on: its clocks stop, but what was final or gone stays so."""
    BILLING_CLOSED = "billing_closed"
    INVOICE_CLOSED = "invoice_closed"
    UNSUBSCRIBED = "unsubscribed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """What it covers is not served any more (GDPR Art. 7(3))."""


@dataclass(frozen=True, slots=True)
class Event:
    """Of a tenant, or of one of its subjects."""

    kind: EventKind
    at_ms: int


class Phase(StrEnum):
    """Where a record stands, in the order in which it goes."""

    IN_USE = "in_use"
    RECOVERABLE = "recoverable"
    """A clock runs and can still be stopped."""
    FINAL = "final"
    """Hidden, and nothing brings it back."""
    GONE = "gone"


TAKEN_BACK_BY = {
    EventKind.DELETION_REQUESTED: EventKind.DELETION_WITHDRAWN,
    EventKind.ACCOUNT_CLOSED: EventKind.REOPENED,
    EventKind.CONTRACT_ENDED: EventKind.REOPENED,
}
HIDES_AT_ONCE = frozenset({EventKind.DELETION_REQUESTED, EventKind.CONSENT_WITHDRAWN})
CLOCK_STARTERS = tuple(kind for kind in EventKind if kind not in TAKEN_BACK_BY.values())

_PHASES = tuple(Phase)
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Clause:
    """One text of `keep`. `phases`: none for `until`, one, or two; without `event` one, the age."""

    phases: tuple[Period, ...]
    event: EventKind | None = None

    @classmethod
    def parse(cls, text: str) -> "Clause":
        """Raises ValueError that says what is wrong."""
        if len(text) > _LONGEST_TEXT:
            raise ValueError(f"{shown(text)} is longer than {_LONGEST_TEXT} characters")
        if text == "while_subscribed":
            return cls((), EventKind.UNSUBSCRIBED)
        if text.startswith("until "):
            return cls((), _starter(text.removeprefix("until ")))
        periods, after, event = text.partition(" after ")
        phases = tuple(map(Period.parse, periods.split(" + ")))
        return cls(phases, _starter(event) if after else None)._checked(text)

    def _checked(self, text: str) -> "Clause":
        if len(self.phases) > 1 and self.event not in TAKEN_BACK_BY:
            raise ValueError(f"{shown(text)}: only after {_listed(TAKEN_BACK_BY)} there are two phases")
        if len(self.phases) > 2:
            raise ValueError(f"{shown(text)} has more than two phases")
        return self

    def __str__(self) -> str:
        """As `parse` reads it."""
        if self == Clause((), EventKind.UNSUBSCRIBED):
            return "while_subscribed"
        periods = " + ".join(map(str, self.phases))
        return periods if self.event is None else f"{periods} after {self.event}" if periods else f"until {self.event}"

    @property
    def period(self) -> Period:
        """All phases together; empty for `until`."""
        return sum(self.phases, Period())

    def gone_ms(self, start_ms: int) -> int:
        """When it is over, for a clock that started at `start_ms`."""
        for phase in self.phases:
            start_ms = phase.after(start_ms)
        return start_ms

    def irrevocable_ms(self, start_ms: int) -> int:
        """From when on nothing stops that clock: at the end of the first of two phases; else, if a closed account
        may reopen, when all is gone; a request for deletion without a second phase is final at once.
        """
        if len(self.phases) > 1:
            return self.phases[0].after(start_ms)
        reopens = self.event in TAKEN_BACK_BY and self.event not in HIDES_AT_ONCE
        return self.gone_ms(start_ms) if reopens else start_ms

    def hidden_ms(self, start_ms: int) -> int:
        """From when on nothing that the clock covers is served. What is final is hidden: it must not come back."""
        if self.event in HIDES_AT_ONCE:
            return start_ms
        return self.irrevocable_ms(start_ms) if len(self.phases) > 1 else self.gone_ms(start_ms)

    def phase(self, start_ms: int, now_ms: int) -> Phase:
        if self.gone_ms(start_ms) <= now_ms:
            return Phase.GONE
        if self.event in TAKEN_BACK_BY and now_ms < self.irrevocable_ms(start_ms):
            return Phase.RECOVERABLE
        return Phase.FINAL if self.hidden_ms(start_ms) <= now_ms else Phase.IN_USE

    def starts(self, events: Events) -> list[int]:
        """Moments of the events that start this clock and were not taken back in time."""
        taken_back_by = TAKEN_BACK_BY.get(self.event) if self.event else None
        backs = [event.at_ms for event in events if event.kind is taken_back_by]
        starts = (event.at_ms for event in events if event.kind is self.event)
        return [start for start in starts if not any(start <= back < self.irrevocable_ms(start) for back in backs)]


@dataclass(frozen=True, slots=True)
class Retention:
    """All of `keep`; no clauses: unlimited. Events are the tenant's and, where it has its own, also the subject's.

    Events after `now_ms` have not happened. A later `now_ms` never brings back what was gone.
    """

    clauses: tuple[Clause, ...]

    @classmethod
    def parse(cls, keep: str | Sequence[str]) -> "Retention":
        """Raises ValueError for a wrong clause, and for clauses of which one makes the other meaningless."""
        texts = [keep] if isinstance(keep, str) else list(keep)
        if texts == [UNLIMITED]:
            return cls(())
        if not texts or UNLIMITED in texts:
            raise ValueError("an empty list says nothing" if not texts else '"unlimited" stands alone')
        clauses = tuple(map(Clause.parse, texts))
        twice = {str(clause.event or "an age") for clause in clauses if _same_start(clause, clauses) > 1}
        if twice:
            raise ValueError(f"contradictory: more than one period for {_listed(sorted(twice))}")
        return cls(clauses)

    @property
    def texts(self) -> tuple[str, ...]:
        """As `parse` reads them."""
        return tuple(map(str, self.clauses)) or (UNLIMITED,)

    def clause(self, event: EventKind | None) -> Clause | None:
        """The clause of an event, or that of the age."""
        return next((clause for clause in self.clauses if clause.event is event), None)

    def within(self, other: "Retention") -> "Retention":
        """What ends with whichever of the two ends first. Clauses that the other's make idle are left out."""
        more = [its for its in other.clauses if not any(_ends_with(mine, its) for mine in self.clauses)]
        both = (*self.clauses, *more)
        return Retention(tuple(one for one in both if not any(_ends_before(its, one) for its in more)))

    def gone_cutoff(self, now_ms: int, events: Events) -> int | None:
        """What was recorded at or before it must be gone."""
        ages = [clause.period.cutoff(now_ms) for clause in self.clauses if clause.event is None]
        starts = [start for clause, start in self._clocks(_until(now_ms, events)) if clause.gone_ms(start) <= now_ms]
        return max(ages + starts, default=None)

    def hidden_cutoff(self, now_ms: int, events: Events) -> int | None:
        """What was recorded at or before it must not be served any more. Never earlier than `gone_cutoff`."""
        gone_ms = self.gone_cutoff(now_ms, events)
        starts = [start for clause, start in self._clocks(_until(now_ms, events)) if clause.hidden_ms(start) <= now_ms]
        return max(starts if gone_ms is None else [gone_ms, *starts], default=None)

    def phase(self, recorded_ms: int, now_ms: int, events: Events) -> Phase:
        """Where a record stands: the furthest of all its clauses."""
        clocks = self._clocks(_until(now_ms, events))
        phases = [clause.phase(start, now_ms) for clause, start in clocks if recorded_ms <= start]
        phases += [clause.phase(recorded_ms, now_ms) for clause in self.clauses if clause.event is None]
        return max(phases, key=_PHASES.index, default=Phase.IN_USE)

    def expires_ms(self, recorded_ms: int, events: Events) -> int | None:
        """When a record is gone, as far as the events tell; None: no clock runs out."""
        ends = [clause.gone_ms(start) for clause, start in self._clocks(events) if recorded_ms <= start]
        ends += [clause.gone_ms(recorded_ms) for clause in self.clauses if clause.event is None]
        return min(ends, default=None)

    def _clocks(self, events: Events) -> Iterator[tuple[Clause, int]]:
        """Clauses with the events that started them, a pair for each."""
        return ((clause, start) for clause in self.clauses if clause.event for start in clause.starts(events))


NO_TIME = Retention((Clause((Period(),)),))
"""Over at once: of what a policy does not keep. No text of `keep` says so."""


def _ends_with(one: Clause, other: Clause) -> bool:
    """Whether `one` ends, hides and is irrevocable no later than `other`. An age counts from before any event."""
    if not one.period.never_outlasts(other.period):
        return False
    simple = len(one.phases) < 2 and len(other.phases) < 2
    if one.event is other.event:
        return simple or (len(one.phases) == len(other.phases) and one.phases[0].never_outlasts(other.phases[0]))
    return simple and one.event is None and other.event not in HIDES_AT_ONCE


def _ends_before(one: Clause, other: Clause) -> bool:
    return _ends_with(one, other) and not _ends_with(other, one)


def _until(now_ms: int, events: Events) -> list[Event]:
    return [event for event in events if event.at_ms <= now_ms]


def _starter(text: str) -> EventKind:
    if text not in CLOCK_STARTERS:
        raise ValueError(f"{shown(text)} is not an event that starts a clock: {_listed(CLOCK_STARTERS)}")
    return EventKind(text)


def _same_start(clause: Clause, clauses: Iterable[Clause]) -> int:
    return sum(clause.event is other.event for other in clauses)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
