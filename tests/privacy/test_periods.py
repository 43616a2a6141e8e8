"""Calendar periods: what can be written, where months end, and the law of the cut-off."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pttserver.privacy.periods import DAY_MS, HOUR_MS, LONGEST_YEARS, MINUTE_MS, Period


def ms(text: str) -> int:
    """Milliseconds of an ISO moment in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


PERIODS = st.builds(
    Period,
    years=st.integers(0, 40),
    months=st.integers(0, 30),
    weeks=st.integers(0, 9),
    days=st.integers(0, 800),
    hours=st.integers(0, 50),
    minutes=st.integers(0, 120),
)
MOMENTS = st.integers(ms("1970-01-01"), ms("2200-01-01"))
# Where calendars break: month ends, leap days, 2038 and 2106 (32 bits), 2100 (no leap year), and a millisecond around.
_EDGE_DAYS = [
    "2000-02-29",
    "2023-02-28",
    "2023-03-01",
    "2024-02-28",
    "2024-02-29",
    "2024-03-01",
    "2025-01-29",
    "2025-01-31",
    "2025-02-01",
    "2025-05-01",
    "2025-12-31",
    "2026-01-01",
    "2038-01-19",
    "2100-02-28",
    "2100-03-01",
    "2106-02-07",
]
EDGES = st.builds(
    lambda day, offset: ms(day) + offset,
    st.sampled_from(_EDGE_DAYS),
    st.sampled_from([-DAY_MS, -1, 0, 1, 12 * HOUR_MS, DAY_MS - 1, DAY_MS]),
)
ANY_MOMENT = MOMENTS | EDGES

# What can be written


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("90 days", Period(days=90)),
        ("1 day", Period(days=1)),
        ("3 months", Period(months=3)),
        ("2 years", Period(years=2)),
        ("1 year 6 months", Period(years=1, months=6)),
        ("2 weeks", Period(weeks=2)),
        ("36 hours", Period(hours=36)),
        ("1 day 1 hour 30 minutes", Period(days=1, hours=1, minutes=30)),
        ("0 years 1 minute", Period(minutes=1)),
        (f"{LONGEST_YEARS} years", Period(years=LONGEST_YEARS)),
        (f"{LONGEST_YEARS * 366} days", Period(days=LONGEST_YEARS * 366)),
        ("50 years 18300 days", Period(years=50, days=18_300)),
    ],
)
def test_periods_are_read(text: str, period: Period) -> None:
    assert Period.parse(text) == period


@given(PERIODS.filter(lambda period: period != Period()))
def test_a_period_is_written_as_it_is_read(period: Period) -> None:
    assert Period.parse(str(period)) == period


def test_an_empty_period_is_written_as_none() -> None:
    assert str(Period()) == "0 days"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a period"),
        ("days", "is not a period"),
        ("90", "is not a period"),
        ("90days", "is not a period"),
        ("90  days", "is not a period"),
        (" 90 days", "is not a period"),
        ("90 days ", "is not a period"),
        ("90 days\n", "is not a period"),
        ("90 Days", "is not a period"),
        ("90 dayss", "is not a period"),
        ("-1 days", "is not a period"),
        ("+1 days", "is not a period"),
        ("1.5 days", "is not a period"),
        ("1e3 days", "is not a period"),
        ("1_000 days", "is not a period"),
        ("007 days", "is not a period"),
        ("9 decades", "is not a period"),
        ("1 year, 6 months", "is not a period"),
        ("９０ days", r"\\uff19\\uff10 days"),  # full width
        ("٩٠ days", "is not a period"),  # Arabic-Indic
        ("3 m\u043enths", r"m\\u043enths"),  # Cyrillic o
        ("3\u00a0months", "is not a period"),  # no-break space
        ("\u202e3 months", "is not a period"),  # right to left
        ("3 months\x00", "is not a period"),
        ("3 days 2 days", "each unit once"),
        ("2 days 1 year", "the greatest first"),
        ("1 minute 1 hour", "the greatest first"),
        ("0 days", "is no time at all"),
        ("0 years 0 minutes", "is no time at all"),
        ("101 years", "longer than 100 years"),
        ("1201 months", "longer than 100 years"),
        ("100 years 1 month", "longer than 100 years"),
        ("100 years 5 days", "longer than 100 years"),  # months and days together
        ("100 years 1 minute", "longer than 100 years"),
        ("50 years 18301 days", "longer than 100 years"),
        ("36601 days", "longer than 100 years"),
        ("36600 days 1 minute", "longer than 100 years"),
        ("99999999999 years", "longer than 100 years"),
        ("9" * 95 + " days", "longer than 100 years"),  # 100 characters are looked at
        ("9" * 96 + " days", "is not a period"),
    ],
)
def test_what_is_no_period_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Period.parse(text)


def test_a_refusal_shows_little_of_a_long_text() -> None:
    with pytest.raises(ValueError, match="is not a period") as refused:
        Period.parse("x" * 1_000_000)
    assert str(refused.value).startswith(f"'{'x' * 100}...' is not a period")


def test_a_refusal_shows_all_of_a_short_text() -> None:
    with pytest.raises(ValueError, match="is not a period") as refused:
        Period.parse("x" * 100)
    assert str(refused.value).startswith(f"'{'x' * 100}' is not")


# Where a period ends


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        ("2025-01-15T12:00", "1 month", "2025-02-15T12:00"),
        ("2025-01-28T12:00", "1 month", "2025-02-28T12:00"),
        ("2025-01-29T12:00", "1 month", "2025-03-01T00:00"),  # February has no 29th: its last day ends
        ("2025-01-31T12:00", "1 month", "2025-03-01T00:00"),
        ("2024-01-29T12:00", "1 month", "2024-02-29T12:00"),  # but 2024 has
        ("2024-01-30T12:00", "1 month", "2024-03-01T00:00"),
        ("2024-02-29T12:00", "1 year", "2025-03-01T00:00"),
        ("2024-02-29T12:00", "4 years", "2028-02-29T12:00"),
        ("2096-02-29T12:00", "4 years", "2100-03-01T00:00"),  # 2100 is no leap year
        ("2025-03-31T12:00", "1 month", "2025-05-01T00:00"),
        ("2025-05-31T12:00", "6 months", "2025-12-01T00:00"),
        ("2025-08-31T12:00", "6 months", "2026-03-01T00:00"),
        ("2025-12-31T23:59:59.999", "1 month", "2026-01-31T23:59:59.999"),
        ("2025-12-31T23:59:59.999", "2 months", "2026-03-01T00:00"),
        ("2025-10-15T12:00", "3 months", "2026-01-15T12:00"),
        ("2025-11-30T00:00", "13 months", "2026-12-30T00:00"),
        ("2025-12-01T00:00", "12 months", "2026-12-01T00:00"),
        ("2025-03-30T00:30", "1 day", "2025-03-31T00:30"),  # clocks go forward in Europe; UTC does not
        ("2025-10-26T00:30", "24 hours", "2025-10-27T00:30"),
        ("2025-01-31T12:00", "1 month 1 day", "2025-03-02T00:00"),  # the calendar first, then days
        ("2025-01-01T00:00", "2 weeks", "2025-01-15T00:00"),
        ("2038-01-19T03:14:07", "1 minute", "2038-01-19T03:15:07"),
        ("1969-12-31T23:59", "1 minute", "1970-01-01T00:00"),
    ],
)
def test_a_period_ends_to_the_millisecond(start: str, period: str, end: str) -> None:
    assert Period.parse(period).after(ms(start)) == ms(end)


@pytest.mark.parametrize(
    ("now", "period", "cutoff"),
    [
        ("2025-02-15T12:00", "1 month", "2025-01-15T12:00"),
        ("2025-02-28T12:00", "1 month", "2025-01-28T12:00"),
        ("2025-02-28T23:59:59.999", "1 month", "2025-01-28T23:59:59.999"),
        ("2025-03-01T00:00", "1 month", "2025-02-01T00:00"),
        ("2025-03-31T12:00", "1 month", "2025-02-28T23:59:59.999"),
        ("2024-03-30T12:00", "1 month", "2024-02-29T23:59:59.999"),
        ("2025-03-31T00:00", "1 year 1 month", "2024-02-29T23:59:59.999"),
        ("2026-01-31T12:00", "2 months", "2025-11-30T23:59:59.999"),
        ("2026-01-31T12:00", "1 month", "2025-12-31T12:00"),
        ("2026-01-01T00:00", "1 minute", "2025-12-31T23:59"),
    ],
)
def test_a_cutoff_is_exact(now: str, period: str, cutoff: str) -> None:
    assert Period.parse(period).cutoff(ms(now)) == ms(cutoff)


def test_units_have_their_length() -> None:
    assert Period(weeks=1).after(0) == Period(days=7).after(0) == 7 * DAY_MS
    assert Period(days=1).after(0) == Period(hours=24).after(0) == DAY_MS == 86_400_000
    assert Period(hours=1).after(0) == Period(minutes=60).after(0) == HOUR_MS
    assert Period(minutes=1).after(0) == MINUTE_MS
    assert Period(years=1).after(5) == Period(months=12).after(5) == 365 * DAY_MS + 5
    assert Period().after(5) == Period().cutoff(5) == 5


@given(PERIODS, ANY_MOMENT, ANY_MOMENT)
@example(Period(months=1), ms("2025-01-31T12:00"), ms("2025-03-01T00:00"))
def test_the_cutoff_decides_as_the_period_does(period: Period, recorded: int, now: int) -> None:
    assert (period.after(recorded) <= now) == (recorded <= period.cutoff(now))


@given(PERIODS, ANY_MOMENT)
def test_the_law_holds_at_the_boundary_and_a_millisecond_around(period: Period, recorded: int) -> None:
    end = period.after(recorded)
    assert recorded > period.cutoff(end - 1)
    assert recorded <= period.cutoff(end) <= period.cutoff(end + 1)


@given(PERIODS, ANY_MOMENT)
def test_nothing_later_than_the_cutoff_is_over(period: Period, now: int) -> None:
    cutoff = period.cutoff(now)
    assert period.after(cutoff) <= now < period.after(cutoff + 1)


@given(PERIODS, ANY_MOMENT, st.integers(0, 40 * DAY_MS))
def test_who_begins_later_ends_no_earlier(period: Period, start: int, later: int) -> None:
    assert start <= period.after(start) <= period.after(start + later)


@given(st.integers(0, 500), ANY_MOMENT)
def test_months_agree_with_counting_days(months: int, start: int) -> None:
    """Another way to the same end: count months, then either the day is there or the next month begins."""
    begin = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start)
    target = begin.replace(day=1)
    for _ in range(months):
        target = (target + timedelta(days=31)).replace(day=1)
    moved = target + timedelta(days=begin.day - 1)
    if moved.month != target.month:
        moved = (target + timedelta(days=31)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert Period(months=months).after(start) == ms(moved.replace(tzinfo=None).isoformat())


@pytest.mark.parametrize("moment", [ms("9999-12-31"), 10**15, 10**20, -(10**15), -(10**20)])
def test_moments_beyond_the_calendar_are_refused(moment: int) -> None:
    with pytest.raises(ValueError, match=r"^the moment is outside of the years|out of range"):
        Period(months=1).after(moment)


# Which one is longer


@pytest.mark.parametrize(
    ("one", "other", "within"),
    [
        ("89 days", "3 months", True),  # February, March and April have 89
        ("90 days", "3 months", False),
        ("3 months", "92 days", True),
        ("3 months", "91 days", False),
        ("1 month", "31 days", True),
        ("1 month", "30 days", False),
        ("28 days", "1 month", True),
        ("29 days", "1 month", False),
        ("12 months", "1 year", True),
        ("1 year", "12 months", True),
        ("1 year", "366 days", True),
        ("1 year", "365 days", False),
        ("365 days", "1 year", True),
        ("366 days", "1 year", False),
        ("1460 days", "4 years", True),
        ("1461 days", "4 years", False),  # over 2100 four years have 1,460 days
        ("1 month", "2 months", True),
        ("2 months", "1 month", False),
        ("1 day", "1 day", True),
        ("1 day 1 minute", "1 day", False),
        ("1 month 2 days", "2 months", True),
        ("2 months", "1 month 2 days", False),
        ("1 month", "1 month 1 day", True),
        ("2 months", "1 month 31 days", True),
        ("2 months", "1 month 30 days", False),
    ],
)
def test_which_period_never_outlasts_which(one: str, other: str, within: bool) -> None:
    assert Period.parse(one).never_outlasts(Period.parse(other)) is within


@given(st.sampled_from([1, 2, 3, 6, 11, 12, 13]), st.integers(25, 400), ANY_MOMENT)
def test_what_never_outlasts_ends_first_wherever_it_begins(months: int, days: int, start: int) -> None:
    one, other = Period(months=months), Period(days=days)
    if one.never_outlasts(other):
        assert one.after(start) <= other.after(start)
    if other.never_outlasts(one):
        assert other.after(start) <= one.after(start)


def test_periods_add_up_unit_by_unit() -> None:
    assert Period(years=1, days=60) + Period(months=2, days=60) == Period(years=1, months=2, days=120)
