"""The presets: simulated time is walked over every boundary of every rule, by a calendar of the test's own.

The first walk takes the periods from the files; the table after it holds what the notices promise.
"""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pttserver.errors import NotFound
from pttserver.privacy.categories import Category
from pttserver.privacy.findings import Severity, findings
from pttserver.privacy.limitations import unacknowledged
from pttserver.privacy.policy import Policy, Storage, parse_policy
from pttserver.privacy.presets import DEFAULT, PRESETS, preset_text
from pttserver.privacy.retention import Event, EventKind, Phase, Retention

STARTS = ["2026-01-31T12:00", "2024-02-29T23:59:59.999", "2037-12-31T00:00", "2026-11-30T08:15"]


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def start_of(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def end_of(start: datetime, periods: str) -> datetime:
    """`60 days + 1 month` after `start`: counted month by month, a day that is not there ends with its month."""
    for period in periods.split(" + "):
        number, unit = period.split()
        if unit.startswith("day"):
            start += timedelta(days=int(number))
            continue
        first = start.replace(day=1)
        for _ in range(int(number) * (12 if unit.startswith("year") else 1)):
            first = (first + timedelta(days=31)).replace(day=1)
        moved = first + timedelta(days=start.day - 1)
        if moved.month != first.month:
            moved = (first + timedelta(days=31)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        start = moved
    return start


def policy(name: str) -> Policy:
    return parse_policy(preset_text(name))


def clauses() -> Iterator[tuple[str, Category, str]]:
    """Every text of `keep` of every category that a preset keeps, as the files write them."""
    base = tomllib.loads(preset_text(DEFAULT))["categories"]
    for name in PRESETS:
        named = tomllib.loads(preset_text(name)).get("categories", {})
        for category in filter(policy(name).keeps, Category):
            for text in {**base[category], **named.get(category, {})}["keep"]:
                yield name, category, text


def walk(retention: Retention, recorded: datetime, events: list[Event], boundary: datetime) -> None:
    """A millisecond before the boundary it is there, at the boundary it is gone, and stays so."""
    end = ms(boundary)
    for now, gone in ((end - 1, False), (end, True), (end + 1, True), (end + 10**12, True)):
        cutoff = retention.gone_cutoff(now, events)
        assert (cutoff is not None and ms(recorded) <= cutoff) is gone
        assert (retention.phase(ms(recorded), now, events) is Phase.GONE) is gone
    assert retention.expires_ms(ms(recorded), events) == end


@pytest.mark.parametrize("begin", STARTS)
@pytest.mark.parametrize(("name", "category", "text"), list(clauses()))
def test_every_boundary_of_every_rule(name: str, category: Category, text: str, begin: str) -> None:
    """The clause alone; then in its rule, where an age can end before an event's clock does."""
    start, retention = start_of(begin), policy(name).rule(category).retention
    assert text in retention.texts
    periods, after, event = text.replace("while_subscribed", "until unsubscribed").partition(" after ")
    event = event or periods.partition("until ")[2]
    boundary = end_of(start, periods) if after or not event else start
    events = [Event(EventKind(event), ms(start))] if event else []
    walk(Retention.parse(text), start, events, boundary)
    age = retention.clause(None)
    walk(retention, start, events, boundary if age is None else min(boundary, end_of(start, str(age))))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("category", Category)
def test_what_a_preset_does_not_keep_is_gone_at_once(name: str, category: Category) -> None:
    rule = policy(name).rule(category)
    assert (rule.retention.gone_cutoff(1_000, ()) == 1_000) is (not policy(name).keeps(category))


# What the notices promise: preset, category, event (None: age), its phases.
PROMISES = [
    ("sendsmsgate", Category.IDENTIFIER, EventKind.DELETION_REQUESTED, ["60 days", "60 days"]),
    ("sendsmsgate", Category.SUBSCRIBER_NAME, EventKind.DELETION_REQUESTED, ["60 days", "60 days"]),
    ("sendsmsgate", Category.CONTACT_DATA, EventKind.DELETION_REQUESTED, ["60 days", "60 days"]),
    ("sendsmsgate", Category.EXTRA, EventKind.DELETION_REQUESTED, ["60 days", "60 days"]),
    ("sendsmsgate", Category.MESSAGE_CONTENT, EventKind.DELETION_REQUESTED, ["60 days", "60 days"]),
    ("sendsmsgate", Category.MESSAGE_METADATA, EventKind.DELETION_REQUESTED, ["60 days", "60 days"]),
    ("sendsmsgate", Category.IDENTIFIER, EventKind.ACCOUNT_CLOSED, ["60 days"]),
    ("sendsmsgate", Category.CONTACT_DATA, EventKind.ACCOUNT_CLOSED, ["60 days"]),
    ("sendsmsgate", Category.MESSAGE_CONTENT, EventKind.ACCOUNT_CLOSED, ["60 days", "60 days"]),
    ("sendsmsgate", Category.IMPORT_FILE, None, ["60 days"]),
    ("sendsmsgate", Category.ATTACHMENT, None, ["60 days"]),
    ("sendsmsgate", Category.ACTIVITY_LOG, None, ["1 month"]),
    ("sendsmsgate", Category.AUDIT_LOG, None, ["2 years"]),
    ("mobitech", Category.MESSAGE_METADATA, None, ["3 months"]),
    ("mobitech", Category.MESSAGE_CONTENT, None, ["3 months"]),
    ("mobitech", Category.DEBUG_CAPTURE, None, ["3 days"]),
    ("mobitech", Category.SUBSCRIBER_NAME, EventKind.CONTRACT_ENDED, ["3 months"]),
    ("mobitech", Category.CREDENTIAL, EventKind.CONTRACT_ENDED, ["3 months"]),
    ("mobitech", Category.BILLING, None, ["5 years"]),
    ("message_people", Category.MESSAGE_CONTENT, EventKind.BILLING_CLOSED, []),
    ("message_people", Category.CALL_RECORD, EventKind.BILLING_CLOSED, []),
    ("message_people", Category.MESSAGE_METADATA, EventKind.INVOICE_CLOSED, []),
    ("message_people", Category.IDENTIFIER, EventKind.CONTRACT_ENDED, []),
    ("message_people", Category.MESSAGE_CONTENT, EventKind.CONTRACT_ENDED, []),
]


@pytest.mark.parametrize("begin", STARTS)
@pytest.mark.parametrize(("name", "category", "event", "phases"), PROMISES)
def test_the_promises_of_the_notices_hold(
    name: str, category: Category, event: EventKind | None, phases: list[str], begin: str
) -> None:
    start, retention = start_of(begin), policy(name).rule(category).retention
    events = [] if event is None else [Event(event, ms(start))]
    walk(retention, start, events, end_of(start, " + ".join(phases)) if phases else start)
    if len(phases) > 1:
        final = ms(end_of(start, phases[0]))
        assert retention.phase(ms(start), final - 1, events) is Phase.RECOVERABLE
        assert retention.phase(ms(start), final, events) is Phase.FINAL


def test_a_renewed_account_comes_without_the_deleted_data() -> None:
    retention = policy("sendsmsgate").rule(Category.MESSAGE_CONTENT).retention
    start = start_of(STARTS[0])
    closed = Event(EventKind.ACCOUNT_CLOSED, ms(start))
    for days, phase in ((59, Phase.IN_USE), (60, Phase.FINAL), (119, Phase.FINAL), (120, Phase.GONE)):
        now = ms(start + timedelta(days=days))
        assert retention.phase(ms(start), now, [closed, Event(EventKind.REOPENED, now)]) is phase


def test_the_other_options_of_the_notices() -> None:
    excerpt = policy("mobitech").rule(Category.MESSAGE_CONTENT)
    assert (excerpt.storage, excerpt.truncate and excerpt.truncate.characters) == (Storage.TRUNCATED, 160)
    assert policy("mobitech").policy.regions == ("DK",)
    assert not policy("mobitech").keeps(Category.CONTACT_DATA)
    assert policy("message_people").rule(Category.MESSAGE_METADATA).storage is Storage.PSEUDONYMISED
    assert policy("message_people").rule(Category.CONTACT_DATA).retention.clause(EventKind.CONSENT_WITHDRAWN)
    assert policy("processor").rule(Category.IP_ADDRESS).storage is Storage.TRUNCATED
    tornado = policy("mobile_tornado")
    assert tornado.location.enabled
    assert tornado.location.subscriber_may_switch_off
    assert tornado.location.sos_exception
    assert tornado.alerts.ambient_listening
    assert set(tornado.policy.regions) == {"EEA", "GB"}


def test_no_logging_at_the_wish_of_the_customer() -> None:
    text = preset_text("mobitech").replace("records = true", "records = false")
    assert [limitation.code for limitation in unacknowledged(parse_policy(text))] == ["no_records"]
    agreed = parse_policy(text.replace("acknowledged = [", 'acknowledged = ["no_records", '))
    assert unacknowledged(agreed) == []
    assert not any(map(agreed.keeps, (Category.MESSAGE_CONTENT, Category.CALL_RECORD, Category.IP_ADDRESS)))


def test_strict_writes_nothing_that_happens() -> None:
    strict = policy("strict")
    assert set(filter(strict.keeps, Category)) == {
        Category.NICKNAME,
        Category.IDENTIFIER,
        Category.CREDENTIAL,
        Category.MEMBERSHIP,
    }


def test_strict_does_not_say_that_members_see_nicknames() -> None:
    said = " ".join(line.removeprefix("# ") for line in preset_text("strict").splitlines() if line.startswith("#"))
    assert "members see a number of each other (sub_...), and no name" in said
    assert "(nickname) is never sent to members" in said


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_applied_as_they_are(name: str) -> None:
    assert unacknowledged(policy(name)) == []
    serious = {finding.category for finding in findings(policy(name)) if finding.severity is Severity.SERIOUS}
    assert serious == ({"audit_log"} if name == "strict" else set())


def test_a_preset_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="there are: default, strict, mobile_tornado"):
        preset_text("../default")
