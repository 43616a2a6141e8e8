"""The `pttserver` command, as an operator types it."""

import json
import os
import subprocess
import sys
import time
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from pttserver.cli.device import phone_link
from pttserver.cli.main import app
from pttserver.wire.enrolment import parse_enrolment

NUMBER = "+491511234567"
PTTSERVER = [sys.executable, "-c", "from pttserver.cli.main import main; main()"]


@pytest.fixture
def environment(tmp_path):
    return {
        "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
        "PTTSERVER_SIGNALLING__PUBLIC_HOST": "ptt.example",
        "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
        "COLUMNS": "160",
    }


@pytest.fixture
def pttserver(environment):
    def run(*words, stdin=None, status=0):
        result = CliRunner().invoke(app, words, input=stdin, env=environment, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.output

    return run


@pytest.fixture
def acme(pttserver):
    pttserver("tenant", "add", "ACME")
    pttserver("group", "add", "ACME", "Patrol")
    pttserver("subscriber", "add", "ACME", NUMBER, "--name", "Anna", "--pin", "4711")
    return pttserver


def test_a_tenant_from_start_to_end(pttserver):
    added = json.loads(pttserver("tenant", "add", "ACME", "--preset", "default", "--json"))
    assert added["name"] == "ACME"
    assert json.loads(pttserver("tenant", "list", "--json")) == [added]
    assert json.loads(pttserver("tenant", "show", added["tenant_id"], "--json")) == added
    assert added["tenant_id"] in pttserver("tenant", "list")
    assert added["tenant_id"] in pttserver("tenant", "show", "ACME")
    assert "Aborted" in pttserver("tenant", "remove", "ACME", stdin="n\n", status=1)
    pttserver("tenant", "remove", "ACME", stdin="y\n")
    assert "Tenants: none" in pttserver("tenant", "list")


def test_a_group_and_its_members(acme):
    acme("group", "add-member", "ACME", "Patrol", NUMBER, "--priority", "120", "--listen-only")
    shown = json.loads(acme("group", "show", "ACME", "Patrol", "--json"))
    (member,) = shown["members"]
    assert (member["identifier"], member["display_name"]) == (NUMBER, "Anna")
    assert (member["priority"], member["listen_only"]) == (120, True)
    assert NUMBER in acme("group", "show", "ACME", "Patrol")
    assert "Patrol" in acme("subscriber", "show", "ACME", NUMBER)
    acme("group", "add-member", "ACME", "Patrol", NUMBER, "--priority", "256", status=2)
    acme("group", "remove-member", "ACME", "Patrol", NUMBER)
    assert "not a member" in acme("group", "remove-member", "ACME", "Patrol", NUMBER, status=1)
    assert len(json.loads(acme("group", "list", "ACME", "--json"))) == 1
    acme("group", "remove", "ACME", "Patrol", "--yes")
    assert "Groups: none" in acme("group", "list", "ACME")


def location_since(shown: str) -> str:
    (line,) = [line for line in shown.splitlines() if line.startswith("location_since")]
    return line.split()[1]


def test_a_subscriber_and_the_pin(acme):
    assert "4711" not in acme("subscriber", "add", "ACME", "Bert", "--pin", "4711")
    assert location_since(acme("subscriber", "show", "ACME", "Bert")) == "-"  # it was never turned
    acme("subscriber", "deny", "ACME", "Bert", "location")
    assert location_since(acme("subscriber", "show", "ACME", "Bert")).startswith("20")
    drawn = json.loads(acme("subscriber", "add", "ACME", "Carl", "--json"))
    assert len(drawn["pin"]) == 6
    assert "pin" in acme("subscriber", "add", "ACME", "Dora")
    acme("subscriber", "add", "ACME", "Emil", "--pin-stdin", stdin="a passphrase\n")
    acme("subscriber", "add", "ACME", "Fritz", "--ask-pin", stdin="271828\n271828\n")
    assert acme("subscriber", "set-pin", "ACME", "Carl").startswith("pin  ")
    assert acme("subscriber", "set-pin", "ACME", "Carl", "--pin", "998877") == ""
    assert "4 to 12 digits" in acme("subscriber", "set-pin", "ACME", "Carl", "--pin", "1", status=1)
    assert "one way only" in acme("subscriber", "add", "ACME", "X", "--pin", "1", "--ask-pin", status=2)
    acme("subscriber", "rename", "ACME", "Carl", "Charlie")
    listed = json.loads(acme("subscriber", "list", "ACME", "--json"))
    assert {s["identifier"]: s["display_name"] for s in listed}["Carl"] == "Charlie"
    assert "pin_hash" not in listed[0]
    acme("subscriber", "remove", "ACME", "Carl", "-y")
    assert "no such subscriber" in acme("subscriber", "show", "ACME", "Carl", status=1)


def test_who_could_be_taken_for_somebody_else_is_told_of(acme):
    """T-091: a Cyrillic Anna beside the Latin one."""
    anna = json.loads(acme("subscriber", "show", "ACME", NUMBER, "--json"))["subscriber_id"]
    assert f"taken for that of {anna}" in acme("subscriber", "add", "ACME", "Bert", "--name", "Аnnа", "--pin", "4711")
    assert "taken for" not in acme("subscriber", "rename", "ACME", "Bert", "Bert")
    assert f"taken for that of {anna}" in acme("subscriber", "rename", "ACME", "Bert", "ANNA")
    assert acme("subscriber", "rename", "ACME", NUMBER, "") == ""


def test_a_device_and_its_code(acme):
    printed = acme("device", "add", "ACME", NUMBER, "--label", "Radio 7")
    (text,) = [line for line in printed.splitlines() if line.startswith("ptt:enroll?")]
    enrolment = parse_enrolment(text)
    assert enrolment.url == "wss://ptt.example:8443/v1/ptt"
    assert f"code     {enrolment.code}" in printed
    assert "works once" in printed
    assert phone_link(text) in printed.splitlines()
    assert phone_link(text).startswith("https://ptt.example:8443/phone#enroll=ptt%3Aenroll%3Furl%3Dwss%3A%2F%2F")
    assert unquote(phone_link(text)).endswith(text)
    assert printed.count("█") > 200
    again = json.loads(acme("device", "new-code", "ACME", "Radio 7", "--json"))
    assert parse_enrolment(again["enrolment"]).code == again["code"] != enrolment.code
    assert parse_enrolment(again["enrolment"]).pin == enrolment.pin
    assert again["link"] == phone_link(again["enrolment"])
    assert "█" not in acme("device", "new-code", "ACME", "Radio 7", "--no-qr")
    (listed,) = json.loads(acme("device", "list", "ACME", NUMBER, "--json"))
    assert "public_key" not in listed
    assert "Radio 7" in acme("device", "list", "ACME")
    acme("device", "revoke", "ACME", "Radio 7", stdin="n\n", status=1)
    acme("device", "revoke", "ACME", "Radio 7", stdin="y\n")
    assert json.loads(acme("device", "show", "ACME", "Radio 7", "--json"))["revoked_ms"]
    acme("device", "remove", "ACME", listed["device_id"], "--yes")
    assert "Devices: none" in acme("device", "list", "ACME")


def test_the_qr_code_can_be_scanned(acme):
    """Its modules are those that segno draws for the printed text."""
    import segno

    printed = acme("device", "add", "ACME", NUMBER).splitlines()
    (text,) = [line for line in printed if line.startswith("ptt:enroll?")]
    drawn = [line for line in printed if line and set(line) <= set(" █▀▄")]
    light = [[c in above for c in line] for line in drawn for above in ("█▀", "█▄")]
    matrix = [[not module for module in row] for row in segno.make_qr(text, error="l").matrix_iter(border=4)]
    assert light[: len(matrix)] == matrix


def test_t056_names_are_printed_as_they_are(pttserver):
    for marker in ("[red]x[/red]", "<b>x</b>", "'; DROP TABLE tenants;--", "=1+1"):
        pttserver("tenant", "add", marker)
        assert marker in pttserver("tenant", "list")
        assert marker in pttserver("tenant", "show", marker)


def test_clear_errors(pttserver, tmp_path):
    assert "Error: there is no such tenant" in pttserver("tenant", "show", "nobody", status=1)
    missing = tmp_path / "missing.toml"
    assert "no such configuration file" in pttserver("--config", str(missing), "tenant", "list", status=1)
    pttserver("tenant", status=2)
    pttserver("tenant", "add", status=2)


def test_a_configuration_file(pttserver, tmp_path, environment):
    environment["PTTSERVER_DATA_DIR"] = None
    file = tmp_path / "server.toml"
    file.write_text(f'data_dir = "{tmp_path}/elsewhere"\n')
    pttserver("--config", str(file), "tenant", "add", "ACME")
    assert (tmp_path / "elsewhere" / "pttserver.sqlite3").exists()
    file.write_text("nonsense = 1\n")
    assert "nonsense" in pttserver("--config", str(file), "tenant", "list", status=1)


def real(environment, *words, **kwargs):
    variables = os.environ | environment
    return subprocess.run([*PTTSERVER, *words], env=variables, capture_output=True, text=True, **kwargs)


def test_the_real_program(environment, tmp_path):
    added = real(environment, "tenant", "add", "ACME", "--json")
    assert (added.returncode, added.stderr) == (0, "")
    refused = real(environment, "tenant", "add", "ACME")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.strip() == "Error: a tenant of this name exists already"
    (tmp_path / "data").chmod(0o755)
    opened = real(environment, "tenant", "list")
    assert opened.returncode == 1
    assert f"chmod 700 {tmp_path}/data" in opened.stderr
    assert "Traceback" not in opened.stderr


def test_the_version(environment):
    assert real(environment, "--version").stdout.startswith("pttserver 0.")


@pytest.mark.alone
def test_help_is_quick(environment):
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        assert "subscriber" in real(environment, "--help").stdout
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.6  # 0.17 s on an idle core


def test_help_imports_nothing_heavy(environment):
    script = "import sys, pttserver.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "pydantic", "cryptography", "argon2", "segno", "alembic"} & set(loaded)


def test_two_operators_at_once(environment):
    real(environment, "tenant", "add", "ACME")
    variables = os.environ | environment
    running = [
        subprocess.Popen([*PTTSERVER, "group", "add", "ACME", f"G{n}"], env=variables, stdout=subprocess.DEVNULL)
        for n in range(4)
    ]
    assert [process.wait() for process in running] == [0] * 4
    assert len(json.loads(real(environment, "group", "list", "ACME", "--json").stdout)) == 4
