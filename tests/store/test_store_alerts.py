"""Alerts in the database: what is written is found again, and goes with its time, its raiser, or what its actor was."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text

from pttserver.ids import AlertId, Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs, Events
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.store.alert_notes import NewNote
from pttserver.store.alert_schema import alert_notes, alert_points, alert_steps, alerts
from pttserver.store.alert_track import LocatedBy, NewPosition, NewTrackPoint
from pttserver.store.alerts import Alerts, NewAlert, NewStep
from pttserver.store.audit_chain import AuditNote
from pttserver.store.erasure_ledger import ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.expiry import plan
from pttserver.store.holdings import held
from pttserver.store.holds import Hold, Holds
from pttserver.store.policies import Policies
from store.organisation import ANNA, BERT, GATE, POLICY, TENANT, VAULT
from store.sweeping import apply, count, sweep

ALERT, OTHER = AlertId("alr_00000000000000a1"), AlertId("alr_00000000000000a2")
DAY_MS = 86_400_000


def of(who, value):
    return GATE.release(Category.ALERT, Purpose.SAFETY, who, value)


def step(number, kind, who, at_ms, closed=False):
    """Of Anna's alert."""
    return NewStep(
        alert_id=ALERT,
        tenant_id=TENANT,
        raiser_id=ANNA,
        subject=of(ANNA, ANNA),
        number=number,
        kind=kind,
        actor=of(who, who) if who else None,
        at_ms=of(ANNA, at_ms),
        closed_ms=of(ANNA, at_ms) if closed else None,
    )


def note(number, said, at_ms):
    """With a step of Anna's alert."""
    return NewNote(ALERT, TENANT, ANNA, of(ANNA, ANNA), number, of(ANNA, Personal(said)), of(ANNA, at_ms))


def new_alert(raiser=ANNA, alert_id=ALERT):
    return NewAlert(alert_id, TENANT, raiser, of(raiser, raiser), False, of(raiser, 10))


@pytest.fixture
async def store(acme, database):
    """Anna raised it, Bert saw to it."""
    store = Alerts(database)
    steps = [step(1, "raised", ANNA, 10), step(2, "handling", BERT, 20)]
    await store.write([new_alert(), *steps, note(2, "on my way", 20)])
    return store


async def rows(database, table):
    return await database.read(lambda sql: sql.execute(select(table)).all())


async def test_an_open_alert_is_found_with_its_timeline(store):
    (found,) = await store.open_alerts()
    assert (found.alert_id, found.raiser_id, found.raiser_name, found.closed_ms) == (ALERT, ANNA, "Anna", None)
    assert [(s.number, s.kind, s.who, s.at_ms) for s in found.steps] == [
        (1, "raised", ANNA, 10),
        (2, "handling", BERT, 20),
    ]
    assert found.steps[1].note.reveal() == "on my way"


async def test_a_closed_one_is_found_among_the_closed(store):
    await store.write([step(3, "resolved", BERT, 30, closed=True)])
    assert await store.open_alerts() == []
    assert [found.alert_id for found in await store.closed_since(30)] == [ALERT]
    assert await store.closed_since(31) == []


async def test_what_is_written_again_changes_nothing(store, database):
    await store.write([new_alert(), step(1, "raised", ANNA, 99), step(2, "handling", ANNA, 99)])
    (found,) = await store.open_alerts()
    assert [(s.who, s.at_ms) for s in found.steps] == [(ANNA, 10), (BERT, 20)]


async def test_nobody_writes_into_the_alert_of_another_one(store, database):
    """An id that somebody else drew again: neither the alert nor a step of it is taken."""
    mine = NewStep(ALERT, TENANT, BERT, of(BERT, BERT), 3, "cancelled", None, of(BERT, 30), of(BERT, 30))
    await store.write([new_alert(BERT), mine])
    (found,) = await store.open_alerts()
    assert (found.raiser_id, len(found.steps)) == (ANNA, 2)


async def test_a_position_that_comes_later_is_kept_with_it(store, database):
    number = (await Policies(database).numbers())[TENANT]
    stored = parse_policy(
        f"{POLICY}[location]\nenabled = true\nlive_only = false\n[categories.location]\nstore = 'plain'\n"
    )
    gate = type(GATE)(stored)
    where = gate.release(Category.LOCATION, Purpose.SAFETY, ANNA, Personal("55.6,12.5"))
    by = LocatedBy(number, optional=True, excepted=False)
    assert await store.write([NewPosition(ALERT, TENANT, ANNA, where, by)]) == []
    (found,) = await store.open_alerts()
    assert found.position.reveal() == "55.6,12.5"


async def test_it_is_no_longer_served_or_kept_than_the_policy_says(store, database):
    policy = parse_policy(f"{POLICY}[categories.alert]\nkeep = '1 day'\n")
    young, old = (Cutoffs(policy, 10 + DAY_MS + delta, Events()) for delta in (-1, 20))
    assert len(await store.of_tenant(TENANT, young)) == 1
    assert await store.of_tenant(TENANT, old) == []
    made = await database.read(lambda sql: plan(sql, VAULT, TENANT, old.now_ms, instead=policy))
    steps = {step.name for step in made.steps if step.category is Category.ALERT}
    assert steps == {"alerts", "alert_steps", "alert_notes"}


async def test_who_has_left_keeps_the_key_of_an_alert_that_somebody_held_saw_to(acme, store, database):
    await store.write([new_alert(BERT, OTHER)])
    await Holds(database).add(Hold("hld_1", TENANT, BERT, None, 6, None), None, None)
    await acme.subscribers.remove(ANNA, 30)
    await apply(database, "")
    await sweep(database, 40)
    (found,) = [each for each in await store.open_alerts() if each.alert_id == ALERT]
    assert [(step.kind, step.who, step.note) for step in found.steps][1] == ("handling", BERT, Personal("on my way"))
    await Holds(database).end(TENANT, "hld_1", 40)
    await sweep(database, 40)
    assert [row.id for row in await rows(database, alerts)] == [OTHER]


LOCATED = "[location]\nenabled = true\nlive_only = false\n[categories.location]\nstore = 'plain'\nkeep = '90 days'\n"


@pytest.mark.parametrize("category", [None, Category.LOCATION])
async def test_the_track_goes_with_its_alert_unless_a_hold_is_on_positions(store, database, category):
    gate = type(GATE)(parse_policy(f"{POLICY}{LOCATED}"))
    who, place, at_ms = (gate.release(Category.LOCATION, Purpose.SAFETY, ANNA, v) for v in (ANNA, Personal("1,2"), 15))
    by = LocatedBy((await Policies(database).numbers())[TENANT], optional=True, excepted=False)
    assert await store.write([NewTrackPoint(ALERT, TENANT, ANNA, who, place, at_ms, by)]) == []
    await apply(database, f"{LOCATED}[categories.alert]\nkeep = '1 day'\n")
    await Holds(database).add(Hold("hld_1", TENANT, ANNA if category else BERT, category, 6, None), None, None)
    await sweep(database, DAY_MS)
    assert (await count(database, alerts), await count(database, alert_points)) == (1, 1)
    if category is None:
        await Holds(database).end(TENANT, "hld_1", DAY_MS)
    await sweep(database, 3 * DAY_MS)
    kept = int(category is Category.LOCATION)
    assert (await count(database, alerts), await count(database, alert_points)) == (kept, kept)
    await sweep(database, 91 * DAY_MS)
    assert (await count(database, alerts), await count(database, alert_points)) == (kept, kept)


@pytest.mark.parametrize(("who", "category", "left"), [
    (BERT, None, (1, 2, 1)), (BERT, Category.ALERT, (1, 2, 1)), (BERT, Category.LOCATION, (0, 0, 0)),
    (ANNA, None, (1, 2, 1)), (None, Category.ALERT, (1, 2, 1)),
])  # fmt: skip
async def test_a_hold_on_whoever_did_a_step_keeps_the_alert_of_another(store, database, who, category, left):
    await store.write([new_alert(ANNA, OTHER), replace(step(1, "raised", ANNA, 10), alert_id=OTHER)])
    await apply(database, '[categories.alert]\nkeep = "1 day"\n')
    await Holds(database).add(Hold("hld_1", TENANT, who, category, 6, None), None, None)
    await sweep(database, 3 * DAY_MS)
    kept = [await count(database, table, table.c.alert_id == ALERT) for table in (alert_steps, alert_notes)]
    assert (await count(database, alerts, alerts.c.id == ALERT), *kept) == left
    spares_all = who in (ANNA, None)
    assert (
        await count(database, alerts, alerts.c.id == OTHER)
        == await count(database, alert_steps, alert_steps.c.alert_id == OTHER)
        == int(spares_all)
    )
    await Holds(database).end(TENANT, "hld_1", 3 * DAY_MS)
    await sweep(database, 3 * DAY_MS)
    assert [await count(database, table) for table in (alerts, alert_steps, alert_notes)] == [0, 0, 0]


async def test_whoever_raised_it_is_erased_with_all_of_it(store, database, file):
    erasures = Erasures(database, file, ErasureLedger(file.with_name("erasures.ledger")))
    await erasures.erase_subject(ANNA, AuditNote(GATE, "subject.erase", TENANT, Personal("Olga"), 100))
    for table in (alerts, alert_steps, alert_notes):
        assert await rows(database, table) == []


async def test_whoever_saw_to_it_is_erased_and_the_alert_stays(store, database, file):
    erasures = Erasures(database, file, ErasureLedger(file.with_name("erasures.ledger")))
    await erasures.erase_subject(BERT, AuditNote(GATE, "subject.erase", TENANT, Personal("Olga"), 100))
    (found,) = await store.open_alerts()
    assert [s.who for s in found.steps] == [ANNA, None]
    assert [row.actor is None for row in await rows(database, alert_steps)] == [False, True]


async def test_both_find_it_in_what_is_held_about_them(store, database):
    for who, tables in ((ANNA, ["alert_notes", "alert_steps", "alert_steps", "alerts"]), (BERT, ["alert_steps"])):
        shown = await database.read(lambda sql, who=who: held(sql, VAULT.existing(sql, who)))
        about = sorted(row.table for row in shown if row.category is Category.ALERT)
        assert about == tables, who


async def test_a_hold_on_the_raiser_covers_what_others_did(store, database):
    await database.write(
        lambda sql: sql.execute(
            text("INSERT INTO holds (id, tenant_id, subject_id, since_ms) VALUES ('hld_1', :tenant, :who, 5)"),
            {"tenant": TENANT, "who": ANNA},
        )
    )
    policy = parse_policy(f"{POLICY}[categories.alert]\nkeep = '1 day'\n")
    made = await database.read(lambda sql: plan(sql, VAULT, TENANT, 10 * DAY_MS, instead=policy))
    assert {step.name for step in made.steps if step.category is Category.ALERT} == set()


async def test_nothing_about_anybody_stands_in_clear(store, database, file):
    await database.truncate_log()
    content = file.read_bytes()
    assert ALERT.encode() in content
    assert b"on my way" not in content
