"""The retention engine over a real database, with a clock that the test turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text
from sqlcipher3 import dbapi2

from pttserver.config import PrivacySettings, Settings
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import ClockDoubted, InvalidValue, NotFound, OnHold, PolicyForbids, StoreUnavailable
from pttserver.ids import CallId, Personal, SubscriberId, TenantId
from pttserver.observe.metrics import Metrics
from pttserver.privacy.categories import Category
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.restriction import Restriction
from pttserver.privacy.retention import EventKind
from pttserver.services.instructions import Instruction
from pttserver.services.office import Office, furnish
from pttserver.store.calls import CallHistory
from pttserver.store.contacts import Contacts
from pttserver.store.counting import Due
from pttserver.store.database import Database
from pttserver.store.governance_schema import audit_entries
from pttserver.store.message_people import Reader
from pttserver.store.message_schema import contacts
from pttserver.store.policies import Policies, PolicyVersion
from pttserver.store.records import Call, CallParticipant
from pttserver.store.resume import ResumeTokens
from pttserver.store.schema import call_participants, calls, devices, members, subscriber_fields, subscribers
from pttserver.store.sweeps import Outcome
from pttserver.store.vault import Vault

DAY = 86_400_000
START_MS = 1_800_000_000_000
SETTINGS = PrivacySettings(sweep_batch_rows=7)
POLICY = """
[policy]
title = "T"
version = "1"
acknowledged = ["no_records", "no_call_history", "no_participants", "no_names", "no_identifiers"]
"""
TOLD = Instruction(Personal("Olga Operator"), Personal("case 4711"))


class TurnedClock:
    """Both clocks of a machine; `pass_days` turns them together, `jump_ms` the wall clock alone."""

    def __init__(self) -> None:
        self.monotonic, self.wall_ms = 1000.0, START_MS

    def now(self) -> float:
        return self.monotonic

    def utc_ms(self) -> int:
        return self.wall_ms

    def pass_days(self, days: float) -> None:
        self.monotonic += days * 86_400
        self.wall_ms += round(days * DAY)

    def jump_ms(self, ms: int) -> None:
        self.wall_ms += ms


class Yard:
    """ACME with group Patrol and Anna, and the office over it."""

    def __init__(self, database: Database, office: Office, clock: TurnedClock, file: Path) -> None:
        self.database, self.office, self.clock, self.file = database, office, clock, file
        self.retention = office.retention
        self.tenant_id = TenantId("")
        self.anna = SubscriberId("")
        self.calls_made = 0

    async def furnish(self) -> None:
        at = self.office.provisioning
        self.tenant_id = (await at.add_tenant("ACME", POLICY)).tenant_id
        await at.add_group("ACME", "Patrol")
        self.anna = (
            await at.add_subscriber("ACME", "Anna", display_name="Anna A.", pin="4711")
        ).subscriber.subscriber_id

    async def record_calls(self, number: int = 1) -> None:
        gate = self.office.book.gate(self.tenant_id)
        now_ms = self.clock.utc_ms()
        group = (await self.office.provisioning.group("ACME", "Patrol")).group_id

        def of(category: Category, value: str | int, purpose: Purpose = Purpose.OPERATIONS):  # type: ignore[no-untyped-def]
            return gate.release(category, purpose, self.anna, value)

        who, at = of(Category.PARTICIPANTS, self.anna), of(Category.CALL_RECORD, now_ms)
        address = of(Category.IP_ADDRESS, Personal("203.0.113.9"), Purpose.SECURITY)
        made, present = [], []
        for _ in range(number):
            self.calls_made += 1
            call_id = CallId(f"cal_{self.calls_made:06}")
            made.append(Call(call_id, self.tenant_id, group, self.anna, who, address, at, at))
            present.append(CallParticipant(call_id, self.tenant_id, who, of(Category.PARTICIPANTS, now_ms)))
        await CallHistory(self.database).write_calls(made, present, [])

    async def apply(self, more: str) -> None:
        version, _ = await self.office.instructions.given(self.tenant_id, POLICY + more, TOLD)
        await Policies(self.database).put(version)
        await self.office.book.load()

    async def count(self, table) -> int:  # type: ignore[no-untyped-def]
        return await self.database.read(lambda sql: sql.scalar(select(func.count()).select_from(table)))


@asynccontextmanager
async def opened_yard(tmp_path: Path, vault: Vault | None = None) -> AsyncIterator[Yard]:
    settings = Settings(data_dir=tmp_path / "data", privacy=SETTINGS)
    key = MasterKey.draw()
    file = settings.database_file
    database = await Database.open(file, vault or Vault(lambda: [key]), busy_timeout_s=0.2)
    clock = TurnedClock()
    yard = Yard(database, await furnish(database, settings, clock), clock, file)
    await yard.furnish()
    yield yard
    await database.close()


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    async with opened_yard(tmp_path) as yard:
        yield yard


async def test_the_audit_log_goes_with_its_period_although_no_server_ever_ran(yard: Yard) -> None:
    """Nobody signed a checkpoint, and a running server's last one may be a minute old: the sweep signs its own."""
    stricter = '[categories.audit_log]\nkeep = "30 days"\n'
    entries = await yard.count(audit_entries)
    assert entries >= 3
    yard.clock.pass_days(31)
    assert await yard.retention.due(yard.tenant_id) == []
    told = await yard.retention.due(yard.tenant_id, parse_policy(POLICY + stricter))
    assert told == [Due(Category.AUDIT_LOG, "audit_entries", entries)]
    await yard.apply(stricter)
    assert told[0] in await yard.retention.due(yard.tenant_id)
    (swept,) = await yard.retention.round()
    assert (swept.outcome, swept.erased["audit_log"] >= entries) == (Outcome.DONE, True)
    assert await yard.count(audit_entries) == 0
    assert await yard.retention.due(yard.tenant_id) == []
    verdict = await yard.office.audit.verify(yard.tenant_id)
    assert (verdict.entries, verdict.checkpoints, verdict.problems) == (0, 1, ())


async def test_a_round_erases_what_is_over_and_says_so(yard: Yard) -> None:
    await yard.record_calls(20)
    yard.clock.pass_days(89)
    await yard.record_calls(3)
    yard.clock.pass_days(1)
    due = {(each.where, each.rows) for each in await yard.retention.due(yard.tenant_id)}
    assert due == {("calls", 20), ("call_participants", 20)}
    (swept,) = await yard.retention.round()
    assert swept.outcome is Outcome.DONE
    assert swept.erased["call_record"] >= 20
    assert await yard.count(calls) == 3
    assert await yard.retention.due(yard.tenant_id) == []
    assert yard.retention.readings.erased[Category.PARTICIPANTS] >= 20
    (last, *_) = await yard.retention.sweeps.of_tenant(yard.tenant_id)
    assert (last.outcome, last.erased) == (Outcome.DONE, swept.erased)


async def test_sweeps_that_find_nothing_take_each_others_place(yard: Yard) -> None:
    for _ in range(5):
        yard.clock.pass_days(1)
        await yard.retention.round()
    assert len(await yard.retention.sweeps.of_tenant(yard.tenant_id)) == 1


async def test_t094_a_stricter_policy_acts_on_old_rows_and_a_milder_one_brings_nothing_back(yard: Yard) -> None:
    await yard.record_calls(5)
    yard.clock.pass_days(10)
    await yard.record_calls(5)
    await yard.apply('[categories.call_record]\nkeep = "5 days"\n')
    await yard.retention.round()
    assert await yard.count(calls) == 5
    await yard.apply('[categories.call_record]\nkeep = "50 years"\n')
    await yard.retention.round()
    assert await yard.count(calls) == 5


async def test_a_policy_that_changes_wakes_the_engine(yard: Yard) -> None:
    await yard.record_calls(5)
    wake = yard.office.book.changed
    running = asyncio.create_task(yard.retention.run(wake))
    await asyncio.sleep(0.1)
    assert await yard.count(calls) == 5
    await yard.apply("[logging]\nrecords = false\n")
    async with asyncio.timeout(5):
        while await yard.count(calls):
            await asyncio.sleep(0.01)
    running.cancel()


async def test_t097_a_reader_of_an_earlier_state_keeps_an_erasure_from_being_proven(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pttserver.store.database.TRUNCATE_PAUSE_S", 0.001)
    await yard.record_calls(5)
    reader = dbapi2.connect(str(yard.file), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM calls").fetchone()
    yard.clock.pass_days(90)
    (swept,) = await yard.retention.round()
    assert swept.outcome is Outcome.UNPROVEN
    assert yard.retention.readings.unproven == 1
    assert reader.execute("SELECT count(*) FROM calls").fetchone() == (5,)
    (swept,) = await yard.retention.round()  # nothing more is over, and the earlier one is still not proven
    assert swept.outcome is Outcome.DONE
    assert yard.retention.readings.unproven == 1
    reader.execute("COMMIT")
    reader.close()
    await yard.retention.round()
    assert yard.retention.readings.unproven == 0
    assert await yard.retention.sweeps.unproven() == 0


@pytest.mark.parametrize("jump_ms", [2 * DAY, 365 * DAY, -2 * DAY, -365 * DAY])
async def test_t127_a_clock_that_jumps_halts_erasing_until_the_time_is_confirmed(yard: Yard, jump_ms: int) -> None:
    await yard.record_calls(5)
    yard.clock.pass_days(80)
    await yard.retention.round()
    yard.clock.jump_ms(jump_ms)
    for _ in range(2):
        with pytest.raises(ClockDoubted, match="confirm-time"):
            await yard.retention.round()
    assert yard.retention.readings.halted
    assert await yard.count(calls) == 5
    yard.clock.jump_ms(-jump_ms)  # put right
    with pytest.raises(ClockDoubted):
        await yard.retention.round()
    await yard.retention.confirm_time()
    await yard.retention.round()
    assert not yard.retention.readings.halted
    assert await yard.count(calls) == 5
    yard.clock.pass_days(10)
    await yard.retention.round()
    assert await yard.count(calls) == 0


async def test_t127_an_hour_more_or_less_is_no_jump(yard: Yard) -> None:
    await yard.retention.round()
    yard.clock.jump_ms(3_600_000)
    await yard.retention.round()


async def test_t127_what_was_recorded_while_the_clock_was_ahead_is_kept_no_longer_for_it(yard: Yard) -> None:
    """Nobody noticed: the clock was put right before the next sweep."""
    await yard.record_calls(1)
    yard.clock.jump_ms(5 * 365 * DAY)
    await yard.record_calls(2)
    yard.clock.jump_ms(-5 * 365 * DAY)
    await yard.retention.round()
    assert await yard.count(calls) == 3
    yard.clock.pass_days(89)
    await yard.record_calls(1)
    await yard.retention.round()
    assert await yard.count(calls) == 4
    yard.clock.pass_days(1)
    await yard.retention.round()
    assert (await yard.count(calls), await yard.count(call_participants)) == (1, 1)


async def test_what_is_held_is_not_dated_anew(yard: Yard) -> None:
    yard.clock.jump_ms(5 * 365 * DAY)
    await yard.record_calls(2)
    yard.clock.jump_ms(-5 * 365 * DAY)
    hold = await yard.office.periods.hold("ACME", TOLD)
    before = await yard.database.read(lambda sql: sql.execute(select(calls)).all())
    await yard.retention.round()
    assert await yard.database.read(lambda sql: sql.execute(select(calls)).all()) == before
    await yard.office.periods.end_hold("ACME", hold.hold_id, TOLD)
    await yard.retention.round()
    yard.clock.pass_days(90)
    await yard.retention.round()
    assert await yard.count(calls) == 0


async def test_a_halt_outlives_the_process_and_a_confirmation_reaches_the_others(yard: Yard) -> None:
    yard.clock.pass_days(1)
    await yard.retention.round()
    yard.clock.jump_ms(-DAY)
    other = (await furnish(yard.database, Settings(data_dir=yard.file.parent, privacy=SETTINGS), yard.clock)).retention
    with pytest.raises(ClockDoubted):
        await other.round()
    with pytest.raises(ClockDoubted):
        await yard.retention.round()
    await other.confirm_time()
    await yard.retention.round()
    assert not yard.retention.readings.halted


async def test_a_removed_subscriber_is_gone_with_the_command(yard: Yard) -> None:
    await yard.record_calls(5)
    await yard.office.provisioning.remove_subscriber("ACME", "Anna")
    assert await yard.count(subscribers) == 0
    assert await yard.count(calls) == 5
    assert await yard.retention.sweeps.unproven() == 0


async def test_while_the_clock_is_doubted_nobody_is_removed(yard: Yard) -> None:
    await yard.office.devices.add("ACME", "Anna", label="Radio 7")
    await yard.office.provisioning.set_member("ACME", "Patrol", "Anna")
    await yard.retention.round()
    yard.clock.jump_ms(-DAY)
    with pytest.raises(ClockDoubted):
        await yard.office.provisioning.remove_subscriber("ACME", "Anna")
    assert len(await yard.office.devices.devices("ACME")) == 1
    assert len(await yard.office.provisioning.memberships("ACME", "Anna")) == 1
    yard.clock.jump_ms(DAY)
    await yard.retention.confirm_time()
    assert await yard.office.provisioning.remove_subscriber("ACME", "Anna")
    assert await yard.count(subscribers) == 0


@pytest.mark.parametrize("whom", ["Anna", None])
async def test_while_the_clock_is_doubted_a_hold_that_seems_to_be_over_still_covers(
    yard: Yard, whom: str | None
) -> None:
    """Nobody can be erased over it by a clock that is years ahead."""
    hold = await yard.office.periods.hold("ACME", TOLD, subscriber=whom, until_ms=yard.clock.wall_ms + 200 * DAY)
    await yard.retention.round()
    yard.clock.jump_ms(2 * 365 * DAY)
    for erase in (
        lambda: yard.office.erasure.erase(yard.tenant_id, "Anna", TOLD),
        lambda: yard.office.provisioning.remove_tenant("ACME"),
    ):
        with pytest.raises(ClockDoubted):
            await erase()
    yard.clock.jump_ms(-2 * 365 * DAY)
    await yard.retention.confirm_time()
    with pytest.raises(OnHold, match=hold.hold_id):
        await yard.office.erasure.erase(yard.tenant_id, "Anna", TOLD)
    assert await yard.count(subscribers) == 1


async def test_what_is_over_is_not_served_although_never_swept(yard: Yard) -> None:
    """T-093."""
    await yard.record_calls(2)
    gate = yard.office.book.gate(yard.tenant_id)
    login = gate.release(Category.LAST_LOGIN, Purpose.SECURITY, yard.anna, yard.clock.utc_ms())
    await yard.office.provisioning._subscribers.record_login(yard.anna, login)
    yard.clock.wall_ms += 90 * DAY - 1
    shown = await yard.office.calls.calls("ACME")
    assert [(call.initiator.reveal(), [who.reveal() for who in call.participants]) for call in shown] == [
        ("Anna A.", ["Anna A."])
    ] * 2
    assert [call.initiator_address for call in shown] == [None, None]
    assert (await yard.office.provisioning.subscriber("ACME", "Anna")).last_login_ms == START_MS
    yard.clock.wall_ms += 1
    assert await yard.office.calls.calls("ACME") == []
    yard.clock.wall_ms = START_MS + 190 * DAY
    assert (await yard.office.provisioning.subscriber("ACME", "Anna")).last_login_ms is None
    assert await yard.count(calls) == 2


async def test_what_lost_its_purpose_is_counted_and_not_served_and_goes(yard: Yard) -> None:
    """Not even who asks for the purpose that is left is shown it: it was not written for that."""
    await yard.record_calls(2)
    billed = "".join(f'[categories.{each}]\npurpose = ["billing"]\n' for each in ("call_record", "participants"))
    due = await yard.retention.due(yard.tenant_id, parse_policy(POLICY + billed))
    assert {(each.where, each.rows) for each in due} >= {("calls", 2), ("call_participants", 2)}
    await yard.apply(billed)
    assert await yard.office.calls.calls("ACME", purpose=Purpose.BILLING) == []
    await yard.retention.round()
    assert await yard.count(calls) == await yard.count(call_participants) == 0


async def test_without_the_purpose_of_identifiers_people_stay_as_without_identifiers(yard: Yard) -> None:
    await yard.apply('[categories.identifier]\npurpose = ["billing"]\n[categories.last_login]\npurpose = ["billing"]\n')
    await yard.retention.round()
    assert await yard.count(subscribers) == 1
    assert (await yard.office.provisioning.subscriber("ACME", yard.anna)).display_name == "Anna A."
    assert await yard.database.read(lambda sql: sql.scalars(select(subscribers.c.identifier)).all()) == [None]


async def test_the_parts_of_a_call_are_over_one_by_one(yard: Yard) -> None:
    await yard.apply(
        '[categories.participants]\nkeep = "2 days"\n'
        '[categories.ip_address]\nkeep = "1 day"\nvisible_to = ["dispatcher"]\n'
    )
    await yard.record_calls()
    (call,) = await yard.office.calls.calls("ACME", subscriber="Anna")
    assert call.initiator_address == "203.0.113.9"
    yard.clock.wall_ms += DAY
    (call,) = await yard.office.calls.calls("ACME", subscriber="Anna")
    assert (call.initiator_address, call.initiator) == (None, "Anna A.")
    yard.clock.wall_ms += DAY
    assert await yard.office.calls.calls("ACME", subscriber="Anna") == []
    (call,) = await yard.office.calls.calls("ACME")
    assert (call.initiator, call.participants) == (None, ())


async def test_a_policy_that_shows_nobody_anything(yard: Yard) -> None:
    await yard.record_calls()
    await yard.apply("[categories.participants]\nvisible_to = []\n")
    (call,) = await yard.office.calls.calls("ACME", group="Patrol", since_ms=START_MS)
    assert (call.initiator, call.participants) == (None, ())
    with pytest.raises(PolicyForbids, match="participants"):
        await yard.office.calls.calls("ACME", subscriber="Anna")
    await yard.apply("[categories.call_record]\nvisible_to = []\n")
    with pytest.raises(PolicyForbids, match="call records"):
        await yard.office.calls.calls("ACME")


async def test_a_subject_that_asked_for_deletion_is_not_served(yard: Yard) -> None:
    """T-095: 60 days to think it over, 60 more until all is gone; hidden from the first moment."""
    rule = 'keep = ["60 days + 60 days after deletion_requested", "1 year"]\n'
    await yard.apply("".join(f"[categories.{name}]\n{rule}" for name in ("call_record", "participants")))
    await yard.record_calls()
    assert len(await yard.office.calls.calls("ACME")) == 1
    from pttserver.store.events import record_event

    at_ms = yard.clock.utc_ms()
    await yard.database.write(
        lambda sql: record_event(sql, yard.tenant_id, yard.anna, EventKind.DELETION_REQUESTED, at_ms)
    )
    assert await yard.office.calls.calls("ACME") == []
    yard.clock.pass_days(119)
    await yard.retention.round()
    assert await yard.count(calls) == 1
    yard.clock.pass_days(1)
    await yard.retention.round()
    assert await yard.count(calls) == 0


async def test_contact_data_own_fields_and_labels_are_hidden_by_a_request_too(yard: Yard) -> None:
    """T-093: what lasts is hidden before any sweep as well, and served again once the request is withdrawn."""
    rule = 'keep = ["while_subscribed", "60 days + 60 days after deletion_requested"]\n'
    parts = [f"categories.{name}" for name in ("contact_data", "nickname", "device_type")]
    await yard.apply("".join(f"[{part}]\n{rule}" for part in [*parts, "extra.badge", "extra.locker"]))
    at, views = yard.office, yard.office.views
    values = {"email": "a@acme.example", "badge": "77", "locker": "12"}
    await at.rights.set_fields(yard.tenant_id, "Anna", values, TOLD)
    radio = (await at.devices.add("ACME", "Anna", label="Radio 7")).device.device_id
    yard.clock.pass_days(1)
    _, fields = await views.subscriber("ACME", "Anna")
    assert {name: text.reveal() for name, text in fields.items()} == values
    await at.erasure.request(yard.tenant_id, "Anna", TOLD)
    _, fields = await views.subscriber("ACME", "Anna")
    assert fields == {}
    assert [(each.device_id, each.label) for each in await views.devices("ACME")] == [(radio, None)]
    assert (await views.device("ACME", radio)).label is None
    yard.clock.pass_days(1)
    await at.rights.set_fields(yard.tenant_id, "Anna", {"badge": "78"}, TOLD)  # not covered by the request
    _, fields = await views.subscriber("ACME", "Anna")
    assert {name: text.reveal() for name, text in fields.items()} == {"badge": "78"}
    await at.erasure.withdraw(yard.tenant_id, "Anna", TOLD)
    _, fields = await views.subscriber("ACME", "Anna")
    assert {name: text.reveal() for name, text in fields.items()} == values | {"badge": "78"}
    assert [each.label for each in await views.devices("ACME")] == ["Radio 7"]


async def test_what_others_call_somebody_is_erased_by_that_ones_request(yard: Yard) -> None:
    """But not out of the list of whom a hold keeps."""
    await yard.apply('[categories.contact_data]\nkeep = ["while_subscribed", "10 days after deletion_requested"]\n')
    at, lists = yard.office.provisioning, Contacts(yard.database)
    gate = yard.office.book.gate(yard.tenant_id)
    added = [await at.add_subscriber("ACME", name, pin="4711") for name in ("Bert", "Carl")]
    bert, carl = (each.subscriber.subscriber_id for each in added)
    for owner, who in ((bert, yard.anna), (carl, yard.anna), (bert, carl), (yard.anna, bert)):
        alias = gate.release(Category.CONTACT_DATA, Purpose.SERVICE, owner, Personal("Anni"))
        assert alias is not None
        await lists.put(Reader(gate.policy, yard.tenant_id, owner, yard.clock.utc_ms()), who, alias)
    hold = await yard.office.periods.hold("ACME", TOLD, subscriber="Carl", category=Category.CONTACT_DATA)
    await yard.office.erasure.request(yard.tenant_id, "Anna", TOLD)

    async def kept() -> set[tuple[str, str]]:
        both = select(contacts.c.subscriber_id, contacts.c.contact_id)
        return {(row[0], row[1]) for row in await yard.database.read(lambda sql: sql.execute(both).all())}

    yard.clock.pass_days(9)
    await yard.retention.round()
    assert len(await kept()) == 4
    yard.clock.pass_days(1)
    await yard.retention.round()
    assert await kept() == {(carl, yard.anna), (bert, carl)}
    await yard.office.periods.end_hold("ACME", hold.hold_id, TOLD)
    await yard.retention.round()
    assert await kept() == {(bert, carl)}


async def test_closing_an_account_is_shown_accepted_and_carried_out(yard: Yard) -> None:
    await yard.record_calls(3)
    endings = {each.category: each for each in await yard.office.periods.endings("ACME", EventKind.ACCOUNT_CLOSED)}
    assert endings[Category.CALL_RECORD].gone_ms == START_MS + 30 * DAY
    assert endings[Category.AUDIT_LOG].gone_ms is None
    await yard.office.periods.record("ACME", EventKind.ACCOUNT_CLOSED, TOLD)
    (recorded,) = await yard.office.periods.events("ACME")
    assert (recorded.kind, recorded.actor, recorded.reason) == (EventKind.ACCOUNT_CLOSED, "Olga Operator", "case 4711")
    yard.clock.pass_days(30)
    await yard.retention.round()
    assert await yard.count(calls) == await yard.count(subscribers) == 0


async def test_an_event_in_the_future_is_refused(yard: Yard) -> None:
    with pytest.raises(InvalidValue, match="future"):
        await yard.office.periods.record("ACME", EventKind.BILLING_CLOSED, TOLD, START_MS + 1)


async def test_a_hold_from_beginning_to_end(yard: Yard) -> None:
    await yard.record_calls(3)
    with pytest.raises(InvalidValue, match="future"):
        await yard.office.periods.hold("ACME", TOLD, until_ms=START_MS)
    hold = await yard.office.periods.hold("ACME", TOLD, subscriber="Anna", category=Category.CALL_RECORD)
    yard.clock.pass_days(100)
    await yard.retention.round()
    assert await yard.count(calls) == 3
    (listed,) = await yard.office.periods.holds("ACME")
    assert (listed.hold_id, listed.subject_id, listed.reason) == (hold.hold_id, yard.anna, "case 4711")
    await yard.office.periods.end_hold("ACME", hold.hold_id, TOLD)
    with pytest.raises(NotFound):
        await yard.office.periods.end_hold("ACME", hold.hold_id, TOLD)
    await yard.retention.round()
    assert await yard.count(calls) == 0


async def test_who_said_what_and_why_is_told_as_long_as_the_audit_log_and_no_longer(yard: Yard) -> None:
    """Before any sweep; of what is in force, and of a hold that lasts, it does not go."""
    month = '[categories.audit_log]\nkeep = "30 days"\n'
    periods, views = yard.office.periods, yard.office.views
    await yard.apply(month)
    await periods.record("ACME", EventKind.BILLING_CLOSED, TOLD)
    ended, lasting = [await periods.hold("ACME", TOLD) for _ in range(2)]
    await periods.end_hold("ACME", ended.hold_id, TOLD)
    await yard.office.instructions.apply(yard.tenant_id, POLICY + month + "# again\n", TOLD)
    yard.clock.pass_days(29)
    assert [each.reason for each in await views.holds("ACME")] == ["case 4711", "case 4711"]
    assert (await periods.events("ACME"))[0].actor == TOLD.actor
    assert [each.text is None for each in await views.policies("ACME")] == [False, False, False]
    yard.clock.pass_days(1)
    holds = {each.hold_id: (each.actor, each.reason) for each in await views.holds("ACME")}
    assert holds == {ended.hold_id: (None, None), lasting.hold_id: (TOLD.actor, TOLD.reason)}
    (event,) = await periods.events("ACME")
    assert (event.kind, event.actor, event.reason) == (EventKind.BILLING_CLOSED, None, None)
    newest, *earlier = await views.policies("ACME")
    assert (newest.text, newest.reason) == (POLICY + month + "# again\n", TOLD.reason)
    assert [(each.text, each.actor, each.reason) for each in earlier] == [(None, None, None)] * 2


async def test_three_months_after_the_contract_the_account_is_gone(yard: Yard) -> None:
    await yard.apply('[categories.identifier]\nkeep = ["while_subscribed", "3 months after contract_ended"]\n')
    await yard.office.periods.record("ACME", EventKind.CONTRACT_ENDED, TOLD)
    yard.clock.pass_days(88)
    await yard.retention.round()
    assert await yard.count(subscribers) == 1
    yard.clock.pass_days(5)
    assert await yard.office.provisioning.subscribers("ACME") == []  # not served any more, before any sweep
    (swept,) = await yard.retention.round()
    assert (swept.outcome, swept.erased["identifier"]) == (Outcome.DONE, 1)
    assert await yard.count(subscribers) == 0


async def test_an_organisation_that_never_gave_a_policy_is_swept_by_the_default_one(yard: Yard) -> None:
    """As one is that is older than policies: that nobody said anything is no reason to keep it for ever."""
    await yard.record_calls(3)
    await yard.database.write(lambda sql: sql.execute(text("DELETE FROM policy_versions")))
    yard.clock.pass_days(89)
    await yard.retention.round()
    assert await yard.count(calls) == 3
    yard.clock.pass_days(1)
    (swept,) = await yard.retention.round()
    assert swept.outcome is Outcome.DONE
    assert await yard.count(calls) == 0
    assert await yard.count(subscribers) == 1


async def test_no_command_takes_away_what_a_hold_covers(yard: Yard) -> None:
    at, devices, rights = yard.office.provisioning, yard.office.devices, yard.office.rights
    radio = (await devices.add("ACME", "Anna", label="Radio 7")).device.device_id
    await at.set_member("ACME", "Patrol", "Anna")
    hold = await yard.office.periods.hold("ACME", TOLD, subscriber="Anna")
    yard.clock.jump_ms(-1)  # whoever decides took the time before the hold was laid
    for command in (
        lambda: at.remove_subscriber("ACME", "Anna"),
        lambda: at.rename_subscriber("ACME", "Anna", "Nobody"),
        lambda: rights.rectify(yard.tenant_id, "Anna", {"identifier": "Other"}, TOLD),
        lambda: devices.remove("ACME", radio),
        lambda: at.remove_member("ACME", "Patrol", "Anna"),
        lambda: at.remove_group("ACME", "Patrol"),
        lambda: yard.office.erasure.erase(yard.tenant_id, "Anna", TOLD),
    ):
        with pytest.raises(OnHold, match=hold.hold_id) as refused:
            await command()
        assert "4711" not in refused.value.message  # why is in the audit log, for those who may see that
    yard.clock.jump_ms(1)
    await yard.office.periods.end_hold("ACME", hold.hold_id, TOLD)
    await devices.remove("ACME", radio)
    await at.remove_group("ACME", "Patrol")
    await at.remove_subscriber("ACME", "Anna")
    assert await yard.count(subscribers) == 0


async def test_who_recorded_what_had_happened_long_ago_is_known_as_long_as_the_audit_log(yard: Yard) -> None:
    """The period of what an operator said counts from when it was said, not from what it was said about."""
    await yard.apply('[categories.audit_log]\nkeep = "1 year"\n[categories.identifier]\nkeep = "unlimited"\n')
    periods = yard.office.periods
    await periods.record("ACME", EventKind.BILLING_CLOSED, TOLD, at_ms=-365 * 86_400_000)  # 1969
    await yard.retention.round()
    (event,) = await periods.events("ACME")
    assert (event.at_ms, event.actor, event.reason) == (-365 * 86_400_000, TOLD.actor, TOLD.reason)
    yard.clock.pass_days(364)
    await yard.retention.round()
    assert (await periods.events("ACME"))[0].reason == TOLD.reason
    yard.clock.pass_days(2)
    await yard.retention.round()
    (event,) = await periods.events("ACME")
    assert (event.actor, event.reason) == (None, None)


def _standing(sql: Connection) -> list[list[tuple[Any, ...]]]:
    """All that stands in the tables of what lives."""
    tables = (subscribers, members, devices, subscriber_fields)
    return [[tuple(row) for row in sql.execute(text(f"SELECT * FROM {table.name}"))] for table in tables]


@pytest.mark.parametrize("ground", Restriction)
async def test_no_command_takes_away_what_is_restricted(yard: Yard, ground: Restriction) -> None:
    at, devices, rights = yard.office.provisioning, yard.office.devices, yard.office.rights
    who, radio = yard.anna, (await devices.add("ACME", "Anna", label="Radio 7")).device.device_id
    await at.set_member("ACME", "Patrol", "Anna")
    await rights.set_fields(yard.tenant_id, "Anna", {"email": "anna@acme.example"}, TOLD)
    await rights.restrict(yard.tenant_id, "Anna", ground, TOLD)
    before = await yard.database.read(_standing)
    for command in (
        lambda: at.remove_subscriber("ACME", "Anna"),
        lambda: at.rename_subscriber("ACME", "Anna", "Nobody"),
        lambda: rights.set_fields(yard.tenant_id, "Anna", {"email": "other@acme.example"}, TOLD),
        lambda: devices.remove("ACME", radio),
        lambda: at.remove_member("ACME", "Patrol", "Anna"),
        lambda: at.remove_group("ACME", "Patrol"),
        lambda: yard.office.erasure.erase(yard.tenant_id, "Anna", TOLD),
        lambda: at.remove_tenant("ACME"),
    ):
        with pytest.raises(OnHold, match=f"restricted.*{ground.value}"):
            await command()
    assert await yard.database.read(_standing) == before
    (hit,) = await yard.office.views.find("ACME", "anna@acme", TOLD)
    assert (hit.subject_id, hit.restriction) == (who, ground)
    await rights.rectify(yard.tenant_id, "Anna", {"email": "right@acme.example"}, TOLD)  # a right of hers
    await at.set_pin("ACME", "Anna")
    await devices.revoke("ACME", radio)
    await rights.lift(yard.tenant_id, "Anna", TOLD)
    await devices.remove("ACME", radio)
    await at.remove_group("ACME", "Patrol")
    await at.remove_subscriber("ACME", "Anna")


async def test_who_is_restricted_is_erased_if_that_is_said_and_the_log_tells_it(yard: Yard) -> None:
    erasure, rights = yard.office.erasure, yard.office.rights
    await rights.restrict(yard.tenant_id, "Anna", Restriction.UNLAWFUL, TOLD)
    with pytest.raises(OnHold, match="restricted"):
        await erasure.erase(yard.tenant_id, "Anna", TOLD)
    await erasure.erase(yard.tenant_id, "Anna", TOLD, despite_restriction=True)
    await yard.office.provisioning.add_subscriber("ACME", "Carl", pin="4711")
    await erasure.erase(yard.tenant_id, "Carl", TOLD, despite_restriction=True)
    entries = [each for each in await yard.office.audit.entries(yard.tenant_id) if each.operation == "subject.erase"]
    assert [each.details.get("despite_restriction") for each in entries] == ["unlawful", None]


async def test_restriction_gives_no_way_around_a_hold(yard: Yard) -> None:
    await yard.office.rights.restrict(yard.tenant_id, "Anna", Restriction.LEGAL_CLAIMS, TOLD)
    hold = await yard.office.periods.hold("ACME", TOLD, subscriber="Anna")
    with pytest.raises(OnHold, match=hold.hold_id):
        await yard.office.erasure.erase(yard.tenant_id, "Anna", TOLD, despite_restriction=True)
    with pytest.raises(OnHold, match=hold.hold_id):
        await yard.office.rights.rectify(yard.tenant_id, "Anna", {"display_name": "Other"}, TOLD)


async def test_what_is_held_of_somebody_restricted_who_had_left_is_found(yard: Yard) -> None:
    """It is over since the subscription ended, and held since the person wants it."""
    await yard.apply('[categories.identifier]\nkeep = "3 days after unsubscribed"\n')
    await yard.office.provisioning.remove_subscriber("ACME", "Anna")
    who = yard.anna
    await yard.office.rights.restrict(yard.tenant_id, who, Restriction.LEGAL_CLAIMS, TOLD)
    yard.clock.pass_days(5)
    await yard.retention.round()
    (hit,) = await yard.office.views.find("ACME", "Anna", TOLD)
    assert (hit.subject_id, hit.identifier, hit.display_name) == (who, None, None)
    owner = await yard.office.provisioning.tenant("ACME")
    copy = await yard.office.exports.export(owner, who, TOLD)
    assert copy.profile.identifier == "Anna"


async def test_a_hold_on_something_else_forbids_no_new_name(yard: Yard) -> None:
    await yard.office.periods.hold("ACME", TOLD, subscriber="Anna", category=Category.CALL_RECORD)
    await yard.office.provisioning.rename_subscriber("ACME", "Anna", "Anna B.")
    await yard.office.provisioning.set_member("ACME", "Patrol", "Anna")
    await yard.office.provisioning.remove_member("ACME", "Patrol", "Anna")
    await yard.office.provisioning.remove_group("ACME", "Patrol")
    with pytest.raises(OnHold):  # all that is hers would go
        await yard.office.provisioning.remove_subscriber("ACME", "Anna")


async def test_t123_a_locked_database_is_said_and_the_next_round_goes_on(yard: Yard) -> None:
    await yard.record_calls(20)
    yard.clock.pass_days(90)
    locker = dbapi2.connect(str(yard.file), isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    (swept,) = await yard.retention.round()
    assert swept.outcome is Outcome.FAILED
    assert swept.problem is not None
    assert "locked" in swept.problem
    assert yard.retention.readings.failures == 1
    assert await yard.count(calls) == 20
    locker.execute("COMMIT")
    locker.close()
    (swept,) = await yard.retention.round()
    assert swept.outcome is Outcome.DONE
    assert await yard.count(calls) == 0


async def test_a_round_removes_resume_tokens_that_ended(yard: Yard) -> None:
    """They are the only trace of a log-in where the policy keeps none."""
    radio = (await yard.office.devices.add("ACME", "Anna", label="Radio 7")).device.device_id
    tokens = ResumeTokens(yard.database)
    await tokens.put_resume(yard.anna, radio, b"t" * 32, yard.clock.utc_ms() + 43_200_000)
    await yard.retention.round()
    assert await tokens.resume_token(yard.anna)
    yard.clock.pass_days(1)
    await yard.retention.round()
    assert await tokens.resume_token(yard.anna) is None


async def test_a_database_that_fails_midway_leaves_whole_batches_and_an_unproven_sweep(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await yard.record_calls(20)
    yard.clock.pass_days(90)
    write, left = yard.database.write, 3

    async def failing(work, *args):  # type: ignore[no-untyped-def]
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreUnavailable("the disk is full")
        return await write(work, *args)

    with monkeypatch.context() as patched:
        patched.setattr(yard.database, "write", failing)
        (swept,) = await yard.retention.round()
    assert (swept.outcome, swept.problem) == (Outcome.FAILED, "the disk is full")
    assert sum(swept.erased.values()) == 14
    assert await yard.retention.sweeps.unproven() == 1
    (swept,) = await yard.retention.round()
    assert swept.outcome is Outcome.DONE
    assert await yard.count(calls) == 0
    assert await yard.retention.sweeps.unproven() == 0


async def test_a_policy_of_another_version_stops_the_sweep_of_its_tenant_only(yard: Yard) -> None:
    await yard.record_calls(3)
    other = await yard.office.provisioning.add_tenant("Other", POLICY)
    broken = PolicyVersion(other.tenant_id, "[policy]\nfuture = 1\n", "0" * 64, (), None, None, 1, published=True)
    await Policies(yard.database).put(broken)
    yard.clock.pass_days(90)
    swept = {one.tenant_id: one for one in await yard.retention.round()}
    assert swept[other.tenant_id].outcome is Outcome.FAILED
    assert swept[yard.tenant_id].outcome is Outcome.DONE
    assert await yard.count(calls) == 0


async def test_log_ins_and_records_go_between_the_batches(yard: Yard) -> None:
    """While a sweep of many batches runs, every other write waits for one batch at most."""
    await yard.record_calls(700)
    yard.clock.pass_days(90)
    sweeping = asyncio.create_task(yard.retention.round())
    seen = []
    while not sweeping.done():
        await yard.database.write(lambda sql: sql.execute(text("UPDATE standing_changes SET number = number + 1")))
        seen.append(await yard.count(calls))
    assert len({number for number in seen if 0 < number < 700}) > 20


async def test_no_page_keeps_a_copy_of_a_row_that_was_moved_before_it_was_erased(yard: Yard) -> None:
    """Two thousand rows, so that trees are split and balanced; what is over leaves no byte, the rest stays."""
    for _ in range(20):
        await yard.record_calls(100)
        yard.clock.pass_days(9)
    await yard.retention.round()

    def present() -> set[int]:
        octets = b"".join(Path(f"{yard.file}{suffix}").read_bytes() for suffix in ("", "-wal"))
        return {number for number in range(1, 2001) if b"cal_%06d" % number in octets}

    kept = await yard.database.read(lambda sql: {int(each[4:]) for each in sql.scalars(select(calls.c.id))})
    assert 800 <= len(kept) <= 1200
    assert present() == kept


async def test_what_the_metrics_tell(yard: Yard) -> None:
    metrics = Metrics()
    from pttserver.readings import _offer_retention_readings

    _offer_retention_readings(metrics, yard.retention, yard.clock)
    await yard.record_calls(4)
    yard.clock.pass_days(90)
    await yard.retention.round()
    await yard.record_calls(1)
    await yard.retention.round()
    yard.clock.pass_days(2)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    erased = yard.retention.readings.erased[Category.CALL_RECORD]
    assert value("pttserver_rows_erased_total", category="call_record") == erased >= 4
    assert value("pttserver_oldest_row_age_seconds", category="call_record") == 2 * 86_400
    assert value("pttserver_oldest_row_age_seconds", category="activity_log") == 0
    assert value("pttserver_sweep_lag_seconds") == 2 * 86_400
    assert value("pttserver_erasures_unproven") == 0
    assert value("pttserver_sweeping_halted") == 0
