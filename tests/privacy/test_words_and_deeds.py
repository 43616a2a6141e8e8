"""What is said of a policy is what it does: explanation, notice and simulation ask what decides, for many policies."""

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_texts import policy_of

from pttserver.config import Settings
from pttserver.errors import PolicyInvalid
from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category, about
from pttserver.privacy.explain import explain
from pttserver.privacy.findings import findings
from pttserver.privacy.gate import Gate
from pttserver.privacy.location_admission import Admission, LocationState
from pttserver.privacy.notice import how_long, notice, written
from pttserver.privacy.policy import Policy
from pttserver.privacy.purposes import WRITTEN_FOR, Purpose
from pttserver.privacy.simulation import simulate
from pttserver.roles import Rights
from pttserver.services.processing_register import Activity, processing_register
from pttserver.store.records import Tenant
from pttserver.wire.signalling import ANSWERS_APART_S, Position

HERE = Position(latitude=55.6761, longitude=12.5683, accuracy_m=5, at_ms=0)
BOOLEAN = st.sampled_from(["true", "false"])
LOCATION = st.builds(
    "[location]\nenabled = {}\nlive_only = {}\nsos_exception = {}\nsubscriber_may_switch_off = {}\n"
    "[categories.location]\nlegal_basis = 'consent'\npurpose = {}\n"
    "[alerts]\nenabled = {}\n[logging]\nrecords = {}".format,
    BOOLEAN,
    BOOLEAN,
    BOOLEAN,
    BOOLEAN,
    st.sampled_from(["['operations']", "['safety']", "['operations', 'safety']"]),
    BOOLEAN,
    BOOLEAN,
)


def said_in_notice(policy: Policy, title: str) -> str:
    (section,) = [section for section in notice(policy).sections if section.heading.startswith(title)]
    return " ".join(section.texts)


@given(LOCATION)
@settings(max_examples=200, deadline=None)
def test_location_is_said_to_be_what_it_is(text: str) -> None:
    policy = policy_of(text)
    told, noticed = " ".join(explain(policy)), said_in_notice(policy, "Location")
    is_on = Admission(policy, Rights()).state(0) is not LocationState.OFF_FOR_ALL
    assert ("Location is off" not in told) == ("not processed" not in noticed) == is_on
    assert ("Positions are written" in told) == (is_on and policy.writes(Category.LOCATION))
    may_come = policy.alerts.enabled and policy.location.sos_exception
    assert ("An emergency alert carries a position" in told) == may_come
    assert ("An emergency alert that you raise carries it" in noticed) == may_come
    with_alert = Admission(policy, Rights()).admit(HERE, 0, alert=True) is not None
    assert ("An emergency alert carries no position" in told) == (policy.alerts.enabled and is_on and not with_alert)


@given(LOCATION)
@settings(max_examples=100, deadline=None)
def test_positions_besides_the_interval_are_told_where_they_are_taken(text: str) -> None:
    policy = policy_of(text)
    told, noticed = " ".join(explain(policy)), said_in_notice(policy, "Location")
    is_on = Admission(policy, Rights()).state(0) is not LocationState.OFF_FOR_ALL
    assert ("dispatchers may have a device asked" in told) == ("dispatchers may have your device" in noticed) == is_on
    in_need = policy.alerts.enabled and Admission(policy, Rights()).admit(HERE, 0, alert=True) is not None
    assert ("As long as an alert is open, it takes" in told) == in_need
    assert ("As long as an alert that you raised is open, your location goes" in noticed) == in_need


ON = "[location]\nenabled = true\nlive_only = {}\ninterval_s = 3600\nsos_interval_s = 7\n[categories.location]\n{}"


@pytest.mark.parametrize(
    ("rules", "staff"),
    [
        ("visible_to = ['dispatcher']", "dispatchers"),
        ("visible_to = ['dispatcher', 'manager']", "dispatchers and managers"),
        ("visible_to = ['manager']\n[roles]\ndispatcher = ['talk']", "managers"),
        ("visible_to = ['dispatcher']\n[roles]\ndispatcher = ['talk']", None),
    ],
)
def test_it_is_told_who_may_ask_and_how_often(rules: str, staff: str | None) -> None:
    policy = policy_of(ON.format("true", rules))
    noticed = said_in_notice(policy, "Location")
    assert "at most every 3600 seconds" in noticed
    assert ("asked where" in noticed) == (staff is not None)
    if staff is not None:
        assert f"Besides, {staff} may have your device asked where you are" in noticed
        assert f"at most once every {ANSWERS_APART_S} seconds" in noticed
        assert f"Besides, {staff} may have a device asked" in " ".join(explain(policy))
    assert "besides, at most every 7 seconds" in noticed


def test_it_is_told_whether_such_positions_are_written() -> None:
    live, stored = (said_in_notice(policy_of(ON.format(live, "")), "Location") for live in ("true", "false"))
    assert "written down" not in live
    assert "is shown and written down" in stored
    assert "every 7 seconds, and written down as its track." in stored
    for more in ("purpose = ['operations']", "\n[categories.alert]\nstore = 'none'"):
        assert "as its track" not in said_in_notice(policy_of(ON.format("false", more)), "Location")


@given(LOCATION)
@settings(max_examples=100, deadline=None)
def test_whatever_carries_a_position_is_told_as_processing(text: str) -> None:
    policy = policy_of(text)
    with_alert = policy.alerts.enabled and Admission(policy, Rights()).admit(HERE, 0, alert=True) is not None
    is_on = Admission(policy, Rights()).state(0) is not LocationState.OFF_FOR_ALL
    rows = [row for section in notice(policy).sections for row in section.rows if row[0] == "Location"]
    (recorded,) = (each for each in register_of(policy) if each.category == Category.LOCATION)
    if with_alert or is_on:
        assert rows
        assert recorded.written != "not collected"
    if not policy.location.enabled:
        assert not policy.keeps(Category.LOCATION)


@pytest.mark.parametrize(
    ("section", "category"),
    [("messages", "message_content"), ("messages", "message_metadata"), ("alerts", "alert")],
)
def test_what_is_dropped_where_it_comes_in_is_carried_nowhere(section: str, category: str) -> None:
    rule = f"[categories.{category}]\ncollect = false\n"
    with pytest.raises(PolicyInvalid, match=f"{section}.enabled is true"):
        policy_of(rule)
    assert not policy_of(f"[{section}]\nenabled = false\n{rule}").rule(Category(category)).collect


@given(LOCATION)
@settings(max_examples=200, deadline=None)
def test_the_track_of_an_alert_is_said_to_be_kept_where_it_is(text: str) -> None:
    """A position is written with an alert if one is carried, and the gate lets it through for safety."""
    policy = policy_of(text)
    carried = Admission(policy, Rights()).admit(HERE, 0, alert=True) is not None
    written_with_it = Gate(policy).release(Category.LOCATION, Purpose.SAFETY, "sub_1", "55.676,12.568") is not None
    told = " ".join(explain(policy))
    alerts_written = policy.writes(Category.ALERT)
    assert ("is part of the alert" in told) == (alerts_written and carried and written_with_it)
    assert not ("carries no position" in told and "is part of the alert" in told)


def test_voice_is_said_to_be_recorded_where_it_may_be() -> None:
    processed = "What is processed"
    assert "recorded nowhere" in said_in_notice(policy_of(""), processed)
    recorded = said_in_notice(policy_of("[recording]\nat_consoles = true\nkeep_days = 7"), processed)
    assert "Consoles of dispatchers may record" in recorded
    assert "erased after 7 days" in recorded
    assert "nowhere" not in recorded


def test_technicians_are_said_to_see_nothing_where_their_sessions_cannot_be_recorded() -> None:
    for more in ("[logging]\nrecords = false", "[categories.audit_log]\nstore = 'none'"):
        told = " ".join(explain(policy_of(f"[support]\nlongest_minutes = 60\n{more}")))
        assert "Technicians of the operator see nothing: without an audit log" in told


WHOLES = [
    ("call_record", ["participants", "ip_address"]),
    ("participants", ["ip_address"]),
    ("message_metadata", ["message_content", "attachment"]),
    ("message_content", ["attachment"]),
]


@pytest.mark.parametrize("rule", ["store = 'none'", "purpose = ['billing']"])
@pytest.mark.parametrize(("whole", "parts"), WHOLES)
def test_what_belongs_to_what_is_not_written_is_said_to_be_not_written(whole: str, parts: list[str], rule: str) -> None:
    policy = policy_of(f"[categories.{whole}]\n{rule}")
    for part in map(Category, parts):
        for purpose in WRITTEN_FOR[part]:
            assert Gate(policy).release(part, purpose, "sub_1", Personal("x")) is None
        assert written(policy, part).startswith("never: it belongs to ")
        assert how_long(policy, part) == "not at all"
        (told,) = (each for each in explain(policy) if each.startswith(f"{about(part).title}: "))
        assert "But nothing of it is written: it belongs to " in told
        (held,) = (one for one in simulate(policy, 1, 0).held if one.name == part)
        assert max(held.counts) == 0
        (recorded,) = (each for each in register_of(policy) if each.category == part)
        assert (recorded.kept, recorded.places) == ("not at all", [])


BESIDE = {
    Category.PARTICIPANTS: ("90 days", "who started a call and who spoke in it no longer than the call record"),
    Category.ATTACHMENT: ("30 days", "its key no longer than the message content"),
}


@pytest.mark.parametrize(("whole", "parts"), WHOLES)
def test_what_belongs_to_another_is_said_to_be_kept_no_longer(whole: str, parts: list[str]) -> None:
    policy = policy_of(f"[categories.{whole}]\nkeep = '1 hour'\n")
    for part in map(Category, parts):
        told, (held,) = how_long(policy, part), (one for one in simulate(policy, 1, 0).held if one.name == part)
        if part in BESIDE:  # it stays by its own rule
            assert f"for {BESIDE[part][0]}" in told
            assert told.endswith(f"; {BESIDE[part][1]}")
        else:
            assert "for 1 hour" in told
            assert "days or" not in told
            assert max(held.counts) <= 1
    assert "; who started" not in how_long(policy_of(""), Category.PARTICIPANTS)


def test_messages_that_are_switched_off_are_said_to_be_neither_carried_nor_kept() -> None:
    policy = policy_of("[messages]\nenabled = false")
    titles = {row[0] for section in notice(policy).sections for row in section.rows}
    for category in (Category.MESSAGE_METADATA, Category.MESSAGE_CONTENT, Category.ATTACHMENT):
        title = about(category).title
        assert title not in titles
        assert f"{title}: not collected." in explain(policy)
        (recorded,) = (each for each in register_of(policy) if each.category == category)
        assert recorded.written == "not collected"
        (held,) = (one for one in simulate(policy, 1, 0).held if one.name == category)
        assert max(held.counts) == 0
    assert not [each for each in findings(policy) if each.category.startswith(("message", "attachment"))]


def register_of(policy: Policy) -> Sequence[Activity]:
    acme = Tenant(TenantId("ten_1"), "ACME", 1)
    (controller,) = processing_register([(acme, policy)], Settings()).controllers
    return controller.activities


RULES = ("", "purpose = ['support']", "store = 'pseudonymised'", "store = 'none'")
CATEGORIES = ("message_metadata", "alert", "ip_address", "participants")


@pytest.mark.parametrize(("category", "rule"), [*product(CATEGORIES, RULES), ("billing", "")])
def test_what_is_never_written_is_never_held_in_a_simulation(category: str, rule: str) -> None:
    policy = policy_of(f"[categories.{category}]\n{rule}")
    (held,) = [one for one in simulate(policy, 1, 0).held if one.name == category]
    assert (max(held.counts) > 0) == policy.writes(Category(category))


@pytest.mark.parametrize(
    ("rule", "shown"),
    [("", True), ("store = 'truncated'\ntruncate = { characters = 9 }", True), ("store = 'none'", False)],
)
def test_members_are_said_to_see_names_where_they_do(rule: str, shown: bool) -> None:
    policy = policy_of(f"[categories.subscriber_name]\n{rule}")
    noticed = said_in_notice(policy, "Where, and who else")
    assert ("see your name while" in noticed) == shown
    assert ("see a number, not your name, while" in noticed) == (not shown)
    assert ("members see the names" in " ".join(explain(policy))) == shown


@pytest.mark.parametrize(
    ("alerts", "at_once", "later"),
    [
        ("", "dispatchers and everybody in the groups that you take part in;", "to managers"),
        ("route = ['everybody']\nescalate_to = []", "everybody in the organisation;", "to nobody else"),
        (
            "route = ['dispatchers', 'group']\ngroups = ['Guard', 'Fire']\nacknowledge_within_s = 45",
            "dispatchers and everybody in the groups Guard and Fire; if no dispatcher answers within 45 seconds,",
            "to managers",
        ),
        (
            "route = ['managers']\nescalate_to = ['group', 'everybody']",
            "managers;",
            "to everybody in the groups that you take part in, then everybody in the organisation",
        ),
        (
            "route = ['dispatchers', 'managers']\n[categories.alert]\nvisible_to = ['manager']",
            "told at once to managers;",
            "to managers",
        ),
    ],
)
def test_it_is_told_whom_an_alert_goes_to(alerts: str, at_once: str, later: str) -> None:
    policy = policy_of(f"[alerts]\n{alerts}")
    noticed = said_in_notice(policy, "Alerts")
    assert at_once in noticed
    assert later in noticed
    (row,) = [row for row in notice(policy).sections[1].rows if row[0] == about(Category.ALERT).title]
    assert any("those whom it is told to (see Alerts)" in cell for cell in row)


def test_nothing_is_told_of_alerts_that_cannot_be_raised() -> None:
    assert "Alerts" not in [section.heading for section in notice(policy_of("[alerts]\nenabled = false")).sections]


def test_the_track_of_an_alert_is_said_to_stay_when_location_goes_off() -> None:
    policy = policy_of(ON.format("false", ""))
    assert "When location is switched off after that" in said_in_notice(policy, "Alerts")
    assert "is shown with the alert, also when location goes off" in " ".join(explain(policy))
    for location, more in (("true", ""), ("false", "purpose = ['operations']"), ("false", "[alerts]\nenabled = false")):
        other = policy_of(ON.format(location, more))
        assert "Where you were" not in " ".join(text for each in notice(other).sections for text in each.texts)
        assert "Where somebody was" not in " ".join(explain(other))
