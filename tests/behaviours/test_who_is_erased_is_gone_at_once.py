"""T-100: who is erased while talking is cut off within a second, and the records of the call name nobody."""

import json
import subprocess
import sys

import pytest

from pttserver.ids import Personal
from pttserver.services.instructions import Instruction
from running_server import TENANT, until

WHY = Instruction(Personal("Olga"), Personal("asked for"))


async def test_an_erasure_ends_the_session_and_the_call_goes_on_without_a_name(platform):
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    await platform.enrol("Bert", "Patrol")
    sessions = platform.server.services.sessions
    assert len(sessions) == 1
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    outcome = await platform.office.erasure.erase(tenant_id, "Anna", WHY)
    await until(lambda: len(sessions) == 0)
    assert outcome.subject_id not in str(outcome.certificate)
    assert [it.identifier.reveal() for it in await platform.provisioning.subscribers(TENANT)] == ["Bert"]
    await anna.close()


@pytest.mark.timeout(120)
def test_the_command_writes_a_certificate_that_the_command_verifies(tmp_path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
        "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
    }

    def run(*arguments, expected=0):
        command = [sys.executable, "-m", "pttserver", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == expected, done.stderr
        return done.stdout + done.stderr

    run("tenant", "add", "ACME")
    run("subscriber", "add", "ACME", "+491511234567", "--name", "Anna", "--pin", "4711")
    assert "the reason is empty" in run("subject", "erase", "ACME", "+491511234567", "--yes", expected=1)
    backup, file = tmp_path / "backup", tmp_path / "certificate.json"
    run("backup", str(backup))
    run("subject", "erase", "ACME", "+49 151 1234567", "--yes", "--reason", "asked", "--certificate", str(file))
    assert "genuine" in run("subject", "verify-certificate", str(file))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"remains": "nothing"}))
    assert "does not fit" in run("subject", "verify-certificate", str(file), expected=1)
    run("restore", str(backup), "--force", "--reason", "drill")
    assert "Anna" not in run("subscriber", "list", "ACME")
    run("key", "rotate")
    assert "newest" in run("key", "show")
