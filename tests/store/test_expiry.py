"""What is over is erased, and nothing else: tables and columns, tenants and subjects, holds and what changes midway."""

from contextlib import asynccontextmanager

import pytest
from sqlalchemy import insert, select, update

from pttserver.errors import StoreUnavailable
from pttserver.ids import CallId, DeviceId, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import EventKind
from pttserver.store.calls import CallHistory
from pttserver.store.columns import is_lifecycle
from pttserver.store.counting import due
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, subject_digest
from pttserver.store.expiry import plan
from pttserver.store.governance_schema import audit_entries, holds, retention_events, subjects
from pttserver.store.holds import Hold, Holds
from pttserver.store.records import CallParticipant
from pttserver.store.schema import (
    bursts,
    call_participants,
    calls,
    devices,
    metadata,
    subscriber_fields,
    subscribers,
    takeovers,
)
from store.organisation import ANNA, BERT, TENANT, VAULT, device, subscriber
from store.sweeping import DAY, apply, count, erase, event, numbers, policy, record_call, released, sweep


async def test_rows_go_by_the_age_of_their_table_to_the_millisecond(acme, database):
    await apply(database, '[categories.call_record]\nkeep = "10 days"\n')
    for number in range(10):
        await record_call(database, number, number * DAY)
    assert "calls" not in await sweep(database, 10 * DAY - 1)
    assert (await sweep(database, 10 * DAY))["calls"] == 1
    assert await numbers(database, calls.c.id) == [f"cal_{n}" for n in range(1, 10)]
    assert await numbers(database, bursts.c.id) == [f"bur_{n}" for n in range(1, 10)]
    assert (await sweep(database, 15 * DAY + 7))["calls"] == 5
    assert await sweep(database, 15 * DAY + 7) == {}


async def test_a_column_goes_before_its_row(acme, database):
    await apply(
        database,
        '[categories.ip_address]\nkeep = "2 days"\n[categories.participants]\nkeep = "5 days"\n'
        '[categories.call_record]\nkeep = "10 days"\n',
    )
    for number in range(8):
        await record_call(database, number, number * DAY)
    await sweep(database, 8 * DAY)
    assert await count(database, calls) == 8
    assert await count(database, calls, calls.c.initiator_address.is_not(None)) == 1  # day 7
    assert await count(database, calls, calls.c.initiator.is_not(None)) == 4  # days 4 to 7
    assert await count(database, bursts, bursts.c.subject.is_not(None)) == 4
    assert await count(database, call_participants) == 8


async def test_what_is_sealed_goes_with_the_reference_that_leads_to_its_key(acme, database):
    await apply(database, '[categories.participants]\nkeep = "1 day"\n[categories.ip_address]\nkeep = "9 days"\n')
    await record_call(database, 1, 0)
    await sweep(database, DAY)
    assert await count(database, calls, calls.c.initiator_address.is_not(None)) == 0


@pytest.mark.parametrize(
    "text",
    [
        '[categories.call_record]\nstore = "none"\n',
        "[categories.call_record]\ncollect = false\n",
        "[logging]\nrecords = false\n",
        '[categories.call_record]\npurpose = ["billing"]\n',
    ],
)
async def test_what_a_policy_no_longer_keeps_goes_as_a_whole(acme, database, text):
    await record_call(database, 1, 50)
    assert await sweep(database, 60) == {}
    await apply(database, text)
    await sweep(database, 60)
    assert await count(database, calls) == await count(database, bursts) == 0


async def test_a_no_log_policy_leaves_nothing_that_happened(acme, database):
    await record_call(database, 1, 50)
    await acme.subscribers.record_login(ANNA, released(Category.LAST_LOGIN, ANNA, 55, Purpose.SECURITY))
    await apply(database, "[logging]\nrecords = false\n")
    await sweep(database, 60)
    for table in (calls, call_participants, bursts, takeovers):
        assert await count(database, table) == 0
    assert await numbers(database, subscribers.c.last_login_ms) == []
    assert await count(database, subscribers) == 2


async def test_the_last_login_has_an_age_of_its_own(acme, database):
    await acme.subscribers.record_login(ANNA, released(Category.LAST_LOGIN, ANNA, 7 * DAY, Purpose.SECURITY))
    await apply(database, '[categories.last_login]\nkeep = "3 days"\n')
    await sweep(database, 10 * DAY - 1)
    assert await numbers(database, subscribers.c.last_login_ms) == [7 * DAY]
    await sweep(database, 10 * DAY)
    assert await numbers(database, subscribers.c.last_login_ms) == []


async def test_the_end_of_a_subscription_shreds_the_subscriber_and_nobody_else(acme, database):
    await record_call(database, 1, 50)
    await acme.subscribers.remove(ANNA, 60)
    await sweep(database, 60)
    assert await numbers(database, subjects.c.id) == sorted([BERT, TENANT])
    assert await numbers(database, subscribers.c.id) == [BERT]
    assert await count(database, calls) == 1
    bert = await database.read(lambda sql: VAULT.subject(sql, BERT).reference())
    left = await database.read(lambda sql: [r.subject.text for r in sql.execute(select(call_participants))])
    assert left == [bert]


async def life_of(database):
    """What stands in clear of the life of the accounts, but of their devices."""

    def work(sql):
        tables = (subjects, subscribers, retention_events, holds)
        clear = {table: [c for c in table.columns if is_lifecycle(c)] for table in tables}
        return {table.name: sorted(map(repr, sql.execute(select(*columns)))) for table, columns in clear.items()}

    return await database.read(work)


async def test_of_whom_is_held_the_identifier_goes_and_the_life_of_the_account_stays(acme, database):
    """Without it a removed subscriber would be there again, and what happened to one would have happened to all."""
    await apply(database, '[categories.identifier]\nkeep = "while_subscribed"\n')
    await acme.subscribers.remove(ANNA, 60)
    await event(database, EventKind.DELETION_WITHDRAWN, 60, ANNA)
    await lay_hold(database, ANNA, Category.MEMBERSHIP, until_ms=99 * DAY)
    before = await life_of(database)
    assert (await sweep(database, 70))["subscribers.identifier"] == 1
    assert await count(database, subscribers, subscribers.c.identifier.is_(None)) == 1
    assert await life_of(database) == before


@pytest.mark.parametrize("text", ["collect = false", 'store = "none"', 'keep = "until contract_ended"'])
async def test_the_life_of_accounts_stays_without_identifiers(acme, database, text):
    """The events and holds are swept by the tenant's cut-offs too: what is said of one stays said of that one."""
    await apply(database, f"[categories.identifier]\n{text}\n")
    await lay_hold(database, ANNA)
    await lay_hold(database, BERT, Category.CALL_RECORD, until_ms=99 * DAY, hold_id="hld_2")
    await event(database, EventKind.CONTRACT_ENDED, 50)
    await event(database, EventKind.CONSENT_WITHDRAWN, 45, ANNA)
    before = await life_of(database)
    await sweep(database, 70)
    assert await life_of(database) == before


async def test_a_removed_subscriber_waits_as_long_as_the_policy_says(acme, database):
    await apply(database, '[categories.identifier]\nkeep = "3 days after unsubscribed"\n')
    await acme.subscribers.remove(ANNA, 60)
    await sweep(database, 60 + 3 * DAY - 1)
    row = await database.read(lambda sql: sql.execute(select(subscribers).where(subscribers.c.id == ANNA)).one())
    assert row.identifier is not None
    assert (row.display_name, row.pin_hash) == (None, None)  # by default: while subscribed
    await sweep(database, 60 + 3 * DAY)
    assert await numbers(database, subscribers.c.id) == [BERT]


async def test_a_closed_account_ends_what_was_there_and_spares_what_came_later(acme, database):
    await record_call(database, 1, 50)
    await event(database, EventKind.ACCOUNT_CLOSED, 100)
    await event(database, EventKind.REOPENED, 100 + 30 * DAY)  # too late: it is gone by then
    late = SubscriberId("sub_late")
    await acme.subscribers.add(subscriber(late, "late"))
    await database.write(lambda sql: sql.execute(update(subjects).where(subjects.c.id == late).values(created_ms=101)))
    await sweep(database, 100 + 30 * DAY)
    assert await numbers(database, subjects.c.id) == sorted([late, TENANT])
    assert await count(database, calls) == 0


async def test_a_reopened_account_goes_on(acme, database):
    await event(database, EventKind.ACCOUNT_CLOSED, 100)
    await event(database, EventKind.REOPENED, 100 + 29 * DAY)
    assert await sweep(database, 100 + 60 * DAY) == {}


async def test_a_subject_has_events_of_its_own(acme, database):
    rule = 'keep = ["60 days + 60 days after deletion_requested", "1 year"]\n'
    await apply(database, "".join(f"[categories.{name}]\n{rule}" for name in ("call_record", "participants")))
    await record_call(database, 1, 50, ANNA, (ANNA, BERT))
    await record_call(database, 2, 50, BERT, (ANNA, BERT))
    await event(database, EventKind.DELETION_REQUESTED, 100, ANNA)
    await sweep(database, 100 + 120 * DAY - 1)
    assert await count(database, call_participants) == 4
    await sweep(database, 100 + 120 * DAY)
    assert await numbers(database, calls.c.id) == ["cal_2"]
    assert await count(database, call_participants) == 2
    assert await count(database, subjects) == 3


async def test_the_names_under_which_an_earlier_policy_kept_a_subject_are_found_too(acme, database):
    hidden = Gate(parse_policy(policy('[categories.participants]\nstore = "pseudonymised"\n')))
    who = hidden.release(Category.PARTICIPANTS, Purpose.OPERATIONS, ANNA, ANNA)
    at = released(Category.PARTICIPANTS, ANNA, 50)
    await CallHistory(database).write_calls([], [CallParticipant(CallId("cal_9"), TENANT, who, at)], [])
    await apply(database, '[categories.participants]\nkeep = ["until consent_withdrawn", "1 year"]\n')
    await event(database, EventKind.CONSENT_WITHDRAWN, 60, ANNA)
    assert await sweep(database, 60) == {"call_participants": 1}


async def test_contact_data_and_fields_of_the_organisations_own(acme, database):
    def fields(sql):
        anna = VAULT.subject(sql, ANNA)
        gate = Gate(parse_policy(policy('[extra.badge]\nstore = "plain"\n[extra.shift]\nstore = "plain"\n')))
        for name in ("badge", "shift"):
            value = anna.seal(gate.release(Category.EXTRA, Purpose.OPERATIONS, ANNA, name, extra=name))
            sql.execute(insert(subscriber_fields).values(subscriber_id=ANNA, name=name, extra=value, recorded_ms=9))
        mail = anna.seal(gate.release(Category.CONTACT_DATA, Purpose.SERVICE, ANNA, "a@example.org"))
        sql.execute(insert(subscriber_fields).values(subscriber_id=ANNA, name="e-mail", contact=mail, recorded_ms=9))

    await database.write(fields)
    await apply(database, '[extra.badge]\nkeep = "while_subscribed"\n')  # shift is not defined any more
    assert await sweep(database, 20) == {"subscriber_fields": 1}
    assert await numbers(database, subscriber_fields.c.name) == ["badge", "e-mail"]
    await apply(database, '[extra.badge]\nkeep = "while_subscribed"\n[categories.contact_data]\nstore = "none"\n')
    await sweep(database, 20)
    assert await numbers(database, subscriber_fields.c.name) == ["badge"]


async def test_standing_values_of_a_device(acme, database):
    await acme.enrol()
    await apply(database, '[categories.device_type]\nstore = "none"\n[categories.nickname]\nstore = "none"\n')
    assert await sweep(database, 20) == {"devices.label": 1, "devices.device_type": 1}
    assert await count(database, devices, devices.c.public_key.is_not(None)) == 1


async def test_pseudonymous_tenants_lose_identifiers_and_keep_their_subscribers(acme, database):
    await apply(database, '[categories.identifier]\nstore = "none"\n[categories.subscriber_name]\nstore = "none"\n')
    await sweep(database, 20)
    rows = await database.read(lambda sql: sql.execute(select(subscribers)).all())
    assert [(row.identifier, row.identifier_index, row.display_name) for row in rows] == [(None, None, None)] * 2
    assert all(row.pin_hash is not None for row in rows)


async def lay_hold(database, subject=None, category=None, until_ms=None, hold_id="hld_1"):
    hold = Hold(hold_id, TENANT, subject, category, 1, until_ms)
    await Holds(database).add(hold, None, None)


@pytest.mark.parametrize(
    ("subject", "category", "left"),
    [
        (None, None, (2, 4, 2, 2)),
        (None, Category.CALL_RECORD, (2, 0, 2, 0)),
        (None, Category.ACTIVITY_LOG, (0, 0, 0, 2)),
        (ANNA, None, (2, 2, 2, 1)),  # what Bert began, too: she was there
        (ANNA, Category.PARTICIPANTS, (2, 2, 2, 0)),
        (ANNA, Category.CALL_RECORD, (2, 2, 2, 0)),
        (BERT, Category.IP_ADDRESS, (1, 0, 0, 0)),
        (None, Category.LOCATION, (0, 0, 0, 0)),
    ],
)
async def test_what_a_hold_covers_stays_and_the_rest_goes(acme, database, subject, category, left):
    await record_call(database, 1, 50, ANNA)
    await record_call(database, 2, 50, BERT)
    await lay_hold(database, subject, category)
    await apply(database, "[logging]\nrecords = false\n")
    await sweep(database, 400 * DAY)
    assert [await count(database, table) for table in (calls, call_participants, bursts, takeovers)] == list(left)
    assert await Holds(database).end(TENANT, "hld_1", 400 * DAY)
    await sweep(database, 400 * DAY)
    assert [await count(database, table) for table in (calls, call_participants, bursts, takeovers)] == [0] * 4


async def test_a_hold_ends_at_its_date(acme, database):
    await record_call(database, 1, 50)
    await lay_hold(database, until_ms=500 * DAY)
    await sweep(database, 500 * DAY - 1)
    assert await count(database, calls) == 1
    await sweep(database, 500 * DAY)
    assert await count(database, calls) == 0


@pytest.mark.parametrize("category", [None, Category.LAST_LOGIN, Category.AUDIT_LOG])
async def test_a_held_subscriber_is_not_shredded_whatever_the_category(acme, database, category):
    await acme.subscribers.remove(ANNA, 60)
    await acme.subscribers.remove(BERT, 60)
    await lay_hold(database, ANNA, category)
    await sweep(database, 60)
    assert await numbers(database, subjects.c.id) == sorted([ANNA, TENANT])


async def test_whose_processing_is_restricted_is_not_erased(acme, database):
    await record_call(database, 1, 50, ANNA)
    await record_call(database, 2, 50, BERT)
    await database.write(lambda sql: sql.execute(update(subjects).where(subjects.c.id == ANNA).values(restricted_ms=5)))
    await record_call(database, 3, 50, BERT, (BERT,))
    await sweep(database, 400 * DAY)
    assert await numbers(database, calls.c.id) == ["cal_1", "cal_2"]
    assert await numbers(database, bursts.c.id) == ["bur_1", "bur_2"]
    left = await database.read(lambda sql: sql.scalars(select(call_participants.c.subject)).all())
    assert {each.text for each in left} == {await database.read(lambda sql: VAULT.subject(sql, ANNA).reference())}


async def test_a_call_stays_as_it_was_for_whoever_of_it_is_held(acme, database):
    """Who spoke too; but not where whoever began it was, which is about that one alone."""
    await record_call(database, 1, 50, BERT, (ANNA, BERT))
    await lay_hold(database, ANNA)
    await apply(
        database,
        '[categories.ip_address]\nkeep = "1 day"\n[categories.participants]\nkeep = "2 days"\n'
        '[categories.call_record]\nkeep = "3 days"\n',
    )
    await sweep(database, 400 * DAY)
    assert await count(database, calls, calls.c.initiator.is_not(None)) == 1
    assert await count(database, bursts, bursts.c.subject.is_not(None)) == 1
    assert await count(database, calls, calls.c.initiator_address.is_not(None)) == 0
    assert await count(database, call_participants) == 1


async def test_what_one_asked_to_be_deleted_stays_for_another_who_is_held(acme, database):
    rule = 'keep = ["60 days after deletion_requested", "1 year"]\n'
    await apply(database, "".join(f"[categories.{name}]\n{rule}" for name in ("call_record", "participants")))
    await record_call(database, 1, 50, BERT, (ANNA, BERT))
    await record_call(database, 2, 50, BERT, (BERT,))
    await lay_hold(database, ANNA)
    await event(database, EventKind.DELETION_REQUESTED, 100, BERT)

    def over_of_bert(sql):
        made = plan(sql, VAULT, TENANT, 200 * DAY, only=BERT)
        return {each.where: each.rows for each in due(sql, VAULT, made)}

    over = {"calls": 1, "calls.initiator_address": 1, "bursts": 1, "call_participants": 2, "takeovers": 2}
    assert await database.read(over_of_bert) == over
    await sweep(database, 200 * DAY)
    assert await numbers(database, calls.c.id) == ["cal_1"]


CHANGES = {
    "hold": lambda database: lay_hold(database),
    "policy": lambda database: apply(database, '[categories.call_record]\nkeep = "99 years"\n'),
    "event": lambda database: event(database, EventKind.ACCOUNT_CLOSED, 1),
    "restriction": lambda database: database.write(
        lambda sql: sql.execute(update(subjects).where(subjects.c.id == ANNA).values(restricted_ms=5))
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_plan_is_void_when_what_governs_it_changes(acme, database, change):
    for number in range(6):
        await record_call(database, number, 50)
    made = await database.read(lambda sql: plan(sql, VAULT, TENANT, 400 * DAY))
    step = made.steps[0]
    assert await erase(database, made, step, 2) == 2
    await CHANGES[change](database)
    assert await erase(database, made, step, 2) is None


async def test_an_ended_hold_makes_a_plan_void_too(acme, database):
    await record_call(database, 1, 50)
    await lay_hold(database, BERT)
    made = await database.read(lambda sql: plan(sql, VAULT, TENANT, 400 * DAY))
    await Holds(database).end(TENANT, "hld_1", 60)
    assert await erase(database, made, made.steps[0], 2) is None


async def test_other_tenants_are_left_alone(acme, database):
    await record_call(database, 1, 50)
    made = await database.read(lambda sql: plan(sql, VAULT, "ten_other", 400 * DAY))
    assert made is None
    assert await count(database, holds) == 0


def goes_with_its_owner(column) -> bool:
    """By the database itself: a state of an account with the subject, one of a device (or its code) with the device."""
    owner = {Category.IDENTIFIER: "subjects.id", Category.CREDENTIAL: "devices.id"}.get(column.info["category"])
    tied = [key.target_fullname for key in column.table.foreign_keys if key.ondelete == "CASCADE"]
    if column.info["form"] != "plain":
        return False
    is_subject = column.table is subjects and owner == "subjects.id"
    return is_subject or ((is_lifecycle(column) or column.name == "code_hash") and owner in tied)


def test_every_personal_column_of_every_table_is_within_reach() -> None:
    """A table that neither says how its rows age nor how its columns do would keep what it holds for ever."""
    keys = {"subscriber_id", "tenant_id", "id"}
    for table in metadata.sorted_tables:
        personal = {c.name for c in table.columns if c.info["category"] is not None and not goes_with_its_owner(c)}
        happening, lasting = table.info.get("happening"), table.info.get("lasting")
        chained = table is audit_entries  # pruned with its chain whole: store/audit.py
        assert not personal - keys or happening or lasting or chained, table.name
        if happening is not None:
            assert {happening.since, happening.subject} <= set(table.columns.keys())
        if lasting is not None:
            stays = {c.name for c in table.columns if c.info["category"] not in (None, lasting.category)}
            stuck = {name for name in stays & personal if not table.c[name].nullable}
            whole = (
                {"name", "recorded_ms"} if table is subscriber_fields else set()
            )  # a row is one value: it goes whole
            assert stuck <= {lasting.subject} | whole, table.name
            assert {lasting.subject, *lasting.since_of.values()} <= set(table.columns.keys())


async def test_sweeping_uses_the_index_of_what_is_still_filled(acme, database):
    def explained(sql):
        made = plan(sql, VAULT, TENANT, 400 * DAY)
        texts = {}
        for step in made.steps:
            compiled = step.over.any_row.params(step.values).compile(sql.engine, compile_kwargs={"literal_binds": True})
            texts[step.name] = str(sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all())
        return texts

    await apply(database, '[categories.ip_address]\nkeep = "1 day"\n[categories.participants]\nkeep = "2 days"\n')
    await record_call(database, 1, 399 * DAY - 1)
    found = await database.read(explained)
    assert "ix_calls_filled_initiator_address" in found["calls.initiator_address"]


async def test_a_database_that_cannot_grow_can_still_erase(acme, database):
    await record_call(database, 1, 50)
    async with cramped(database):
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await fill(acme)
        await sweep(database, 400 * DAY)
    assert await count(database, calls) == 0


async def fill(acme):
    for number in range(1000):
        await acme.devices.add(device(DeviceId(f"dev_more{number}"), ANNA, "x" * 60), b"%032d" % number, 9)


@asynccontextmanager
async def cramped(database):
    """SQLite takes no further page, as if the disk were full."""
    pages = await database.write(lambda sql: sql.exec_driver_sql("PRAGMA page_count").scalar())
    await database.write(lambda sql: sql.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar())
    yield
    await database.write(lambda sql: sql.exec_driver_sql("PRAGMA max_page_count = 1000000").scalar())


async def test_whoever_is_shredded_since_a_period_is_over_is_in_the_ledger(acme, database, file):
    await apply(database, "")
    await acme.subscribers.remove(ANNA, 50)
    await sweep(database, 400 * DAY)
    assert await count(database, subjects, subjects.c.id == ANNA) == 0
    (line,) = ErasureLedger(file.with_name(LEDGER_FILE)).entries()
    assert (line.kind, line.digest, line.at_ms) == ("subject", subject_digest(TENANT, ANNA), 400 * DAY)


async def test_nobody_is_shredded_whom_the_ledger_cannot_name(acme, database, monkeypatch):
    def full(*_):
        raise StoreUnavailable("the disk is full")

    await apply(database, "")
    await acme.subscribers.remove(ANNA, 50)
    monkeypatch.setattr(ErasureLedger, "append", full)
    with pytest.raises(StoreUnavailable):
        await sweep(database, 400 * DAY)
    assert await count(database, subjects, subjects.c.id == ANNA) == 1


async def test_a_sweep_makes_good_what_a_crash_left_of_another(acme, database, monkeypatch):
    class PowerCut(Exception):
        pass

    def power_cut(*_):
        raise PowerCut

    await apply(database, "")
    await acme.subscribers.remove(ANNA, 50)
    await acme.subscribers.remove(BERT, 50)
    with monkeypatch.context() as cut:
        cut.setattr("pttserver.store.erasures.shred", power_cut)
        with pytest.raises(PowerCut):
            await sweep(database, 400 * DAY)
    assert (await sweep(database, 400 * DAY))["subjects"] == 2
