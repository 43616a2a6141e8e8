"""`pttserver subject request`: from the day a request came to how it ended, without a word of who asked in clear."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from pttserver.cli.main import app

NUMBER, NAME = "+4520304050", "Nora Marker"


@pytest.fixture
def pttserver(tmp_path):
    environment = {
        "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
        "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
        "COLUMNS": "200",
    }

    def run(*words, status=0):
        result = CliRunner().invoke(app, [str(word) for word in words], env=environment, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.output

    run("tenant", "add", "ACME")
    run("subscriber", "add", "ACME", NUMBER, "--name", NAME, "--pin", "4711")
    return run


def day(ago):
    return f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%dT%H:%M:%S}"


def requests(pttserver, status=0):
    return json.loads(pttserver("subject", "request", "list", "ACME", "--json", status=status))


def test_from_the_day_it_came_to_how_it_ended(pttserver, tmp_path):
    pttserver("subject", "request", "open", "ACME", NUMBER, "access", "--received", day(20))
    (request,) = requests(pttserver)
    number = request["number"]
    assert 28 <= (request["due_ms"] - request["received_ms"]) / 86_400_000 <= 31
    pttserver("subject", "request", "extend", "ACME", number, "--reason", "three years of calls")
    (extended,) = requests(pttserver)
    assert 89 <= (extended["due_ms"] - extended["received_ms"]) / 86_400_000 <= 92
    assert "already" in pttserver("subject", "request", "extend", "ACME", number, "--reason", "x", status=1)
    close = ("subject", "request", "close", "ACME", number, "granted", "--reason", "the copy was sent")
    assert "12(6)" in pttserver(*close, status=1)
    pttserver(*close, "--identified", "seen at the desk")
    (closed,) = requests(pttserver)
    assert (closed["outcome"], closed["identified"], closed["reason"]) == (
        "granted", "seen at the desk", "the copy was sent",
    )  # fmt: skip
    assert "closed already" in pttserver(*close, status=1)
    pttserver("subject", "export", "ACME", NUMBER, "--out", tmp_path / "out", "--reason", "request")
    (file,) = (tmp_path / "out").glob("*.json")
    (own,) = json.loads(file.read_text())["requests"]
    assert (own["kind"], own["outcome"], own["reason"]) == ("access", "granted", "the copy was sent")
    (page,) = (tmp_path / "out").glob("*.html")
    assert "the copy was sent" in page.read_text()


def test_what_is_overdue_is_said_and_cannot_be_extended(pttserver):
    pttserver("subject", "request", "open", "ACME", NUMBER, "erasure", "--received", day(40))
    pttserver("subject", "request", "open", "ACME", NUMBER, "objection")
    first, second = requests(pttserver, status=1)
    assert (first["kind"], second["kind"]) == ("erasure", "objection")
    assert "overdue" in pttserver("subject", "request", "list", "ACME", status=1)
    said = pttserver("subject", "request", "extend", "ACME", first["number"], "--reason", "x", status=1)
    assert "month" in said
    refused = pttserver(
        "subject", "request", "close", "ACME", first["number"], "refused_excessive", "--reason", "the 40th this week"
    )
    assert "refused_excessive" in refused
    assert [one["outcome"] for one in requests(pttserver)] == [None, "refused_excessive"]


def test_what_cannot_be(pttserver, tmp_path):
    ahead = ("subject", "request", "open", "ACME", NUMBER, "access", "--received", day(-2))
    assert "future" in pttserver(*ahead, status=1)
    assert "holds nothing" in pttserver("subject", "request", "open", "ACME", "nobody", "access", status=1)
    pttserver("subject", "request", "close", "ACME", 77, "granted", "--reason", "x", "--identified", "x", status=1)
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[policy]\ntitle = "x"\nversion = "2"\nacknowledged = ["no_audit"]\n[categories.audit_log]\nstore = "none"\n'
    )
    pttserver("policy", "apply", "ACME", policy, "--reason", "x")
    assert "no register" in pttserver("subject", "request", "open", "ACME", NUMBER, "access", status=1)


def test_no_file_has_a_word_of_it_in_clear_and_who_is_erased_is_nobody_in_it(pttserver, tmp_path):
    pttserver("subject", "request", "open", "ACME", NUMBER, "erasure", "--identified", "marker identified")
    (request,) = requests(pttserver)
    reason = "marker reason"
    pttserver("subject", "request", "close", "ACME", request["number"], "granted", "--reason", reason)
    pttserver("subject", "erase", "ACME", NUMBER, "--reason", "request 1", "--yes")
    (left,) = requests(pttserver)
    assert (left["subject"], left["kind"], left["outcome"]) == (None, "erasure", "granted")
    assert (left["identified"], left["reason"]) == ("", "")
    octets = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    for marker in ("marker identified", reason, NAME, request["subject"]):
        assert marker.encode() not in octets, marker


def test_of_whom_was_erased_first_only_the_outcome_is_written(pttserver):
    pttserver("subject", "request", "open", "ACME", NUMBER, "erasure", "--identified", "seen at the desk")
    (request,) = requests(pttserver)
    pttserver("subject", "erase", "ACME", NUMBER, "--reason", "request 1", "--yes")
    close = ("subject", "request", "close", "ACME", request["number"], "granted", "--reason", f"told {NAME} by letter")
    assert "are not kept" in pttserver(*close, "--identified", "passport 4711")
    (left,) = requests(pttserver)
    assert (left["outcome"], left["identified"], left["reason"]) == ("granted", "", "")
    told = pttserver("audit", "show", "ACME", "--json")
    assert "granted" in told
    assert [marker for marker in (NAME, "passport", "desk") if marker in told] == []
