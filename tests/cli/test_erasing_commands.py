"""`pttserver subject erase`: its certificate is not lost, whatever becomes of the file that it was to go into."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.store.workplace import WORKPLACE, workplace


@pytest.fixture
def run(tmp_path):
    environment = {"PTTSERVER_DATA_DIR": str(tmp_path / "data"), "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8"}

    def run(*words, status=0):
        result = CliRunner().invoke(app, words, env=environment)
        assert result.exit_code == status, result.output
        return result

    run("tenant", "add", "ACME")
    run("subscriber", "add", "ACME", "Anna", "--pin", "4711")
    return run


@pytest.fixture
def full_disk(tmp_path):
    """A file can be made there, and nothing written to it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    (folder / "filler").write_bytes(bytes(4096))
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def erase(run, file, *more, subject="Anna", status=0):
    words = ("--yes", "--reason", "asked for", "--certificate", str(file))
    return run("subject", "erase", "ACME", subject, *words, *more, status=status)


def is_there(run):
    return "Anna" in run("subscriber", "list", "ACME").stdout


def test_only_the_operator_reads_the_certificate(run, tmp_path):
    file = tmp_path / "certificate.json"
    erase(run, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "genuine" in run("subject", "verify-certificate", str(file)).stdout
    proof = json.loads(file.read_text())["proof"]
    assert proof["subject_keys_file"] == "there is none where it is configured"


def test_it_cites_the_instruction_so_that_no_other_entry_is_taken_for_it(run, tmp_path):
    file = tmp_path / "certificate.json"
    erase(run, file)
    entries = json.loads(run("audit", "show", "ACME", "--json").stdout)
    (asked,) = (entry for entry in entries if entry["operation"] == "subject.erase")
    certificate = json.loads(file.read_text())
    cited = f"entry {asked['sequence']} of the tenant's audit log, SHA-256 {asked['digest']}"
    assert (certificate["instruction"], len(asked["digest"])) == (cited, 64)
    assert certificate["subject_digest"] == asked["details"]["digest"]


def test_after_a_backup_it_says_that_the_file_of_keys_was_written_anew(run, tmp_path):
    run("backup", str(tmp_path / "backup"))
    file = tmp_path / "certificate.json"
    erase(run, file)
    proof = json.loads(file.read_text())["proof"]
    assert proof["subject_keys_file"] == "written anew without the key"


def test_where_no_certificate_can_be_put_nobody_is_erased(run, tmp_path):
    there = tmp_path / "there"
    there.write_text("another certificate")
    assert "is there already" in erase(run, there, status=1).output
    assert there.read_text() == "another certificate"
    assert "No such file or directory" in erase(run, tmp_path / "nowhere" / "c.json", status=1).output
    assert is_there(run)


@pytest.mark.parametrize("reason", ["Anna asked", "the one of Ms ANNA!"])
def test_a_reason_that_would_name_the_erased_for_ever_is_refused(run, tmp_path, reason):
    file = tmp_path / "certificate.json"
    words = ("subject", "erase", "ACME", "Anna", "--yes", "--certificate", str(file))
    assert "outlives the person" in run(*words, "--reason", reason, status=1).output
    assert not file.exists()
    assert is_there(run)
    run(*words, "--reason", "request 7")
    assert not is_there(run)


def test_an_erasure_that_is_refused_leaves_no_empty_file(run, tmp_path):
    file = tmp_path / "certificate.json"
    erase(run, file, subject="Nobody", status=1)
    assert not file.exists()


def test_while_it_is_not_proven_there_is_no_file_and_the_id_is_told(run, tmp_path):
    file = tmp_path / "certificate.json"
    with workplace(tmp_path / "data" / WORKPLACE):
        told = erase(run, file, status=3).output
    assert "another backup or restore is running" in told
    assert not file.exists()
    subject_id = told.split()[0]
    run("subject", "erase", "ACME", subject_id, "--prove", "--certificate", str(file))
    assert "genuine" in run("subject", "verify-certificate", str(file)).stdout


def test_a_certificate_that_cannot_be_written_is_printed(run, full_disk, tmp_path):
    file = full_disk / "certificate.json"
    failed = erase(run, file, status=1)
    assert "No space left on device" in failed.stderr
    assert not is_there(run)
    assert not file.exists()
    saved = tmp_path / "saved.json"
    saved.write_text(failed.stdout)
    assert "genuine" in run("subject", "verify-certificate", str(saved)).stdout
