"""T-113: a policy comes into force whole or not at all, by command or by file; without one there is no tenant."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from pttserver.clock import Clock
from pttserver.config import AuthenticationSettings, BoundSettings, Settings
from pttserver.errors import PolicyInvalid, PolicyMissing, StoreUnavailable
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish
from pttserver.services.policy_book import PolicyBook
from pttserver.services.policy_watch import FileState, PolicyWatch
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
    newest, first = await office.policies.history(acme)
    assert (newest.text, newest.actor, newest.reason) == (SECOND, "Dora Officer", "the works council agreed")
    assert first.text == FIRST
    assert office.watch.path(acme).read_text() == SECOND
    assert [entry.operation for entry in await office.audit.entries(acme)] == ["tenant.add", "policy.apply"]


@pytest.mark.parametrize("text", [BROKEN, "", "[policy", FIRST + "\x00", "x" * 300_000])
async def test_what_is_invalid_changes_nothing(office, acme, text):
    with pytest.raises(PolicyInvalid):
        await office.instructions.apply(acme, text, WHY)
    assert await title(office, acme) == "First"
    assert len(await office.policies.history(acme)) == 1
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
    (newest, _) = await office.policies.history(acme)
    assert "no_records" in newest.acknowledged


def office_limits(office, text):
    from pttserver.privacy.limitations import limitations
    from pttserver.privacy.policy import parse_policy

    return [limit.code for limit in limitations(parse_policy(text))]


async def test_bounds_of_the_operator_hold(settings):
    bound = settings.privacy.model_copy(update={"bounds": {"call_record": BoundSettings(at_least="6 months")}})
    bounded = settings.model_copy(update={"privacy": bound})
    database = await open_database(bounded)
    office = await furnish(database, bounded, Clock())
    with pytest.raises(PolicyInvalid, match="call_record"):
        await office.provisioning.add_tenant("ACME", SECOND)
    await database.close()


# The file -------------------------------------------------------------------------------------------------------


async def look(office, tenant_id):
    return office.watch.look(tenant_id, (await office.policies.in_force())[tenant_id])


async def test_a_changed_file_is_an_instruction(office, acme):
    office.watch.path(acme).write_text(SECOND)
    assert (await look(office, acme)).state is FileState.CHANGED
    await office.watch.start()
    assert await title(office, acme) == "Second"
    newest = (await office.policies.history(acme))[0]
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
    watch = PolicyWatch(office.policies, PolicyFiles(office.watch.path("x").parent), office.instructions, book)
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


async def test_a_crash_before_the_file_was_written_does_not_bring_the_old_policy_back(office, acme, monkeypatch):
    def killed(*_):
        raise StoreUnavailable("killed")

    with monkeypatch.context() as patched:
        patched.setattr(office.instructions._files, "write", killed)
        with pytest.raises(StoreUnavailable):
            await office.instructions.apply(acme, SECOND, WHY)
    assert office.watch.path(acme).read_text() == FIRST
    assert (await look(office, acme)).state is FileState.UNPUBLISHED
    await office.watch.start()
    assert await title(office, acme) == "Second"
    assert office.watch.path(acme).read_text() == SECOND
    assert len(await office.policies.history(acme)) == 2


async def test_a_removed_tenant_leaves_no_policy(office, acme):
    await office.provisioning.remove_tenant("ACME")
    assert not office.watch.path(acme).exists()
    await office.book.load()
    with pytest.raises(PolicyMissing):
        office.book.gate(acme)


async def test_actor_and_reason_stand_sealed(office, acme, settings):
    await office.instructions.apply(acme, SECOND, WHY)
    raw = b"".join(path.read_bytes() for path in settings.data_dir.iterdir() if path.is_file())
    assert b"Dora Officer" not in raw
    assert b"works council" not in raw
    assert b'title = "Second"' in raw  # the policy itself is no secret
