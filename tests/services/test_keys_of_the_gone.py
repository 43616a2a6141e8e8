"""T-098: who is gone has no key in any file; what cannot be proven yet is said, and no certificate is given for it."""

import asyncio
import io
import json
import shutil
import signal
import subprocess
import sys

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.clock import Clock
from pttserver.config import KeySettings
from pttserver.crypto.sealed_stream import SealedReader
from pttserver.ids import Personal
from pttserver.services.backup import back_up
from pttserver.services.instructions import Instruction
from pttserver.services.key_rotation import prune, rewrap, rotate
from pttserver.services.keyring import key_file, master_keys, open_database, write_keys
from pttserver.services.office import open_office
from pttserver.services.subject_keys import (
    clear_copies,
    forget_erased,
    keep_subject_keys,
    subject_keys_file,
    write_subject_keys,
)
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, Line, subject_digest
from pttserver.store.proof import OTHERS
from pttserver.store.shredding import subject_trace, tenant_trace
from pttserver.store.subject_keys import living
from pttserver.store.subscribers import Subscribers
from pttserver.store.sweeps import Outcome
from pttserver.store.workplace import WORKPLACE, workplace
from running_server import loopback_settings, running_platform, until

WHY = Instruction(Personal("Olga Operator"), Personal("she asked for it"))


@pytest.fixture
def settings(tmp_path):
    return loopback_settings(tmp_path)


@pytest.fixture
async def office(settings):
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
        for name in ("Anna", "Bert"):
            await office.provisioning.add_subscriber("ACME", name, pin="4711")
        yield office


async def back_up_all(office, settings):
    target = settings.data_dir.parent / "backup"
    await back_up(office.erasure._database, settings, target, lambda _done, _total: None, Clock())


async def erase(office, name="Anna"):
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    return await office.erasure.erase(tenant_id, name, WHY)


async def number(office, name):
    return (await office.provisioning.subscriber("ACME", name)).subscriber_id


def held(settings):
    """Whose keys whoever has the master keys finds in the file."""
    content = io.BytesIO(subject_keys_file(settings).read_bytes())
    return {row[0] for row in json.loads(io.BufferedReader(SealedReader(content, master_keys(settings))).read())}


# The file of subjects' keys that cannot be read --------------------------------------------------------------------


async def test_after_new_master_keys_the_file_still_opens(office, settings):
    await back_up_all(office, settings)
    before = held(settings)
    await rotate(settings)
    assert held(settings) == before
    await prune(settings)
    assert len(master_keys(settings)) == 1
    assert held(settings) == before
    outcome = await erase(office)
    assert outcome.certificate
    assert held(settings) == before - {outcome.subject_id}


async def test_keys_that_are_given_from_outside_take_the_file_along(office, settings):
    await back_up_all(office, settings)
    before, new = held(settings), master_keys(settings)
    await rotate(settings)
    (newest, *_) = master_keys(settings)
    write_keys(key_file(settings), [newest, *new])
    await rewrap(settings)
    write_keys(key_file(settings), [newest])
    assert held(settings) == before


async def test_pruned_before_the_file_was_written_anew_it_is_written_first(office, settings):
    """As after a crash between the new key and what it seals."""
    await back_up_all(office, settings)
    old_file, before = subject_keys_file(settings).read_bytes(), held(settings)
    await rotate(settings)
    subject_keys_file(settings).write_bytes(old_file)
    await prune(settings)
    assert held(settings) == before


def appended(settings):
    with open(subject_keys_file(settings), "ab") as file:
        file.write(b"\0")


def cut(settings):
    subject_keys_file(settings).write_bytes(subject_keys_file(settings).read_bytes()[:-1])


def under_a_lost_key(settings):
    """Written by a server whose keys are others."""
    other = loopback_settings(settings.data_dir.parent / "other")
    master_keys(other)
    octets = bytearray(subject_keys_file(settings).read_bytes())
    key_id = master_keys(settings)[0].key_id.encode()
    place = octets.index(key_id)
    octets[place : place + len(key_id)] = master_keys(other)[0].key_id.encode()
    subject_keys_file(settings).write_bytes(octets)


def header_damaged(settings):
    octets = bytearray(subject_keys_file(settings).read_bytes())
    place = octets.index(b'"wrapped": "') + 20
    octets[place] = ord("0") if octets[place] != ord("0") else ord("1")
    subject_keys_file(settings).write_bytes(octets)


UNREADABLE = [appended, cut, under_a_lost_key, header_damaged]


@pytest.mark.parametrize("damaged", UNREADABLE)
async def test_a_file_that_cannot_be_read_is_written_anew_of_the_living(office, settings, damaged):
    await back_up_all(office, settings)
    before = held(settings)
    damaged(settings)
    outcome = await erase(office)
    assert outcome.certificate
    assert held(settings) == before - {outcome.subject_id}


async def test_an_erasure_that_cannot_be_proven_says_so_with_the_number_and_is_proven_later(office, settings):
    await back_up_all(office, settings)
    file, who = subject_keys_file(settings), await number(office, "Anna")
    file.unlink()
    (file / "in the way").mkdir(parents=True)  # it can be neither read nor replaced, whoever we are
    outcome = await erase(office)
    assert (outcome.subject_id, outcome.certificate) == (who, None)
    assert str(file) in outcome.problem
    (file / "in the way").rmdir()
    file.rmdir()
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    proven = await office.erasure.prove(tenant_id, who)
    assert proven.certificate
    assert proven.problem is None


async def test_whoever_keeps_the_file_goes_on_after_it_could_not_be_read(office, settings, monkeypatch):
    monkeypatch.setattr("pttserver.services.subject_keys.INTERVAL_S", 0.02)
    await back_up_all(office, settings)
    before, keys = held(settings), key_file(settings).read_bytes()
    keeping = asyncio.create_task(keep_subject_keys(office.erasure._database, settings))
    key_file(settings).write_bytes(b"no key")  # the keys cannot be read for a while
    await asyncio.sleep(0.2)
    key_file(settings).write_bytes(keys)
    under_a_lost_key(settings)
    lost = subject_keys_file(settings).read_bytes()
    await until(lambda: subject_keys_file(settings).read_bytes() != lost)
    assert held(settings) == before
    assert not keeping.done()
    keeping.cancel()


async def test_a_file_elsewhere_is_kept_there(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    settings = loopback_settings(tmp_path, keys=KeySettings(subject_keys_file=elsewhere / "keys"))
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
        await office.provisioning.add_subscriber("ACME", "Anna", pin="4711")
        await back_up_all(office, settings)
        await rotate(settings)
        await prune(settings)
        outcome = await erase(office)
        assert outcome.certificate
        assert outcome.subject_id not in held(settings)


# Whoever goes in another way than by an erasure -------------------------------------------------------------------


async def test_who_is_removed_is_in_no_file_when_it_is_said_to_be_done(office, settings):
    await back_up_all(office, settings)
    anna, before = await number(office, "Anna"), held(settings)
    assert await office.provisioning.remove_subscriber("ACME", "Anna")
    assert held(settings) == before - {anna}


async def test_whose_period_is_over_is_in_no_file_when_the_sweep_is_done(office, settings):
    await back_up_all(office, settings)
    anna, before = await number(office, "Anna"), held(settings)
    await Subscribers(office.erasure._database).remove(anna, Clock().utc_ms())
    (swept,) = await office.retention.round()
    assert swept.outcome is Outcome.DONE
    assert held(settings) == before - {anna}


async def test_while_the_file_cannot_be_written_nothing_is_done(office, settings):
    await back_up_all(office, settings)
    file = subject_keys_file(settings)
    kept = file.rename(settings.data_dir.parent / "kept")
    (file / "in the way").mkdir(parents=True)
    assert not await office.provisioning.remove_subscriber("ACME", "Anna")
    await Subscribers(office.erasure._database).remove(await number(office, "Bert"), Clock().utc_ms())
    (swept,) = await office.retention.round()
    assert swept.outcome is Outcome.UNPROVEN
    assert await office.retention.sweeps.unproven() == 2
    (file / "in the way").rmdir()
    file.rmdir()
    kept.rename(file)
    assert await office.retention.prove()
    assert await office.retention.sweeps.unproven() == 0
    assert held(settings) <= {row[0] for row in await living(office.erasure._database)}


async def test_a_removal_whose_sweep_fails_is_not_done_and_the_next_round_ends_it(office, settings):
    await back_up_all(office, settings)
    anna, database = await number(office, "Anna"), office.erasure._database
    fails = "CREATE TRIGGER fails BEFORE INSERT ON sweeps BEGIN SELECT RAISE(ABORT, 'no'); END"
    await database.write(lambda sql: sql.execute(text(fails)))
    assert not await office.provisioning.remove_subscriber("ACME", "Anna")
    assert anna in held(settings)
    await database.write(lambda sql: sql.execute(text("DROP TRIGGER fails")))
    await office.retention.round()
    assert anna not in held(settings)


async def test_an_erasure_that_a_failed_commit_left_to_the_next_round_is_proven_with_it(office, settings):
    await back_up_all(office, settings)
    tenant_id, anna = (await office.provisioning.tenant("ACME")).tenant_id, await number(office, "Anna")
    trace = await trace_of(office, "Anna")
    line = Line("subject", tenant_id, subject_digest(tenant_id, anna), trace)
    ErasureLedger(settings.data_dir / LEDGER_FILE).append(1, [line])  # as if the commit had failed after it
    async with open_office(settings) as server:
        await server.retention.round()
        assert holding(settings, trace) == []
        assert anna not in held(settings)


async def test_a_server_that_starts_carries_out_what_the_ledger_says_and_leaves_no_key(office, settings, tmp_path):
    await back_up_all(office, settings)
    tenant_id, anna = (await office.provisioning.tenant("ACME")).tenant_id, await number(office, "Anna")
    trace = await trace_of(office, "Anna")
    line = Line("subject", tenant_id, subject_digest(tenant_id, anna), trace)
    ErasureLedger(settings.data_dir / LEDGER_FILE).append(1, [line])
    async with running_platform(tmp_path):
        assert holding(settings, trace) == []
        assert anna not in held(settings)


# What killed processes left ---------------------------------------------------------------------------------------

KILLED_BACKUP = """
import asyncio, os, signal, sys
from pathlib import Path
from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.services.backup import back_up
from pttserver.services.keyring import open_database

settings, at = Settings(data_dir=Path(sys.argv[1])), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def copied(done, total):
    if at == "copy" and done == total:
        die()

def synced(_):
    if at == "keys" and list(settings.data_dir.glob(".subject_keys.backup.*.new")):
        die()

async def main():
    database = await open_database(settings)
    os.fsync = synced
    await back_up(database, settings, settings.data_dir.parent / "killed", copied, Clock())

asyncio.run(main())
"""


async def killed_backup(settings, at):
    command = [sys.executable, "-c", KILLED_BACKUP, str(settings.data_dir), at]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


def left_over(settings):
    return [*settings.data_dir.glob(".subject_keys.backup.*.new"), *settings.data_dir.glob(WORKPLACE)]


async def trace_of(office, name):
    who = await number(office, name)
    return await office.erasure._database.read(lambda sql: subject_trace(sql, who))


async def test_a_killed_backup_leaves_keys_and_no_certificate_is_given_before_they_are_gone(office, settings):
    trace = await trace_of(office, "Anna")
    await killed_backup(settings, "copy")
    assert trace in (settings.data_dir / WORKPLACE / "pttserver.sqlite3").read_bytes()
    await killed_backup(settings, "keys")
    assert len(left_over(settings)) == 2
    assert (await erase(office)).certificate
    assert left_over(settings) == []


async def remove(office):
    return await office.provisioning.remove_subscriber("ACME", "Anna")


async def sweep(office):
    await Subscribers(office.erasure._database).remove(await number(office, "Anna"), Clock().utc_ms())
    (swept,) = await office.retention.round()
    return swept.outcome is Outcome.DONE


@pytest.mark.parametrize("act", [remove, sweep])
async def test_what_a_killed_backup_left_goes_before_anything_is_done(office, settings, act):
    await killed_backup(settings, "copy")
    await killed_backup(settings, "keys")
    with workplace(settings.data_dir / WORKPLACE):  # and while another one runs nothing is
        assert not await act(office)
    await killed_backup(settings, "keys")
    assert await office.retention.prove()
    assert left_over(settings) == []


async def test_a_server_that_starts_removes_what_a_killed_backup_left(tmp_path):
    settings = loopback_settings(tmp_path)
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
        await office.provisioning.add_subscriber("ACME", "Anna", pin="4711")
    await killed_backup(settings, "keys")
    assert len(left_over(settings)) == 2
    async with running_platform(tmp_path):
        assert left_over(settings) == []


async def test_a_copy_of_the_database_anywhere_in_the_folder_is_found(office, settings):
    database, copy = office.erasure._database, settings.data_dir / "before the update" / "old.sqlite3"
    assert await database.truncate_log()
    copy.parent.mkdir()
    shutil.copy(settings.database_file, copy)
    outcome = await erase(office)
    assert outcome.certificate is None
    assert "the key is still in before the update/old.sqlite3" in outcome.problem
    copy.unlink()
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    proof = (await office.erasure.prove(tenant_id, outcome.subject_id)).certificate["proof"]
    assert set(proof["searched_bytes"]) == {"pttserver.sqlite3", "pttserver.sqlite3-wal", OTHERS}
    assert proof["searched_bytes"][OTHERS] > 0


# Organisations that are removed -----------------------------------------------------------------------------------


async def trace_of_acme(office):
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    return await office.erasure._database.read(lambda sql: tenant_trace(sql, tenant_id))


def holding(settings, trace):
    return [file for file in settings.data_dir.rglob("*") if file.is_file() and trace in file.read_bytes()]


async def test_a_removed_organisation_leaves_no_key_beside_a_running_server(tmp_path):
    async with running_platform(tmp_path) as platform:
        await platform.organise()
        await platform.provisioning.add_subscriber("ACME", "Anna", pin="4711")
        await back_up_all(platform.office, platform.settings)
        trace = await trace_of_acme(platform.office)
        assert holding(platform.settings, trace)
        assert await platform.provisioning.remove_tenant("ACME") is None
        assert holding(platform.settings, trace) == []
        assert held(platform.settings) == set()


async def test_while_somebody_reads_an_older_state_a_removal_is_not_proven_and_the_next_round_does_it(office, settings):
    trace = await trace_of_acme(office)
    async with open_office(settings) as other, open_office(settings) as server:
        reader = other.erasure._database._readers[0]._connection
        await reader.execute("BEGIN")
        await (await reader.execute("SELECT count(*) FROM tenant_keys")).fetchone()
        assert "older state" in await office.provisioning.remove_tenant("ACME")
        assert holding(settings, trace)
        await server.retention.round()
        assert server.retention.readings.removals_unproven
        await reader.execute("COMMIT")
        await server.retention.round()
        assert not server.retention.readings.removals_unproven
        assert holding(settings, trace) == []


def test_the_command_says_that_a_removal_is_not_proven_and_a_sweep_makes_up_for_it(tmp_path):
    environment = {"PTTSERVER_DATA_DIR": str(tmp_path / "data"), "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8"}

    def run(*words, status=0):
        result = CliRunner().invoke(app, words, env=environment)
        assert result.exit_code == status, result.output
        return result.output

    run("tenant", "add", "ACME")
    run("subscriber", "add", "ACME", "Anna", "--pin", "4711")
    with workplace(tmp_path / "data" / WORKPLACE):
        assert "retention sweep" in run("subscriber", "remove", "ACME", "Anna", "--yes", status=3)
        assert "another backup or restore is running" in run("tenant", "remove", "ACME", "--yes", status=3)
        assert "keys of a removed tenant" in run("retention", "sweep", status=1)
    run("retention", "sweep")


# Master keys that a slow command gives -------------------------------------------------------------------------------


async def ticks_during(work):
    """How often the loop came round while the work was done."""
    task, ticks = asyncio.create_task(work), 0
    while not task.done():
        await asyncio.sleep(0.01)
        ticks += 1
    await task
    return ticks


async def test_voice_goes_on_while_a_command_gives_the_master_keys(tmp_path):
    """The loop comes round many times while the command runs, at every act of a server that needs the keys."""
    script = f"import time; time.sleep(0.6); print('{'ab' * 32}')"
    settings = loopback_settings(tmp_path, keys=KeySettings(master_key_command=[sys.executable, "-c", script]))
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
        await office.provisioning.add_subscriber("ACME", "Anna", pin="4711")
        database = office.erasure._database
        assert await ticks_during(write_subject_keys(database, settings)) > 10
        assert await ticks_during(forget_erased(database, settings)) > 10
        assert await ticks_during(clear_copies(database, settings)) > 10
        subject_keys_file(settings).write_bytes(b"damaged")
        assert await ticks_during(forget_erased(database, settings)) > 10
        keeping = asyncio.create_task(keep_subject_keys(database, settings))
        assert await ticks_during(asyncio.sleep(0.6)) > 10
        keeping.cancel()
        assert await ticks_during(opened_and_closed(settings)) > 10


async def opened_and_closed(settings):
    await (await open_database(settings)).close()
