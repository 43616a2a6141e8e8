"""The walk of test_presets_in_tables.py over the other tables: messages, alerts, positions, contact data, audit log.

Just before a boundary of a preset a row is there, just after it is gone; and it is not served, swept or not.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Column, select

from pttserver.errors import NotFound
from pttserver.ids import AlertId, DeviceId, Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs, Events
from pttserver.privacy.forms import PSEUDONYM
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.presets import PRESETS, preset_text
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import CLOCK_STARTERS, Event, EventKind, Phase, Retention
from pttserver.roles import Rights
from pttserver.services.message_release import MessageRelease
from pttserver.sessions.session import Identity
from pttserver.store.alert_notes import NewNote
from pttserver.store.alert_schema import alert_notes, alert_points, alert_steps, alerts
from pttserver.store.alert_track import LocatedBy, NewTrackPoint
from pttserver.store.alert_track import NewPosition as AlertPosition
from pttserver.store.alerts import Alerts, NewAlert, NewStep
from pttserver.store.audit import AuditLog, Checkpoint
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.events import record_event
from pttserver.store.expiry import erase_some, plan
from pttserver.store.governance_schema import audit_entries, subjects
from pttserver.store.location_schema import positions
from pttserver.store.message_history import MessageHistory, Page
from pttserver.store.message_people import Reader
from pttserver.store.message_queue import MessageQueue
from pttserver.store.message_records import KeptMessage
from pttserver.store.message_schema import attachments, deliveries, messages
from pttserver.store.policies import Policies, PolicyVersion
from pttserver.store.positions import NewPosition, Positions
from pttserver.store.profiles import ProfileChange, Profiles
from pttserver.store.records import Tenant
from pttserver.store.schema import devices, subscriber_fields
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants
from pttserver.wire import signalling
from store.organisation import ANNA, BERT, CODE_HASH, RADIO, TENANT, VAULT, device, new_key, subscriber

RECORDED_MS = 1_800_000_000_000
EVENT_MS = RECORDED_MS + 86_400_000
ALERT = AlertId("alr_00000000000000a1")
MESSAGE = "msg_0000000000000001"
PLACE = Personal("55.676,12.568")


class Item(NamedTuple):
    """What is looked for, whose rule it lives by, and what it is part of."""

    column: Column[Any]
    category: Category
    part_of: str | None = None
    lasting: bool = False
    purpose: Purpose | None = None


ITEMS = {
    "messages": Item(messages.c.id, Category.MESSAGE_METADATA),
    "messages.content": Item(messages.c.content, Category.MESSAGE_CONTENT, "messages"),
    "messages.wrapped": Item(messages.c.wrapped, Category.MESSAGE_CONTENT, "messages"),
    "deliveries": Item(deliveries.c.message_id, Category.MESSAGE_METADATA),
    "deliveries.wrapped": Item(deliveries.c.wrapped, Category.MESSAGE_CONTENT, "deliveries"),
    "attachments": Item(attachments.c.message_id, Category.ATTACHMENT),
    "alerts": Item(alerts.c.id, Category.ALERT),
    "alerts.position": Item(alerts.c.position, Category.LOCATION, "alerts", purpose=Purpose.SAFETY),
    "alert_steps": Item(alert_steps.c.number, Category.ALERT),
    "alert_notes": Item(alert_notes.c.text, Category.ALERT),
    "alert_points": Item(alert_points.c.id, Category.LOCATION, purpose=Purpose.SAFETY),
    "positions": Item(positions.c.id, Category.LOCATION, purpose=Purpose.OPERATIONS),
    "subscriber_fields": Item(subscriber_fields.c.contact, Category.CONTACT_DATA, lasting=True),
    "devices": Item(devices.c.id, Category.CREDENTIAL, lasting=True),
    "devices.label": Item(devices.c.label, Category.NICKNAME, "devices", lasting=True),
    "devices.device_type": Item(devices.c.device_type, Category.DEVICE_TYPE, "devices", lasting=True),
    "audit_entries": Item(audit_entries.c.sequence, Category.AUDIT_LOG),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, migrated once."""
    file = tmp_path_factory.mktemp("template") / "data" / "empty.sqlite3"

    async def make() -> None:
        await (await Database.open(file, VAULT)).close()

    asyncio.run(make())
    return file


@pytest.fixture
async def opened(template: Path, tmp_path: Path) -> AsyncIterator[tuple[Database, Erasures]]:
    """A copy of it."""
    file = tmp_path / "data" / "pttserver.sqlite3"
    file.parent.mkdir(mode=0o700)
    shutil.copyfile(template, file)
    file.chmod(0o600)
    database = await Database.open(file, VAULT)
    yield database, Erasures(database, file, ErasureLedger(file.with_name(LEDGER_FILE)))
    await database.close()


@dataclass
class Walk:
    """One preset, with one event or none."""

    database: Database
    erasures: Erasures
    text: str
    event: Event | None

    @cached_property
    def policy(self) -> Policy:
        return parse_policy(self.text)

    @property
    def gate(self) -> Gate:
        return Gate(self.policy)

    @property
    def events(self) -> Events:
        return Events((self.event,) if self.event else ())

    def boundaries(self) -> list[int]:
        clauses = [clause for item in ITEMS.values() for clause in self.policy.rule(item.category).retention.clauses]
        ages = {clause.gone_ms(RECORDED_MS) for clause in clauses if clause.event is None}
        ends = {clause.gone_ms(EVENT_MS) for clause in clauses if self.event and clause.event is self.event.kind}
        return sorted(moment for moment in ages | ends if moment > EVENT_MS)

    async def write(self) -> None:
        version = PolicyVersion(TENANT, self.text, self.policy.digest, (), None, None, 1, published=True)
        await Tenants(self.database).add(Tenant(TENANT, "ACME", 1), version)
        for who, identifier in ((ANNA, "Anna"), (BERT, "Bert")):
            await Subscribers(self.database).add(subscriber(who, identifier))
        await self._write_device()
        await self._write_message()
        await self._write_alert(number=1)
        await self._write_position(number=1)
        field = self.gate.release(Category.CONTACT_DATA, self._any(Category.CONTACT_DATA), ANNA, Personal("a@x.dk"))
        note = AuditNote(self.gate, "subject.rectify", TENANT, Personal("Dora"), RECORDED_MS, ANNA)
        await Profiles(self.database).change(ANNA, ProfileChange(RECORDED_MS, fields={"email": field}), note)
        log = AuditLog(self.database)
        if (last := await log.last(TENANT)) is not None:  # the chain is cut at a checkpoint only
            await log.put_checkpoint(Checkpoint(TENANT, last[0], last[1], RECORDED_MS, b"signature"))
        if self.event is not None:
            kind = self.event.kind
            await self.database.write(lambda sql: record_event(sql, TENANT, None, kind, EVENT_MS))

    async def _write_device(self) -> None:
        await Devices(self.database).add(device(RADIO, ANNA, "Radio 7"), CODE_HASH, 1000)
        assert await Enrolments(self.database).claim(CODE_HASH, b"k" * 32, 20, new_key())

    async def _write_message(self) -> None:
        who = Identity(
            tenant_id=TENANT, subscriber_id=ANNA, device_id=RADIO, device_type=Personal(""), display_name=Personal(""),
            rights=Rights(),
        )  # fmt: skip
        sealed = signalling.SealedMessage.model_construct(
            message=bytes(16), device=RADIO, group=None, recipients=[BERT], sequence=1, previous=bytes(32),
            sent_ms=RECORDED_MS, content=b"c" * 28, signature=bytes(64),
            attachment=signalling.AttachmentInfo(size=28, digest=bytes(32)),
        )  # fmt: skip
        keys = {
            who: [signalling.WrappedKey(device=DeviceId("dev_00000000000000d1"), octets=bytes(80))]
            for who in (ANNA, BERT)
        }
        new = MessageRelease(self.gate, who, MESSAGE, RECORDED_MS).message(sealed, keys, b"a" * 28)
        if new is not None:
            await MessageQueue(self.database).put(new, 10)

    async def _write_alert(self, number: int) -> None:
        subject, at_ms = (self.gate.release(Category.ALERT, Purpose.SAFETY, ANNA, v) for v in (ANNA, RECORDED_MS))
        if subject is None or at_ms is None:
            return
        whose, place, when = (
            self.gate.release(Category.LOCATION, Purpose.SAFETY, ANNA, value) for value in (ANNA, PLACE, RECORDED_MS)
        )
        entries: list[Any] = [NewAlert(ALERT, TENANT, ANNA, subject, False, at_ms)]
        entries.append(NewStep(ALERT, TENANT, ANNA, subject, 1, "raised", subject, at_ms, at_ms))
        said = self.gate.release(Category.ALERT, Purpose.SAFETY, ANNA, Personal("a fall"))
        if said is not None and said.form != PSEUDONYM:
            entries.append(NewNote(ALERT, TENANT, ANNA, subject, 1, said, at_ms))
        by = LocatedBy(number, optional=False, excepted=False)
        if place:
            entries.append(AlertPosition(ALERT, TENANT, ANNA, place, by))
        if whose and place and when:
            entries.append(NewTrackPoint(ALERT, TENANT, ANNA, whose, place, when, by))
        await Alerts(self.database).write(entries)

    async def _write_position(self, number: int) -> None:
        values = (ANNA, PLACE, RECORDED_MS)
        subject, place, at_ms = (
            self.gate.release(Category.LOCATION, Purpose.OPERATIONS, ANNA, value) for value in values
        )
        if subject and place and at_ms:
            new = NewPosition(TENANT, ANNA, number, False, subject, place, None, at_ms)
            assert await Positions(self.database).write([new]) == []

    def _any(self, category: Category) -> Purpose:
        return min(self.policy.rule(category).purposes, default=Purpose.SERVICE)

    async def there(self) -> set[str]:
        """What of `ITEMS` the database holds."""

        def work(sql: Any) -> set[str]:
            found = {
                name for name, item in ITEMS.items() if sql.execute(select(1).where(item.column.is_not(None))).first()
            }
            living = sql.execute(select(1).where(subjects.c.kind == "subscriber")).first()
            return found | ({"people"} if living else set())

        return await self.database.read(work)

    def expected(self, written: set[str], now_ms: int) -> set[str]:
        """Each by its own rule, and no longer than what it is part of, or whom it is of; the audit log is a chain."""
        living = {name for name in written & ITEMS.keys() if not self.is_gone(name, now_ms)}
        if Cutoffs(self.policy, now_ms, self.events).gone(self.account) is None:
            living.add("people")
        else:
            living &= {"audit_entries"}
        while orphans := {name for name in living & ITEMS.keys() if ITEMS[name].part_of not in {None, *living}}:
            living -= orphans
        return living

    @property
    def account(self) -> Category:
        return Cutoffs(self.policy, RECORDED_MS, self.events).account

    def is_gone(self, name: str, now_ms: int) -> bool:
        item = ITEMS[name]
        since_ms = 3 if item.lasting else RECORDED_MS  # as organisation.py has it
        if not self.policy.keeps(item.category):
            return True
        return (
            self.policy.lasts(item.category, purpose=item.purpose).phase(since_ms, now_ms, self.events.of_all)
            is Phase.GONE
        )

    async def sweep(self, now_ms: int) -> None:
        """As the engine does, without its pauses."""
        while True:
            made = await self.database.read(lambda sql: plan(sql, VAULT, TENANT, now_ms))
            assert made is not None
            for step in made.steps:
                await self.database.write(partial(erase_some, erasures=self.erasures, by=made, step=step, limit=100))
            if made.audit_cutoff_ms is not None:
                await AuditLog(self.database).prune(TENANT, made.audit_cutoff_ms, made.audit_cutoff_ms, bytes)
            if not made.steps:
                return

    async def served(self, now_ms: int) -> set[str]:
        """What a look-up gives, swept or not."""
        reader, cutoffs = Reader(self.policy, TENANT, ANNA, now_ms), Cutoffs(self.policy, now_ms, self.events)
        shown: list[KeptMessage] = []
        with suppress(NotFound):  # the reader was shredded
            shown, _ = await MessageHistory(self.database).page(reader, Page(None, None, 10))
        raised = await Alerts(self.database).of_tenant(TENANT, cutoffs)
        hidden_ms = cutoffs.hidden(Category.LOCATION, ANNA, purpose=Purpose.OPERATIONS)
        track = await Positions(self.database).track(ANNA, 0, now_ms, hidden_ms, 10)
        log = await AuditLog(self.database).entries(TENANT, lambda _: cutoffs.hidden(Category.AUDIT_LOG))
        return {
            *("messages" for _ in shown),
            *("messages.content" for each in shown if each.content),
            *("alerts" for _ in raised),
            *("alerts.position" for each in raised if each.position),
            *("alert_steps" for each in raised if each.steps),
            *("alert_notes" for each in raised for step in each.steps if step.note),
            *("positions" for _ in track),
            *("audit_entries" for _ in log),
        }


def walks() -> list[tuple[str, EventKind | None]]:
    """Presets with the events that start a clock of theirs; any other event changes nothing."""
    named: list[tuple[str, EventKind | None]] = []
    for name in PRESETS:
        policy = parse_policy(preset_text(name))
        rules = [policy.rule(category).retention for category in Category]
        named += [(name, kind) for kind in (None, *CLOCK_STARTERS) if not kind or any(map(_starts(kind), rules))]
    return named


def _starts(kind: EventKind) -> Callable[[Retention], bool]:
    return lambda retention: retention.clause(kind) is not None


@pytest.mark.parametrize(("name", "kind"), walks())
async def test_just_before_it_is_there_and_just_after_it_is_gone(
    opened: tuple[Database, Erasures], name: str, kind: EventKind | None
) -> None:
    walk = Walk(*opened, preset_text(name), Event(kind, EVENT_MS) if kind else None)
    await walk.write()
    written = await walk.there()
    assert "people" in written
    for boundary in walk.boundaries():
        for now_ms in (boundary - 1, boundary):
            gone = {item for item in written & ITEMS.keys() if walk.is_gone(item, now_ms)}
            assert not await walk.served(now_ms) & gone, (now_ms, boundary)
            await walk.sweep(now_ms)
            assert await walk.there() == walk.expected(written, now_ms), (now_ms, boundary)


EVERYTHING = (
    preset_text("default").replace("enabled = false", "enabled = true").replace("live_only = true", "live_only = false")
)


async def test_the_walk_goes_over_every_table_that_it_names(opened: tuple[Database, Erasures]) -> None:
    """Under the preset of a push-to-talk service everything is written, or the walk would find nothing to lose."""
    walk = Walk(*opened, EVERYTHING, None)
    await walk.write()
    assert await walk.there() == {"people", *ITEMS}
    assert await walk.served(EVENT_MS) == {
        "messages", "messages.content", "alerts", "alerts.position", "alert_steps", "alert_notes", "positions",
        "audit_entries",
    }  # fmt: skip


LOST = [
    (Category.ALERT, ["billing"], {"alerts", "alerts.position", "alert_steps", "alert_notes", "alert_points"}),
    (Category.LOCATION, ["billing"], {"alerts.position", "alert_points", "positions"}),
    (Category.LOCATION, ["operations"], {"alerts.position", "alert_points"}),
    (Category.LOCATION, ["safety"], {"alerts.position", "alert_points", "positions"}),  # location is off by that
    (
        Category.MESSAGE_METADATA,
        ["billing"],
        {"messages", "messages.content", "messages.wrapped", "deliveries", "deliveries.wrapped", "attachments"},
    ),
    (
        Category.MESSAGE_CONTENT,
        ["billing"],
        {"messages.content", "messages.wrapped", "deliveries.wrapped", "attachments"},
    ),
    (Category.ATTACHMENT, ["billing"], {"attachments"}),
    (Category.NICKNAME, ["billing"], {"devices.label"}),
    (Category.DEVICE_TYPE, ["billing"], {"devices.device_type"}),
    (Category.AUDIT_LOG, ["billing"], {"audit_entries"}),
    (Category.IDENTIFIER, ["billing"], set()),  # people stay, and are told apart by their ids
    (Category.CONTACT_DATA, ["billing"], set()),  # the operator enters it for whatever it is declared for
]
"""Of a category, the purposes that a policy leaves it; what was written for none of them is over at once."""


@pytest.mark.parametrize(("category", "purposes", "lost"), LOST)
async def test_what_loses_the_purpose_that_it_was_written_for_is_over_at_once(
    opened: tuple[Database, Erasures], category: Category, purposes: list[str], lost: set[str]
) -> None:
    database, _ = opened
    await Walk(*opened, EVERYTHING, None).write()
    walk = Walk(*opened, with_purposes(EVERYTHING, category, purposes), None)
    version = PolicyVersion(TENANT, walk.text, walk.policy.digest, (), None, None, EVENT_MS, published=True)
    await Policies(database).put(version)
    assert not await walk.served(EVENT_MS) & lost
    await walk.sweep(EVENT_MS)
    assert await walk.there() == {"people", *ITEMS} - lost


async def test_an_alert_keeps_its_position_where_it_carries_one_though_location_is_off(
    opened: tuple[Database, Erasures],
) -> None:
    excepted = with_purposes(EVERYTHING, Category.LOCATION, ["safety"]).replace(
        "sos_exception = false", "sos_exception = true"
    )
    await Walk(*opened, excepted, None).write()
    walk = Walk(*opened, excepted, None)
    await walk.sweep(EVENT_MS)
    assert await walk.there() == {"people", *ITEMS} - {"positions"}


def with_purposes(text: str, category: Category, purposes: list[str]) -> str:
    before, named, after = text.partition(f"[categories.{category}]")
    assert named
    rule, next_one, rest = after.partition("\n[")
    lines = [f"purpose = {purposes}" if line.startswith("purpose") else line for line in rule.split("\n")]
    return f"{before}{named}{chr(10).join(lines)}{next_one}{rest}"
