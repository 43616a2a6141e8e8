"""What `keep` says: how it is read, and for each clause the millisecond before and at every boundary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.privacy.periods import DAY_MS, Period
from pttserver.privacy.retention import CLOCK_STARTERS, TAKEN_BACK_BY, Clause, Event, EventKind, Phase, Retention

RECORDED = 1_000 * DAY_MS
START = 1_100 * DAY_MS
REQUESTED = Event(EventKind.DELETION_REQUESTED, START)
CLOSED = Event(EventKind.ACCOUNT_CLOSED, START)
TWO_PHASES = Retention.parse("60 days + 60 days after deletion_requested")


def states(retention: Retention, now_ms: int, *events: Event, recorded_ms: int = RECORDED) -> tuple[Phase, bool, bool]:
    """Phase, whether it is hidden, whether it is gone; the cut-offs and the expiry must agree with the phase."""
    gone_ms, hidden_ms = retention.gone_cutoff(now_ms, events), retention.hidden_cutoff(now_ms, events)
    gone = gone_ms is not None and recorded_ms <= gone_ms
    hidden = hidden_ms is not None and recorded_ms <= hidden_ms
    expires_ms = retention.expires_ms(recorded_ms, events)
    assert gone == (expires_ms is not None and expires_ms <= now_ms)
    return retention.phase(recorded_ms, now_ms, events), hidden, gone


IN_USE = (Phase.IN_USE, False, False)
SHOWN_RECOVERABLE = (Phase.RECOVERABLE, False, False)
HIDDEN_RECOVERABLE = (Phase.RECOVERABLE, True, False)
FINAL = (Phase.FINAL, True, False)
GONE = (Phase.GONE, True, True)

# Reading


@pytest.mark.parametrize(
    ("keep", "clauses"),
    [
        ("90 days", [Clause((Period(days=90),))]),
        ("until billing_closed", [Clause((), EventKind.BILLING_CLOSED)]),
        ("while_subscribed", [Clause((), EventKind.UNSUBSCRIBED)]),
        ("until unsubscribed", [Clause((), EventKind.UNSUBSCRIBED)]),
        ("3 months after contract_ended", [Clause((Period(months=3),), EventKind.CONTRACT_ENDED)]),
        (
            "60 days + 1 month after deletion_requested",
            [Clause((Period(days=60), Period(months=1)), EventKind.DELETION_REQUESTED)],
        ),
        (
            ["2 years", "until billing_closed"],
            [Clause((Period(years=2),)), Clause((), EventKind.BILLING_CLOSED)],
        ),
        ("unlimited", []),
        (["unlimited"], []),
    ],
)
def test_keep_is_read(keep: str | list[str], clauses: list[Clause]) -> None:
    assert Retention.parse(keep) == Retention(tuple(clauses))


@pytest.mark.parametrize(
    ("texts", "written"),
    [
        (["90 days"], ("90 days",)),
        (["until unsubscribed"], ("while_subscribed",)),
        (["1 days", "until invoice_closed"], ("1 day", "until invoice_closed")),
        (["60 days + 60 days after account_closed"], ("60 days + 60 days after account_closed",)),
        (["5 years after invoice_closed"], ("5 years after invoice_closed",)),
        (["unlimited"], ("unlimited",)),
    ],
)
def test_keep_is_written_as_it_is_read(texts: list[str], written: tuple[str, ...]) -> None:
    assert Retention.parse(texts).texts == written
    assert Retention.parse(list(written)) == Retention.parse(texts)


@pytest.mark.parametrize("event", CLOCK_STARTERS)
def test_every_event_that_starts_a_clock_can_be_named(event: EventKind) -> None:
    assert Retention.parse(f"1 day after {event}").clauses[0].event is event


@pytest.mark.parametrize(
    ("keep", "reason"),
    [
        ("", "is not a period"),
        ([], "^an empty list says nothing$"),
        ("forever", "is not a period"),
        ("Unlimited", "is not a period"),
        ("until", "is not a period"),
        ("until ", "is not an event"),
        ("until doomsday", "'doomsday' is not an event that starts a clock: deletion_requested, "),
        ("until Billing_Closed", "is not an event"),
        ("until billing_closed ", "is not an event"),
        ("until 90 days", "is not an event"),
        ("90 days after", "is not a period"),
        ("90 days after never", "is not an event"),
        ("90 days after reopened", "'reopened' is not an event that starts a clock"),
        ("until deletion_withdrawn", "is not an event that starts a clock"),
        ("after account_closed", "is not a period"),
        (" after account_closed", "is not a period"),
        ("90 days after account_closed after contract_ended", "is not an event"),
        ("0 days after account_closed", "is no time at all"),
        ("60 days + 60 days", "only after deletion_requested, account_closed, contract_ended there are two phases"),
        ("60 days + 60 days after doomsday", "is not an event"),
        ("60 days + 60 days after billing_closed", "there are two phases"),
        ("60 days + 60 days after unsubscribed", "there are two phases"),
        ("60 days + 60 days after consent_withdrawn", "there are two phases"),
        ("1 day + 1 day + 1 day after account_closed", "more than two phases"),
        ("60 days +60 days after account_closed", "is not a period"),
        ("60 days + after account_closed", "is not a period"),
        ("99999999999 years after account_closed", "longer than 100 years"),
        ("60 days + 101 years after account_closed", "longer than 100 years"),
        ("until \u0430ccount_closed", r"\\u0430ccount_closed"),  # Cyrillic a
        ("x" * 201, "is longer than 200 characters"),
        (["90 days", "unlimited"], '^"unlimited" stands alone$'),
        (["unlimited", "unlimited"], '"unlimited" stands alone'),
        (["90 days", "3 months"], "contradictory: more than one period for an age"),
        (["90 days", "90 days"], "contradictory: more than one period for an age"),
        (["until account_closed", "1 day after account_closed"], "more than one period for account_closed"),
        (
            ["30 days after deletion_requested", "60 days + 60 days after deletion_requested"],
            "more than one period for deletion_requested",
        ),
        (["while_subscribed", "until unsubscribed"], "more than one period for unsubscribed"),
    ],
)
def test_what_keep_cannot_say_is_refused_with_the_reason(keep: str | list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Retention.parse(keep)


def test_a_text_of_200_characters_is_still_looked_at() -> None:
    with pytest.raises(ValueError, match="is not a period"):
        Retention.parse("x" * 200)


def test_clauses_are_found_by_what_starts_them() -> None:
    retention = Retention.parse(["2 years", "60 days + 1 month after account_closed"])
    age, closed = retention.clauses
    assert retention.clause(None) is age
    assert retention.clause(EventKind.ACCOUNT_CLOSED) is closed
    assert retention.clause(EventKind.BILLING_CLOSED) is None
    assert closed.period == Period(days=60, months=1)
    assert Retention.parse("while_subscribed").clauses[0].period == Period()


# The boundaries of each clause


def test_an_age_ends_to_the_millisecond() -> None:
    retention = Retention.parse("90 days")
    end = RECORDED + 90 * DAY_MS
    assert states(retention, RECORDED) == states(retention, end - 1) == IN_USE
    assert states(retention, end) == states(retention, end + 1) == GONE
    assert retention.expires_ms(RECORDED, []) == end


def test_unlimited_never_ends() -> None:
    retention = Retention.parse("unlimited")
    events = [Event(kind, START) for kind in EventKind]
    assert retention.phase(RECORDED, 10**14, events) is Phase.IN_USE
    assert retention.gone_cutoff(10**14, events) is None
    assert retention.hidden_cutoff(10**14, events) is None
    assert retention.expires_ms(RECORDED, events) is None


def test_until_an_event_ends_with_it() -> None:
    retention = Retention.parse("until billing_closed")
    event = Event(EventKind.BILLING_CLOSED, START)
    assert states(retention, START + 10_000 * DAY_MS) == IN_USE  # it has not come
    assert states(retention, START - 1, event) == (Phase.IN_USE, False, False)
    assert states(retention, START, event) == GONE


@pytest.mark.parametrize("kind", [EventKind.BILLING_CLOSED, EventKind.INVOICE_CLOSED, EventKind.UNSUBSCRIBED])
def test_a_clock_that_nothing_stops_leaves_the_record_in_use(kind: EventKind) -> None:
    retention = Retention.parse(f"60 days after {kind}")
    event, end = Event(kind, START), START + 60 * DAY_MS
    assert states(retention, START, event, Event(EventKind.REOPENED, START + 1)) == IN_USE
    assert states(retention, end - 1, event, Event(EventKind.REOPENED, START + 1)) == IN_USE
    assert states(retention, end, event, Event(EventKind.REOPENED, START + 1)) == GONE


def test_withdrawn_consent_hides_at_once() -> None:
    retention = Retention.parse("60 days after consent_withdrawn")
    event = Event(EventKind.CONSENT_WITHDRAWN, START)
    assert states(retention, START - 1, event) == IN_USE
    assert states(retention, START, event) == states(retention, START + 60 * DAY_MS - 1, event) == FINAL
    assert states(retention, START + 60 * DAY_MS, event) == GONE


def test_a_deletion_in_two_phases() -> None:
    assert states(TWO_PHASES, START - 1, REQUESTED) == IN_USE
    assert states(TWO_PHASES, START, REQUESTED) == HIDDEN_RECOVERABLE
    assert states(TWO_PHASES, START + 60 * DAY_MS - 1, REQUESTED) == HIDDEN_RECOVERABLE
    assert states(TWO_PHASES, START + 60 * DAY_MS, REQUESTED) == FINAL
    assert states(TWO_PHASES, START + 120 * DAY_MS - 1, REQUESTED) == FINAL
    assert states(TWO_PHASES, START + 120 * DAY_MS, REQUESTED) == GONE


@pytest.mark.parametrize(("first", "second"), [(30, 90), (90, 30)])
def test_phases_of_different_length(first: int, second: int) -> None:
    retention = Retention.parse(f"{first} days + {second} days after deletion_requested")
    assert states(retention, START + first * DAY_MS - 1, REQUESTED) == HIDDEN_RECOVERABLE
    assert states(retention, START + first * DAY_MS, REQUESTED) == FINAL
    assert states(retention, START + 120 * DAY_MS - 1, REQUESTED) == FINAL
    assert states(retention, START + 120 * DAY_MS, REQUESTED) == GONE


def test_a_deletion_in_one_phase_is_final_at_once() -> None:
    retention = Retention.parse("60 days after deletion_requested")
    withdrawn = Event(EventKind.DELETION_WITHDRAWN, START)
    assert states(retention, START, REQUESTED) == states(retention, START, REQUESTED, withdrawn) == FINAL
    assert states(retention, START + 60 * DAY_MS - 1, REQUESTED, withdrawn) == FINAL
    assert states(retention, START + 60 * DAY_MS, REQUESTED, withdrawn) == GONE


def test_a_withdrawn_request_counts_in_its_first_phase_only() -> None:
    late, in_time = (
        Event(EventKind.DELETION_WITHDRAWN, START + 60 * DAY_MS),
        Event(EventKind.DELETION_WITHDRAWN, START + 60 * DAY_MS - 1),
    )
    assert states(TWO_PHASES, in_time.at_ms - 1, REQUESTED, in_time) == HIDDEN_RECOVERABLE
    assert states(TWO_PHASES, in_time.at_ms, REQUESTED, in_time) == IN_USE
    assert states(TWO_PHASES, START + 999 * DAY_MS, REQUESTED, in_time) == IN_USE
    assert states(TWO_PHASES, late.at_ms, REQUESTED, late) == FINAL
    assert states(TWO_PHASES, START + 120 * DAY_MS, REQUESTED, late) == GONE


def test_what_was_withdrawn_before_the_request_does_not_count() -> None:
    earlier, together = (Event(EventKind.DELETION_WITHDRAWN, at_ms) for at_ms in (START - 1, START))
    assert states(TWO_PHASES, START, REQUESTED, earlier) == HIDDEN_RECOVERABLE
    assert states(TWO_PHASES, START, REQUESTED, together) == IN_USE


def test_reopening_takes_no_deletion_back_and_withdrawing_reopens_nothing() -> None:
    reopened = Event(EventKind.REOPENED, START + 1)
    assert states(TWO_PHASES, START + 2, REQUESTED, reopened) == HIDDEN_RECOVERABLE
    withdrawn = Event(EventKind.DELETION_WITHDRAWN, START + 1)
    assert states(Retention.parse("60 days after account_closed"), START + 2, CLOSED, withdrawn) == SHOWN_RECOVERABLE


@pytest.mark.parametrize("kind", [EventKind.ACCOUNT_CLOSED, EventKind.CONTRACT_ENDED])
def test_a_closed_account_is_recoverable_until_all_is_gone(kind: EventKind) -> None:
    retention = Retention.parse(f"60 days after {kind}")
    closed, end = Event(kind, START), START + 60 * DAY_MS
    assert states(retention, START - 1, closed) == IN_USE
    assert states(retention, START, closed) == states(retention, end - 1, closed) == SHOWN_RECOVERABLE
    assert states(retention, end, closed) == GONE
    in_time, late = Event(EventKind.REOPENED, end - 1), Event(EventKind.REOPENED, end)
    assert states(retention, end, closed, in_time) == IN_USE
    assert states(retention, end, closed, late) == GONE


def test_a_closed_account_in_two_phases_hides_what_is_final() -> None:
    """The account may be renewed at any time, but without what was final by then."""
    retention = Retention.parse("60 days + 60 days after account_closed")
    final, end = START + 60 * DAY_MS, START + 120 * DAY_MS
    assert states(retention, final - 1, CLOSED) == SHOWN_RECOVERABLE
    assert states(retention, final, CLOSED) == states(retention, end - 1, CLOSED) == FINAL
    assert states(retention, end, CLOSED) == GONE
    assert states(retention, end, CLOSED, Event(EventKind.REOPENED, final - 1)) == IN_USE
    late = Event(EventKind.REOPENED, final)
    assert states(retention, final, CLOSED, late) == FINAL
    assert states(retention, end, CLOSED, late) == GONE
    assert states(retention, end, CLOSED, late, recorded_ms=START + 1) == IN_USE  # written after the renewal


def test_an_account_that_closes_again_starts_a_new_clock() -> None:
    retention = Retention.parse("60 days after account_closed")
    reopened = Event(EventKind.REOPENED, START + DAY_MS)
    again = Event(EventKind.ACCOUNT_CLOSED, START + 10 * DAY_MS)
    events = CLOSED, reopened, again
    assert states(retention, START + 70 * DAY_MS - 1, *events) == SHOWN_RECOVERABLE
    assert states(retention, START + 70 * DAY_MS, *events) == GONE


def test_an_event_covers_what_was_recorded_at_or_before_it() -> None:
    end = START + 120 * DAY_MS
    assert states(TWO_PHASES, end, REQUESTED, recorded_ms=START) == GONE
    assert states(TWO_PHASES, end, REQUESTED, recorded_ms=START + 1) == IN_USE
    assert TWO_PHASES.gone_cutoff(end, [REQUESTED]) == START
    assert TWO_PHASES.hidden_cutoff(START, [REQUESTED]) == START


def test_a_second_request_covers_what_came_since_and_delays_nothing() -> None:
    second = Event(EventKind.DELETION_REQUESTED, START + 30 * DAY_MS)
    events = second, REQUESTED
    assert states(TWO_PHASES, START + 120 * DAY_MS, *events) == GONE
    assert states(TWO_PHASES, START + 120 * DAY_MS, *events, recorded_ms=START + 1) == FINAL
    assert states(TWO_PHASES, START + 150 * DAY_MS, *events, recorded_ms=START + 1) == GONE


def test_the_earliest_clause_wins() -> None:
    retention = Retention.parse(["200 days", "60 days + 60 days after deletion_requested", "until account_closed"])
    assert states(retention, RECORDED + 200 * DAY_MS - 1) == IN_USE
    assert states(retention, RECORDED + 200 * DAY_MS) == GONE
    assert states(retention, START, REQUESTED) == HIDDEN_RECOVERABLE
    assert states(retention, START + 100 * DAY_MS - 1, REQUESTED) == FINAL
    assert states(retention, START + 100 * DAY_MS, REQUESTED) == GONE  # the age is over first
    assert states(retention, START, REQUESTED, CLOSED) == GONE
    assert retention.expires_ms(RECORDED, [REQUESTED]) == RECORDED + 200 * DAY_MS
    assert retention.expires_ms(RECORDED, [REQUESTED, CLOSED]) == START
    assert retention.hidden_cutoff(START + 300 * DAY_MS, [REQUESTED]) == START + 100 * DAY_MS


def test_events_of_the_future_have_not_happened() -> None:
    retention = Retention.parse("60 days after account_closed")
    reopens = Event(EventKind.REOPENED, START + 30 * DAY_MS)
    assert states(retention, START + 30 * DAY_MS - 1, CLOSED, reopens) == SHOWN_RECOVERABLE
    assert states(retention, START + 30 * DAY_MS, CLOSED, reopens) == IN_USE


# Laws

PERIOD_TEXTS = st.sampled_from(["1 day", "1 month", "3 months", "1 year", "36 hours"])


@st.composite
def clauses(draw: st.DrawFn) -> str:
    event = draw(st.sampled_from([None, *CLOCK_STARTERS]))
    first, second, form = draw(PERIOD_TEXTS), draw(PERIOD_TEXTS), draw(st.integers(0, 2))
    if event is None:
        return first
    if form == 0:
        return f"until {event}"
    return f"{first} + {second} after {event}" if form == 1 and event in TAKEN_BACK_BY else f"{first} after {event}"


RETENTIONS = st.lists(clauses(), max_size=4, unique_by=lambda text: text.rpartition(" ")[2]).map(
    lambda texts: Retention(tuple(map(Clause.parse, texts)))
)
MOMENTS = st.integers(RECORDED - 5 * DAY_MS, RECORDED + 900 * DAY_MS)
EVENTS = st.lists(st.builds(Event, st.sampled_from(EventKind), MOMENTS), max_size=8)
ORDER = list(Phase)


def boundaries(retention: Retention, recorded_ms: int, events: list[Event]) -> list[int]:
    """Every moment at which something can change."""
    found = [event.at_ms for event in events]
    for clause in retention.clauses:
        for start in [recorded_ms] if clause.event is None else clause.starts(events):
            found += [clause.gone_ms(start), clause.hidden_ms(start), clause.irrevocable_ms(start)]
    return sorted({moment + offset for moment in found for offset in (-1, 0, 1)})


@given(RETENTIONS, MOMENTS, EVENTS)
def test_cutoffs_phase_and_expiry_say_the_same(retention: Retention, recorded: int, events: list[Event]) -> None:
    for now in boundaries(retention, recorded, events):
        phase, hidden, gone = states(retention, now, *events, recorded_ms=recorded)
        assert gone == (phase is Phase.GONE)
        assert hidden or phase in (Phase.IN_USE, Phase.RECOVERABLE)
        assert not hidden or phase is not Phase.IN_USE


@given(RETENTIONS, MOMENTS, EVENTS)
def test_what_was_gone_stays_gone_and_what_was_final_never_returns(
    retention: Retention, recorded: int, events: list[Event]
) -> None:
    """Even when an account reopens or a request is withdrawn: those stop clocks that can still be stopped."""
    furthest = 0
    for now in boundaries(retention, recorded, events):
        stands = ORDER.index(retention.phase(recorded, now, events))
        assert stands >= furthest
        furthest = max(furthest, stands if stands >= ORDER.index(Phase.FINAL) else 0)


@given(RETENTIONS, MOMENTS, EVENTS)
def test_without_taking_back_nothing_ever_goes_back(retention: Retention, recorded: int, events: list[Event]) -> None:
    onward = [event for event in events if event.kind in CLOCK_STARTERS]
    stands = [ORDER.index(retention.phase(recorded, now, onward)) for now in boundaries(retention, recorded, onward)]
    assert stands == sorted(stands)


@given(RETENTIONS, MOMENTS, MOMENTS, EVENTS)
def test_cutoffs_only_move_forward(retention: Retention, one: int, other: int, events: list[Event]) -> None:
    earlier, later = sorted((one, other))
    cutoff = retention.gone_cutoff(earlier, events)
    assert cutoff is None or cutoff <= (retention.gone_cutoff(later, events) or 0)
    hidden = retention.hidden_cutoff(earlier, events)
    assert cutoff is None or (hidden is not None and cutoff <= hidden)


@given(RETENTIONS, clauses(), MOMENTS, MOMENTS, EVENTS)
def test_one_more_clause_never_keeps_longer(
    retention: Retention, more: str, recorded: int, now: int, events: list[Event]
) -> None:
    stricter = Retention((*retention.clauses, Clause.parse(more)))
    before, after = retention.phase(recorded, now, events), stricter.phase(recorded, now, events)
    assert ORDER.index(before) <= ORDER.index(after)


@given(RETENTIONS, MOMENTS, MOMENTS, EVENTS)
def test_the_order_of_events_and_clauses_does_not_matter(
    retention: Retention, recorded: int, now: int, events: list[Event]
) -> None:
    turned = Retention(retention.clauses[::-1])
    assert states(retention, now, *events, recorded_ms=recorded) == states(
        turned, now, *events[::-1], recorded_ms=recorded
    )


@given(RETENTIONS, RETENTIONS, MOMENTS, EVENTS)
def test_what_is_within_another_ends_with_whichever_ends_first(
    part: Retention, whole: Retention, recorded: int, events: list[Event]
) -> None:
    both = part.within(whole)
    for now in (*boundaries(part, recorded, events), *boundaries(whole, recorded, events)):
        for cutoff in ("gone_cutoff", "hidden_cutoff"):
            covered = [
                (at := getattr(one, cutoff)(now, events)) is not None and recorded <= at for one in (part, whole, both)
            ]
            assert covered[2] == (covered[0] or covered[1]), (cutoff, now)
    assert both.within(whole) == both
    assert part.within(part) == part


def test_clauses_that_another_makes_idle_are_not_told() -> None:
    week, closed = ["7 days", "until contract_ended"], "30 days after account_closed"
    assert Retention.parse(week).within(Retention.parse(["90 days", closed])).texts == tuple(week)
    assert Retention.parse(week).within(Retention.parse(["1 day", closed])).texts == ("until contract_ended", "1 day")
    assert Retention.parse("unlimited").within(Retention.parse(week)).texts == tuple(week)
