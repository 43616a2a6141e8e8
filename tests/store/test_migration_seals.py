"""A database of the version that sealed nothing: its rows are kept, sealed, and nothing of them is left in clear."""

import contextlib
import hashlib

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import StaticPool, create_engine, select, text
from sqlcipher3 import dbapi2

from pttserver.errors import AlreadyExists, SealBroken
from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import EventKind
from pttserver.store.alert_schema import alert_notes
from pttserver.store.alerts import Alerts
from pttserver.store.audit import AuditLog
from pttserver.store.audit_chain import ORIGIN, content
from pttserver.store.calls import CallHistory
from pttserver.store.columns import Sealed
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.events import record_event
from pttserver.store.expiry import plan
from pttserver.store.fences import FenceStore, StoredFence
from pttserver.store.governance_schema import holds as holds_table
from pttserver.store.groups import Groups
from pttserver.store.holds import Holds
from pttserver.store.migrate import MIGRATIONS
from pttserver.store.policies import Policies
from pttserver.store.schema import bursts, call_participants, calls, takeovers
from pttserver.store.subscribers import Subscribers
from store.organisation import GATE, VAULT

MARKERS = ("+4915559876543", "Wilhelmine Markwort", "hash-of-a-pin", "Marker Radio", "Markphone 7", "203.0.113.77")
NUMBER, NAME, HASH, LABEL, MODEL, ADDRESS = MARKERS
KEY = b"public key of a radio, 32 octets"
ROWS = (
    "INSERT INTO tenants VALUES ('ten_1', 'ACME', 50, 1)",
    "INSERT INTO groups VALUES ('grp_1', 'ten_1', 'Patrol', 2)",
    f"INSERT INTO subscribers VALUES ('sub_1', 'ten_1', '{NUMBER}', 'phone', '{NAME}', '{HASH}', 3, 99)",
    "INSERT INTO subscribers VALUES ('sub_2', 'ten_1', 'Gate 4', 'custom', NULL, 'x', 3, NULL)",
    f"INSERT INTO devices VALUES ('dev_1', 'ten_1', 'sub_1', '{LABEL}', '{MODEL}', x'{KEY.hex()}', 4, 5, NULL)",
    "INSERT INTO members VALUES ('grp_1', 'sub_1', 120, 1)",
    "INSERT INTO enrolment_codes VALUES (x'0102', 'dev_1', 1000, NULL)",
    "INSERT INTO resume_tokens VALUES ('sub_1', 'dev_1', x'03', 1, 9)",
    "INSERT INTO takeovers VALUES (1, 'ten_1', 'sub_1', 'dev_0', 'dev_1', 6)",
    f"INSERT INTO calls VALUES ('cal_1', 'ten_1', 'grp_1', 'sub_1', '{ADDRESS}', 7, 8)",
    f"INSERT INTO calls VALUES ('cal_2', 'ten_1', 'grp_1', 'sub_gone', '{ADDRESS}', 7, 8)",
    "INSERT INTO call_participants VALUES ('cal_1', 'sub_1'), ('cal_1', 'sub_gone')",
    "INSERT INTO bursts VALUES ('bur_1', 'cal_1', 'ten_1', 'grp_1', 'sub_1', 7, 500, 25, 'released')",
)


@pytest.fixture
def old_file(file):
    """As version 0.1 left it."""
    file.parent.mkdir(mode=0o700)
    with migrating(file, "0001") as connection:
        for row in ROWS:
            connection.execute(text(row))
    file.chmod(0o600)
    return file


@contextlib.contextmanager
def migrating(file, revision):
    """A connection to the database as a revision left it."""
    engine = create_engine("sqlite://", module=dbapi2, creator=lambda: dbapi2.connect(str(file)), poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        config.attributes["vault"] = VAULT
        command.upgrade(config, revision)
        yield connection
    engine.dispose()


def octets(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_what_lives_is_kept_and_opens(old_file):
    database = await Database.open(old_file, VAULT)
    tenant = TenantId("ten_1")
    anna = await Subscribers(database).find(tenant, NUMBER)
    assert (anna.subscriber_id, anna.identifier, anna.display_name, anna.last_login_ms) == ("sub_1", NUMBER, NAME, 99)
    candidate = await Devices(database).login_candidate("dev_1")
    assert (candidate.public_key, candidate.pin_hash, candidate.device_type) == (KEY, HASH, MODEL)
    (membership,) = await Groups(database).memberships("sub_1")
    assert (membership.priority, membership.listen_only) == (120, True)
    kept = text("SELECT (SELECT count(*) FROM enrolment_codes), (SELECT count(*) FROM resume_tokens)")
    assert tuple(await database.read(lambda sql: sql.execute(kept).one())) == (1, 1)
    await database.close()


async def test_histories_name_their_subjects_by_reference(old_file):
    database = await Database.open(old_file, VAULT)

    def rows(sql):
        tables = (calls, call_participants, bursts, takeovers)
        return VAULT.subject(sql, "sub_1"), [sql.execute(select(table)).all() for table in tables]

    anna, (called, present, spoken, taken) = await database.read(rows)
    assert [row.initiator.text if row.initiator else None for row in called] == [anna.reference(), None]
    assert anna.text(called[0].initiator_address) == ADDRESS
    assert called[1].initiator_address is None
    assert [row.subject.text for row in present] == [anna.reference()]
    assert [row.subject.text for row in spoken] == [anna.reference()]
    assert anna.text(taken[0].from_device_id) == "dev_0"
    await database.close()


async def test_nothing_is_left_in_clear(old_file):
    before = octets(old_file.parent)
    assert all(marker.encode() in before for marker in MARKERS)
    assert KEY in before
    database = await Database.open(old_file, VAULT)
    after = octets(old_file.parent)  # at once, not only when it is closed
    await database.close()
    assert [marker for marker in (*MARKERS, KEY.decode()) if marker.encode() in after] == []


async def test_the_tenant_has_no_policy_yet(old_file):
    database = await Database.open(old_file, VAULT)
    assert await Policies(database).in_force() == {"ten_1": None}
    await database.close()


async def test_a_migration_that_is_killed_leaves_the_old_database(old_file, monkeypatch):
    monkeypatch.setattr("alembic.op.drop_table", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await Database.open(old_file, VAULT)
    with contextlib.closing(dbapi2.connect(str(old_file))) as raw:
        assert raw.execute("SELECT identifier FROM subscribers WHERE id = 'sub_1'").fetchone() == (NUMBER,)
    monkeypatch.undo()
    database = await Database.open(old_file, VAULT)
    assert await CallHistory(database)._database.read(lambda sql: sql.scalar(text("SELECT count(*) FROM calls"))) == 2
    await database.close()


# From the version before forms ------------------------------------------------------------------------------------

POLICY = '[policy]\ntitle = "Nothing"\nversion = "{}"\ncontact = "Theodora Vertrauen"\n'
CUT = '[categories.subscriber_name]\nstore = "truncated"\ntruncate = {characters = 2}\n'


@pytest.fixture
def formless_file(old_file):
    """As the version left it that sealed values without their form, and policies not at all."""
    with migrating(old_file, "0003") as connection:
        for number in (1, 2):
            row = "INSERT INTO policy_versions VALUES (:n, 'ten_1', :text, 'd', '[]', 1, NULL, NULL, :at)"
            told = POLICY.format(number) + (CUT if number == 2 else "")
            connection.execute(text(row), {"n": number, "text": told, "at": number * 10})
    return old_file


async def test_policies_are_sealed_and_the_newest_stays_in_force(formless_file):
    assert b"Theodora Vertrauen" in octets(formless_file.parent)
    database = await Database.open(formless_file, VAULT)
    assert b"Theodora" not in octets(formless_file.parent)
    newest, first = await Policies(database).history(TenantId("ten_1"), lambda _: None)
    assert (newest.number, newest.text, first.text) == (2, POLICY.format(2) + CUT, POLICY.format(1))
    replaced = text("SELECT replaced_ms FROM policy_versions ORDER BY id")
    assert await database.read(lambda sql: list(sql.scalars(replaced))) == [20, None]
    await database.close()


async def test_values_without_a_form_open_and_are_brought_into_one(formless_file):
    database = await Database.open(formless_file, VAULT)
    anna = await Subscribers(database).find(TenantId("ten_1"), NUMBER)
    assert (anna.display_name, anna.identifier) == (NAME, NUMBER)
    made = await database.read(lambda sql: plan(sql, VAULT, TenantId("ten_1"), 20))
    (step,) = [step for step in made.steps if step.name == "subscribers.display_name rewritten"]
    assert await database.write(lambda sql: step.rewrite(sql, 10)) == 1
    assert (await Subscribers(database).find(TenantId("ten_1"), NUMBER)).display_name == NAME[:2]
    await database.close()


# From the version in which the organisation's key sealed what was said with a step of an alert ----------------------

OUTCOME = "Wilhelmine was taken to the hospital"


@pytest.fixture
def outcome_file(old_file):
    """One alert is of a subscriber, the other of somebody whose key is gone."""
    with migrating(old_file, "0011") as connection:
        said = GATE.release(Category.ALERT, Purpose.SAFETY, "ten_1", Personal(OUTCOME))
        note = VAULT.existing(connection, "ten_1").seal(said).octets
        for alert, raiser in (("alr_1", VAULT.existing(connection, "sub_1").reference()), ("alr_2", "ref_gone")):
            row = "INSERT INTO alerts VALUES (:alert, 'ten_1', :raiser, 0, NULL, 10, 20)"
            connection.execute(text(row), {"alert": alert, "raiser": raiser})
            row = "INSERT INTO alert_steps VALUES (:alert, 2, 'ten_1', :raiser, NULL, 'resolved', :note, 20)"
            connection.execute(text(row), {"alert": alert, "raiser": raiser, "note": note})
    return old_file, note


async def test_what_was_said_is_sealed_for_whom_it_is_about(outcome_file):
    file, note = outcome_file
    assert note in octets(file.parent)
    database = await Database.open(file, VAULT)
    assert note not in octets(file.parent)
    (kept,) = await database.read(lambda sql: sql.execute(select(alert_notes)).all())
    (found,) = await Alerts(database).closed_since(0)
    assert (found.alert_id, [(step.kind, step.note) for step in found.steps]) == ("alr_1", [("resolved", OUTCOME)])
    with pytest.raises(SealBroken):
        await database.read(lambda sql: VAULT.existing(sql, "ten_1").text(kept.text))
    await database.close()


async def test_events_of_before_were_recorded_when_they_happened_and_new_ones_are_noticed(old_file):
    with migrating(old_file, "0013") as connection:
        for number, who in ((3, None), (7, "sub_1")):
            row = "INSERT INTO retention_events VALUES (:n, 'ten_1', :who, 'contract_ended', :at, NULL, NULL)"
            connection.execute(text(row), {"n": number, "who": who, "at": number * 10})
    database = await Database.open(old_file, VAULT)
    rows = text("SELECT id, subject_id, at_ms, recorded_ms FROM retention_events ORDER BY id")
    assert await database.read(lambda sql: list(map(tuple, sql.execute(rows)))) == [
        (3, None, 30, 30),
        (7, "sub_1", 70, 70),
    ]
    changes = text("SELECT number FROM standing_changes")
    before = await database.read(lambda sql: sql.scalar(changes))
    await database.write(lambda sql: record_event(sql, TenantId("ten_1"), None, EventKind.BILLING_CLOSED, 90))
    assert await database.read(lambda sql: sql.scalar(changes)) == before + 1
    await database.close()


# From the version in which the organisation's key sealed reasons, whomever they were about ---------------------------

REASON = "Wilhelmine is suspected of theft"


@pytest.fixture
def reason_file(old_file):
    """Two holds, one on a person; and an entry of the audit log, with its digest."""
    with migrating(old_file, "0015") as connection:
        why = GATE.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, "ten_1", Personal(REASON))
        reason = VAULT.existing(connection, "ten_1").seal(why).octets
        for hold, who in (("hld_1", "sub_1"), ("hld_2", None)):
            row = "INSERT INTO holds VALUES (:hold, 'ten_1', :who, NULL, NULL, :reason, 10, NULL)"
            connection.execute(text(row), {"hold": hold, "who": who, "reason": reason})
        entry = {"tenant_id": "ten_1", "sequence": 1, "at_ms": 10, "operation": "hold.add", "subject": None}
        said = {"actor": None, "details": Sealed(Category.AUDIT_LOG, reason), "remarks": None}
        digest = hashlib.sha256(ORIGIN + content(entry | said)).digest()
        row = "INSERT INTO audit_entries VALUES ('ten_1', 1, 10, 'hold.add', NULL, NULL, :details, :previous, :digest)"
        connection.execute(text(row), {"details": reason, "previous": ORIGIN, "digest": digest})
    return old_file


async def test_reasons_of_holds_are_sealed_for_whom_they_are_about_and_the_log_is_whole(reason_file):
    database = await Database.open(reason_file, VAULT)
    holds = await Holds(database).of_tenant(TenantId("ten_1"), lambda _: None)
    assert [(hold.subject_id, hold.reason) for hold in holds] == [("sub_1", REASON), (None, REASON)]
    of_person, of_all = await database.read(lambda sql: list(sql.scalars(select(holds_table.c.reason))))
    of_tenant = await database.read(lambda sql: VAULT.existing(sql, "ten_1"))
    assert of_tenant.text(of_all) == REASON
    with pytest.raises(SealBroken):
        of_tenant.text(of_person)
    (link,) = (await AuditLog(database).chain(TenantId("ten_1"))).links
    assert link.computed == link.digest
    await database.close()


# From the version in which fences stood in clear ----------------------------------------------------------------------

HOME, SHAPE = "Home of Anna Zauber", '{"kind":"circle","center":{"latitude":47.1234567,"longitude":11.7},"radius_m":50}'


@pytest.fixture
def fenced_file(old_file):
    """One tenant has its key, the other has none."""
    with migrating(old_file, "0016") as connection:
        connection.execute(text("INSERT INTO tenants VALUES ('ten_2', 'Keyless', 60)"))
        for number, owner, name in ((1, "ten_1", HOME), (2, "ten_1", "Depot"), (3, "ten_2", HOME)):
            row = "INSERT INTO fences VALUES (:id, :owner, :name, :shape, 30, :at)"
            at = {"id": f"fen_{number}", "owner": owner, "name": name, "shape": SHAPE, "at": number}
            connection.execute(text(row), at)
    return old_file


async def test_fences_are_sealed_and_found_as_before(fenced_file):
    before = octets(fenced_file.parent)
    assert HOME.encode() in before
    assert b"47.1234567" in before
    database = await Database.open(fenced_file, VAULT)
    after = octets(fenced_file.parent)
    assert [mark for mark in (HOME.encode(), b"47.1234567", b"Depot") if mark in after] == []
    fences = FenceStore(database)
    kept = StoredFence("fen_1", TenantId("ten_1"), HOME, SHAPE, 30, 1)
    assert await fences.find(TenantId("ten_1"), HOME) == await fences.find(TenantId("ten_1"), "fen_1") == kept
    assert [fence.name for fence in await fences.of_tenant(TenantId("ten_1"))] == [HOME, "Depot"]
    assert await fences.changes() == {"ten_1": (2, 2)}  # nobody is left whose key could seal the third
    await database.close()


async def test_fences_that_were_migrated_are_watched_and_have_names_of_their_own(fenced_file):
    database = await Database.open(fenced_file, VAULT)
    fences, changes = FenceStore(database), text("SELECT number FROM standing_changes")
    with pytest.raises(AlreadyExists):
        await fences.put([StoredFence("fen_4", TenantId("ten_1"), HOME, SHAPE, 0, 9)])
    seen = [await database.read(lambda sql: sql.scalar(changes))]
    for change in (
        fences.put([StoredFence("fen_4", TenantId("ten_1"), "Gate", SHAPE, 0, 9)]),
        fences.put([StoredFence("fen_4", TenantId("ten_1"), "Wicket", SHAPE, 0, 10)]),
        fences.remove(TenantId("ten_1"), "fen_4"),
    ):
        await change
        seen.append(await database.read(lambda sql: sql.scalar(changes)))
    assert sorted(set(seen)) == seen
    await database.close()
