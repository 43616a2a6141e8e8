"""T-098: who is gone has no key in any file; what cannot be proven yet is said, and no certificate is given for it."""

import asyncio
import io
import json

import pytest

from pttserver.clock import Clock
from pttserver.config import KeySettings
from pttserver.crypto.sealed_stream import SealedReader
from pttserver.ids import Personal
from pttserver.services.backup import back_up
from pttserver.services.instructions import Instruction
from pttserver.services.key_rotation import prune, rewrap, rotate
from pttserver.services.keyring import key_file, master_keys, write_keys
from pttserver.services.office import open_office
from pttserver.services.subject_keys import keep_subject_keys, subject_keys_file
from running_server import loopback_settings, until

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
