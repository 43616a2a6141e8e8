"""By when a request must be answered: a month of the calendar, or three."""

from datetime import UTC, datetime

import pytest

from pttserver.privacy.subject_requests import DISCLOSING, Outcome, deadline_ms


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("received", "due", "extended"),
    [
        ("2026-05-10T12:00", "2026-06-10T12:00", "2026-08-10T12:00"),
        ("2026-01-31T12:00", "2026-03-01T00:00", "2026-05-01T00:00"),  # there is no 31 April
        ("2028-01-30T09:00", "2028-03-01T00:00", "2028-04-30T09:00"),
        ("2026-12-15T00:00", "2027-01-15T00:00", "2027-03-15T00:00"),
    ],
)
def test_deadlines(received: str, due: str, extended: str) -> None:
    assert deadline_ms(ms(received), extended=False) == ms(due)
    assert deadline_ms(ms(received), extended=True) == ms(extended)


def test_whatever_shows_or_changes_data_needs_who_asks() -> None:
    assert {Outcome.GRANTED, Outcome.PARTLY_GRANTED, Outcome.FEE} == DISCLOSING
