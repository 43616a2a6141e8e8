"""A policy run over made-up years: what is held when. It answers "how much would there be, and from how long ago?"

The organisation of the model makes one record of each kind a day. It has twelve subscribers, who come one after the
other in the first half of the time; every other one stays half of the time and leaves. Every month bills are closed,
and two weeks later invoices. Halfway everything up to then is asked to be deleted, at three quarters consent is
withdrawn; at the end the account is closed, a month later the contract ends, and one more year is watched.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pttserver.privacy.categories import about
from pttserver.privacy.findings import rules
from pttserver.privacy.periods import DAY_MS, Period
from pttserver.privacy.policy import Policy, Rule
from pttserver.privacy.retention import Event, EventKind

SUBSCRIBERS = 12
LONGEST_YEARS = 30
_WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Held:
    """One kind of data. `counts`: records at each moment of the simulation. `oldest_ms`: the age of the oldest ever."""

    name: str
    counts: tuple[int, ...]
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """`moments_ms`: a week apart. `landmarks`: the events that come once."""

    moments_ms: tuple[int, ...]
    landmarks: tuple[Event, ...]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    made_ms: int
    events: tuple[Event, ...] = ()


def simulate(policy: Policy, years: int, start_ms: int) -> Simulation:
    """`years` of operation, 1 to 30, from `start_ms` (UTC) on. Raises ValueError."""
    if not 1 <= years <= LONGEST_YEARS:
        raise ValueError(f"simulate 1 to {LONGEST_YEARS} years")
    end_ms = Period(years=years).after(start_ms)
    moments = tuple(range(start_ms, Period(years=1).after(end_ms), _WEEK_MS))
    landmarks = tuple(_landmarks(start_ms, end_ms))
    events = [*landmarks, *_bills(start_ms, end_ms)]
    held = []
    for name, category, rule in rules(policy):
        made = _subscribers(start_ms, end_ms) if about(category).nature == "standing" else _days(start_ms, end_ms)
        held.append(_held(name, rule, tuple(made) if rule.unwritten is None else (), events, moments))
    return Simulation(moments, landmarks, tuple(held))


def _held(name: str, rule: Rule, records: tuple[_Record, ...], events: list[Event], moments: tuple[int, ...]) -> Held:
    starters = {clause.event for clause in rule.lasts.clauses}
    telling = [event for event in events if event.kind in starters]
    counts, oldest_ms = [], 0
    for now_ms in moments:
        there = _there(rule, records, telling, now_ms)
        counts.append(len(there))
        oldest_ms = max([oldest_ms, *(now_ms - made_ms for made_ms in there[:1])])
    return Held(name, tuple(counts), oldest_ms)


def _there(rule: Rule, records: tuple[_Record, ...], events: list[Event], now_ms: int) -> list[int]:
    """When the records that are held were made, the oldest first; those with events of their own are asked singly."""
    made = [record.made_ms for record in records]
    made = made[: bisect_right(made, now_ms)]
    cutoff = rule.lasts.gone_cutoff(now_ms, events)
    if cutoff is not None:
        made = made[bisect_right(made, cutoff) :]
    gone = {record.made_ms for record in records if record.events and _own_end(rule, record, now_ms)}
    return [made_ms for made_ms in made if made_ms not in gone]


def _own_end(rule: Rule, record: _Record, now_ms: int) -> bool:
    cutoff = rule.lasts.gone_cutoff(now_ms, record.events)
    return cutoff is not None and record.made_ms <= cutoff


def _landmarks(start_ms: int, end_ms: int) -> Iterator[Event]:
    length_ms = end_ms - start_ms
    yield Event(EventKind.DELETION_REQUESTED, start_ms + length_ms // 2)
    yield Event(EventKind.CONSENT_WITHDRAWN, start_ms + length_ms * 3 // 4)
    yield Event(EventKind.ACCOUNT_CLOSED, end_ms)
    yield Event(EventKind.CONTRACT_ENDED, Period(months=1).after(end_ms))


def _bills(start_ms: int, end_ms: int) -> Iterator[Event]:
    for at_ms in _months(start_ms, Period(months=2).after(end_ms)):
        yield Event(EventKind.BILLING_CLOSED, at_ms)
        yield Event(EventKind.INVOICE_CLOSED, at_ms + 14 * DAY_MS)


def _months(start_ms: int, end_ms: int) -> Iterable[int]:
    month, at_ms = 0, start_ms
    while at_ms < end_ms:
        yield at_ms
        month += 1
        at_ms = Period(months=month).after(start_ms)


def _days(start_ms: int, end_ms: int) -> Iterator[_Record]:
    return (_Record(made_ms) for made_ms in range(start_ms, end_ms, DAY_MS))


def _subscribers(start_ms: int, end_ms: int) -> Iterator[_Record]:
    half_ms = (end_ms - start_ms) // 2
    for number in range(SUBSCRIBERS):
        came_ms = start_ms + half_ms * number // SUBSCRIBERS
        leaves = (Event(EventKind.UNSUBSCRIBED, came_ms + half_ms),) if number % 2 else ()
        yield _Record(came_ms, leaves)
