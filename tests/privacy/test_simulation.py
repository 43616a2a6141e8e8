"""The simulation holds what the policy lets it hold: counted by hand for simple rules."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from policy_texts import policy_of

from pttserver.privacy.categories import Category
from pttserver.privacy.periods import DAY_MS
from pttserver.privacy.retention import EventKind
from pttserver.privacy.simulation import SUBSCRIBERS, Held, simulate

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000
WEEK = 7 * DAY_MS


def held(category: str, more: str, years: int = 2) -> Held:
    (found,) = [one for one in simulate(policy_of(more), years, START).held if one.name == category]
    return found


def test_an_age_holds_as_many_days_as_it_has() -> None:
    ten_days = held("call_record", "[categories.call_record]\nkeep = '10 days'")
    assert ten_days.counts[:4] == (1, 8, 10, 10)
    assert ten_days.counts[100] == 10
    assert ten_days.counts[-1] == 0
    assert ten_days.oldest_ms == 9 * DAY_MS


def test_without_limit_everything_stays() -> None:
    for_ever = held("call_record", "[categories.call_record]\nkeep = 'unlimited'")
    assert for_ever.counts[-1] == max(for_ever.counts) == 730
    assert list(for_ever.counts) == sorted(for_ever.counts)


def test_bills_empty_the_records_of_a_month() -> None:
    until_billed = held("message_content", "[categories.message_content]\nkeep = 'until billing_closed'")
    assert 25 < max(until_billed.counts) <= 31
    assert until_billed.counts[-1] == 0


def test_a_deletion_takes_what_was_there_and_not_what_comes() -> None:
    rule = "[categories.alert]\nkeep = '30 days + 30 days after deletion_requested'"
    simulation = simulate(policy_of(rule), 2, START)
    (alerts,) = [one for one in simulation.held if one.name == "alert"]
    requested = simulation.landmarks[0]
    assert requested.kind is EventKind.DELETION_REQUESTED
    gone_ms = requested.at_ms + 60 * DAY_MS
    before = max(at for at, moment in enumerate(simulation.moments_ms) if moment < gone_ms)
    assert alerts.counts[before] > 400
    assert 55 <= alerts.counts[before + 1] <= 68


def test_subscribers_come_and_every_other_one_leaves() -> None:
    names = held("subscriber_name", "[categories.subscriber_name]\nkeep = 'while_subscribed'")
    assert names.counts[0] == 1
    assert max(names.counts) == SUBSCRIBERS
    assert names.counts[-1] == SUBSCRIBERS // 2
    for_ever = held("subscriber_name", "[categories.subscriber_name]\nkeep = 'unlimited'")
    assert for_ever.counts[-1] == SUBSCRIBERS


def test_what_is_not_written_is_not_held() -> None:
    simulation = simulate(policy_of("[logging]\nrecords = false\n[extra.shift]"), 1, START)
    by_name = {one.name: one for one in simulation.held}
    assert by_name.keys() == {*Category, "extra.shift"}
    assert not any(by_name["call_record"].counts)
    assert by_name["call_record"].oldest_ms == 0
    assert any(by_name["extra.shift"].counts)


@pytest.mark.parametrize("years", [1, 30])
def test_time_is_walked_week_by_week_and_a_year_longer(years: int) -> None:
    moments = simulate(policy_of("[logging]\nrecords = false"), years, START).moments_ms
    assert moments[0] == START
    assert {later - earlier for earlier, later in pairwise(moments)} == {WEEK}
    assert datetime.fromtimestamp(moments[-1] / 1000, UTC).year == 2026 + years


@pytest.mark.parametrize("years", [0, -1, 31, 10**9])
def test_other_numbers_of_years_are_refused(years: int) -> None:
    with pytest.raises(ValueError, match="1 to 30 years"):
        simulate(policy_of(), years, START)
