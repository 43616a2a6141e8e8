"""Duty hours: how they are read, their minutes, midnight, and the two nights on which clocks change."""

from datetime import UTC, datetime

import pytest

from pttserver.privacy.duty_hours import DutyHours, DutySpan, zone


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def on_duty(moment: str, *spans: str, time_zone: str = "UTC") -> bool:
    return DutyHours(tuple(map(DutySpan.parse, spans)), time_zone).cover(ms(moment))


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2026-05-04T07:59:59.999", False),  # a Monday
        ("2026-05-04T08:00", True),
        ("2026-05-04T17:59:59.999", True),
        ("2026-05-04T18:00", False),
        ("2026-05-08T12:00", True),
        ("2026-05-09T12:00", False),  # Saturday
        ("2026-05-10T12:00", False),
        ("1970-01-01T12:00", True),  # a Thursday
    ],
)
def test_spans_begin_and_end_to_the_minute(moment: str, covered: bool) -> None:
    assert on_duty(moment, "mon-fri 08:00-18:00") is covered


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2026-05-09T21:59", False),
        ("2026-05-09T22:00", True),
        ("2026-05-10T05:59:59.999", True),
        ("2026-05-10T06:00", False),
        ("2026-05-10T22:00", False),  # the span is Saturday's
        ("2026-05-09T05:00", False),  # ... and not Friday's
    ],
)
def test_a_night_shift_belongs_to_the_day_on_which_it_begins(moment: str, covered: bool) -> None:
    assert on_duty(moment, "sat 22:00-06:00") is covered


def test_sunday_night_lasts_into_monday_and_weeks_go_round() -> None:
    assert on_duty("2026-05-04T05:59", "sun 22:00-06:00")
    assert on_duty("2026-05-03T23:59", "sat-mon 00:00-24:00")
    assert on_duty("2026-05-04T23:59", "sat-mon 00:00-24:00")
    assert not on_duty("2026-05-05T00:00", "sat-mon 00:00-24:00")


@pytest.mark.parametrize(
    ("moment", "covered"),
    [("08:14", False), ("08:15", True), ("17:44", True), ("17:45", False), ("09:59", True), ("17:01", True)],
)
def test_minutes_count(moment: str, covered: bool) -> None:
    assert on_duty(f"2026-05-04T{moment}", "mon 08:15-17:45") is covered


def test_any_span_will_do_and_none_means_always() -> None:
    assert on_duty("2026-05-09T12:00", "mon-fri 08:00-18:00", "sat 10:00-14:00")
    assert on_duty("2026-05-09T12:00")


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2026-01-15T06:59", False),
        ("2026-01-15T07:00", True),  # winter: UTC + 1
        ("2026-07-15T06:00", True),  # summer: UTC + 2
        ("2026-07-15T05:59", False),
        ("2026-03-29T05:59", False),  # the night on which clocks go forward
        ("2026-03-29T06:00", True),
        ("2026-10-25T06:59", False),  # ... and back
        ("2026-10-25T07:00", True),
    ],
)
def test_the_clock_on_the_wall_counts(moment: str, covered: bool) -> None:
    assert on_duty(moment, "mon-sun 08:00-18:00", time_zone="Europe/Copenhagen") is covered


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no span"),
        ("mon", "is no span"),
        ("08:00-18:00", "is no span"),
        ("mon 8:00-18:00", "is no span"),
        ("mon 24:00-25:00", "is no span"),
        ("mon 08:60-18:00", "is no span"),
        ("Mon 08:00-18:00", "is no span"),
        ("mon 08:00-18:00\n", "is no span"),
        ("mon ０8:00-18:00", "is no span"),
        ("mon-fri-sat 08:00-18:00", "is no span"),
        ("mon 08:00-08:00", "the span is empty"),
        ("mon 08:00-24:01", "after 24:00"),
    ],
)
def test_what_is_no_span_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DutySpan.parse(text)


@pytest.mark.parametrize("name", ["", "../UTC", "/etc/UTC", "Mars/Olympus", "a/b/c/d", "Europe", "UTC\n", "x" * 99])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        zone(name)
