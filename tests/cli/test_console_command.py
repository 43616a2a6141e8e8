"""`pttserver console`, as an operator types it."""

import json

import pytest
from typer.testing import CliRunner

from pttserver.cli.main import app


@pytest.fixture
def acme(tmp_path):
    environment = {
        "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
        "PTTSERVER_SIGNALLING__PUBLIC_HOST": "ptt.example",
        "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
        "COLUMNS": "160",
    }

    def run(*words, stdin=None, status=0, **more):
        given = {**environment, **more}
        result = CliRunner().invoke(app, words, input=stdin, env=given, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.output

    run("tenant", "add", "ACME")
    for name, role in (("Dora", "dispatcher"), ("Max", "manager"), ("Anna", "subscriber")):
        run("subscriber", "add", "ACME", name, "--name", f"{name} A", "--pin", "4711")
        run("subscriber", "role", "ACME", name, role)
    return run


def test_a_dispatcher_is_invited_with_a_link_and_a_qr_code(acme):
    import segno

    printed = acme("console", "invite", "ACME", "Dora")
    (link,) = [line for line in printed.splitlines() if line.startswith("https://")]
    assert link.startswith("https://ptt.example:8443/#activate=")
    code = link.partition("=")[2]
    assert f"code        {code}" in printed
    assert "works once" in printed
    drawn = [line for line in printed.splitlines() if line and set(line) <= set(" █▀▄")]
    light = [[c in above for c in line] for line in drawn for above in ("█▀", "█▄")]
    matrix = [[not module for module in row] for row in segno.make_qr(link, error="l").matrix_iter(border=4)]
    assert light[: len(matrix)] == matrix
    again = json.loads(acme("console", "invite", "ACME", "Dora", "--json", "--expires-h", "1"))
    assert again["code"] != code
    assert again["link"].endswith(again["code"])
    assert "█" not in acme("console", "invite", "ACME", "Max", "--no-qr")


def test_the_link_names_the_proxy_if_there_is_one(acme):
    origins = '["https://desk.example"]'
    made = json.loads(acme("console", "invite", "ACME", "Dora", "--json", PTTSERVER_CONSOLE__ORIGINS=origins))
    assert made["link"].startswith("https://desk.example/#activate=")


@pytest.mark.parametrize("origin", ["http://a.example", "https://a.example/", "https://*", "a.example", "https://A.B"])
def test_what_is_no_origin_is_refused(acme, origin):
    printed = acme("tenant", "list", status=1, PTTSERVER_CONSOLE__ORIGINS=json.dumps([origin]))
    assert "console.origins" in printed


def test_only_dispatchers_and_managers_are_invited(acme):
    assert "only dispatchers and managers" in acme("console", "invite", "ACME", "Anna", status=1)
    assert "no such subscriber" in acme("console", "invite", "ACME", "Nobody", status=1)
    assert "0 and at most 168 hours" in acme("console", "invite", "ACME", "Dora", "--expires-h", "169", status=1)
    assert "no console account" in acme("console", "reset", "ACME", "Dora", "--yes", status=1)
    assert "no console account" in acme("console", "lock", "ACME", "Dora", status=1)


def test_accounts_are_listed_locked_and_reset(acme):
    assert "Console accounts: none" in acme("console", "list", "ACME")
    acme("console", "invite", "ACME", "Dora", "--no-qr")
    (listed,) = json.loads(acme("console", "list", "ACME", "--json"))
    assert (listed["identifier"], listed["role"], listed["state"], listed["factors"]) == (
        "Dora", "dispatcher", "invited", "",
    )  # fmt: skip
    assert not {"password_hash", "totp_secret", "code"} & listed.keys()
    acme("console", "lock", "ACME", "Dora")
    assert "locked already" in acme("console", "lock", "ACME", "Dora", status=1)
    assert "active or locked" in acme("console", "invite", "ACME", "Dora", status=1)
    assert "locked" in acme("console", "list", "ACME")
    assert "Aborted" in acme("console", "reset", "ACME", "Dora", stdin="n\n", status=1)
    acme("console", "reset", "ACME", "Dora", "--yes", "--no-qr")
    assert json.loads(acme("console", "list", "ACME", "--json"))[0]["state"] == "invited"
    noted = acme("audit", "show", "ACME", "--json")
    for operation in ("console.invite", "console.lock", "console.reset"):
        assert operation in noted
    acme("subscriber", "remove", "ACME", "Dora", "-y")
    assert json.loads(acme("console", "list", "ACME", "--json")) == []
