"""T-098, T-099, T-145: a backup is ciphertext only, opens nobody who was erased, and comes back without them."""

import asyncio
import io
import json
import shutil
import sys
import tarfile

import pytest
from sqlalchemy import text

from locating import LATITUDE, LOCATED, LONGITUDE, traces
from pttserver.clock import Clock
from pttserver.crypto.sealed_stream import SealedReader
from pttserver.crypto.sealing import MasterKey
from pttserver.errors import (
    AlreadyExists,
    BackupInvalid,
    InvalidValue,
    LedgerBroken,
    MasterKeyMissing,
    NotFound,
    SealBroken,
    StoreUnavailable,
)
from pttserver.ids import Personal, TenantId
from pttserver.services import backup as backup_service
from pttserver.services.backup import back_up
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import master_keys, open_database, open_vault, write_keys
from pttserver.services.office import furnish, open_office
from pttserver.services.restore import Sources, restore
from pttserver.services.subject_keys import (
    KeysFile,
    forget_erased,
    read_subject_keys,
    subject_keys_file,
    write_subject_keys,
)
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, Line
from pttserver.store.fences import FenceStore
from pttserver.store.shredding import subject_trace
from pttserver.store.snapshot import put_keys_back
from pttserver.store.subject_keys import living
from pttserver.store.workplace import WORKPLACE, workplace
from running_server import loopback_settings

NUMBER, NAME = "+4915112345678", "Wilhelmine Markwort"
WHY = Instruction(Personal("Olga Operator"), Personal("she asked for it"))
MARKERS = (NUMBER.encode(), NAME.encode(), b"Olga Operator", b"she asked for it")


class SlowClock(Clock):
    """Its days go by as the test says."""

    start_ms = 1_800_000_000_000
    days = 0

    def utc_ms(self):
        return self.start_ms + self.days * 86_400_000


@pytest.fixture
def settings(tmp_path):
    return loopback_settings(tmp_path)


@pytest.fixture
async def office(settings):
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
        await office.provisioning.add_subscriber("ACME", NUMBER, display_name=NAME, pin="4711")
        await office.provisioning.add_subscriber("ACME", "Gate 4", display_name="Bert", pin="4712")
        yield office


async def backed_up(office, settings, name="backup"):
    target = settings.data_dir.parent / name
    await back_up(office.erasure._database, settings, target, lambda _done, _total: None, Clock())
    return target


async def erase(office, subject=NUMBER):
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    return await office.erasure.erase(tenant_id, subject, WHY)


async def restored(settings, backup, **options):
    ledger = options.pop("ledger", settings.data_dir / LEDGER_FILE)
    sources = Sources(backup, ledger, options.pop("subject_keys", None))
    return await restore(settings, sources, WHY, Clock(), **{"force": True, **options})


async def people(settings):
    async with open_office(settings) as office:
        return [it.identifier.reveal() for it in await office.provisioning.subscribers("ACME")]


def opened(settings, backup):
    """All that whoever has the master key finds in a backup."""
    with open(backup, "rb") as source:
        return io.BufferedReader(SealedReader(source, master_keys(settings))).read()


async def test_a_backup_comes_back_as_it_was(office, settings):
    backup = await backed_up(office, settings)
    assert backup.stat().st_mode & 0o777 == 0o600
    await office.provisioning.add_subscriber("ACME", "later", pin="4713")
    await office.erasure._database.close()
    await restored(settings, backup)
    assert await people(settings) == [NUMBER, "Gate 4"]
    async with open_office(settings) as again:
        assert (await again.provisioning.subscriber("ACME", NUMBER)).display_name.reveal() == NAME
    assert not (settings.data_dir / WORKPLACE).exists()


async def test_t098_an_old_backup_tells_nothing_about_the_erased_even_with_the_master_key(office, settings):
    who = await office.provisioning.subscriber("ACME", NUMBER)
    database = office.erasure._database
    before = await database.read(lambda sql: database.vault.subject(sql, who.subscriber_id))
    trace = await database.read(lambda sql: subject_trace(sql, who.subscriber_id))
    index = await database.read(lambda sql: database.vault.identifier_index(sql, who.tenant_id, NUMBER))
    backup = await backed_up(office, settings)
    assert trace in (settings.data_dir / "pttserver.sqlite3").read_bytes() + _log(settings)
    keys_before = opened_keys(settings)
    assert who.subscriber_id.encode() in keys_before  # the same search finds her before
    await erase(office)
    content = opened(settings, backup)
    assert who.subscriber_id.encode() in content  # her rows are there, and nothing opens them any more
    for secret in (*MARKERS, trace, index, before.reference().encode()):
        assert secret not in content
    assert who.subscriber_id.encode() not in opened_keys(settings)


def opened_keys(settings):
    return io.BufferedReader(
        SealedReader(io.BytesIO(subject_keys_file(settings).read_bytes()), master_keys(settings))
    ).read()


def _log(settings):
    log = settings.data_dir / "pttserver.sqlite3-wal"
    return log.read_bytes() if log.exists() else b""


async def test_no_file_shows_anything_in_clear(office, settings):
    backup = await backed_up(office, settings)
    await erase(office)
    files = [backup, *(file for file in settings.data_dir.rglob("*") if file.is_file())]
    assert {file.name for file in files} >= {"pttserver.sqlite3", "subject_keys.backup", LEDGER_FILE}
    for file in files:
        for marker in MARKERS:
            assert marker not in file.read_bytes(), file


async def test_t099_the_dead_stay_dead_after_a_restore(office, settings):
    backup = await backed_up(office, settings)
    await erase(office)
    await office.erasure._database.close()
    done = await restored(settings, backup)
    assert (done.without_key, done.replayed) == (1, 0)
    assert await people(settings) == ["Gate 4"]


async def test_t099_the_ledger_alone_is_enough(office, settings):
    """An operator kept an old file of subjects' keys."""
    backup = await backed_up(office, settings)
    old_keys = settings.data_dir.parent / "old keys"
    old_keys.write_bytes(subject_keys_file(settings).read_bytes())
    await erase(office)
    await office.erasure._database.close()
    done = await restored(settings, backup, subject_keys=old_keys)
    assert (done.without_key, done.replayed) == (0, 1)
    assert await people(settings) == ["Gate 4"]


async def test_a_subscriber_who_was_removed_does_not_come_back(office, settings):
    backup = await backed_up(office, settings)
    await office.provisioning.remove_subscriber("ACME", NUMBER)
    await office.erasure._database.close()
    done = await restored(settings, backup)
    assert (done.without_key, done.replayed) == (1, 0)  # the key is gone from the file with the command
    assert await people(settings) == ["Gate 4"]


async def test_a_tenant_that_was_removed_does_not_come_back(office, settings):
    backup = await backed_up(office, settings)
    await office.provisioning.remove_tenant("ACME")
    await office.erasure._database.close()
    await restored(settings, backup)
    async with open_office(settings) as again:
        assert await again.provisioning.tenants() == []


async def test_no_policy_file_of_a_tenant_that_is_gone_is_there_after_a_restore(office, settings):
    """It names people to turn to. A restore of an earlier version had brought one back."""
    tenant_id = (await office.provisioning.add_tenant("Widgets")).tenant_id
    file = office.watch.path(tenant_id)
    text_before, backup = file.read_text(), await backed_up(office, settings)
    await office.provisioning.remove_tenant("Widgets")
    file.write_text(text_before)
    await office.erasure._database.close()
    await restored(settings, backup, check_only=True)
    assert file.exists()
    await restored(settings, backup)
    assert not file.exists()


async def test_a_backup_of_an_earlier_version_brings_no_policy_file(office, settings, monkeypatch):
    members = backup_service._members

    def as_earlier(settings, *others):
        yield from members(settings, *others)
        yield from ((f"policies/{file.name}", file) for file in settings.policy_dir.iterdir())

    monkeypatch.setattr(backup_service, "_members", as_earlier)
    await office.watch.start()
    backup = await backed_up(office, settings)
    (file,) = settings.policy_dir.iterdir()
    assert file.name.encode() in opened(settings, backup)
    await office.erasure._database.close()
    file.write_text("since")
    await restored(settings, backup)
    assert file.read_text() == "since"


async def test_what_ended_since_the_backup_is_swept_before_anybody_is_served(office, settings):
    who, database = await office.provisioning.subscriber("ACME", "Gate 4"), office.erasure._database
    over_ms = Clock().utc_ms() + 3_600_000  # the subscription ends an hour after the backup
    event = text(
        "INSERT INTO retention_events (tenant_id, subject_id, kind, at_ms, recorded_ms)"
        " VALUES (:of, :who, 'unsubscribed', :at, :at)"
    )
    row = {"of": who.tenant_id, "who": who.subscriber_id, "at": over_ms}
    await database.write(lambda sql: sql.execute(event, row))
    backup = await backed_up(office, settings)
    await database.close()
    assert (await restored(settings, backup, check_only=True)).swept == 0
    later = SlowClock()
    later.start_ms = over_ms + 1
    sources = Sources(backup, settings.data_dir / LEDGER_FILE)
    done = await restore(settings, sources, WHY, later, force=True)
    assert done.swept
    async with open_office(settings) as again:
        with pytest.raises(NotFound):
            await again.erasure._find((await again.provisioning.tenant("ACME")).tenant_id, "Gate 4")


async def test_a_restore_needs_the_newest_ledger(office, settings):
    await erase(office, "Gate 4")
    backup = await backed_up(office, settings)
    await office.erasure._database.close()
    for wrong in (settings.data_dir / "none", settings.data_dir.parent / "empty"):
        (settings.data_dir.parent / "empty").write_bytes(b"")
        with pytest.raises(LedgerBroken, match="--without-ledger"):
            await restored(settings, backup, ledger=wrong)
    await restored(settings, backup, ledger=None)
    assert await people(settings) == [NUMBER]


@pytest.mark.parametrize("chosen", ["none", "the backup's", "one that goes on otherwise"])
async def test_a_restore_forgets_no_erasure_that_the_ledger_in_place_knows(office, settings, chosen):
    backup, ledger, older = (
        await backed_up(office, settings),
        settings.data_dir / LEDGER_FILE,
        settings.data_dir / "old",
    )
    older.write_bytes(ledger.read_bytes())
    older.chmod(0o600)
    await erase(office)
    await office.erasure._database.close()
    if chosen == "one that goes on otherwise":
        ErasureLedger(older).append(7, [Line("tenant", TenantId("ten_0000000000000000"), "digest", b"trace")])
    before, advice = ledger.read_bytes(), "move it away" if "otherwise" in chosen else "it is the newest"
    for check_only in (True, False):
        with pytest.raises(LedgerBroken, match=advice):
            await restored(settings, backup, ledger=None if chosen == "none" else older, check_only=check_only)
    assert ledger.read_bytes() == before
    await restored(settings, backup)
    assert ledger.read_bytes() == before
    assert await people(settings) == ["Gate 4"]


async def test_a_damaged_ledger_in_place_holds_up_no_restore_with_a_whole_one(office, settings):
    backup, ledger, copy = (
        await backed_up(office, settings),
        settings.data_dir / LEDGER_FILE,
        settings.data_dir / "copy",
    )
    await erase(office)
    await office.erasure._database.close()
    copy.write_bytes(ledger.read_bytes())
    ledger.write_bytes(b"{}\n")
    await restored(settings, backup, ledger=copy)
    assert ledger.read_bytes() == copy.read_bytes()
    assert await people(settings) == ["Gate 4"]


async def test_a_restore_is_told_to_the_tenants(office, settings):
    backup = await backed_up(office, settings)
    await office.erasure._database.close()
    await restored(settings, backup)
    async with open_office(settings) as again:
        tenant_id = (await again.provisioning.tenant("ACME")).tenant_id
        newest = (await again.audit.entries(tenant_id))[-1]
    assert (newest.operation, newest.details["later_erasures"]) == ("server.restore", "replayed")


async def test_a_drill_changes_nothing(office, settings):
    backup = await backed_up(office, settings)
    await office.provisioning.add_subscriber("ACME", "later", pin="4713")
    await restored(settings, backup, force=False, check_only=True)
    assert len(await office.provisioning.subscribers("ACME")) == 3


async def test_nothing_is_overwritten_unasked(office, settings):
    backup = await backed_up(office, settings)
    with pytest.raises(AlreadyExists, match="overwrites nothing"):
        await backed_up(office, settings)
    with pytest.raises(AlreadyExists, match="--force"):
        await restored(settings, backup, force=False)


async def test_a_running_server_is_not_pulled_the_rug_from_under(office, settings):
    backup = await backed_up(office, settings)
    with pytest.raises(StoreUnavailable, match="stop the server first"):
        await restored(settings, backup)
    assert len(await office.provisioning.subscribers("ACME")) == 2


@pytest.mark.parametrize("damage", ["cut", "cut at a chunk", "flipped", "swapped", "empty", "other file"])
async def test_a_damaged_backup_changes_nothing(office, settings, damage):
    backup = await backed_up(office, settings)
    await office.erasure._database.close()
    octets = bytearray(backup.read_bytes())
    start, chunk = len(octets) % 7, 65_552
    header = 24 + 4 + int.from_bytes(octets[24:28], "big")
    assert len(octets) > header + 2 * chunk
    if damage == "swapped":
        first, second = (slice(header + n * chunk, header + (n + 1) * chunk) for n in (0, 1))
        octets[first], octets[second] = octets[second], octets[first]
    if damage == "flipped":
        octets[-20 - start] ^= 1
    ends = {"cut": len(octets) - 1, "cut at a chunk": header + chunk, "empty": 0}
    damaged = bytes(octets[: ends.get(damage, len(octets))]) if damage != "other file" else b"SQLite format 3\0"
    backup.write_bytes(damaged)
    before = settings.database_file.read_bytes()
    with pytest.raises(BackupInvalid):
        await restored(settings, backup)
    assert settings.database_file.read_bytes() == before
    assert not (settings.data_dir / WORKPLACE).exists()


async def test_without_the_master_key_a_backup_is_nothing(office, settings):
    backup = await backed_up(office, settings)
    await office.erasure._database.close()
    write_keys(settings.data_dir / "master.key", [MasterKey.draw()])
    with pytest.raises(MasterKeyMissing):
        await restored(settings, backup)


async def test_an_erasure_while_a_backup_is_made_is_not_proven_yet(office, settings):
    with workplace(settings.data_dir / WORKPLACE):
        outcome = await erase(office)
        with pytest.raises(StoreUnavailable, match="another backup"):
            await backed_up(office, settings)
    assert outcome.certificate is None
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    assert (await office.erasure.prove(tenant_id, outcome.subject_id)).certificate


async def test_what_a_crashed_backup_left_is_cleared_by_the_next_erasure(office, settings):
    folder = settings.data_dir / WORKPLACE
    folder.mkdir(mode=0o700)
    (folder / "pttserver.sqlite3").write_bytes(b"half a copy")
    assert (await erase(office)).certificate
    assert not folder.exists()


async def test_writes_go_on_during_a_backup(office, settings):
    async def write():
        for number in range(20):
            await office.provisioning.add_group("ACME", f"group {number}")

    backup, _ = await asyncio.gather(backed_up(office, settings), write())
    assert len(await office.provisioning.groups("ACME")) == 20
    await office.erasure._database.close()
    await restored(settings, backup)
    assert NUMBER in await people(settings)


async def test_a_certificate_is_genuine_and_names_nobody(office):
    outcome = await erase(office)
    assert outcome.certificate is not None
    assert len(office.erasure.verify(outcome.certificate)) == 32
    text = str(outcome.certificate)
    assert outcome.subject_id not in text
    assert all(marker.decode() not in text for marker in MARKERS)
    with pytest.raises(InvalidValue, match="changed"):
        office.erasure.verify(outcome.certificate | {"erased": "yesterday"})
    with pytest.raises(InvalidValue):
        office.erasure.verify({})


async def test_a_certificate_names_only_what_the_destroyed_key_opened(office):
    """Who laid a hold or gave an instruction is sealed under the organisation's key, and why under the person's."""
    columns = set((await erase(office)).certificate["columns"])
    assert {"subscribers.identifier", "devices.public_key", "calls.initiator"} <= columns
    assert {"holds.reason", "audit_entries.remarks"} <= columns
    assert columns.isdisjoint(
        {"holds.actor", "audit_entries.actor", "audit_entries.details", "retention_events.reason"}
    )


TWO_PHASES = """
[policy]
title = "Two phases"
version = "1"
controller = "ACME Ltd"
[categories.subscriber_name]
keep = ["60 days + 60 days after deletion_requested", "while_subscribed"]
"""


async def test_a_request_can_be_taken_back_in_its_first_phase_only(settings):
    database, clock = await open_database(settings), SlowClock()
    try:
        await _walk_through_two_phases(await furnish(database, settings, clock), clock)
    finally:
        await database.close()


async def _walk_through_two_phases(office, clock):
    tenant_id = (await office.provisioning.add_tenant("ACME", TWO_PHASES)).tenant_id
    await office.provisioning.add_subscriber("ACME", NUMBER, pin="4711")
    with pytest.raises(InvalidValue, match="no deletion is requested"):
        await office.erasure.withdraw(tenant_id, NUMBER, WHY)
    await office.erasure.request(tenant_id, NUMBER, WHY)
    with pytest.raises(InvalidValue, match="already"):
        await office.erasure.request(tenant_id, NUMBER, WHY)
    clock.days = 59
    await office.erasure.withdraw(tenant_id, NUMBER, WHY)
    await office.erasure.request(tenant_id, NUMBER, WHY)
    clock.days += 60
    with pytest.raises(InvalidValue, match="it is final"):
        await office.erasure.withdraw(tenant_id, NUMBER, WHY)
    operations = [entry.operation for entry in await office.audit.entries(tenant_id)][-3:]
    assert operations == ["subject.deletion_requested", "subject.deletion_withdrawn", "subject.deletion_requested"]


# Identifiers that are others since --------------------------------------------------------------------------------

CUT = (
    '[policy]\ntitle = "T"\nversion = "2"\n[categories.identifier]\nstore = "truncated"\ntruncate = {characters = 5}\n'
)


async def test_a_backup_from_before_identifiers_were_cut_comes_back_and_everybody_is_found(office, settings):
    """The file of keys tells what they are found by now: the same part. The policy was lost with the database."""
    await office.provisioning.add_subscriber("ACME", "+4915199999999", pin="4713")
    backup = await backed_up(office, settings)
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    await office.instructions.apply(tenant_id, CUT, WHY)
    database, before = office.erasure._database, subject_keys_file(settings).read_bytes()
    await office.retention.round()
    assert subject_keys_file(settings).read_bytes() != before  # the whole identifiers' indexes went there too
    assert await forget_erased(database, settings) is KeysFile.CLEAR
    await office.erasure._database.close()
    settings.database_file.unlink()
    await restored(settings, backup)
    async with open_office(settings) as again:
        for number in (NUMBER, "+4915199999999", "Gate 4"):
            assert (await again.provisioning.subscriber("ACME", number)).identifier.reveal() == number


async def test_what_is_cut_since_the_backup_comes_back_cut(office, settings):
    backup = await backed_up(office, settings)
    await office.instructions.apply((await office.provisioning.tenant("ACME")).tenant_id, CUT, WHY)
    await office.erasure._database.close()
    await restored(settings, backup)
    assert await people(settings) == [NUMBER[:5], "Gate "]


async def test_an_identifier_that_passed_to_somebody_else_since_is_found_as_it_was(office, settings):
    backup = await backed_up(office, settings)
    tenant_id = (await office.provisioning.tenant("ACME")).tenant_id
    await office.rights.rectify(tenant_id, NUMBER, {"identifier": "Gate 9"}, WHY)
    await office.rights.rectify(tenant_id, "Gate 4", {"identifier": NUMBER}, WHY)
    await office.provisioning.add_subscriber("ACME", "Gate 4", pin="4713")
    await backed_up(office, settings, "later")
    await office.erasure._database.close()
    await restored(settings, backup)
    async with open_office(settings) as again:
        assert (await again.provisioning.subscriber("ACME", NUMBER)).display_name.reveal() == NAME
        assert (await again.provisioning.subscriber("ACME", "Gate 4")).display_name.reveal() == "Bert"


# What an organisation writes about nobody -----------------------------------------------------------------------------

HOME = "Home of Anna Zauber"
DRAWN = json.dumps(
    {
        "type": "Feature",
        "properties": {"name": HOME, "radius_m": 50},
        "geometry": {"type": "Point", "coordinates": [LONGITUDE, LATITUDE]},
    }
)


@pytest.fixture
async def fenced(office):
    await office.provisioning.add_tenant("Zauber Ltd", LOCATED)
    (fence,) = await office.fences.add("Zauber Ltd", DRAWN)
    return fence


def unpacked(settings, backup, target):
    """The database in a backup."""
    with tarfile.open(fileobj=io.BytesIO(opened(settings, backup))) as archive:
        target.mkdir(mode=0o700)
        (target / "copy").write_bytes(archive.extractfile("pttserver.sqlite3").read())
    (target / "copy").chmod(0o600)
    return target / "copy"


async def test_fences_come_back_with_a_restore_and_are_found_by_name(office, settings, fenced):
    backup = await backed_up(office, settings)
    await office.fences.remove("Zauber Ltd", HOME)
    assert await office.fences.of_tenant("Zauber Ltd") == []
    await office.erasure._database.close()
    await restored(settings, backup)
    async with open_office(settings) as again:
        assert await again.fences.of_tenant("Zauber Ltd") == [fenced]
        with pytest.raises(AlreadyExists):
            await again.fences.add("Zauber Ltd", DRAWN)
        await again.fences.remove("Zauber Ltd", HOME)


async def test_no_file_shows_a_fence_and_neither_does_an_opened_backup(office, settings, fenced, tmp_path):
    backup = await backed_up(office, settings)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"pttserver.sqlite3", "pttserver.sqlite3-wal", "subject_keys.backup"}
    content = {file.name: file.read_bytes() for file in files} | {"opened": opened(settings, backup)}
    marks = (HOME.encode(), *traces())
    assert [name for name, octets in content.items() if any(mark in octets for mark in marks)] == []
    assert fenced.fence_id.encode() in content["opened"]  # its row is there
    assert any(mark in fenced.shape.encode() for mark in traces())  # and the search knows a shape


async def test_nobody_opens_the_fences_of_a_removed_organisation_in_an_old_backup(office, settings, fenced, tmp_path):
    backup = await backed_up(office, settings)
    assert fenced.tenant_id.encode() in opened_keys(settings)
    assert await office.provisioning.remove_tenant("Zauber Ltd") is None
    await write_subject_keys(office.erasure._database, settings)
    assert fenced.tenant_id.encode() not in opened_keys(settings)
    copy = unpacked(settings, backup, tmp_path / "old")
    database = await Database.open(copy, open_vault(settings))
    with pytest.raises(SealBroken):
        await FenceStore(database).of_tenant(fenced.tenant_id)
    await database.close()
    keys = read_subject_keys(subject_keys_file(settings), master_keys(settings))
    put_keys_back(copy, keys)  # with all that is left to open it
    database = await Database.open(copy, open_vault(settings))
    assert await FenceStore(database).of_tenant(fenced.tenant_id) == []
    await database.close()


# On a machine that has nothing yet ------------------------------------------------------------------------------------


@pytest.fixture
async def carried(office, settings):
    """What an operator brings there: the backup, and beside it the ledger and the keys; one was erased since."""
    backup = await backed_up(office, settings)
    off = settings.data_dir.parent / "off"
    off.mkdir()
    for file in (backup, subject_keys_file(settings), settings.data_dir / "master.key"):
        shutil.copy(file, off)
    await erase(office)
    shutil.copy(settings.data_dir / LEDGER_FILE, off)
    await office.erasure._database.close()
    shutil.rmtree(settings.data_dir)
    return off


async def test_no_master_key_is_made_for_a_backup_that_needs_another(settings, carried):
    with pytest.raises(MasterKeyMissing, match=r"bring master\.key there"):
        await restored(settings, carried / "backup", ledger=carried / LEDGER_FILE)
    assert not settings.data_dir.exists()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_the_file_of_subjects_keys_is_put_in_place_for_the_next_restore(settings, carried, elsewhere):
    """Without the keys of who was erased since, which the copy may still have."""
    if elsewhere:
        keys = settings.keys.model_copy(update={"subject_keys_file": settings.data_dir.parent / "kept"})
        settings = settings.model_copy(update={"keys": keys})
    settings.data_dir.mkdir(mode=0o700)
    shutil.copy(carried / "master.key", settings.data_dir)
    with pytest.raises(StoreUnavailable, match="give the newest one with --subject-keys"):
        await restored(settings, carried / "backup", ledger=carried / LEDGER_FILE)
    given = {"ledger": carried / LEDGER_FILE, "subject_keys": carried / "subject_keys.backup"}
    await restored(settings, carried / "backup", **given, check_only=True)
    assert not subject_keys_file(settings).exists()
    await restored(settings, carried / "backup", **given)
    assert subject_keys_file(settings).stat().st_mode & 0o777 == 0o600
    assert await people(settings) == ["Gate 4"]
    held = read_subject_keys(subject_keys_file(settings), master_keys(settings))
    async with open_office(settings) as office:
        assert held.keys() == {who for who, _ in await living(office.erasure._database)}
    await restored(settings, carried / "backup")
    assert await people(settings) == ["Gate 4"]


NO_ROOM = """
import resource, sys
from pathlib import Path
from pttserver.errors import StoreUnavailable
from pttserver.store.snapshot import copy_database
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
try:
    copy_database(Path(sys.argv[1]), Path(sys.argv[2]), lambda done, total: None)
except StoreUnavailable as error:
    print(error.message)
"""


async def test_a_copy_for_which_there_is_no_room_says_what_to_do(office, settings, tmp_path):
    """As under `ulimit -f`: SQLite's driver gives no code then."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NO_ROOM, settings.database_file, tmp_path / "copy", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert b"the disk is full, or fails: free some space" in told
