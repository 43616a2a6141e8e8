"""T-119: an erasure that is cut off anywhere is said, recorded with who and why, and overruns no hold that was laid."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.errors import ErasureUnfinished, StoreUnavailable
from pttserver.ids import Personal
from pttserver.services.instructions import Instruction
from pttserver.services.office import open_office
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, subject_digest
from pttserver.store.failures import NOTHING_WRITTEN
from running_server import TENANT, loopback_settings, until
from services.test_erasure_crash import fill, small_disk  # noqa: F401 - a fixture

WHY = Instruction(Personal("Olga"), Personal("asked for"))
ERASE = ("subject", "erase", TENANT, "Anna", "--reason", "request 9", "--by", "Olga", "--yes")
REMOVE = ("tenant", "remove", TENANT, "--yes")
UNSUBSCRIBE = ("subscriber", "remove", TENANT, "Anna", "--yes")

KILLED = """
import importlib, os, signal, sys
module, name, when = sys.argv[1].split(":")
owner = importlib.import_module(module)
*path, last = name.split(".")
for each in path:
    owner = getattr(owner, each)
done = getattr(owner, last)

def cut_off(*words, **named):
    result = done(*words, **named) if when == "after" else None
    os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, last, cut_off)
sys.argv = ["pttserver", *sys.argv[2:]]
from pttserver.cli.main import main
main()
"""
STORE = "pttserver.store.erasures"
IN_THE_INSTRUCTION = f"{STORE}:note_instruction:after"
BEFORE_THE_LINE = "pttserver.store.erasure_ledger:ErasureLedger.append:before"
AFTER_THE_LINE = "pttserver.store.erasure_ledger:ErasureLedger.append:after"
BEFORE_THE_COMMIT = f"{STORE}:note_erased:after"
AFTER_THE_COMMIT = f"{STORE}:search:before"


def environment(folder):
    return {"PTTSERVER_DATA_DIR": str(folder / "data"), "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8"}


def kill_at(where, folder, *words):
    command = [sys.executable, "-c", KILLED, where, *words]
    done = subprocess.run(command, env={**os.environ, **environment(folder)}, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


class Desk:
    """The commands, each as an operator gives it."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *words, status=0):
        result = CliRunner().invoke(app, words, env=environment(self.folder))
        assert result.exit_code == status, result.output
        return result

    def log(self):
        """Operation, who, and the details, of what has to do with erasing."""
        entries = json.loads(self.run("audit", "show", TENANT, "--json").stdout)
        wanted = ("subject.erase", "subject.destroy_key", "tenant.remove", "subscriber.remove", "hold.add")
        return [(each["operation"], each["actor"], each["details"]) for each in entries if each["operation"] in wanted]

    def ledger(self):
        return ErasureLedger(self.folder / "data" / LEDGER_FILE).entries()

    def is_there(self, who="Anna"):
        return who in self.run("subscriber", "list", TENANT).stdout

    def hold(self, *words, status=0):
        return self.run("hold", "add", TENANT, *words, "--reason", "court order 5", status=status).output


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    desk.run("tenant", "add", TENANT)
    for who in ("Anna", "Bert"):
        desk.run("subscriber", "add", TENANT, who, "--pin", "4711")
    return desk


def subject_of(desk, who="Anna"):
    return json.loads(desk.run("subscriber", "show", TENANT, who, "--json").stdout)["subscriber_id"]


def test_killed_before_the_instruction_is_written_nothing_was_told(desk):
    kill_at(IN_THE_INSTRUCTION, desk.folder, *ERASE)
    assert (desk.log(), desk.ledger(), desk.is_there()) == ([], [], True)


@pytest.mark.parametrize("hold", [("--subject", "Anna"), ()])
def test_killed_before_the_line_the_instruction_is_on_record_and_a_hold_is_kept(desk, hold):
    kill_at(BEFORE_THE_LINE, desk.folder, *ERASE)
    assert desk.ledger() == []
    desk.hold(*hold)
    swept = desk.run("retention", "sweep")
    assert "finished" not in swept.output
    assert desk.is_there()
    (asked, actor, details), (held, _, _) = desk.log()
    assert (asked, held) == ("subject.erase", "hold.add")
    assert (actor, details["reason"]) == ("Olga", "request 9")
    assert "forbids it" in desk.run(*ERASE, status=1).output


@pytest.mark.parametrize("where", [AFTER_THE_LINE, BEFORE_THE_COMMIT])
def test_killed_after_the_line_who_and_why_are_on_record_and_no_hold_is_promised(desk, where):
    who = subject_of(desk)
    kill_at(where, desk.folder, *ERASE)
    (line,) = desk.ledger()
    assert desk.is_there()
    assert "no such subscriber" in desk.hold("--subject", "Anna", status=1)
    assert not desk.is_there()
    (asked, olga, why), (erased, server, what) = desk.log()
    assert (asked, olga, why["reason"], why["digest"]) == ("subject.erase", "Olga", "request 9", line.digest)
    assert (erased, server, what) == ("subject.destroy_key", "server", {"digest": line.digest, "line": 1})
    assert "subject_digest" in desk.run("subject", "erase", TENANT, who, "--prove").stdout
    desk.hold()  # of the others
    desk.run("audit", "verify", TENANT)
    assert desk.ledger() == [line]


def test_killed_after_the_commit_all_is_on_record(desk):
    kill_at(AFTER_THE_COMMIT, desk.folder, *ERASE)
    assert not desk.is_there()
    (line,) = desk.ledger()
    (asked, _, _), (erased, olga, what) = desk.log()
    assert (asked, erased, olga, what["line"]) == ("subject.erase", "subject.destroy_key", "Olga", line.number)


@pytest.mark.parametrize(
    "command",
    [
        ("subject", "restrict", TENANT, "Anna", "--reason", "legal_claims"),
        ("subject", "erase", TENANT, "Anna", "--withdraw", "--reason", "asked"),
        ERASE,
    ],
)
def test_who_is_in_the_ledger_is_gone_for_whoever_comes_next(desk, command):
    kill_at(AFTER_THE_LINE, desk.folder, *ERASE)
    desk.run(*command, status=1)
    assert not desk.is_there()
    assert [operation for operation, _, _ in desk.log()] == ["subject.erase", "subject.destroy_key"]
    assert len(desk.ledger()) == 1


def test_a_sweep_says_what_it_finished(desk):
    kill_at(AFTER_THE_LINE, desk.folder, *ERASE)
    assert "Erasures finished: 1" in desk.run("retention", "sweep", "--json").stderr
    assert "finished" not in desk.run("retention", "sweep").output
    assert not desk.is_there()


def test_a_removal_of_a_tenant_that_was_killed_stands_in_its_log_and_overruns_no_hold(desk):
    kill_at(BEFORE_THE_LINE, desk.folder, *REMOVE)
    assert [operation for operation, _, _ in desk.log()] == ["tenant.remove"]
    desk.hold()
    desk.run("retention", "sweep")
    assert desk.is_there()


def test_a_removal_of_a_tenant_after_its_line_is_finished_before_a_hold_is_laid(desk):
    policy_files = desk.folder / "data" / "policies"
    kill_at(AFTER_THE_LINE, desk.folder, *REMOVE)
    assert [operation for operation, _, _ in desk.log()] == ["tenant.remove"]
    assert "no such tenant" in desk.hold(status=1)
    assert TENANT not in desk.run("tenant", "list").stdout
    assert len(desk.ledger()) == 1
    assert policy_files.is_dir()


def test_a_sweep_finishes_the_removal_of_a_tenant_with_its_policy_file(desk):
    policy_files = desk.folder / "data" / "policies"
    assert list(policy_files.glob("ten_*"))
    kill_at(AFTER_THE_LINE, desk.folder, *REMOVE)
    assert "Erasures finished: 1" in desk.run("retention", "sweep", TENANT, status=1).stderr
    assert not list(policy_files.glob("ten_*"))


def test_a_removal_of_a_subscriber_after_its_line_is_on_record_and_finished(desk):
    tenant_id = json.loads(desk.run("tenant", "show", TENANT, "--json").stdout)["tenant_id"]
    digest = subject_digest(tenant_id, subject_of(desk))
    kill_at(AFTER_THE_LINE, desk.folder, *UNSUBSCRIBE)
    desk.hold()  # on everybody who is left
    (removed, _, _), (erased, server, what), _ = desk.log()
    assert (removed, erased, server, what["digest"]) == ("subscriber.remove", "subject.destroy_key", "server", digest)
    assert "Erased" in desk.run("retention", "sweep").output
    assert [line.digest for line in desk.ledger()] == [digest]


async def test_a_server_that_runs_finishes_at_once_what_a_killed_command_left(platform):
    await platform.organise("Patrol")
    await platform.log_in(await platform.enrol("Anna", "Patrol"))
    sessions = platform.server.services.sessions
    assert len(sessions) == 1
    folder = platform.settings.data_dir.parent
    await asyncio.to_thread(kill_at, AFTER_THE_LINE, folder, *ERASE)
    await until(lambda: len(sessions) == 0)
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    assert await platform.provisioning.subscribers(TENANT) == []
    operations = [each.operation for each in await platform.office.audit.entries(tenant_id)]
    assert [each for each in operations if each.startswith("subject.")] == ["subject.erase", "subject.destroy_key"]
    assert (await platform.office.audit.verify(tenant_id)).problems == ()


async def test_a_sweep_that_a_full_disk_cut_off_says_what_the_ledger_has(tmp_path, monkeypatch):
    def full(*_):
        raise StoreUnavailable("the disk is full" + NOTHING_WRITTEN)

    async with open_office(loopback_settings(tmp_path)) as office:
        tenant_id = (await office.provisioning.add_tenant(TENANT)).tenant_id
        who = (await office.provisioning.add_subscriber(TENANT, "Anna", pin="4711")).subscriber.subscriber_id
        with monkeypatch.context() as disk:
            disk.setattr("pttserver.store.erasures.shred", full)  # it has its line by then
            assert not await office.provisioning.remove_subscriber(TENANT, "Anna")
            (swept,) = await office.retention.round()
        assert swept.problem.startswith("the disk is full; who was to go by then is in the ledger")
        assert (await office.retention.finish_erasures()).erasures == 1
        digests = [each.details.get("digest") for each in await office.audit.entries(tenant_id)]
        assert subject_digest(tenant_id, who) in digests


async def try_to_erase(office, tenant_id, who):
    """What was said of it."""
    try:
        await office.erasure.erase(tenant_id, who, WHY)
    except ErasureUnfinished as error:
        return "later" if error.details["subject"] == who and "nothing was" not in error.message else error.message
    except StoreUnavailable:
        return "refused"
    return "erased"


async def test_t121_wherever_the_disk_is_full_it_is_said_what_becomes_of_the_erasure(small_disk):  # noqa: F811
    """From no room at all, page by page, up to all that is needed; the last block of the ledger always has some."""
    settings, filler, seen = loopback_settings(small_disk), small_disk / "filler", set()
    async with open_office(settings) as office:
        tenant_id = (await office.provisioning.add_tenant(TENANT)).tenant_id
        people = [
            (await office.provisioning.add_subscriber(TENANT, f"person {number}", pin="4711")).subscriber.subscriber_id
            for number in range(60)
        ]
        assert (await office.erasure.erase(tenant_id, people.pop(), WHY)).certificate
        for pages, who in enumerate(people):
            digest = subject_digest(tenant_id, who)
            fill(filler)
            os.truncate(filler, max(0, filler.stat().st_size - 4096 * pages))
            said = await try_to_erase(office, tenant_id, who)
            filler.unlink()
            seen.add(said)
            lines = [line.digest for line in ErasureLedger(settings.data_dir / LEDGER_FILE).entries()]
            assert lines.count(digest) == (said != "refused")
            assert (await office.retention.finish_erasures()).erasures == (said == "later")
            log = [each for each in await office.audit.entries(tenant_id) if each.details.get("digest") == digest]
            told = [each.operation for each in log]
            assert told in ([["subject.erase", "subject.destroy_key"]] if digest in lines else [[], ["subject.erase"]])
            left = {each.subscriber_id for each in await office.provisioning.subscribers(TENANT)}
            assert (who in left) == (digest not in lines)
            if "erased" in seen:
                break
        assert seen == {"erased", "later", "refused"}
        assert (await office.audit.verify(tenant_id)).problems == ()
