"""T-119, T-121: an erasure or a backup that is killed, or finds the disk full, leaves nothing half-done."""

import asyncio
import contextlib
import multiprocessing
import os
import random
import subprocess
import time

import pytest

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
from running_server import loopback_settings

WHY = Instruction(Personal("Olga"), Personal("asked for"))
PEOPLE = [f"person {number}" for number in range(60)]
ROUNDS = 12


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
        for name in begun:
            target = tmp_path / name
            if target.exists():
                sources = Sources(target, settings.data_dir / LEDGER_FILE)
                await restore(settings, sources, WHY, Clock(), check_only=True)
                whole += 1
        assert all((tmp_path / name).exists() for name in begun[:-1])
    assert whole


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
