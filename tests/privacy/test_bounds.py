"""The operator's bounds: what is beyond them is named with the reason, and to the day."""

import pytest
from policy_texts import policy_of

from pttserver.errors import ConfigError
from pttserver.privacy.bounds import parse_bounds, violations


class Texts:
    def __init__(self, at_least: str | None = None, at_most: str | None = None) -> None:
        self.at_least = at_least
        self.at_most = at_most


def told(rule: str, category: str = "call_record", **bound: str) -> list[str]:
    return violations(policy_of(f"[categories.{category}]\n{rule}"), {category: Texts(**bound)})


@pytest.mark.parametrize(
    ("rule", "at_most", "told_"),
    [
        ("keep = '90 days'", "90 days", []),
        ("keep = '90 days'", "1 year", []),
        ("keep = '89 days'", "3 months", []),
        ("keep = '90 days'", "3 months", ['call_record is kept "90 days": that can be more than 3 months, which']),
        ("keep = '91 days'", "90 days", ['call_record is kept "91 days": that can be more than 90 days, which']),
        ("keep = ['1 year', 'until billing_closed']", "6 months", ['kept "1 year": that can be more than 6 months']),
        ("keep = '60 days after account_closed'", "1 year", ["kept without an end by age: it may be kept for at most"]),
        ("keep = 'until billing_closed'", "1 year", ["kept without an end by age"]),
        ("keep = 'unlimited'", "100 years", ["kept without an end by age: it may be kept for at most 100 years"]),
        ("store = 'none'", "1 day", []),
        ("collect = false", "1 day", []),
    ],
)
def test_what_is_kept_too_long(rule: str, at_most: str, told_: list[str]) -> None:
    found = told(rule, at_most=at_most)
    assert len(found) == len(told_)
    for text, part in zip(found, told_, strict=True):
        assert part in text


@pytest.mark.parametrize(
    ("rule", "at_least", "told_"),
    [
        ("keep = '6 months'", "6 months", []),
        ("keep = 'unlimited'", "6 months", []),
        (
            "keep = '5 months'",
            "6 months",
            ['kept "5 months": that can be less than 6 months, which it must be kept for'],
        ),
        ("keep = ['1 year', 'until account_closed']", "6 months", ['kept "until account_closed": that can be less']),
        ("keep = ['1 day', '1 day after account_closed']", "2 days", ['"1 day":', '"1 day after account_closed":']),
        ("keep = '60 days + 60 days after deletion_requested'", "120 days", []),
        ("keep = '60 days + 59 days after deletion_requested'", "120 days", ["that can be less than 120 days"]),
        ("store = 'none'", "6 months", ["call_record is kept not at all: it must be kept for at least 6 months"]),
    ],
)
def test_what_is_kept_too_short(rule: str, at_least: str, told_: list[str]) -> None:
    found = told(rule, at_least=at_least)
    assert len(found) == len(told_)
    for text, part in zip(found, told_, strict=True):
        assert part in text


@pytest.mark.parametrize(
    ("keep", "violated"),
    [
        ("while_subscribed", False),
        ("3 months after unsubscribed", False),
        ("4 months after unsubscribed", True),
        ("3 months after account_closed", True),
        ("unlimited", True),
    ],
)
def test_what_lasts_while_subscribed_is_measured_from_the_end_of_it(keep: str, violated: bool) -> None:
    assert bool(told(f"keep = '{keep}'", "subscriber_name", at_most="3 months")) is violated


def test_both_bounds_count() -> None:
    assert told("keep = '1 year'", at_least="6 months", at_most="2 years") == []
    assert len(told("keep = '1 month'", at_least="6 months", at_most="2 years")) == 1
    assert len(told("keep = '3 years'", at_least="6 months", at_most="2 years")) == 1


def test_fields_of_the_organisation_are_bounded_too() -> None:
    policy = policy_of("[extra.shift]\nkeep = 'unlimited'\n[extra.team]")
    (found,) = violations(policy, {"extra": Texts(at_most="1 month")})
    assert found.startswith("extra.shift is kept without an end after the end of the subscription")


SHORT_CALLS = "[categories.call_record]\nkeep = '1 day'\n"
SHORT_RECORDS = "[categories.message_metadata]\nkeep = '1 day'\n"


@pytest.mark.parametrize(
    ("policy", "part"),
    [
        (f"{SHORT_CALLS}[categories.ip_address]\nkeep = '1 year'", "ip_address"),
        (f"{SHORT_CALLS}[categories.participants]\nkeep = '1 year'", "participants"),
        ("[categories.participants]\nkeep = '1 day'\n[categories.ip_address]\nkeep = '1 year'", "ip_address"),
        (f"{SHORT_RECORDS}[categories.message_content]\nkeep = '1 year'", "message_content"),
        (f"{SHORT_RECORDS}[categories.attachment]\nkeep = '1 year'", "attachment"),
    ],
)
def test_a_part_is_kept_no_longer_than_what_it_belongs_to(policy: str, part: str) -> None:
    found = violations(policy_of(policy), {part: Texts(at_least="6 months")})
    assert any(each.startswith(f'{part} is kept "1 day": that can be less than 6 months') for each in found)


@pytest.mark.parametrize("whole", ["call_record", "message_metadata"])
def test_a_part_of_what_is_not_written_is_not_kept_at_all(whole: str) -> None:
    part = {"call_record": "ip_address", "message_metadata": "message_content"}[whole]
    rules = f"[categories.{part}]\nkeep = '1 year'\n[categories.{whole}]\n"
    for none in ("store = 'none'", "purpose = ['billing']"):
        (found,) = violations(policy_of(rules + none), {part: Texts(at_least="6 months")})
        assert found == f"{part} is kept not at all: it must be kept for at least 6 months"


def test_the_list_of_participants_is_kept_at_most_as_long_as_it_is_there() -> None:
    """It does not go with the records of calls, whose initiators and talkers do."""
    policy = policy_of(f"{SHORT_CALLS}[categories.participants]\nkeep = '1 year'")
    (found,) = violations(policy, {"participants": Texts(at_most="6 months")})
    assert found.startswith('participants is kept "1 year"')


def test_without_bounds_everything_goes() -> None:
    assert violations(policy_of("[categories.alert]\nkeep = 'unlimited'"), {}) == []
    assert told("keep = 'unlimited'") == []


@pytest.mark.parametrize(
    ("name", "bound", "reason"),
    [
        ("call_records", Texts(), "there is no category 'call_records'"),
        ("\u0430lert", Texts(), r"there is no category '\\u0430lert'"),
        ("alert", Texts(at_most="soon"), r"privacy.bounds.alert.at_most: 'soon' is not a period"),
        ("alert", Texts(at_least="99999999999 years"), r"privacy.bounds.alert.at_least: .* is longer than 100 years"),
        ("alert", Texts("1 year", "1 month"), "at_least = 1 year can outlast at_most = 1 month"),
        ("alert", Texts("90 days", "3 months"), "at_least = 90 days can outlast at_most = 3 months"),
    ],
)
def test_wrong_bounds_are_the_operators_fault(name: str, bound: Texts, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_bounds({name: bound})
