"""T-115: whatever is done to the audit log behind its back is found; pruning and erasure leave it verifiable."""

import threading

import pytest
from sqlalchemy import select, text

from pttserver.crypto.signing import SigningKey
from pttserver.errors import AlreadyExists, SealBroken
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.retention import EventKind
from pttserver.services.audit import Audit
from pttserver.services.policy_book import PolicyBook
from pttserver.store.audit_chain import AuditNote, append
from pttserver.store.events import record_event
from pttserver.store.governance_schema import audit_entries
from pttserver.store.policies import Policies
from store.organisation import GATE, TENANT, VAULT
from store.sweeping import apply

YEAR_MS = 366 * 86_400_000
ACTOR = Personal("Mathilde Markwort")


class SetClock:
    def __init__(self):
        self.ms = 1_000

    def utc_ms(self):
        return self.ms


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
async def audit(acme, database, tmp_path, clock):
    book = PolicyBook(Policies(database))
    await book.load()
    return Audit(database, book, SigningKey.draw(), tmp_path, clock)


@pytest.fixture
async def log(acme, database, clock):
    async def write(count, subject=acme.anna):
        for _ in range(count):
            clock.ms += 1
            note = AuditNote(GATE, "subject.export", TENANT, ACTOR, clock.ms, subject, {"format": "json"})
            await database.write(lambda sql, note=note: append(sql, VAULT, note))

    return write


async def prune(audit, clock):
    """As the retention engine does it, by the policy's period."""
    cutoff_ms = GATE.policy.rule(Category.AUDIT_LOG).retention.gone_cutoff(clock.ms, ())
    return await audit._log.prune(TENANT, cutoff_ms, clock.ms, audit._key.sign)


async def problems(audit):
    return (await audit.verify(TENANT)).problems


async def test_entries_are_opened_for_whoever_may(acme, audit, log):
    await log(2)
    first, second = await audit.entries(TENANT)
    assert (first.sequence, second.sequence) == (1, 2)
    assert (first.operation, first.subject, first.actor) == ("subject.export", acme.anna, ACTOR)
    assert first.details == {"format": "json"}
    assert await problems(audit) == ()


async def test_nothing_personal_stands_in_clear(acme, database, file, log):
    await log(1)
    await database.close()
    raw = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert ACTOR.reveal().encode() not in raw
    assert b"subject.export" in raw
    assert raw.count(acme.anna.encode()) > 0  # the living subscriber; not in the log:
    assert b"json" not in raw


@pytest.mark.parametrize(
    ("done", "found"),
    [
        ("UPDATE audit_entries SET operation = 'subject.erase' WHERE sequence = 3", "entry 3 was changed"),
        ("UPDATE audit_entries SET at_ms = at_ms + 1 WHERE sequence = 3", "entry 3 was changed"),
        ("UPDATE audit_entries SET subject = NULL WHERE sequence = 3", "entry 3 was changed"),
        ("UPDATE audit_entries SET actor = x'00' WHERE sequence = 3", "entry 3 was changed"),
        ("UPDATE audit_entries SET details = NULL WHERE sequence = 3", "entry 3 was changed"),
        ("UPDATE audit_entries SET digest = x'00' WHERE sequence = 3", "entry 3 was changed"),
        ("DELETE FROM audit_entries WHERE sequence = 3", "entries 3 to 3 are missing"),
        ("DELETE FROM audit_entries WHERE sequence < 3", "no checkpoint vouches"),
        ("DELETE FROM audit_entries WHERE sequence > 4", "the last ones are missing"),
        ("DELETE FROM audit_entries", "the last ones are missing"),
        (
            "UPDATE audit_entries SET sequence = sequence - 5 WHERE sequence IN (2, 3);"
            "UPDATE audit_entries SET sequence = -sequence WHERE sequence < 0",
            "does not follow",
        ),
    ],
)
async def test_t115_what_is_done_behind_its_back_is_found(audit, database, log, done, found):
    await log(6)
    await audit.checkpoint([TENANT])
    await database.write(lambda sql: sql.execute(text("DELETE FROM audit_checkpoints")))

    def tamper(sql):
        for statement in done.split(";"):
            sql.execute(text(statement))

    await database.write(tamper)
    assert any(found in problem for problem in await problems(audit)), await problems(audit)


async def test_t115_a_chain_made_anew_contradicts_what_was_signed(audit, database, log):
    await log(3)
    await audit.checkpoint([TENANT])
    await database.write(lambda sql: sql.execute(text("DELETE FROM audit_entries")))
    await database.write(lambda sql: sql.execute(text("DELETE FROM audit_checkpoints")))
    await log(5)
    assert await problems(audit) == ("entry 3 is not the one that was written down beside the database",)


async def test_a_foreign_signature_is_found(audit, database, log):
    await log(2)
    await audit.checkpoint([TENANT])
    await database.write(lambda sql: sql.execute(text("UPDATE audit_checkpoints SET at_ms = at_ms + 1")))
    assert await problems(audit) == ("the checkpoint at entry 2 is not signed by this server",)


async def test_t115_pruning_keeps_the_chain(audit, log, clock):
    await log(3)
    await audit.checkpoint([TENANT])
    await log(2)
    clock.ms += YEAR_MS
    await log(2)
    assert await prune(audit, clock) == 0
    clock.ms += YEAR_MS
    assert await prune(audit, clock) == 5  # all that are over, beyond the checkpoint of a running server too
    verdict = await audit.verify(TENANT)
    assert (verdict.first, verdict.last, verdict.pruned_ms, verdict.problems) == (6, 7, clock.ms, ())
    assert verdict.checkpoints == 1
    assert [entry.sequence for entry in await audit.entries(TENANT)] == [6, 7]  # what is over is not shown
    clock.ms += 2 * YEAR_MS
    await audit.checkpoint([TENANT])
    assert await prune(audit, clock) == 2
    assert await problems(audit) == ()
    await log(1)
    verdict = await audit.verify(TENANT)
    assert (verdict.first, verdict.last, verdict.problems) == (8, 8, ())


async def test_an_entry_of_a_clock_that_was_ahead_keeps_nothing_that_came_after_it(audit, log, clock):
    await log(2)
    clock.ms += 100 * YEAR_MS
    await log(1)  # while the clock was wrong
    clock.ms -= 100 * YEAR_MS
    await log(2)
    clock.ms += 3 * YEAR_MS
    await log(1)
    assert await prune(audit, clock) == 5
    verdict = await audit.verify(TENANT)
    assert (verdict.first, verdict.last, verdict.problems) == (6, 6, ())


async def test_an_entry_of_a_clock_that_was_ahead_goes_with_what_came_after_it_and_not_before(audit, log, clock):
    await log(1)
    clock.ms += 100 * YEAR_MS
    await log(1)
    clock.ms += 3 * YEAR_MS - 100 * YEAR_MS
    await log(1)
    assert await prune(audit, clock) == 1
    assert [entry.sequence for entry in await audit.entries(TENANT)] == [2, 3]
    assert await problems(audit) == ()


async def test_t115_a_log_without_any_checkpoint_is_pruned_as_well(audit, log, clock):
    """No server ever ran: nobody but the sweep signs."""
    await log(3)
    clock.ms += 3 * YEAR_MS
    assert await prune(audit, clock) == 3
    verdict = await audit.verify(TENANT)
    assert (verdict.entries, verdict.checkpoints, verdict.problems) == (0, 1, ())
    await log(2)
    verdict = await audit.verify(TENANT)
    assert (verdict.first, verdict.last, verdict.problems) == (4, 5, ())


async def test_t115_a_checkpoint_that_comes_while_the_log_is_pruned_does_no_harm(audit, log, clock):
    """A server signs beside a sweep in another process: it read the newest entry before, and writes after."""
    await log(2)
    newest = await audit._log.last(TENANT)
    clock.ms += 3 * YEAR_MS
    assert await prune(audit, clock) == 2
    with pytest.raises(AlreadyExists):
        await audit._sign(TENANT, *newest[:2])
    await log(3)
    stale = await audit._log.last(TENANT)
    await log(1)
    clock.ms += 3 * YEAR_MS
    assert await prune(audit, clock) == 4
    await audit._sign(TENANT, *stale[:2])
    assert await problems(audit) == ()
    await log(1)
    await audit.checkpoint([TENANT])
    assert await problems(audit) == ()


async def test_t115_a_checkpoint_without_its_entry_is_found(audit, database, log):
    """The end was cut off, and what was signed of it left where it stood."""
    await log(5)
    await audit.checkpoint([TENANT])
    await database.write(lambda sql: sql.execute(text("DELETE FROM audit_entries WHERE sequence > 3")))
    assert await problems(audit) == ("entries up to 5 were signed, and the last ones are missing",)


async def test_t115_a_cut_that_no_checkpoint_covers_is_found(audit, database, log):
    await log(3)
    await audit.checkpoint([TENANT])
    await log(3)
    await database.write(lambda sql: sql.execute(text("DELETE FROM audit_entries WHERE sequence < 3")))
    assert any("no checkpoint vouches" in problem for problem in await problems(audit))


@pytest.mark.parametrize("last", [3, 6], ids=["up to a checkpoint", "all of it"])
async def test_t115_a_cut_at_a_checkpoint_that_is_no_pruning_is_found(audit, database, log, last):
    await log(3)
    await audit.checkpoint([TENANT])
    await log(3)
    await audit.checkpoint([TENANT])
    await database.write(lambda sql: sql.execute(text(f"DELETE FROM audit_entries WHERE sequence <= {last}")))
    missing = (f"entries up to {last} are missing, and no signed pruning says that they were over",)
    assert await problems(audit) == missing
    forged = f"INSERT INTO audit_prunings VALUES ('{TENANT}', {last}, 5, zeroblob(64))"
    await database.write(lambda sql: sql.execute(text(forged)))
    assert await problems(audit) == (f"the pruning up to entry {last} is not signed by this server",)


async def test_t115_more_than_was_pruned_is_missed(audit, database, log, clock):
    await log(2)
    await audit.checkpoint([TENANT])
    clock.ms += 3 * YEAR_MS
    assert await prune(audit, clock) == 2
    await log(2)
    await audit.checkpoint([TENANT])
    await database.write(lambda sql: sql.execute(text("DELETE FROM audit_entries WHERE sequence <= 4")))
    assert await problems(audit) == ("the server pruned up to entry 2, and the log begins after entry 4",)
    await database.write(lambda sql: sql.execute(text("UPDATE audit_prunings SET sequence = 4")))
    assert await problems(audit) == ("the pruning up to entry 4 is not signed by this server",)


async def test_an_erased_subject_has_no_name_and_the_chain_is_whole(acme, audit, database, log):
    await log(2)
    await database.write(lambda sql: VAULT.destroy(sql, acme.anna))
    await log(1)
    assert [entry.subject for entry in await audit.entries(TENANT)] == [None, None, None]
    assert await problems(audit) == ()


REMARKS = {"reason": "Anna was drunk", "identified": "passport 4711"}


async def remark(database, subject, details, remarks):
    note = AuditNote(GATE, "device.stun", TENANT, ACTOR, 7, subject, details, remarks)
    await database.write(lambda sql: append(sql, VAULT, note))


async def test_what_was_written_of_a_person_dies_with_the_persons_key(acme, audit, database):
    """In every copy: the octets of before open with no key that is left."""
    await remark(database, acme.anna, {"devices": "dev_1"}, REMARKS)
    await remark(database, None, {}, {"reason": "a new shift"})
    about, of_nobody = await audit.entries(TENANT)
    assert about.details == {"devices": "dev_1", **REMARKS}
    assert of_nobody.details == {"reason": "a new shift"}
    sealed = await database.read(lambda sql: sql.scalar(select(audit_entries.c.remarks)))
    await database.write(lambda sql: VAULT.destroy(sql, acme.anna))
    about, of_nobody = await audit.entries(TENANT)
    assert (about.subject, about.details) == (None, {"devices": "dev_1"})
    assert of_nobody.details == {"reason": "a new shift"}
    assert await problems(audit) == ()
    for keys in await database.read(lambda sql: VAULT.of_tenant(sql, TENANT)):
        with pytest.raises(SealBroken):
            keys.open(sealed)


async def test_of_whom_is_gone_already_nothing_is_written(acme, audit, database):
    await database.write(lambda sql: VAULT.destroy(sql, acme.anna))
    await remark(database, acme.anna, {"devices": "dev_1"}, REMARKS)
    (entry,) = await audit.entries(TENANT)
    assert (entry.subject, entry.details) == (None, {"devices": "dev_1"})
    assert await database.read(lambda sql: sql.scalar(select(audit_entries.c.remarks))) is None


@pytest.mark.parametrize("change", ["remarks = NULL", "remarks = details", "details = remarks, remarks = NULL"])
async def test_t115_remarks_cannot_be_changed_unseen(acme, audit, database, change):
    await remark(database, acme.anna, {"devices": "dev_1"}, REMARKS)
    await database.write(lambda sql: sql.execute(text(f"UPDATE audit_entries SET {change}")))
    assert any("entry 1 was changed" in problem for problem in await problems(audit))


async def test_an_act_that_fails_is_not_noted(audit, database, acme):
    note = AuditNote(GATE, "subscriber.remove", TENANT, ACTOR, 5, acme.anna)
    with pytest.raises(ZeroDivisionError):
        await database.write(lambda sql: 1 / 0, note=note)
    assert not await database.write(lambda sql: False, note=note)
    assert await audit.entries(TENANT) == []
    assert await acme.subscribers.remove(acme.anna, 50, note)
    assert [entry.operation for entry in await audit.entries(TENANT)] == ["subscriber.remove"]


async def test_who_is_restricted_is_named_in_the_log_all_the_same(acme, audit, database, log):
    """What is done with restricted data must be answered for."""
    await database.write(lambda sql: sql.execute(text("UPDATE subjects SET restricted_ms = 1 WHERE id = 'sub_anna'")))
    await log(1)
    assert [entry.subject for entry in await audit.entries(TENANT)] == [acme.anna]


async def test_what_an_event_of_the_organisation_ended_is_not_shown(acme, audit, database, log, clock):
    await apply(database, '[categories.audit_log]\nkeep = ["2 years", "1 day after contract_ended"]\n')
    await audit._policies.load()
    await log(2)
    await database.write(lambda sql: record_event(sql, TENANT, None, EventKind.CONTRACT_ENDED, clock.ms))
    await log(1)
    assert len(await audit.entries(TENANT)) == 3
    clock.ms += 86_400_000
    assert [entry.sequence for entry in await audit.entries(TENANT)] == [3]


async def test_the_head_is_written_by_a_thread(audit, log, monkeypatch):
    """It waits for the disk, and voice must not."""
    writers = []
    monkeypatch.setattr(
        "pttserver.services.audit.replace_private_file", lambda *_: writers.append(threading.current_thread())
    )
    await log(1)
    await audit.checkpoint([TENANT])
    assert writers
    assert threading.main_thread() not in writers
