"""`pttserver policy`: what it prints for people and for machines, and the exit status that scripts see."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.privacy.categories import Category, about
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.presets import PRESETS, preset_text

HEAD = '[policy]\ntitle = "Test"\nversion = "1"\n'
COMPLETE = (
    f'{HEAD}controller = "ACME"\ncontact = "privacy@acme.example"\ndata_protection_officer = "Jo Doe"\n'
    'privacy_notice_url = "https://acme.example/privacy"\nregions = ["EEA"]\n[categories.message_content]\n'
    'store = "none"\n'
)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)], env={"COLUMNS": "160"})


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(text: str, name: str = "policy.toml") -> Path:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write


# check


def test_a_valid_policy_is_checked(write: Any) -> None:
    file = write(HEAD)
    printed = run("check", file)
    assert printed.exit_code == 0
    assert f"{file}: valid." in printed.stdout
    assert "People must be told who the controller is." in printed.stdout
    assert "Art. 13(1)(a)" in printed.stdout


def test_findings_count_only_if_asked_to(write: Any) -> None:
    assert run("check", write(HEAD), "--strict").exit_code == 3
    complete = write(
        COMPLETE.replace("[categories", 'acknowledged = ["no_message_history", "no_attachments"]\n[categories')
    )
    assert run("check", complete, "--strict").exit_code == 0
    assert "Findings: none" in run("check", complete).stdout


def test_each_wrong_key_has_its_line_as_compilers_tell_it(write: Any) -> None:
    file = write(f"{HEAD}\n[categories.locaton]\n[roster]\nnames_up_to = -1\n")
    printed = run("check", file)
    assert printed.exit_code == 1
    assert printed.stdout == ""
    assert f"Error: {file}:5: categories.locaton: there is no such key; did you mean location?" in printed.stderr
    assert f"Error: {file}:7: roster.names_up_to: should be greater than or equal to 0" in printed.stderr


def test_a_check_for_machines(write: Any) -> None:
    wrong = run("check", write(f"{HEAD}x = 1\n"), "--json")
    assert wrong.exit_code == 1
    told = json.loads(wrong.stdout)
    assert told["valid"] is False
    assert told["problems"] == [{"line": 4, "key": "policy.x", "text": "there is no such key"}]
    right = json.loads(run("check", write(COMPLETE), "--json").stdout)
    assert right.keys() == told.keys()
    assert (right["valid"], right["findings"]) == (True, [])
    assert [limitation["code"] for limitation in right["unacknowledged"]] == ["no_message_history", "no_attachments"]


def test_what_must_be_acknowledged_is_told(write: Any) -> None:
    printed = run("check", write(COMPLETE))
    assert printed.exit_code == 0
    assert "no_message_history" in printed.stdout


def test_the_bounds_of_the_operator_are_checked(write: Any) -> None:
    settings = write('[privacy.bounds.call_record]\nat_most = "30 days"\n', "pttserver.toml")
    file = write(COMPLETE)
    printed = CliRunner().invoke(app, ["--config", str(settings), "policy", "check", str(file)])
    assert printed.exit_code == 1
    assert "beyond the bounds of the operator" in printed.stdout
    assert 'call_record is kept "90 days": that can be more than 30 days' in printed.stderr
    told = CliRunner().invoke(app, ["--config", str(settings), "policy", "check", str(file), "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["valid"] is False
    assert len(json.loads(told.stdout)["beyond_bounds"]) == 1


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", "policy: missing"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"[policy]\ntitle = 'x'\nversion = '1", "ends without a line end"),
        (b"\x00" * 300_000, "larger than"),
        (b"a" * 70_000 + b"\n", "larger than"),
    ],
)
@pytest.mark.parametrize("command", ["check", "explain", "simulate"])
def test_files_that_are_no_policies(tmp_path: Path, command: str, octets: bytes, told: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(octets)
    printed = run(command, file)
    assert printed.exit_code == 1
    assert told in printed.stderr
    assert "Traceback" not in printed.stderr


@pytest.mark.timeout(20)
def test_a_pipe_that_nobody_writes_keeps_nobody_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "policy.toml"
    os.mkfifo(pipe)
    printed = run("check", pipe)
    assert printed.exit_code == 1
    assert "a policy is a regular file" in printed.stderr


@pytest.mark.parametrize("arguments", [["check"], ["check", "missing.toml"], ["check", "."], ["diff", "missing.toml"]])
def test_a_wrong_command_line_has_its_own_status(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


# explain, diff, simulate


def test_a_policy_is_explained(write: Any) -> None:
    printed = run("explain", write(COMPLETE))
    assert printed.exit_code == 0
    for category in Category:
        assert f"{about(category).title}: " in printed.stdout
    assert "Cannot work (no_message_history, not acknowledged yet): Messages are not kept" in printed.stdout
    told = json.loads(run("explain", write(COMPLETE), "--json").stdout)
    assert "of ACME." in told["sentences"][0]
    assert told["limitations"][0]["code"] == "no_message_history"


def test_two_policies_are_compared(write: Any) -> None:
    old, new = write(HEAD, "old.toml"), write(f"{HEAD}[categories.alert]\nkeep = '1 day'\n", "new.toml")
    printed = run("diff", old, new)
    assert printed.exit_code == 0
    assert "1 year, 60 days after contract_ended" in printed.stdout
    assert json.loads(run("diff", new, old, "--json").stdout)["changes"][0]["category"] == "alert"
    assert "Changes: none" in run("diff", old, old).stdout


def test_a_policy_is_simulated_in_the_terminal(write: Any) -> None:
    printed = run("simulate", write(HEAD), "--years", "2")
    assert printed.exit_code == 0
    rows = {line.split()[0]: line for line in printed.stdout.splitlines() if line.strip()}
    assert "█" in rows["call_record"]
    assert rows["call_record"].split()[-3:] == ["90", "89", "days"]
    assert "never written" in rows["location"]
    assert "2026" in printed.stdout.splitlines()[0]
    assert "a: deletion requested 2027-01-01" in printed.stdout
    assert max(map(len, printed.stdout.splitlines())) <= 160


def test_a_simulation_for_machines(write: Any) -> None:
    told = json.loads(run("simulate", write(HEAD), "--years", "1", "--json").stdout)
    assert len(told["moments_ms"]) == len(told["held"][0]["counts"])
    assert {one["name"] for one in told["held"]} == set(Category)


def test_a_simulation_is_drawn(write: Any, tmp_path: Path) -> None:
    picture = tmp_path / "held.png"
    assert run("simulate", write(HEAD), "--years", "1", "--plot", picture).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run("simulate", write(HEAD), "--plot", tmp_path / "no" / "held.png").exit_code == 1


# presets


def test_presets_are_listed_and_shown() -> None:
    listed = run("presets", "list").stdout
    for name in PRESETS:
        assert name in listed
        assert run("presets", "show", name).stdout == preset_text(name)
    assert json.loads(run("presets", "list", "--json").stdout).keys() == PRESETS.keys()


def test_a_preset_is_written_as_it_is_and_never_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    assert run("presets", "write", "strict", file).exit_code == 0
    assert parse_policy(preset_text("strict")).digest == hashlib.sha256(file.read_bytes()).hexdigest()
    again = run("presets", "write", "default", file)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert file.read_text(encoding="utf-8") == preset_text("strict")
    assert "No such file" in run("presets", "write", "default", tmp_path / "no" / "x.toml").stderr


def test_a_preset_that_is_not_there() -> None:
    printed = run("presets", "show", "lax")
    assert printed.exit_code == 1
    assert "there is no preset 'lax'; there are: default, strict" in printed.stderr


def test_a_policy_is_applied_with_the_line_ends_that_its_file_has(write: Any, tmp_path: Path) -> None:
    """The digest in the instruction log is that of the file, so that anybody can compare them."""
    environment = {"PTTSERVER_DATA_DIR": str(tmp_path / "data")}
    file = tmp_path / "windows.toml"
    file.write_bytes(HEAD.replace("\n", "\r\n").encode())
    added = CliRunner().invoke(app, ["tenant", "add", "ACME", "--policy", str(file)], env=environment)
    assert added.exit_code == 0
    told = CliRunner().invoke(app, ["policy", "history", "ACME", "--json"], env=environment)
    assert json.loads(told.stdout)[0]["digest"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_findings_are_told_when_a_policy_is_applied_and_stay_in_its_history(write: Any, tmp_path: Path) -> None:
    environment = {"COLUMNS": "240", "PTTSERVER_DATA_DIR": str(tmp_path / "data")}

    def pttserver(*arguments: str | Path) -> str:
        result = CliRunner().invoke(app, list(map(str, arguments)), env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    known = COMPLETE.replace("[categories", 'acknowledged = ["no_message_history", "no_attachments"]\n[categories', 1)
    good, bad = write(known), write(f'{known}[categories.call_record]\nkeep = "unlimited"\n', "bad.toml")
    pttserver("tenant", "add", "ACME", "--policy", good)
    assert "serious" not in pttserver("policy", "apply", "ACME", good, "--reason", "nothing new")
    told = pttserver("policy", "apply", "ACME", bad, "--reason", "keep the calls")
    assert "serious: call_record: There is no limit: it is kept for ever. (Art. 5(1)(e))" in told
    newest, *_, first = json.loads(pttserver("policy", "history", "ACME", "--json"))
    assert "serious call_record Art. 5(1)(e)" in newest["findings"]
    assert first["findings"] == ""
    entries = json.loads(pttserver("audit", "show", "ACME", "--json"))
    noted = [one["details"]["findings"] for one in entries if one["operation"] == "policy.apply"]
    assert noted == ["", newest["findings"]]
    assert "serious call_record" in pttserver("policy", "history", "ACME")


def test_groups_for_alerts_that_are_not_there_are_told_and_are_no_failure(write: Any, tmp_path: Path) -> None:
    environment = {"COLUMNS": "240", "PTTSERVER_DATA_DIR": str(tmp_path / "data")}

    def pttserver(*arguments: str | Path) -> Any:
        result = CliRunner().invoke(app, list(map(str, arguments)), env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    file = write(f'{HEAD}[alerts]\nroute = ["group"]\ngroups = ["Night watch", "Patrol"]\n')
    pttserver("tenant", "add", "ACME")
    pttserver("group", "add", "ACME", "Patrol")
    told = "ACME has no group 'Night watch', to which alerts are to go (alerts.groups)"
    assert told in pttserver("policy", "apply", "ACME", file, "--reason", "nights").stderr
    status = pttserver("policy", "status")
    assert status.stderr.count("has no group") == 1
    assert told in status.stderr
    assert json.loads(pttserver("policy", "status", "--json").stdout)[0]["missing_groups"] == ["Night watch"]
    pttserver("group", "add", "ACME", "Night watch")
    assert not pttserver("policy", "status").stderr


# status


@pytest.fixture
def acme(write: Any, tmp_path: Path) -> Any:
    """The organisation ACME with a policy, for commands that give their exit status and what they print."""
    environment = {"COLUMNS": "240", "PTTSERVER_DATA_DIR": str(tmp_path / "data")}

    def pttserver(*arguments: str | Path, **settings: str) -> Result:
        return CliRunner().invoke(app, list(map(str, arguments)), env=environment | settings, catch_exceptions=False)

    assert pttserver("tenant", "add", "ACME", "--policy", write(HEAD, "acme.toml")).exit_code == 0
    return pttserver


def status_of(acme: Any, **settings: str) -> tuple[int, Any]:
    printed = acme("policy", "status", "--json", **settings)
    return printed.exit_code, json.loads(printed.stdout)[0]


def test_a_changed_file_that_no_server_takes_becomes_a_problem(acme: Any) -> None:
    code, row = status_of(acme)
    assert (code, row["file"], row["problem"]) == (0, "in force", None)
    path = Path(row["path"])
    path.write_text(HEAD + "# edited\n", encoding="utf-8")
    code, row = status_of(acme)
    assert (code, row["file"], row["problem"]) == (0, "changed", None)
    time.sleep(0.2)
    code, row = status_of(acme, PTTSERVER_PRIVACY__POLICY_LOOK_INTERVAL_S="0.1")
    assert (code, row["file"]) == (1, "changed")
    assert f"{path} was changed 0 min ago and is not in force" in row["problem"]


def test_a_policy_in_force_beyond_bounds_that_were_set_later_is_a_problem(acme: Any) -> None:
    bound = {"PTTSERVER_PRIVACY__BOUNDS": '{"call_record": {"at_most": "30 days"}}'}
    code, row = status_of(acme)
    assert (code, row["beyond_bounds"]) == (0, [])
    code, row = status_of(acme, **bound)
    assert (code, row["file"]) == (1, "beyond the bounds")
    [reason] = row["beyond_bounds"]
    assert reason.startswith('call_record is kept "90 days": that can be more than 30 days')
    assert row["problem"] == reason
    assert "that can be more than 30 days" in acme("policy", "status", **bound).stdout
    Path(row["path"]).unlink()
    code, row = status_of(acme, **bound)
    assert (code, row["file"]) == (1, "missing")
    assert row["problem"].endswith(f"is missing\n{reason}")


def test_bounds_that_are_none_are_an_error_of_the_settings(acme: Any) -> None:
    wrong = {"PTTSERVER_PRIVACY__BOUNDS": '{"call_records": {"at_most": "30 days"}}'}
    for command in (("config", "check"), ("policy", "status")):
        printed = acme(*command, **wrong)
        assert printed.exit_code == 1
        assert "privacy.bounds: there is no category 'call_records'" in printed.stderr


# apply, when the file cannot be written


def test_a_policy_whose_file_cannot_be_written_is_in_force_and_has_its_own_status(acme: Any, write: Any) -> None:
    path = Path(status_of(acme)[1]["path"])
    path.unlink()
    path.mkdir()
    stricter = write(HEAD + '[categories.call_record]\nkeep = "7 days"\n')
    printed = acme("policy", "apply", "ACME", stricter, "--reason", "stricter")
    assert printed.exit_code == 3
    assert "In force since" in printed.stdout
    assert f"The policy is in force, but its file could not be written: {path}: Is a directory" in printed.stderr
    assert "A server that runs tries again, and so does the next start." in printed.stderr
    assert "Error" not in printed.output
    assert "7 days" in acme("policy", "explain", "ACME").stdout
    code, row = status_of(acme)
    assert (code, row["file"], row["problem"]) == (0, "not written yet", None)
    time.sleep(0.2)
    code, row = status_of(acme, PTTSERVER_PRIVACY__POLICY_LOOK_INTERVAL_S="0.1")
    assert code == 1
    assert f"{path} does not say what came to be in force 0 min ago" in row["problem"]


def test_a_tenant_whose_policy_file_cannot_be_written_is_added_and_has_its_own_status(acme: Any) -> None:
    folder = Path(status_of(acme)[1]["path"]).parent
    folder.rename(folder.with_name("elsewhere"))
    folder.touch(mode=0o600)
    printed = acme("tenant", "add", "Beta")
    assert printed.exit_code == 3
    assert "The policy is in force, but its file could not be written" in printed.stderr
    assert "Beta" in acme("tenant", "list").stdout


# limitations that were accepted with the instruction


def test_what_was_acknowledged_with_the_instruction_is_told_so(acme: Any, write: Any) -> None:
    silent = write(HEAD + "[logging]\nrecords = false\n")
    assert acme("policy", "apply", "ACME", silent, "--reason", "none", "--acknowledge", "no_records").exit_code == 0
    assert "Cannot work (no_records, acknowledged): Nothing that happens" in acme("policy", "explain", "ACME").stdout
    [told] = json.loads(acme("policy", "explain", "ACME", "--json").stdout)["limitations"]
    assert (told["code"], told["acknowledged"]) == ("no_records", True)
    assert "Cannot work (no_records, not acknowledged yet)" in acme("policy", "explain", silent).stdout
    [told] = json.loads(acme("policy", "explain", silent, "--json").stdout)["limitations"]
    assert told["acknowledged"] is False
