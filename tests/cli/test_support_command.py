"""`pttserver support`: technicians see what the policy opens for their tier, while a session of theirs lasts."""

import json

import pytest
from typer.testing import CliRunner

from pttserver.cli import office
from pttserver.cli.main import app
from pttserver.errors import StoreUnavailable

NUMBER, NAME, EMAIL = "+4520304050", "Nora Marker", "nora@marker.example"
POLICY = """
[policy]
title = "ACME radio"
version = "1"
controller = "ACME"
[support]
longest_minutes = 45
first_tier = ["device_type"]
[categories.identifier]
visible_to = ["dispatcher", "manager", "technician"]
[categories.call_record]
purpose = ["operations", "support"]
visible_to = ["dispatcher", "manager", "technician"]
[categories.participants]
visible_to = ["manager"]
"""
WHY = ("--ticket", "T-17", "--reason", "cannot log in")


class Desk:
    """One machine with the organisation's staff and the operator's; `account` sits at it."""

    def __init__(self, tmp_path, monkeypatch):
        self.account = "olga"
        monkeypatch.setattr(office, "accounts", lambda: [self.account])
        self._environment = {
            "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
            "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
            "PTTSERVER_SUPPORT__TECHNICIANS": '["kim", "lee"]',
            "COLUMNS": "200",
        }

    def __call__(self, *words, status=0):
        result = CliRunner().invoke(app, [str(word) for word in words], env=self._environment, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.output

    def by(self, account, *words, status=0):
        self.account = account
        try:
            return self(*words, status=status)
        finally:
            self.account = "olga"

    def entries(self):
        return json.loads(self("audit", "show", "ACME", "--last", 500, "--json"))


@pytest.fixture
def desk(tmp_path, monkeypatch):
    made = Desk(tmp_path, monkeypatch)
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    made("tenant", "add", "ACME", "--policy", policy)
    made("group", "add", "ACME", "Patrol")
    made("subscriber", "add", "ACME", NUMBER, "--name", NAME, "--pin", "4711")
    made("subscriber", "set", "ACME", NUMBER, f"email={EMAIL}")
    made("group", "add-member", "ACME", "Patrol", NUMBER)
    made("device", "add", "ACME", NUMBER, "--label", "Marker Label", "--no-qr")
    return made


def looks(desk, account):
    """All that commands show, as one account sees it; what is refused shows nothing."""
    shown = ""
    for words in (
        ("subscriber", "list", "ACME"),
        ("subscriber", "list", "ACME", "--json"),
        ("subscriber", "show", "ACME", NUMBER),
        ("subscriber", "show", "ACME", NUMBER, "--json"),
        ("group", "show", "ACME", "Patrol", "--json"),
        ("device", "list", "ACME", "--json"),
    ):
        shown += desk.by(account, *words)
    return shown


def test_without_a_session_a_technician_sees_nothing_and_the_organisation_what_it_may(desk, tmp_path):
    markers = (NUMBER, NAME, EMAIL, "Marker Label")
    theirs, ours = looks(desk, "kim"), looks(desk, "olga")
    for marker in markers:
        assert marker in ours
        assert marker not in theirs
    assert "(not shown)" in theirs
    for words in (
        ("call", "list", "ACME"),
        ("alert", "list", "ACME", "--reason", "x"),
        ("audit", "show", "ACME"),
        ("audit", "export", "ACME", tmp_path / "log.jsonl"),
        ("subject", "find", "ACME", "Nora", "--reason", "x"),
        ("subject", "export", "ACME", NUMBER, "--out", tmp_path / "out", "--reason", "x"),
        ("support", "view", "subscribers", "ACME"),
        ("support", "view", "calls", "ACME"),
    ):
        said = desk.by("kim", *words, status=1)
        assert not any(marker in said for marker in markers), words
    assert not (tmp_path / "log.jsonl").exists()
    assert not (tmp_path / "out" / "x").exists()


def test_the_second_tier_sees_what_names_technicians_and_each_look_has_the_ticket(desk):
    opened = desk.by("kim", "support", "open", "ACME", "--tier", 2, "--minutes", 45, *WHY)
    assert "tier 2, until" in opened
    shown = desk.by("kim", "support", "view", "subscribers", "ACME", "--json")
    assert NUMBER in shown
    assert NAME not in shown
    assert desk.by("kim", "support", "view", "calls", "ACME", "--json").strip() == "[]"
    assert EMAIL not in looks(desk, "kim")
    desk.by("kim", "audit", "show", "ACME", status=1)
    assert NUMBER not in looks(desk, "lee")
    entries = desk.entries()
    (begun,) = (one for one in entries if one["operation"] == "support.open")
    assert begun["actor"] == "kim"
    assert begun["details"] == {"minutes": 45, "reason": "cannot log in", "ticket": "T-17", "tier": 2}
    (call_look,) = (one for one in entries if one["operation"] == "call.list")
    assert (call_look["actor"], call_look["details"]["ticket"]) == ("kim", "T-17")
    assert call_look["details"]["purpose"] == "support"
    theirs = {one["details"].get("ticket") for one in entries if one["operation"] == "subscriber.list"}
    assert theirs == {"T-17", None}  # of kim in the session; of lee


def test_the_first_tier_sees_what_the_policy_names_for_it(desk):
    desk.by("lee", "support", "open", "ACME", "--tier", 1, *WHY)
    shown = desk.by("lee", "support", "view", "devices", "ACME", "--json")
    assert NUMBER not in desk.by("lee", "support", "view", "subscribers", "ACME", "--json")
    assert "Marker Label" not in shown
    desk.by("lee", "support", "view", "calls", "ACME", status=1)


def test_a_session_ends_when_it_is_closed_by_its_technician_or_by_the_organisation(desk):
    desk.by("kim", "support", "open", "ACME", "--tier", 2, *WHY)
    assert "open already" in desk.by("kim", "support", "open", "ACME", "--tier", 2, *WHY, status=1)
    desk.by("kim", "support", "close", "ACME")
    assert NUMBER not in looks(desk, "kim")
    desk.by("kim", "support", "close", "ACME", status=1)
    desk.by("kim", "support", "open", "ACME", "--tier", 2, *WHY)
    newest = json.loads(desk("support", "list", "ACME", "--json"))[0]
    desk.by("lee", "support", "close", "ACME", "--session", newest["number"], status=1)
    desk("support", "close", "ACME", "--session", newest["number"])
    assert NUMBER not in looks(desk, "kim")
    assert [one["technician"] for one in json.loads(desk("support", "list", "ACME", "--json"))] == ["kim", "kim"]


def test_what_the_policy_does_not_allow_is_not_opened(desk, tmp_path):
    assert "at most 45" in desk.by("kim", "support", "open", "ACME", "--tier", 2, "--minutes", 46, *WHY, status=1)
    assert "support.technicians" in desk("support", "open", "ACME", "--tier", 2, *WHY, status=1)
    for more, said in (
        ("[support]\nlongest_minutes = 0\n", "no support sessions"),
        ('[categories.audit_log]\nstore = "none"\n', "no audit log"),
    ):
        policy = tmp_path / "other.toml"
        policy.write_text('[policy]\ntitle = "x"\nversion = "2"\nacknowledged = ["no_audit"]\n' + more)
        desk("policy", "apply", "ACME", policy, "--reason", "x")
        assert said in desk.by("kim", "support", "open", "ACME", "--tier", 2, *WHY, status=1)


def test_a_stricter_policy_ends_a_session_that_is_open(desk, tmp_path):
    desk.by("kim", "support", "open", "ACME", "--tier", 2, *WHY)
    policy = tmp_path / "other.toml"
    policy.write_text(POLICY.replace("longest_minutes = 45", "longest_minutes = 0"))
    desk("policy", "apply", "ACME", policy, "--reason", "no more")
    assert NUMBER not in looks(desk, "kim")
    desk.by("kim", "support", "view", "subscribers", "ACME", status=1)


def test_an_account_is_told_by_the_kernel_and_a_false_sudo_user_frees_nobody(monkeypatch):
    class Own:
        pw_name = "kim"

    from pttserver.config import Settings, SupportSettings

    monkeypatch.setattr(office.pwd, "getpwuid", lambda _: Own)
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "olga")
    settings = Settings(support=SupportSettings(technicians=("kim",)))
    assert office.is_technician(settings)
    monkeypatch.setenv("SUDO_USER", "olga")
    assert office.is_technician(settings)
    assert office.operator().reveal() == "olga as kim"
    Own.pw_name = "root"
    assert not office.is_technician(settings)
    monkeypatch.setenv("SUDO_USER", "kim")
    assert office.is_technician(settings)
    assert office.is_technician(Settings(support=SupportSettings(technicians=("*",))))
    assert not office.is_technician(Settings())


def test_a_call_look_is_for_a_purpose_that_the_policy_names(desk):
    desk("call", "list", "ACME", "--reason", "complaint 3")
    said = desk("call", "list", "ACME", "--purpose", "billing", status=1)
    assert "operations, support" in said
    (look,) = (one for one in desk.entries() if one["operation"] == "call.list")
    assert look["details"] == {"purpose": "operations", "reason": "complaint 3"}


def test_looks_and_acts_of_the_operator_are_in_the_log(desk, tmp_path):
    desk("audit", "export", "ACME", tmp_path / "log.jsonl")
    desk("group", "add", "ACME", "Traffic")
    desk("group", "remove", "ACME", "Traffic", "--yes")
    desk("backup", tmp_path / "backup", "--reason", "nightly")
    desk("key", "rotate")
    desk("key", "prune")
    operations = [one["operation"] for one in desk.entries()]
    for operation in (
        "audit.export", "group.add", "group.remove", "server.backup", "key.rotate", "key.prune",
    ):  # fmt: skip
        assert operations.count(operation) == (2 if operation == "group.add" else 1), operation
    assert "audit.show" in [one["operation"] for one in desk.entries()]


def test_a_person_is_told_who_looked(desk, tmp_path):
    desk("subscriber", "add", "ACME", "+4520304051", "--name", "Otto", "--pin", "4711")
    desk("subscriber", "show", "ACME", "+4520304051")
    desk("subscriber", "show", "ACME", NUMBER)
    desk("call", "list", "ACME")
    export = ("subject", "export", "ACME", NUMBER, "--reason", "she asked")
    desk(*export, "--out", tmp_path / "numbered")
    desk(*export, "--out", tmp_path / "out", "--name-who-looked")
    (file,) = (tmp_path / "numbered").glob("*.json")
    assert {one["who"] for one in json.loads(file.read_text())["looks"]} == {"member of staff 1"}
    assert "olga" not in file.read_text()
    (file,) = (tmp_path / "out").glob("*.json")
    looked = json.loads(file.read_text())["looks"]
    assert [(one["what"], one["at_everybody"], one["who"]) for one in looked[2:4]] == [
        ("call.list", True, "olga"),
        ("subscriber.show", False, "olga"),
    ]
    assert looked[0]["what"] == "subject.export"
    assert sum(one["what"] == "subscriber.show" for one in looked) == 1
    (page,) = (tmp_path / "out").glob("*.html")
    assert "Who looked at your data" in page.read_text()


def test_an_act_on_keys_that_was_refused_is_not_in_the_log(desk, tmp_path, monkeypatch):
    def acts():
        return [one["operation"] for one in desk.entries() if one["operation"].startswith("key.")]

    own = (tmp_path / "data" / "master.key").read_text().strip()
    with monkeypatch.context() as outside:
        outside.setenv("PTTSERVER_KEYS__MASTER_KEY", own)
        for act in ("rotate", "prune"):
            assert "come from outside" in desk("key", act, status=1)
        assert acts() == []
        desk("key", "rewrap")
        assert acts() == ["key.rewrap"]
    monkeypatch.setattr("pttserver.services.key_rotation.write_keys", no_disk)
    for act in ("rotate", "prune"):
        desk("key", act, status=1)
    assert acts() == ["key.rewrap"]


def no_disk(*_):
    raise StoreUnavailable("no space left on device")
