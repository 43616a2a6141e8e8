"""A restore that is killed leaves the old state or the new one: database, ledger, keys, certificate and policies."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import sys

import pytest

from pttserver.clock import Clock
from pttserver.ids import Personal
from pttserver.services.audit import HEADS_FILE
from pttserver.services.backup import CERTIFICATE, back_up
from pttserver.services.certificate import ensure_certificate
from pttserver.services.instructions import Instruction
from pttserver.services.office import open_office
from pttserver.services.restore import Sources, restore
from pttserver.services.signing_key import SIGNING_KEY_FILE
from pttserver.services.subject_keys import FILE_NAME
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger
from pttserver.store.placing import READY
from pttserver.store.workplace import WORKPLACE
from running_server import loopback_settings

WHY = Instruction(Personal("Olga"), Personal("wrong disk"))
LAX, STRICT = (f'[policy]\ntitle = "{title}"\nversion = "1"\n' for title in ("lax", "strict"))
BESIDE = (SIGNING_KEY_FILE, HEADS_FILE, *CERTIFICATE)
STEPS = {"os.rename", "os.remove", "os.rmdir"}


async def two_states(folder):
    """A backup with another key and certificate than the server has by now, and a policy that was replaced since."""
    settings = loopback_settings(folder)
    ensure_certificate(settings, Clock())
    async with open_office(settings) as office:
        tenant_id = (await office.provisioning.add_tenant("ACME", LAX)).tenant_id
        for name in ("Anna", "Bert"):
            await office.provisioning.add_subscriber("ACME", name, pin="4711")
        await office.audit.checkpoint([tenant_id])
        database, target = office.erasure._database, folder / "backup"
        await back_up(database, settings, target, lambda _done, _total: None, Clock(), with_certificate=True)
        await office.instructions.apply(tenant_id, STRICT, WHY)
        await office.erasure.erase(tenant_id, "Anna", WHY)
        await office.provisioning.add_group("ACME", "since the backup")
    for name in BESIDE:
        (settings.data_dir / name).unlink()
    ensure_certificate(settings, Clock())
    async with open_office(settings) as office:
        await office.audit.checkpoint([tenant_id])
    for name in (FILE_NAME, LEDGER_FILE):
        shutil.copy(settings.data_dir / name, folder / name)


async def started(folder):
    """What a server has that starts there."""
    settings = loopback_settings(folder)
    async with open_office(settings) as office:
        await office.watch.start()
        at = office.provisioning
        tenant_id = (await at.tenant("ACME")).tenant_id
        assert [who.identifier.reveal() for who in await at.subscribers("ACME")] == ["Bert"]
        assert [version.text for version in await office.policies.history(tenant_id, lambda _: None)] == [STRICT, LAX]
        assert office.watch.path(tenant_id).read_text() == STRICT
        assert len(ErasureLedger(settings.data_dir / LEDGER_FILE).entries()) == 1
        state = [group.name for group in await at.groups("ACME")], (await office.audit.verify(tenant_id)).problems
    assert not (settings.data_dir / READY).exists()
    return state, [(settings.data_dir / name).read_bytes() for name in BESIDE]


def restore_until(folder, number):
    """Killed before step `number` of those that change anything in `data_dir`."""
    data_dir, steps = str(folder / "data"), iter(range(number))

    def count(event, arguments):
        if event in STEPS and str(arguments[0]).startswith(data_dir) and next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    sources = Sources(folder / "backup", folder / LEDGER_FILE, folder / FILE_NAME)
    asyncio.run(restore(loopback_settings(folder), sources, WHY, Clock(), force=True))


def killed_before(folder, number):
    """Whether it was killed; else it was done before."""
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["pttserver.app", "pttserver.services.restore", "ptthandset.handset", "aiosqlite"])
    process = spawn.Process(target=restore_until, args=(folder, number), daemon=True)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.mark.timeout(170)
async def test_wherever_a_restore_is_killed_the_old_state_stands_or_the_new_one(tmp_path):
    first = tmp_path / "first"
    await two_states(first)
    shutil.copytree(first, tmp_path / "old")
    old, found = await started(tmp_path / "old"), []
    for number in range(1000):
        folder = tmp_path / str(number)
        shutil.copytree(first, folder)
        killed = await asyncio.to_thread(killed_before, folder, number)
        found.append(await started(folder))
        shutil.rmtree(folder)
        if not killed:
            break
    new = found[-1]
    assert (old[0], new[0]) == ((["since the backup"], old[0][1]), ([], ()))
    assert all(before != after for before, after in zip(old[1], new[1], strict=True))
    assert [state for state in found if state not in (old, new)] == []
    assert found == sorted(found, key=lambda state: state == new)  # no way back
    assert old in found
    assert found.count(new) > len(BESIDE)


async def test_a_restore_that_was_killed_is_finished_by_the_next_one_too(tmp_path):
    await two_states(tmp_path)
    number = 0
    while True:
        assert await asyncio.to_thread(killed_before, tmp_path, number)
        if (tmp_path / "data" / READY).exists():
            break
        number += 3  # it is there for longer than three steps: the test above goes one by one
    sources = Sources(tmp_path / "backup", tmp_path / LEDGER_FILE, tmp_path / FILE_NAME)
    await restore(loopback_settings(tmp_path), sources, WHY, Clock(), force=True)
    assert not (tmp_path / "data" / READY).exists()
    assert not (tmp_path / "data" / WORKPLACE).exists()
    assert (await started(tmp_path))[0][0] == []
