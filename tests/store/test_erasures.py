"""Erasures in the database: the key is gone from every file, the others keep theirs, and a crash is made good."""

import pytest
from sqlalchemy import text

from pttserver.errors import ErasureUnfinished, LedgerBroken, NotFound, OnHold, StoreUnavailable
from pttserver.ids import CallId, Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.store.audit import AuditLog
from pttserver.store.audit_chain import AuditNote
from pttserver.store.calls import CallHistory
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import ErasureLedger
from pttserver.store.erasures import Erasures
from pttserver.store.holds import Hold, Holds
from pttserver.store.inventory import references, tables
from pttserver.store.policies import Policies, PolicyVersion
from pttserver.store.records import Burst, Call, CallParticipant, Takeover
from pttserver.store.shredding import OWN, SHARED, subject_trace
from store.organisation import GATE, TENANT, VAULT, subscriber

AT_MS = 1000


@pytest.fixture
def ledger(file):
    return ErasureLedger(file.with_name("erasures.ledger"))


@pytest.fixture
def erasures(database, file, ledger):
    return Erasures(database, file, ledger)


def note(operation="subject.erase"):
    return AuditNote(GATE, operation, TENANT, Personal("Olga"), AT_MS)


def released(category, who, value):
    return GATE.release(category, Purpose.OPERATIONS, who, value)


async def call_of(acme, database):
    """Anna starts a call and speaks, Bert answers; Anna took a session over before."""
    history = CallHistory(database)
    people = (acme.anna, acme.bert)
    who = {it: released(Category.PARTICIPANTS, it, it) for it in people}
    at = {it: released(Category.CALL_RECORD, it, 10) for it in people}
    joined = {it: released(Category.PARTICIPANTS, it, 10) for it in people}
    address = released(Category.IP_ADDRESS, acme.anna, "192.0.2.7")
    call = Call(
        CallId("cal_1"), TENANT, acme.group_id, acme.anna, who[acme.anna], address, at[acme.anna], at[acme.anna]
    )
    bursts = [
        Burst(f"bur_{it}", CallId("cal_1"), TENANT, acme.group_id, it, who[it], at[it], at[it], 3, "released")
        for it in people
    ]
    await history.write_calls(
        [call], [CallParticipant(CallId("cal_1"), TENANT, who[it], joined[it]) for it in people], bursts
    )
    subject, moment = (
        GATE.release(Category.ACTIVITY_LOG, Purpose.SECURITY, acme.anna, value) for value in (acme.anna, 5)
    )
    await history.record_takeover(Takeover(TENANT, acme.anna, subject, None, None, moment))


async def rows(database, query):
    return await database.read(lambda sql: [tuple(row) for row in sql.execute(text(query))])


async def test_t101_the_others_keep_their_call_log_and_nothing_leads_to_the_erased(acme, database, erasures):
    await call_of(acme, database)
    before = await rows(database, "SELECT * FROM bursts WHERE id = 'bur_sub_bert'")
    await erasures.erase_subject(acme.anna, note())
    assert await rows(database, "SELECT initiator, initiator_address, started_ms FROM calls") == [(None, None, 10)]
    assert await rows(database, "SELECT subject FROM bursts WHERE id = 'bur_sub_anna'") == [(None,)]
    assert await rows(database, "SELECT * FROM bursts WHERE id = 'bur_sub_bert'") == before
    assert await rows(database, "SELECT count(*) FROM call_participants") == [(1,)]
    assert await rows(database, "SELECT count(*) FROM takeovers") == [(0,)]


def test_every_reference_of_the_schema_is_shredded():
    """But for the audit log's: its entries are a chain, and their references end with the key."""
    known = {*OWN, *SHARED}
    declared = {column for table in tables() for column in references(table) if table.name != "audit_entries"}
    assert declared == known


async def test_nothing_is_left_and_nothing_can_be_written(acme, database, erasures):
    await acme.enrol()
    await erasures.erase_subject(acme.anna, note())
    assert await acme.subscribers.find(TENANT, "+491511234567") is None
    assert await acme.devices.login_candidate(acme.radio) is None
    with pytest.raises(NotFound):
        await acme.groups.put_member(acme.group_id, acme.anna, 100, False)
    assert not await acme.subscribers.rename(acme.anna, None, 5)
    with pytest.raises(NotFound):
        await erasures.erase_subject(acme.anna, note())


async def test_t100_what_a_call_still_writes_of_the_erased_names_nobody(acme, database, erasures):
    await erasures.erase_subject(acme.anna, note())
    await call_of(acme, database)
    assert await rows(database, "SELECT initiator, initiator_address FROM calls") == [(None, None)]
    assert await rows(database, "SELECT subject IS NULL, count(*) FROM bursts GROUP BY 1") == [(0, 1), (1, 1)]
    assert await rows(database, "SELECT count(*) FROM call_participants") == [(1,)]
    assert await rows(database, "SELECT count(*) FROM takeovers") == [(0,)]


async def test_the_key_is_in_the_files_before_and_in_none_after(acme, database, erasures, file):
    trace = await database.read(lambda sql: subject_trace(sql, acme.anna))
    files = [file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")]
    assert any(trace in each.read_bytes() for each in files)
    erased = await erasures.erase_subject(acme.anna, note())
    assert erased.entry.trace == trace
    assert await erasures.prove(erased.entry)
    assert not any(trace in each.read_bytes() for each in files)


async def test_t097_no_proof_while_somebody_reads_an_older_state(acme, database, erasures, file):
    other = await Database.open(file, VAULT, busy_timeout_s=0.2)
    reader = other._readers[0]._connection
    await reader.execute("BEGIN")
    await (await reader.execute("SELECT count(*) FROM subjects")).fetchone()
    erased = await erasures.erase_subject(acme.anna, note())
    with pytest.raises(StoreUnavailable, match="somebody still reads an older state"):
        await erasures.prove(erased.entry)
    await reader.execute("COMMIT")
    assert await erasures.prove(await erasures.entry_of(TENANT, acme.anna))
    await other.close()


def gap_of_a_page(content, size):
    """A place before the cells of a leaf that belongs to nothing (https://sqlite.org/fileformat2.html, §1.6)."""
    page_bytes, leaves = int.from_bytes(content[16:18]), (10, 13)
    for page in range(page_bytes, len(content), page_bytes):
        cells, first = int.from_bytes(content[page + 3 : page + 5]), int.from_bytes(content[page + 5 : page + 7])
        start = page + 8 + 2 * cells
        if content[page] in leaves and page + first - start >= size and not any(content[start : start + size]):
            return slice(start, start + size)
    raise AssertionError("no page has a gap")


async def test_what_lies_in_a_gap_of_a_page_is_found_and_written_over(acme, database, erasures, file):
    erased = await erasures.erase_subject(acme.anna, note())
    await database.truncate_log()
    content = bytearray(file.read_bytes())
    content[gap_of_a_page(content, len(erased.entry.trace))] = erased.entry.trace
    file.write_bytes(content)
    proof = await erasures.prove(erased.entry)
    assert proof.rewritten
    assert erased.entry.trace not in file.read_bytes()


async def test_a_hold_forbids_it_and_says_which(acme, database, erasures, ledger):
    def hold(sql):
        released_reason = GATE.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, TENANT, Personal("case 12"))
        sealed = VAULT.existing(sql, TENANT).seal(released_reason)
        statement = text(
            "INSERT INTO holds (id, tenant_id, subject_id, reason, since_ms, until_ms) "
            "VALUES ('hld_1', 'ten_1', 'sub_anna', :reason, 0, 2000)"
        )
        sql.execute(statement, {"reason": sealed.octets})

    await database.write(hold)
    with pytest.raises(OnHold, match="hold hld_1"):
        await erasures.erase_subject(acme.anna, note())
    with pytest.raises(OnHold):
        await erasures.erase_tenant(TENANT, AT_MS)
    assert ledger.entries() == []
    await erasures.erase_subject(acme.bert, note())
    await erasures.erase_tenant(TENANT, 2000)  # it is over


async def test_a_crash_after_the_line_is_made_good(acme, database, erasures, ledger, monkeypatch):
    monkeypatch.setattr("pttserver.store.erasures.shred", _power_cut)
    with pytest.raises(PowerCut):
        await erasures.erase_subject(acme.anna, note())
    monkeypatch.undo()
    assert len(ledger.entries()) == 1
    assert await acme.subscribers.find(TENANT, acme.anna)
    assert await erasures.replay() == 1
    assert await acme.subscribers.find(TENANT, acme.anna) is None
    assert await erasures.replay() == 0


async def test_the_next_erasure_makes_it_good_too(acme, database, erasures, monkeypatch):
    monkeypatch.setattr("pttserver.store.erasures.shred", _power_cut)
    with pytest.raises(PowerCut):
        await erasures.erase_subject(acme.anna, note())
    monkeypatch.undo()
    await erasures.erase_subject(acme.bert, note())
    assert await acme.subscribers.of_tenant(TENANT) == []


class PowerCut(Exception):
    """Before the commit."""


def _power_cut(*_):
    raise PowerCut


async def test_no_erasure_without_its_line(acme, erasures, ledger, monkeypatch):
    def full(*_):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(ErasureLedger, "append", full)
    with pytest.raises(StoreUnavailable):
        await erasures.erase_subject(acme.anna, note())
    assert await acme.subscribers.find(TENANT, acme.anna)


async def test_a_ledger_that_lost_its_end_is_missed(acme, erasures, ledger):
    await erasures.erase_subject(acme.anna, note())
    await erasures.erase_subject(acme.bert, note())
    lines = ledger.file.read_bytes().splitlines(keepends=True)
    ledger.file.write_bytes(lines[0])
    with pytest.raises(LedgerBroken, match="2 erasures were carried out, and the ledger has 1"):
        await erasures.replay()
    ledger.file.unlink()
    await acme.subscribers.add(subscriber("sub_cora", "Cora"))
    with pytest.raises(LedgerBroken):
        await erasures.erase_subject("sub_cora", note())
    assert not ledger.file.exists()


async def test_a_tenant_goes_with_all_its_keys(acme, database, erasures):
    erased = await erasures.erase_tenant(TENANT, AT_MS)
    for table in ("tenants", "tenant_keys", "subjects", "subscribers", "audit_entries"):
        assert await rows(database, f"SELECT count(*) FROM {table}") == [(0,)]
    assert await erasures.prove(erased.entry)


async def test_removed_subscribers_are_found_by_their_identifier(acme, erasures):
    await acme.subscribers.remove(acme.anna, 5)
    assert await erasures.find(TENANT, "+491511234567") == acme.anna
    for stranger in ("nobody", TENANT):
        with pytest.raises(NotFound):
            await erasures.find(TENANT, stranger)


async def test_a_commit_that_fails_after_the_line_is_made_good(acme, database, erasures, ledger, monkeypatch):
    """The line is on the disk, and the disk is full for the rest: the subject lives until the ledger is carried out."""
    write = database.write

    async def failing(work, **options):
        def and_fails(sql):
            done = work(sql)
            if ledger.entries():
                raise StoreUnavailable("the disk is full")
            return done

        return await write(and_fails, **options)

    monkeypatch.setattr(database, "write", failing)
    for refusal in (ErasureUnfinished, StoreUnavailable):  # who tries again writes no second line
        with pytest.raises(refusal, match=r"the disk is full; .*ledger, and is carried out as soon as"):
            await erasures.erase_subject(acme.anna, note())
    monkeypatch.undo()
    (entry,) = ledger.entries()
    assert await acme.subscribers.find(TENANT, acme.anna) is not None
    assert await erasures.finish() == 1  # as the next round does, and the next start by `replay`
    assert await erasures.finish() == 0
    assert await acme.subscribers.find(TENANT, acme.anna) is None
    assert ledger.entries() == [entry]
    assert await erasures.prove(entry) is not None


async def cut_off(acme, erasures, monkeypatch):
    with monkeypatch.context() as cut:
        cut.setattr("pttserver.store.erasures.shred", _power_cut)
        with pytest.raises(PowerCut):
            await erasures.erase_subject(acme.anna, note())


async def noted(database):
    entries = await AuditLog(database).entries(TENANT, lambda _: None)
    return [(each.operation, each.actor.reveal()) for each in entries]


async def test_no_hold_is_laid_while_a_line_waits_though_it_came_after_who_lays_it_had_looked(
    acme, database, erasures, monkeypatch
):
    await erasures.finish()
    await cut_off(acme, Erasures(database, erasures._file, erasures._ledger), monkeypatch)  # another process
    hold = Hold("hld_1", TENANT, acme.anna, None, 1, None)
    with pytest.raises(StoreUnavailable, match="try again"):
        await Holds(database).add(hold, None, None, None, erasures.refuse_unfinished)
    assert await Holds(database).of_tenant(TENANT, lambda _: None) == []
    assert await erasures.finish() == 1
    with pytest.raises(NotFound):
        await Holds(database).add(hold, None, None, None, erasures.refuse_unfinished)


@pytest.mark.parametrize("policy", [None, "[policy]\nof = 'a later version'\n"])
async def test_what_is_finished_is_noted_whatever_the_policy_is(acme, database, erasures, monkeypatch, policy):
    if policy is not None:
        await Policies(database).put(PolicyVersion(TENANT, policy, "", (), None, None, 1))
    await cut_off(acme, erasures, monkeypatch)
    assert await erasures.finish() == 1
    assert await noted(database) == [("subject.erase", "Olga"), ("subject.destroy_key", "server")]


async def test_whose_tenant_has_a_key_that_does_not_open_is_erased_all_the_same(acme, database, erasures, monkeypatch):
    await cut_off(acme, erasures, monkeypatch)
    await database.write(lambda sql: sql.execute(text("UPDATE tenant_keys SET wrapped = zeroblob(length(wrapped))")))
    assert await erasures.finish() == 1
    assert await rows(database, "SELECT count(*) FROM subjects WHERE id = 'sub_anna'") == [(0,)]
    assert await rows(database, "SELECT operation FROM audit_entries") == [("subject.erase",)]


async def test_the_certificate_of_who_carried_it_out_can_cite_the_instruction(acme, database, erasures):
    erased = await erasures.erase_subject(acme.anna, note())
    (digest,) = await rows(database, "SELECT digest FROM audit_entries WHERE operation = 'subject.erase'")
    assert (erased.instruction.number, erased.instruction.digest) == (1, digest[0])
    assert await noted(database) == [("subject.erase", "Olga"), ("subject.destroy_key", "Olga")]
