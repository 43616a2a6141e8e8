"""Master keys: where they come from, what is refused, and how a new one takes over."""

import asyncio
import fcntl
import os
import sys

import pytest
from pydantic import SecretStr

from pttserver.config import KeySettings
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import ConfigError, MasterKeyMissing, StoreUnavailable
from pttserver.services.key_rotation import in_use, prune, rewrap, rotate
from pttserver.services.keyring import key_file, master_keys, write_keys
from pttserver.services.office import open_office
from running_server import loopback_settings

KEY = "ab" * 32


def settings_with(tmp_path, **keys):
    return loopback_settings(tmp_path, keys=KeySettings(**keys))


def test_one_is_made_at_the_first_need_and_stays(tmp_path):
    settings = settings_with(tmp_path)
    made = master_keys(settings)
    assert key_file(settings).stat().st_mode & 0o777 == 0o600
    assert master_keys(settings) == made


def test_from_the_environment(tmp_path):
    assert master_keys(settings_with(tmp_path, master_key=SecretStr(KEY))) == [MasterKey(bytes.fromhex(KEY))]


def test_from_a_command_that_does_not_see_our_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("PTTSERVER_KEYS__MASTER_KEY", KEY)
    script = f"import os; print('{KEY}' if not [n for n in os.environ if n.startswith('PTTSERVER_')] else 'seen')"
    settings = settings_with(tmp_path, master_key=None, master_key_command=[sys.executable, "-c", script])
    assert master_keys(settings) == [MasterKey(bytes.fromhex(KEY))]


@pytest.mark.parametrize("command", [["/nonexistent"], [sys.executable, "-c", "raise SystemExit(3)"]])
def test_a_command_that_fails_is_told(tmp_path, command):
    with pytest.raises(ConfigError, match="master_key_command failed"):
        master_keys(settings_with(tmp_path, master_key_command=command))


@pytest.mark.parametrize("text", ["", "ab", KEY + "ab", KEY[:-2], "zz" * 32, KEY + "\nab"])
def test_wrong_lengths_and_digits_are_refused_and_not_repeated(tmp_path, text):
    with pytest.raises(ConfigError, match="64 hexadecimal digits") as refusal:
        master_keys(settings_with(tmp_path, master_key=SecretStr(text)))
    assert KEY not in str(refusal.value)


def test_two_sources_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="not both"):
        master_keys(settings_with(tmp_path, master_key=SecretStr(KEY), master_key_command=["true"]))


def test_t133_a_file_that_others_may_read_is_refused(tmp_path):
    settings = settings_with(tmp_path)
    master_keys(settings)
    key_file(settings).chmod(0o644)
    with pytest.raises(StoreUnavailable, match="chmod 600"):
        master_keys(settings)


async def with_tenant(settings):
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
        await office.provisioning.add_subscriber("ACME", "Gate 4", display_name="Bert", pin="4711")


async def name(settings):
    async with open_office(settings) as office:
        return (await office.provisioning.subscriber("ACME", "Gate 4")).display_name.reveal()


async def test_no_new_key_beside_data_that_need_the_old_one(tmp_path):
    settings = settings_with(tmp_path)
    await with_tenant(settings)
    key_file(settings).unlink()
    with pytest.raises(MasterKeyMissing, match="bring it back"):
        master_keys(settings)
    assert not key_file(settings).exists()


async def test_a_new_key_takes_over_while_others_work(tmp_path):
    settings = settings_with(tmp_path)
    await with_tenant(settings)
    old = master_keys(settings)[0]
    async with open_office(settings) as running:
        new, count = await rotate(settings)
        assert count == 1
        assert (await running.provisioning.subscriber("ACME", "Gate 4")).display_name.reveal() == "Bert"
    assert master_keys(settings) == [new, old]
    assert await in_use(settings) == {new.key_id}
    assert await prune(settings) == [old]
    assert master_keys(settings) == [new]
    assert await name(settings) == "Bert"


async def test_a_crash_between_file_and_database_is_harmless(tmp_path):
    settings = settings_with(tmp_path)
    await with_tenant(settings)
    old, new = master_keys(settings)[0], MasterKey.draw()
    write_keys(key_file(settings), [new, old])
    assert await name(settings) == "Bert"
    assert await prune(settings) == []  # the old one is still needed
    assert await rewrap(settings) == 1
    assert await prune(settings) == [old]


async def test_keys_from_outside_are_not_rotated_but_told_how(tmp_path):
    for act in (rotate, prune):
        with pytest.raises(ConfigError, match="key rewrap"):
            await act(settings_with(tmp_path, master_key=SecretStr(KEY)))


# Two at once ---------------------------------------------------------------------------------------------------------

SLOW_DISK = """
import os, sys, time
sync = os.fsync
def slow(descriptor):
    if "master.key" in os.readlink(f"/proc/self/fd/{descriptor}"):
        print("writing", flush=True)
        time.sleep(float(os.environ["DISK_S"]))
    return sync(descriptor)
os.fsync = slow
from pttserver.cli.main import main
main()
"""


async def key_command(settings, act, disk_s=0.0):
    """In a process of its own, on a disk that takes so long for the key file."""
    environment = {**os.environ, "PTTSERVER_DATA_DIR": str(settings.data_dir), "DISK_S": str(disk_s)}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", SLOW_DISK, "key", act, env=environment, stdout=pipe, stderr=pipe
    )


@pytest.mark.parametrize("act", ["rotate", "prune"])
async def test_two_who_change_the_keys_at_once_lose_none_that_is_needed(tmp_path, act):
    settings = settings_with(tmp_path)
    await with_tenant(settings)
    slow = await key_command(settings, "rotate", 3.0)
    assert await slow.stdout.readline() == b"writing\n"  # it has read the keys
    quick = await key_command(settings, act)
    assert (await quick.communicate(), quick.returncode)[1] == 0
    assert (await slow.communicate(), slow.returncode)[1] == 0
    assert await name(settings) == "Bert"
    assert len(master_keys(settings)) == (3 if act == "rotate" else 1)


async def test_who_waited_long_enough_is_told_what_goes_on(tmp_path, monkeypatch):
    settings = settings_with(tmp_path)
    await with_tenant(settings)
    monkeypatch.setattr("pttserver.services.key_rotation.PATIENCE_S", 0.2)
    before = key_file(settings).read_bytes()
    lock = os.open(key_file(settings).with_name("master.key.lock"), os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    for act in (rotate, prune, rewrap):
        with pytest.raises(StoreUnavailable, match="another rotation of master keys is running"):
            await act(settings)
    os.close(lock)
    assert key_file(settings).read_bytes() == before
    await rotate(settings)


async def test_a_file_without_a_key_that_is_needed_is_not_written(tmp_path, monkeypatch):
    """Whatever took the key away from what was read: an editor, a version without a lock."""
    settings = settings_with(tmp_path)
    await with_tenant(settings)
    before, stranger = key_file(settings).read_bytes(), MasterKey.draw()
    for act in (rotate, prune):
        monkeypatch.setattr("pttserver.services.key_rotation.master_keys", lambda _: [stranger])
        with pytest.raises(MasterKeyMissing, match="was not changed: the database needs"):
            await act(settings)
        assert key_file(settings).read_bytes() == before
    assert await name(settings) == "Bert"
