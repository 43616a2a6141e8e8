"""What changes from one policy to the next, and in which direction."""

import pytest
from policy_texts import policy_of

from pttserver.privacy.difference import Change, difference


def changes(old: str, new: str, old_head: str = "", new_head: str = "") -> list[Change]:
    return difference(policy_of(old, old_head), policy_of(new, new_head))


def test_the_same_policy_does_not_differ() -> None:
    assert changes("[extra.shift]", "[extra.shift]\n# a comment") == []


ALERT = "[categories.alert]\n"


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("keep = '3 months'", "keep = '2 months'", ("keep", "3 months", "2 months", True)),
        ("keep = '2 months'", "keep = '3 months'", ("keep", "2 months", "3 months", False)),
        ("keep = '90 days'", "keep = '3 months'", ("keep", "90 days", "3 months", None)),
        (
            "keep = '1 day'",
            "keep = ['1 day', 'until account_closed']",
            ("keep", "1 day", "1 day, until account_closed", True),
        ),
        ("keep = '1 day'", "keep = 'unlimited'", ("keep", "1 day", "unlimited", False)),
        ("keep = 'unlimited'", "keep = '1 day'", ("keep", "unlimited", "1 day", True)),
        ("keep = '1 day'", "keep = 'until account_closed'", ("keep", "1 day", "until account_closed", None)),
        ("store = 'plain'", "store = 'pseudonymised'", ("store", "plain", "pseudonymised", True)),
        ("store = 'pseudonymised'", "store = 'plain'", ("store", "pseudonymised", "plain", False)),
        ("purpose = ['safety']", "purpose = ['safety', 'billing']", ("purpose", "safety", "billing, safety", False)),
        ("purpose = ['safety', 'billing']", "purpose = ['billing']", ("purpose", "billing, safety", "billing", True)),
        ("purpose = ['safety']", "purpose = ['billing']", ("purpose", "safety", "billing", None)),
        ("visible_to = ['manager']", "visible_to = []", ("visible_to", "manager", "-", True)),
        ("legal_basis = 'consent'", "legal_basis = 'contract'", ("legal_basis", "consent", "contract", None)),
    ],
)
def test_a_change_of_a_rule_is_told(old: str, new: str, change: tuple[str, str, str, bool | None]) -> None:
    assert changes(ALERT + old, ALERT + new) == [Change("alert", *change)]


def test_what_is_not_kept_any_more_is_stricter_in_every_respect() -> None:
    login = "[categories.last_login]\n"
    told = changes(f"{login}keep = '1 day'", f"{login}collect = false")
    assert told == [
        Change("last_login", "collect", "true", "false", True),
        Change("last_login", "store", "plain", "none", True),
        Change("last_login", "keep", "1 day", "-", True),
    ]
    back = changes(f"{login}collect = false", f"{login}keep = '1 day'")
    assert [change.stricter for change in back] == [False, False, False]


def test_positions_that_alerts_carry_are_processed() -> None:
    assert changes("", "[location]\nsos_exception = true") == [
        Change("[location]", "sos_exception", "false", "true", False),
        Change("location", "collect", "false", "true", False),
    ]


def test_truncation_is_told_with_its_measure() -> None:
    old = "[categories.nickname]\nstore = 'truncated'\ntruncate = { characters = 3 }"
    (change,) = changes(old, old.replace("3", "2"))
    assert change == Change("nickname", "store", "truncated (characters = 3)", "truncated (characters = 2)", None)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("[roster]\nnames_up_to = 9", "[roster]\nnames_up_to = 8", ("[roster]", "names_up_to", "9", "8", True)),
        ("[location]\ninterval_s = 9", "[location]\ninterval_s = 8", ("[location]", "interval_s", "9", "8", False)),
        ("[location]\nprecision_m = 1", "[location]\nprecision_m = 2", ("[location]", "precision_m", "1", "2", True)),
        ("", "[location]\nlive_only = false", ("[location]", "live_only", "true", "false", False)),
        (
            "[location]\nsubscriber_may_switch_off = false",
            "",
            ("[location]", "subscriber_may_switch_off", "false", "true", True),
        ),
        (
            "",
            "[location]\nduty_hours = ['mon 08:00-09:00']",
            ("[location]", "duty_hours", "-", "mon 08:00-09:00", True),
        ),
        (
            "[support]\nfirst_tier = []",
            "[support]\nfirst_tier = ['call_record']",
            ("[support]", "first_tier", "-", "call_record", False),
        ),
        (
            "[roles]\ndispatcher = []",
            "[roles]\ndispatcher = ['call']",
            ("[roles]", "dispatcher", "-", "call", False),
        ),
        ("", "[recording]\nat_consoles = true", ("[recording]", "at_consoles", "false", "true", False)),
        ("", "[recording]\nkeep_days = 7", ("[recording]", "keep_days", "30", "7", True)),
        ("", "[alerts]\nambient_listening = true", ("[alerts]", "ambient_listening", "false", "true", False)),
        (
            "",
            "[alerts]\nambient_listening_at_most_s = 60",
            ("[alerts]", "ambient_listening_at_most_s", "120", "60", True),
        ),
        (
            "",
            "[alerts]\nambient_listening_hidden_because = 'By law.'",
            ("[alerts]", "ambient_listening_hidden_because", "-", "By law.", False),
        ),
        ("", "[alerts]\nallowed_by_default = false", ("[alerts]", "allowed_by_default", "true", "false", True)),
    ],
)
def test_a_change_of_a_switch_is_told(old: str, new: str, change: tuple[str, str, str, str, bool | None]) -> None:
    assert changes(old, new) == [Change(*change)]


def test_switching_records_off_is_told_for_every_record() -> None:
    told = changes("", "[logging]\nrecords = false")
    assert told[0] == Change("[logging]", "records", "true", "false", True)
    assert {change.category for change in told[1:]} >= {"call_record", "ip_address", "last_login", "audit_log"}
    assert all(change.stricter for change in told)


@pytest.mark.parametrize(
    ("old", "new", "stricter"),
    [
        ('["DK", "SE"]', '["DK"]', True),
        ('["DK"]', '["DK", "SE"]', False),
        ('["DK"]', '["SE"]', None),
        ("[]", '["DK"]', True),
        ('["DK"]', "[]", False),
    ],
)
def test_regions(old: str, new: str, stricter: bool | None) -> None:
    (change,) = changes("", "", f"regions = {old}", f"regions = {new}")
    assert (change.category, change.what, change.stricter) == ("[policy]", "regions", stricter)


def test_fields_come_and_go() -> None:
    gone = changes("[extra.shift]\n[extra.team]", "[extra.team]")
    assert gone[0] == Change("extra.shift", "collect", "true", "false", True)
    assert {change.category for change in gone} == {"extra.shift"}
    assert changes("[extra.team]", "[extra.shift]\n[extra.team]")[0].stricter is False
