"""T-113: a policy comes into force whole or not at all, by command or by file; without one there is no tenant."""

import asyncio
import os
import shutil
import subprocess
import threading
import time
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from structlog import BoundLogger, wrap_logger
from structlog.testing import LogCapture

from pttserver.clock import Clock
from pttserver.config import AuthenticationSettings, BoundSettings, Settings
from pttserver.errors import PolicyInvalid, PolicyMissing, StoreUnavailable
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.findings import findings
from pttserver.privacy.policy import parse_policy
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish, open_office
from pttserver.services.policy_book import PolicyBook
from pttserver.services.policy_watch import FileState, PolicyWatch
from pttserver.store.counting import due
from pttserver.store.expiry import plan
from pttserver.store.policy_files import PolicyFiles

FIRST = '[policy]\ntitle = "First"\nversion = "1"\n'
SECOND = '[policy]\ntitle = "Second"\nversion = "2"\n\n[categories.call_record]\nkeep = "7 days"\n'
NO_RECORDS = '[policy]\ntitle = "Nothing"\nversion = "1"\n\n[logging]\nrecords = false\n'
BROKEN = '[policy]\ntitle = "First"\nversion = "1"\n[categories.callrecord]\nkeep = "7 days"\n'
WHY = Instruction(Personal("Dora Officer"), Personal("the works council agreed"))


@pytest.fixture
def settings(tmp_path):
    return Settings(
        data_dir=tmp_path / "data", authentication=AuthenticationSettings(pin_hash_memory_kib=8, pin_hash_passes=1)
    )


@pytest.fixture
async def office(settings):
    database = await open_database(settings)
    yield await furnish(database, settings, Clock())
    await database.close()


@pytest.fixture
async def acme(office):
    return (await office.provisioning.add_tenant("ACME", FIRST)).tenant_id


async def title(office, tenant_id):
    await office.book.load()
    return office.book.policy(tenant_id).policy.title


async def test_applying_records_who_when_and_why(office, acme):
    await office.instructions.apply(acme, SECOND, WHY)
    assert await title(office, acme) == "Second"
    newest, first = await office.views.policies(acme)
    assert (newest.text, newest.actor, newest.reason) == (SECOND, "Dora Officer", "the works council agreed")
    assert first.text == FIRST
    assert office.watch.path(acme).read_text() == SECOND
    noted = [entry.operation for entry in await office.audit.entries(acme)]
    assert noted == ["tenant.add", "policy.apply", "policy.history"]


@pytest.mark.parametrize("text", [BROKEN, "", "[policy", FIRST + "\x00", "x" * 300_000])
async def test_what_is_invalid_changes_nothing(office, acme, text):
    with pytest.raises(PolicyInvalid):
        await office.instructions.apply(acme, text, WHY)
    assert await title(office, acme) == "First"
    assert len(await office.views.policies(acme)) == 1
    assert office.watch.path(acme).read_text() == FIRST


async def test_a_tenant_with_an_invalid_policy_is_not_added(office):
    with pytest.raises(PolicyInvalid, match=r"line 4.*callrecord"):
        await office.provisioning.add_tenant("ACME", BROKEN)
    assert await office.provisioning.tenants() == []


async def test_limitations_must_be_acknowledged(office, acme):
    with pytest.raises(PolicyInvalid, match="--acknowledge no_records"):
        await office.instructions.apply(acme, NO_RECORDS, WHY)
    accepted = Instruction(WHY.actor, WHY.reason, tuple(map(str, office_limits(office, NO_RECORDS))))
    await office.instructions.apply(acme, NO_RECORDS, accepted)
    (newest, _) = await office.views.policies(acme)
    assert "no_records" in newest.acknowledged


def office_limits(office, text):
    from pttserver.privacy.limitations import limitations

    return [limit.code for limit in limitations(parse_policy(text))]


async def test_what_is_no_limitation_cannot_be_acknowledged(office, acme):
    """A word that was misspelt would stand in the instruction log as if somebody had accepted something."""
    wrong = Instruction(WHY.actor, WHY.reason, ("no_records", "no_recrods"))
    with pytest.raises(PolicyInvalid, match="there is no limitation 'no_recrods' to acknowledge"):
        await office.instructions.apply(acme, NO_RECORDS, wrong)
    assert await title(office, acme) == "First"


async def test_bounds_of_the_operator_hold(settings):
    bound = settings.privacy.model_copy(update={"bounds": {"call_record": BoundSettings(at_least="6 months")}})
    bounded = settings.model_copy(update={"privacy": bound})
    database = await open_database(bounded)
    office = await furnish(database, bounded, Clock())
    with pytest.raises(PolicyInvalid, match="call_record"):
        await office.provisioning.add_tenant("ACME", SECOND)
    await database.close()


async def test_bounds_that_were_set_later_are_loud_and_end_no_policy(office, acme, monkeypatch):
    log = LogCapture()
    monkeypatch.setattr(
        "pttserver.services.policy_book._log", wrap_logger(None, processors=[log], wrapper_class=BoundLogger)
    )
    book = PolicyBook(office.policies, {"call_record": BoundSettings(at_most="30 days")})
    await book.load()
    [told] = [line for line in log.entries if line["event"] == "policy_beyond_bounds"]
    assert (told["tenant"], told["log_level"]) == (acme, "error")
    assert told["reasons"] == list(book.beyond_bounds(acme))
    assert "call_record is kept" in told["reasons"][0]
    assert book.beyond == 1
    assert book.policy(acme).policy.title == "First"
    await office.instructions.apply(acme, SECOND, WHY)
    await book.load()
    assert (book.beyond, list(book.beyond_bounds(acme))) == (0, [])
    await office.provisioning.remove_tenant("ACME")
    await book.load()
    assert book.beyond == 0


# The file -------------------------------------------------------------------------------------------------------


async def look(office, tenant_id):
    return office.watch.look(tenant_id, (await office.policies.in_force())[tenant_id])


async def test_a_changed_file_is_an_instruction(office, acme):
    office.watch.path(acme).write_text(SECOND)
    assert (await look(office, acme)).state is FileState.CHANGED
    await office.watch.start()
    assert await title(office, acme) == "Second"
    newest = (await office.views.policies(acme))[0]
    assert newest.actor == "policy file"
    assert (await look(office, acme)).state is FileState.IN_FORCE


@pytest.mark.parametrize("damage", ["broken", "missing", "link", "writable", "folder", "no text", "fifo", "half"])
async def test_t113_at_the_start_a_bad_file_refuses_its_tenant(office, acme, damage, tmp_path):
    other = (await office.provisioning.add_tenant("Other", FIRST)).tenant_id
    path = office.watch.path(acme)
    damaged(path, damage, tmp_path)
    async with restarted(office) as (book, watch):
        with pytest.raises(PolicyMissing):
            book.gate(acme)
        assert book.refusal(acme)
        assert book.refused == 1
        assert book.gate(other)
        await watch.look_at_all()
        assert book.refused == 1


async def test_t113_a_repaired_file_brings_its_tenant_back(office, acme):
    path = office.watch.path(acme)
    path.write_text(BROKEN)
    async with restarted(office) as (book, watch):
        assert book.refused == 1
        path.write_text(FIRST)
        await watch.look_at_all()
        assert book.gate(acme).policy.policy.title == "First"
        assert book.refused == 0


@asynccontextmanager
async def restarted(office):
    """A server's book and watch, as they are when it starts on this database and these files."""
    book = PolicyBook(office.policies)
    watch = PolicyWatch(office.policies, PolicyFiles(office.watch.path("x").parent), office.instructions, book, 60)
    await watch.start()
    yield book, watch


def damaged(path, damage, tmp_path):
    if damage in ("missing", "link", "folder", "fifo"):
        path.unlink()
    if damage == "link":
        (tmp_path / "elsewhere.toml").write_text(SECOND)
        path.symlink_to(tmp_path / "elsewhere.toml")
    elif damage == "folder":
        path.mkdir()
    elif damage == "fifo":
        os.mkfifo(path)
    elif damage == "writable":
        path.chmod(0o666)
    elif damage == "no text":
        path.write_bytes(b"\xff\xfe")
    elif damage == "half":
        path.write_text(SECOND[:-4])
    elif damage == "broken":
        path.write_text(BROKEN)


async def test_t113_while_running_a_bad_file_changes_nothing_and_is_counted(office, acme):
    await office.watch.start()
    watching = asyncio.create_task(office.watch.run())
    await asyncio.sleep(0.3)
    path = office.watch.path(acme)
    path.write_text(BROKEN)
    async with asyncio.timeout(10):
        while not office.watch.rejected:
            await asyncio.sleep(0.02)
    assert await title(office, acme) == "First"
    assert office.book.gate(acme).policy.rule(Category.CALL_RECORD).retention.texts[0] == "90 days"
    path.write_text(SECOND)
    async with asyncio.timeout(10):
        while office.book.policy(acme).policy.title != "Second":
            await asyncio.sleep(0.02)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert await title(office, acme) == "Second"


async def test_what_was_acknowledged_stays_so_when_the_file_is_edited_and_nothing_else_is(office, acme):
    path, accepted = office.watch.path(acme), Instruction(WHY.actor, WHY.reason, ("no_records",))
    await office.instructions.apply(acme, NO_RECORDS, accepted)
    edited = NO_RECORDS.replace('"1"', '"2"')

    async def after(policy):
        path.write_text(policy)
        await office.watch.look_at_all()
        return (await office.policies.in_force(acme))[acme]

    assert (await after(edited)).acknowledged == ("no_records",)
    names = '[categories.subscriber_name]\nstore = "none"\n'
    assert (await after(edited + names)).text == edited
    assert "no_names" in (await look(office, acme)).problem
    assert "no_records" not in (await look(office, acme)).problem
    assert (await after(FIRST)).acknowledged == ()
    assert (await after(edited)).text == FIRST  # it went, and would be a new one
    assert office.watch.rejected == 2


async def test_a_code_of_another_version_of_the_server_stands_in_nobodys_way(office, acme):
    later = text("UPDATE policy_versions SET acknowledged = :codes WHERE tenant_id = :tenant")
    row = {"codes": '["no_telepathy"]', "tenant": acme}
    await office.erasure._database.write(lambda sql: sql.execute(later, row))
    office.watch.path(acme).write_text(SECOND)
    await office.watch.look_at_all()
    assert await title(office, acme) == "Second"


# Other folders, and what no file system tells ----------------------------------------------------------------------


@asynccontextmanager
async def watching(office, acme):
    """A server's watch, that has seen a first change."""
    await office.watch.start()
    task = asyncio.create_task(office.watch.run())
    await asyncio.sleep(0.3)
    office.watch.path(acme).write_text(FIRST + "# seen\n")
    await in_force(office, acme, FIRST + "# seen\n")
    yield
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def in_force(office, tenant_id, policy):
    async with asyncio.timeout(10):
        while (await office.policies.in_force(tenant_id))[tenant_id].text != policy:
            await asyncio.sleep(0.02)


def copied_back(folder):
    """As configuration management does it, or a restore by hand."""
    old = folder.rename(folder.with_name("policies.old"))
    subprocess.run(["/bin/cp", "-a", old, folder], check=True)


def made_anew(folder):
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)


def gone_for_a_while(folder):
    old = folder.rename(folder.with_name("policies.old"))
    time.sleep(2.5)
    old.rename(folder)


@pytest.mark.parametrize("replace", [copied_back, made_anew, gone_for_a_while])
async def test_another_folder_in_the_place_of_the_policies_is_watched(office, acme, replace):
    path = office.watch.path(acme)
    async with watching(office, acme):
        await asyncio.to_thread(replace, path.parent)
        await asyncio.sleep(2.5)  # longer than until the path is compared: from here on the file system tells
        path.write_text(SECOND)
        await in_force(office, acme, SECOND)
        rejected = office.watch.rejected
        path.write_text(BROKEN)
        async with asyncio.timeout(10):
            while office.watch.rejected == rejected:
                await asyncio.sleep(0.02)
        assert await title(office, acme) == "Second"


async def test_what_another_folder_brought_is_taken_without_a_further_change(office, acme):
    folder = office.watch.path(acme).parent
    async with watching(office, acme):
        other = folder.with_name("prepared")
        shutil.copytree(folder, other)
        (other / office.watch.path(acme).name).write_text(SECOND)
        folder.rename(folder.with_name("policies.old"))
        other.rename(folder)
        await in_force(office, acme, SECOND)


@pytest.fixture
async def hasty(settings):
    """Looks at all files every half second."""
    privacy = settings.privacy.model_copy(update={"policy_look_interval_s": 0.5})
    async with open_office(settings.model_copy(update={"privacy": privacy})) as office:
        yield office


async def test_what_the_file_system_does_not_tell_is_seen_at_the_next_look(hasty, tmp_path):
    """The kernel tells of a change in the folder that it was made in, whatever else the file is linked to."""
    acme = (await hasty.provisioning.add_tenant("ACME", FIRST)).tenant_id
    path, elsewhere = hasty.watch.path(acme), tmp_path / "elsewhere"
    async with watching(hasty, acme):
        elsewhere.hardlink_to(path)
        await asyncio.sleep(1)
        elsewhere.write_text(SECOND)
        await in_force(hasty, acme, SECOND)
        elsewhere.write_text(BROKEN)
        async with asyncio.timeout(10):
            while not hasty.watch.rejected:
                await asyncio.sleep(0.02)
        await asyncio.sleep(1.5)
        assert hasty.watch.rejected == 1  # once for each change, not for each look


async def test_a_policy_that_is_not_understood_is_refused_at_each_look(office, acme):
    spoil = text("UPDATE policy_versions SET text = x'00' WHERE tenant_id = :tenant")
    await office.erasure._database.write(lambda sql: sql.execute(spoil, {"tenant": acme}))
    office.watch.path(acme).write_text("")
    async with restarted(office) as (book, watch):
        await watch.look_at_all()
        assert book.refused == 1


async def test_a_file_that_was_applied_while_it_was_read_is_no_edit(office, acme, monkeypatch):
    """The look at the database came before the instruction, the look at the file after it."""
    read, loop = PolicyFiles.read, asyncio.get_running_loop()

    def late(files, tenant_id):
        monkeypatch.undo()
        asyncio.run_coroutine_threadsafe(office.instructions.apply(tenant_id, SECOND, WHY), loop).result(10)
        return read(files, tenant_id)

    monkeypatch.setattr(PolicyFiles, "read", late)
    await office.watch.look_at_all()
    assert [each.actor for each in await office.views.policies(acme)] == ["Dora Officer", "operator"]


async def test_a_crash_before_the_file_was_written_does_not_bring_the_old_policy_back(office, acme, monkeypatch):
    class Killed(Exception):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(office.instructions._files, "write", killed)
        with pytest.raises(Killed):
            await office.instructions.apply(acme, SECOND, WHY)
    assert office.watch.path(acme).read_text() == FIRST
    assert (await look(office, acme)).state is FileState.UNPUBLISHED
    await office.watch.start()
    assert await title(office, acme) == "Second"
    assert office.watch.path(acme).read_text() == SECOND
    assert len(await office.views.policies(acme)) == 2


async def test_a_policy_whose_file_cannot_be_written_is_in_force_and_written_once_it_can_be(office, acme):
    path = office.watch.path(acme)
    path.unlink()
    path.mkdir()
    applied = await office.instructions.apply(acme, SECOND, WHY)
    assert f"{path}: Is a directory" in applied.unwritten
    assert applied.version.text == SECOND
    async with restarted(office) as (book, watch):  # by what was instructed last, and by no file
        assert book.policy(acme).policy.title == "Second"
        await watch.look_at_all()
        assert book.refused == 0
        assert (await look(office, acme)).state is FileState.UNPUBLISHED
        path.rmdir()
        await watch.look_at_all()
        assert path.read_text() == SECOND
        assert (await look(office, acme)).state is FileState.IN_FORCE
    assert len(await office.views.policies(acme)) == 2


async def test_a_policy_that_is_not_written_yet_is_written_at_the_next_look(hasty, monkeypatch):
    acme = (await hasty.provisioning.add_tenant("ACME", FIRST)).tenant_id
    path = hasty.watch.path(acme)
    async with watching(hasty, acme):
        with monkeypatch.context() as patched:
            patched.setattr(hasty.instructions._files, "write", unwritable)
            assert (await hasty.instructions.apply(acme, SECOND, WHY)).unwritten == "the disk is full"
            await asyncio.sleep(1.2)
            assert path.read_text() == FIRST + "# seen\n"
        async with asyncio.timeout(10):
            while path.read_text() != SECOND:
                await asyncio.sleep(0.02)


async def test_an_invalid_file_in_the_place_of_one_that_is_not_written_yet_is_replaced(office, acme, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(office.instructions._files, "write", unwritable)
        assert (await office.instructions.apply(acme, SECOND, WHY)).unwritten == "the disk is full"
    office.watch.path(acme).write_text(BROKEN)
    async with restarted(office) as (book, _):
        assert book.policy(acme).policy.title == "Second"
    assert office.watch.path(acme).read_text() == SECOND


def unwritable(*_):
    raise StoreUnavailable("the disk is full")


async def test_a_removed_tenant_leaves_no_policy(office, acme):
    office.watch.path(acme).with_name(f".{acme}.toml.4711.new").write_text(FIRST)  # of a process that was killed
    await office.provisioning.remove_tenant("ACME")
    assert list(office.watch.path(acme).parent.iterdir()) == []
    await office.book.load()
    with pytest.raises(PolicyMissing):
        office.book.gate(acme)


async def test_at_the_start_a_file_of_a_tenant_that_is_gone_goes(office, acme):
    """A restore of an earlier version brought it back, or a crash left it."""
    left = [office.watch.path("ten_0000000000000001"), office.watch.path(acme).parent / ".ten_2.toml.0a1b2c3d.new"]
    theirs = [office.watch.path(acme), office.watch.path(acme).parent / "notes.txt"]
    for file in (*left, theirs[1]):
        file.write_text("contact: Erika Musterfrau")
    await office.watch.start()
    assert [file for file in (*left, *theirs) if file.exists()] == theirs


async def test_a_start_with_an_empty_database_removes_no_policy(office, acme, settings, tmp_path):
    """A mistaken `data_dir`: these are all that the organisations have of their instructions there."""
    folder = settings.privacy.model_copy(update={"policy_dir": office.watch.path(acme).parent})
    mistaken = settings.model_copy(update={"data_dir": tmp_path / "mistaken", "privacy": folder})
    async with open_office(mistaken) as empty:
        await empty.watch.start()
    assert office.watch.path(acme).exists()


async def test_actor_and_reason_stand_sealed(office, acme, settings):
    await office.instructions.apply(acme, SECOND, WHY)
    raw = b"".join(path.read_bytes() for path in settings.data_dir.iterdir() if path.is_file())
    assert b"Dora Officer" not in raw
    assert b"works council" not in raw
    assert b'title = "Second"' not in raw  # it names people too


# At rest, and beside the voice ------------------------------------------------------------------------------------

NAMED = FIRST + 'data_protection_officer = "Wilhelmine Markwort"\n'


async def test_whom_a_policy_names_stands_in_no_file_of_the_database_in_clear(office, acme, settings):
    await office.instructions.apply(acme, NAMED, WHY)
    database = office.erasure._database
    assert await database.truncate_log()
    assert b"Markwort" not in settings.database_file.read_bytes()
    assert await title(office, acme) == "First"
    assert office.book.policy(acme).policy.data_protection_officer == "Wilhelmine Markwort"


async def test_a_policy_that_was_replaced_goes_with_the_audit_log_and_the_newest_stays(office, acme):
    late = NAMED + '[categories.audit_log]\nkeep = "1 day"\n'
    await office.instructions.apply(acme, late, WHY)
    database, vault = office.erasure._database, office.erasure._database.vault
    (_, first) = await office.views.policies(acme)

    async def over(now_ms):
        made = await database.read(lambda sql: plan(sql, vault, acme, now_ms))
        return {each.where: each.rows for each in await database.read(lambda sql: due(sql, vault, made))}

    now_ms = Clock().utc_ms()
    assert first.text == FIRST
    assert "policy_versions.text" not in await over(now_ms)
    assert (await over(now_ms + 2 * 86_400_000))["policy_versions.text"] == 1
    assert (await over(now_ms + 9_000 * 86_400_000))["policy_versions.text"] == 1  # however long it was not changed


async def test_a_policy_is_kept_although_it_keeps_no_audit_log(office, acme):
    silent = FIRST + 'acknowledged = ["no_audit"]\n[categories.audit_log]\nstore = "none"\n'
    await office.instructions.apply(acme, silent, WHY)
    again = PolicyBook(office.policies)
    await again.load()
    assert again.policy(acme).policy.title == "First"


async def test_a_policy_that_does_not_open_refuses_its_tenant_and_no_other(office, acme):
    beta = (await office.provisioning.add_tenant("Beta", SECOND)).tenant_id
    spoil = text("UPDATE policy_versions SET text = x'00' WHERE tenant_id = :tenant")
    await office.erasure._database.write(lambda sql: sql.execute(spoil, {"tenant": acme}))
    book = PolicyBook(office.policies)
    await book.load()
    assert book.policy(beta).policy.title == "Second"
    assert book.refusal(acme)
    with pytest.raises(PolicyMissing):
        book.gate(acme)


async def test_policies_are_read_and_written_beside_the_loop(office, acme, monkeypatch):
    """A file that is made to be slow takes a second to read, and voice must not wait for it."""
    readers = []

    def noting(call):
        def noted(*arguments):
            readers.append((call.__name__, threading.current_thread()))
            return call(*arguments)

        return noted

    for module in ("instructions", "policy_book"):
        monkeypatch.setattr(f"pttserver.services.{module}.parse_policy", noting(parse_policy))
    monkeypatch.setattr("pttserver.services.instructions.findings", noting(findings))
    for name in ("read", "write"):
        monkeypatch.setattr(PolicyFiles, name, noting(getattr(PolicyFiles, name)))
    await office.instructions.apply(acme, SECOND, WHY)
    office.watch.path(acme).write_text(FIRST + "# slow\n" * 2_000)
    await office.watch.look_at_all()
    office.watch.path(acme).write_text(BROKEN)
    await office.watch.look_at_all()
    assert await title(office, acme) == "First"
    assert {name for name, _ in readers} == {"parse_policy", "findings", "read", "write"}
    assert threading.main_thread() not in {thread for _, thread in readers}


async def test_what_was_read_earlier_does_not_come_into_force_later(office, acme, monkeypatch):
    """Two look at once; the first reads a policy that takes long, the second one that came after."""
    slow, entered = threading.Event(), threading.Event()

    def parse(policy):
        if policy == SECOND:
            entered.set()
            assert slow.wait(10)
        return parse_policy(policy)

    await office.instructions.apply(acme, SECOND, WHY)
    monkeypatch.setattr("pttserver.services.policy_book.parse_policy", parse)
    first = asyncio.create_task(office.book.load())
    await asyncio.to_thread(entered.wait, 10)
    await office.instructions.apply(acme, NAMED, WHY)
    second = asyncio.create_task(office.book.load())
    await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(first, second)
    assert office.book.policy(acme).policy.title == "First"
