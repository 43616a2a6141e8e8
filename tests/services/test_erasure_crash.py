"""T-119, T-121: an erasure, a backup or an apply that is killed, or finds the disk full, leaves nothing half-done."""

import asyncio
import contextlib
import multiprocessing
import os
import random
import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from pttserver.clock import Clock
from pttserver.errors import BackupInvalid, NotFound, StoreUnavailable
from pttserver.ids import Personal
from pttserver.services.backup import back_up
from pttserver.services.erasure import open_erasures
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import open_database
from pttserver.services.office import open_office
from pttserver.services.restore import Sources, restore
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, subject_digest
from pttserver.store.subscribers import Subscribers
from pttserver.store.sweeps import Outcome
from running_server import loopback_settings
from thorough import tries

WHY = Instruction(Personal("Olga"), Personal("asked for"))
PEOPLE = [f"person {number}" for number in range(60)]
ROUNDS = tries(4, 8)
APPLIED = ("tenant.add", "policy.apply")


async def erase_all(settings, told):
    async with open_office(settings) as office:
        tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
        for who in await office.provisioning.subscribers("ACME"):
            told.send(who.subscriber_id)  # it begins
            await office.erasure.erase(tenant_id, who.subscriber_id, WHY)


async def back_up_for_ever(settings, told):
    database = await open_database(settings)
    for number in range(1_000_000):
        target = settings.data_dir.parent / f"{os.getpid()}-{number}.backup"
        told.send(str(target))
        await back_up(database, settings, target, lambda _done, _total: None, Clock())


def run(work, settings, told):
    asyncio.run(work(settings, told))


def killed(work, settings, seconds):
    """What the process had begun when it was killed, in order."""
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["pttserver.services.office", "pttserver.services.backup", "aiosqlite"])
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=run, args=(work, settings, sender), daemon=True)
    process.start()
    sender.close()
    begun = [receiver.recv()]
    time.sleep(seconds)
    process.kill()
    process.join()
    try:
        while True:
            begun.append(receiver.recv())
    except EOFError:
        return begun


async def provisioned(settings):
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
        for person in PEOPLE:
            await office.provisioning.add_subscriber("ACME", person, pin="4711")
        return (await office.provisioning.tenant("ACME")).tenant_id


@pytest.mark.timeout(170)
async def test_t119_a_killed_erasure_is_finished_or_never_began(tmp_path):
    settings, chance = loopback_settings(tmp_path), random.Random(119)
    tenant_id = await provisioned(settings)
    for _ in range(ROUNDS):
        begun = await asyncio.to_thread(killed, erase_all, settings, chance.uniform(0, 0.4))
        promised = {entry.digest for entry in ErasureLedger(settings.data_dir / LEDGER_FILE).entries()}
        assert {subject_digest(tenant_id, who) for who in begun[:-1]} <= promised
        async with open_office(settings) as office:
            await open_erasures(office.erasure._database, settings).replay()
            living = {
                subject_digest(tenant_id, it.subscriber_id) for it in await office.provisioning.subscribers("ACME")
            }
            assert living.isdisjoint(promised)
            assert len(living) + len(promised) == len(PEOPLE)
            if subject_digest(tenant_id, begun[-1]) in promised:
                assert (await office.erasure.prove(tenant_id, begun[-1])).certificate
            else:
                with pytest.raises(NotFound):
                    await office.erasure.prove(tenant_id, begun[-1])
            if not living:
                break


@pytest.mark.timeout(170)
async def test_t119_a_killed_backup_is_whole_or_not_there(tmp_path):
    settings, chance = loopback_settings(tmp_path), random.Random(120)
    await provisioned(settings)
    whole = 0
    for _ in range(ROUNDS):
        begun = await asyncio.to_thread(killed, back_up_for_ever, settings, chance.uniform(0, 0.5))
        finished = [name for name in begun if (tmp_path / name).exists()]
        assert finished[: len(begun) - 1] == begun[:-1]
        for name in finished[-1:]:  # the one that was made when the kill came, or the one before
            sources = Sources(tmp_path / name, settings.data_dir / LEDGER_FILE)
            await restore(settings, sources, WHY, Clock(), check_only=True)
            whole += 1
    assert whole


async def apply_for_ever(settings, told):
    async with open_office(settings) as office:
        tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
        first = len(await office.policies.history(tenant_id, lambda _: None))
        for number in range(first, first + 1_000_000):
            told.send(str(number))
            await office.instructions.apply(tenant_id, policy_number(number), WHY)


def policy_number(number):
    return f'[policy]\ntitle = "ACME"\nversion = "{number}"\n'


@pytest.mark.timeout(170)
async def test_t119_a_killed_apply_leaves_the_old_policy_or_the_new_one(tmp_path):
    """In the database, in the file, in the audit log: the same, and what was told as applied is not lost."""
    settings, chance = loopback_settings(tmp_path), random.Random(121)
    async with open_office(settings) as office:
        tenant_id = (await office.provisioning.add_tenant("ACME", policy_number(0))).tenant_id
    for _ in range(ROUNDS // 2):
        begun = await asyncio.to_thread(killed, apply_for_ever, settings, chance.uniform(0, 0.3))
        async with open_office(settings) as office:
            newest, *earlier = await office.policies.history(tenant_id, lambda _: None)
            assert newest.text in {policy_number(int(begun[-1])), policy_number(int(begun[-1]) - 1)}
            assert len(earlier) + 1 == int(newest.text.split('"')[3]) + 1  # none is missing, none is there twice
            await office.watch.start()
            assert office.book.policy(tenant_id).digest == newest.digest
            assert office.watch.path(tenant_id).read_text() == newest.text
            again = await office.policies.history(tenant_id, lambda _: None)
            assert len(again) == len(earlier) + 1  # the file undid nothing
            assert (await office.audit.verify(tenant_id)).problems == ()
            log = await office.audit.entries(tenant_id)
            noted = [each.details["digest"] for each in log if each.operation in APPLIED]
            assert noted == [version.digest for version in [newest, *earlier][::-1]]


@pytest.fixture
def small_disk(tmp_path):
    """4 MiB that can be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def remount(folder, how):
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def fill(file):
    with file.open("wb", buffering=0) as octets, contextlib.suppress(OSError):
        while octets.write(bytes(4096)):
            pass


async def test_t121_on_a_full_disk_nothing_is_erased_in_part_and_no_backup_is_left(small_disk):
    settings = loopback_settings(small_disk)
    tenant_id = await provisioned(settings)
    async with open_office(settings) as office:
        filler = small_disk / "filler"
        fill(filler)
        with pytest.raises(StoreUnavailable):
            await office.erasure.erase(tenant_id, PEOPLE[0], WHY)
        database = office.erasure._database
        with pytest.raises(StoreUnavailable):
            await back_up(database, settings, small_disk / "backup", lambda _done, _total: None, Clock())
        assert not list(small_disk.glob("*backup*"))
        filler.unlink()
        outcome = await office.erasure.erase(tenant_id, PEOPLE[1], WHY)
        assert outcome.certificate
        await back_up(database, settings, small_disk / "backup", lambda _done, _total: None, Clock())


async def test_t121_a_full_disk_is_said_to_be_full_and_nobody_is_told_to_restore(small_disk):
    """What opens the database has to make files beside it."""
    settings = loopback_settings(small_disk)
    await provisioned(settings)
    fill(small_disk / "filler")
    with pytest.raises(StoreUnavailable, match="the disk is full") as failure:
        async with open_office(settings):
            pass
    assert "restore" not in failure.value.message
    assert "free some space" in failure.value.message
    (small_disk / "filler").unlink()
    async with open_office(settings) as office:
        assert len(await office.provisioning.subscribers("ACME")) == len(PEOPLE)


async def test_t121_on_a_full_disk_a_sweep_says_that_it_failed_and_goes_on_once_there_is_room(small_disk):
    settings = loopback_settings(small_disk)
    await provisioned(settings)
    async with open_office(settings) as office:
        for person in PEOPLE:  # their subscriptions end, and with them their keys
            who = await office.provisioning.subscriber("ACME", person)
            await Subscribers(office.erasure._database).remove(who.subscriber_id, Clock().utc_ms())
        filler = small_disk / "filler"
        fill(filler)
        (swept,) = await office.retention.round()
        assert swept.outcome is Outcome.FAILED
        assert swept.problem
        assert await office.retention.sweeps.unproven() == len(await office.retention.sweeps.waiting())
        filler.unlink()
        (swept,) = await office.retention.round()
        assert swept.outcome is Outcome.DONE
        alive = text("SELECT count(*) FROM subjects WHERE kind = 'subscriber'")
        assert await office.erasure._database.read(lambda sql: sql.scalar(alive)) == 0
        digests = [entry.digest for entry in ErasureLedger(settings.data_dir / LEDGER_FILE).entries()]
        assert len(set(digests)) == len(PEOPLE)


async def test_on_a_read_only_disk_nothing_starts_and_nothing_changes(small_disk):
    settings = loopback_settings(small_disk)
    tenant_id = await provisioned(settings)

    def octets():
        return {file.name: file.read_bytes() for file in settings.data_dir.rglob("*") if file.is_file()}

    before = octets()
    await asyncio.to_thread(remount, small_disk, "ro")
    with pytest.raises(StoreUnavailable):
        async with open_office(settings) as office:
            await office.erasure.erase(tenant_id, PEOPLE[0], WHY)
    assert octets() == before
    await asyncio.to_thread(remount, small_disk, "rw")
    async with open_office(settings) as office:
        assert (await office.erasure.erase(tenant_id, PEOPLE[0], WHY)).certificate


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.errors import PttError
from pttserver.ids import Personal
from pttserver.services.backup import back_up
from pttserver.services.instructions import Instruction
from pttserver.services.office import open_office

async def main(folder, act, room):
    settings = Settings(data_dir=Path(folder))
    async with open_office(settings) as office:
        tenant = (await office.provisioning.tenants())[0].tenant_id
        size = max(file.stat().st_size for file in settings.data_dir.iterdir() if file.name.endswith("-wal"))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(room), resource.RLIM_INFINITY))
        if act == "erase":
            await office.erasure.erase(tenant, "person 0", Instruction(Personal("Olga"), Personal("asked")))
        elif act == "sweep":
            (swept,) = await office.retention.round()
            sys.exit(f"{swept.outcome} {swept.problem}" if swept.outcome != "done" else 0)
        else:
            await back_up(office.erasure._database, settings, Path(folder).parent / "backup", lambda *_: None, Clock())

try:
    asyncio.run(main(*sys.argv[1:]))
except PttError as error:
    sys.exit(error.message)
"""


@pytest.mark.parametrize("act", ["erase", "sweep", "backup"])
@pytest.mark.parametrize("room", [0, 4096, 20_000])
async def test_no_file_may_grow_and_the_state_is_the_old_or_the_new_one(tmp_path, act, room):
    """A limit of the system on the size of files, as a disk quota gives it; no privilege is needed to try it."""
    settings = loopback_settings(tmp_path)
    tenant_id = await provisioned(settings)
    async with open_office(settings) as office:
        gone = (await office.provisioning.subscriber("ACME", PEOPLE[1])).subscriber_id
        await Subscribers(office.erasure._database).remove(gone, Clock().utc_ms())
        anna = (await office.provisioning.subscriber("ACME", PEOPLE[0])).subscriber_id
    command = [sys.executable, "-c", LIMITED, str(settings.data_dir), act, str(room)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    promised = {entry.digest for entry in ErasureLedger(settings.data_dir / LEDGER_FILE).entries()}
    async with open_office(settings) as office:
        database = office.erasure._database
        assert await database.read(lambda sql: sql.scalar(text("PRAGMA integrity_check"))) == "ok"
        await open_erasures(database, settings).replay()  # as a server does that starts
        there = await database.read(lambda sql: set(sql.scalars(text("SELECT id FROM subjects"))))
        for who in (anna, gone):
            assert (who in there) == (subject_digest(tenant_id, who) not in promised)
        if done.returncode == 0 and act != "backup":
            assert {"erase": anna, "sweep": gone}[act] not in there
        (swept,) = await office.retention.round()
        assert swept.outcome is Outcome.DONE
    backup = tmp_path / "backup"
    assert backup.exists() == (act == "backup" and done.returncode == 0)
    if backup.exists():
        await restore(settings, Sources(backup, settings.data_dir / LEDGER_FILE), WHY, Clock(), check_only=True)


async def test_a_backup_that_is_cut_anywhere_is_refused(tmp_path):
    settings = loopback_settings(tmp_path)
    await provisioned(settings)
    database = await open_database(settings)
    backup = tmp_path / "backup"
    await back_up(database, settings, backup, lambda _done, _total: None, Clock())
    await database.close()
    octets, chance = backup.read_bytes(), random.Random(7)
    for _ in range(20):
        backup.write_bytes(octets[: chance.randrange(len(octets))])
        with pytest.raises(BackupInvalid):
            await restore(settings, Sources(backup, settings.data_dir / LEDGER_FILE), WHY, Clock(), check_only=True)
