"""`pttserver subject`, `register` and `policy notice`, as an operator types them."""

import json
import re
import stat

import pytest
from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.store.inventory import personal

NUMBER = "+4520304050"
POLICY = """
[policy]
title = "ACME radio"
version = "7"
controller = "ACME <Ltd>"
contact = "privacy@acme.example"
regions = ["EEA"]
[categories.ip_address]
collect = false
[extra.badge]
keep = "while_subscribed"
purpose = ["operations"]
"""


@pytest.fixture
def pttserver(tmp_path):
    environment = {
        "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
        "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
        "COLUMNS": "160",
    }

    def run(*words, status=0):
        result = CliRunner().invoke(app, [str(word) for word in words], env=environment, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.output

    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    run("tenant", "add", "ACME", "--policy", policy)
    run("subscriber", "add", "ACME", NUMBER, "--name", "Anna", "--pin", "4711")
    return run


def test_contact_data_and_own_fields(pttserver):
    pttserver("subscriber", "set", "ACME", NUMBER, "email=anna@acme.example", "badge=77")
    shown = json.loads(pttserver("subscriber", "show", "ACME", NUMBER, "--json"))
    assert shown["fields"] == {"badge": "77", "email": "anna@acme.example"}
    assert "anna@acme.example" in pttserver("subscriber", "show", "ACME", NUMBER)
    pttserver("subscriber", "set", "ACME", NUMBER, "email=")
    assert json.loads(pttserver("subscriber", "show", "ACME", NUMBER, "--json"))["fields"] == {"badge": "77"}
    assert "no field here" in pttserver("subscriber", "set", "ACME", NUMBER, "shoe_size=44", status=1)
    assert "NAME=VALUE" in pttserver("subscriber", "set", "ACME", NUMBER, "badge", status=2)


PSEUDONYMS = """
[categories.identifier]
store = "pseudonymised"
[categories.subscriber_name]
store = "pseudonymised"
[categories.contact_data]
store = "pseudonymised"
"""
BEGINNINGS = """
[categories.identifier]
store = "truncated"
truncate = { characters = 6 }
"""
ACKNOWLEDGED = [f"--acknowledge={code}" for code in ("no_names", "no_identifiers", "no_contact_lists")]
BY = ("--reason", "request 7", "--by", "Dana")


def organise(pttserver, tmp_path, more):
    """Beta, in which Bert and Berta are known in another form than they said; their numbers begin with +49151."""
    policy = tmp_path / "beta.toml"
    policy.write_text(POLICY + more)
    pttserver("tenant", "add", "Beta", "--policy", policy, *ACKNOWLEDGED)
    return [added(pttserver, f"+49 151 12345-{ending}", name) for ending, name in ((678, "Bert"), (789, "Berta"))]


def added(pttserver, number, name):
    words = ("subscriber", "add", "Beta", number, "--name", name, "--pin", "4711", "--json")
    subscriber, _ = json.JSONDecoder().raw_decode(pttserver(*words))  # then what is not kept
    return subscriber["subscriber_id"]


def found(pttserver, text, status=0):
    hits = json.loads(pttserver("subject", "find", "Beta", text, *BY, "--json", status=status))
    return sorted(hit["subject_id"] for hit in hits)


def test_who_is_held_under_a_pseudonym_is_found_by_what_it_stands_for(pttserver, tmp_path):
    bert, berta = organise(pttserver, tmp_path, PSEUDONYMS)
    pttserver("subscriber", "set", "Beta", bert, "email=bert@acme.example")
    for text in ("+4915112345678", "+49 (151) 12345678", "Bert", "bert@acme.example"):
        assert found(pttserver, text) == [bert], text
    assert found(pttserver, "Berta") == [berta]
    assert found(pttserver, "+49151123456", status=1) == []  # a pseudonym has no parts


def test_who_is_held_under_the_strict_preset_is_found_by_the_number(pttserver):
    pttserver("tenant", "add", "Beta", "--preset", "strict")
    bert = added(pttserver, "+4915112345678", "Bert")
    assert found(pttserver, "+49 151 12345678") == [bert]
    pttserver("subject", "erase", "Beta", "+4915112345678", *BY, "--yes")


def test_who_was_just_added_is_shown_as_in_the_list(pttserver):
    pttserver("tenant", "add", "Beta", "--preset", "strict")
    new = json.loads(pttserver("subscriber", "add", "Beta", "+4915112345678", "--json"))
    (listed,) = json.loads(pttserver("subscriber", "list", "Beta", "--json"))
    assert (new["identifier"], len(new.pop("pin"))) == ("(not shown)", 6)
    assert new == listed
    printed = pttserver("subscriber", "add", "Beta", "+4915112345679", "--pin", "4711")
    assert "(not shown)" in printed


def test_who_is_held_by_the_beginning_of_a_number_is_found_by_all_of_it(pttserver, tmp_path):
    bert, berta = organise(pttserver, tmp_path, BEGINNINGS)
    assert found(pttserver, "+4915112345678") == sorted([bert, berta])
    assert found(pttserver, "+4915212345678", status=1) == []
    for command in (("subscriber", "show"), ("subject", "erase")):
        more = () if command[1] == "show" else (*BY, "--yes")
        told = pttserver(*command, "Beta", "+4915112345678", *more, status=1)
        assert "several" in told, told
        assert bert in told, told
        assert berta in told, told
    pttserver("subject", "erase", "Beta", berta, *BY, "--yes")
    assert bert in pttserver("subscriber", "show", "Beta", "+49 151 12345-678")
    assert "nothing" in pttserver("subject", "restrict", "Beta", "+4915212345678", "--reason", "objection", status=1)
    pttserver("subject", "restrict", "Beta", "+4915112345678", "--reason", "objection")
    pttserver("subject", "restrict", "Beta", "+4915112345678", "--lift")
    for command in (("subject", "erase"), ("subscriber", "remove")):
        more = BY if command[0] == "subject" else ()
        told = pttserver(*command, "Beta", "+4915112345678", *more, "--yes", status=1)
        assert f"it may be somebody else; give {bert} instead" in told
    pttserver("subject", "erase", "Beta", bert, *BY, "--yes")
    assert found(pttserver, "+4915112345678", status=1) == []


def test_the_rights_of_a_person_from_find_to_lift(pttserver, tmp_path):
    by = ("--reason", "request 7", "--by", "Dana")
    (hit,) = json.loads(pttserver("subject", "find", "ACME", "20 30", *by, "--json"))
    assert (hit["identifier"], hit["matched"]) == (NUMBER, ["Identifier"])
    pttserver("subject", "find", "ACME", "nobody", *by, status=1)
    pttserver("subject", "rectify", "ACME", NUMBER, "display_name=Annika", "identifier=Gate 9", *by)
    assert "nothing about such a person" in pttserver("subject", "rectify", "ACME", NUMBER, "badge=1", *by, status=1)
    assert "--lift" in pttserver("subject", "restrict", "ACME", "Gate 9", status=2)
    pttserver("subject", "restrict", "ACME", "Gate 9", "--reason", "objection", "--by", "Dana")
    assert "Annika" not in pttserver("subscriber", "list", "ACME")
    pttserver("subject", "restrict", "ACME", "Gate 9", "--lift")
    assert "Annika" in pttserver("subscriber", "list", "ACME")
    assert "not restricted" in pttserver("subject", "restrict", "ACME", "Gate 9", "--lift", status=1)
    out = tmp_path / "copies"
    out.mkdir()
    pttserver("subject", "export", "ACME", "Gate 9", "--out", out, *by)
    pttserver("subject", "export", "ACME", "Gate 9", "--out", out, *by, status=1)  # never over what is there
    files = sorted(out.iterdir())
    assert [file.suffix for file in files] == [".html", ".json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    pttserver("tenant", "add", "Beta")
    taken = json.loads(pttserver("subject", "import", "Beta", files[1], *by, "--json"))
    assert len(taken["pin"]) == 6
    audit = pttserver("audit", "show", "ACME", "--json")
    told = [entry["operation"] for entry in json.loads(audit)]
    assert [operation for operation in told if operation.startswith("subject.")] == [
        "subject.find",
        "subject.find",
        "subject.rectify",
        "subject.restrict",
        "subject.lift_restriction",
        "subject.export",
        "subject.export",
    ]
    assert "Annika" not in audit
    printed = pttserver("audit", "show", "ACME", "--last", 1_000)
    for entry in json.loads(audit):
        assert re.search(rf"^ +{entry['sequence']}  .* UTC  {re.escape(entry['operation'])}\b", printed, re.MULTILINE)
    assert "       reason: " in printed


def test_what_is_restricted_stays_until_it_is_said_otherwise(pttserver):
    pttserver("subject", "restrict", "ACME", NUMBER, "--reason", "legal_claims")
    refused = pttserver("subscriber", "rename", "ACME", NUMBER, "Nobody", status=1)
    assert "restricted (GDPR Art. 18, ground: legal_claims)" in refused
    assert "restricted" in pttserver("subscriber", "remove", "ACME", NUMBER, "--yes", status=1)
    assert "restricted" in pttserver("tenant", "remove", "ACME", "--yes", status=1)
    erase = ("subject", "erase", "ACME", NUMBER, "--yes", "--reason", "request 8")
    assert "--despite-restriction" in pttserver(*erase, status=1)
    assert len(json.loads(pttserver("subject", "find", "ACME", "Anna", "--reason", "request 8", "--json"))) == 1
    pttserver(*erase, "--despite-restriction", "--request", status=2)
    assert "certificate of erasure" in pttserver(*erase, "--despite-restriction")
    entries = json.loads(pttserver("audit", "show", "ACME", "--json"))
    (entry,) = (each for each in entries if each["operation"] == "subject.erase")
    assert entry["details"]["despite_restriction"] == "legal_claims"


@pytest.mark.parametrize(
    "words", [("find", "ACME", "x"), ("export", "ACME", "x", "--out", "y"), ("rectify", "ACME", "x", "a=b")]
)
def test_nothing_is_done_without_a_reason(pttserver, words):
    assert "--reason" in pttserver("subject", *words, status=2)


def test_the_record_of_processing(pttserver, tmp_path):
    (acme,) = json.loads(pttserver("register", "--format", "json"))["controllers"]
    assert (acme["controller"], acme["regions"]) == ("ACME <Ltd>", ["EEA"])
    activities = {activity["category"]: activity for activity in acme["activities"]}
    assert activities["call_record"]["kept"].startswith("for 90 days")
    assert activities["ip_address"]["written"] == "not collected"
    assert activities["debug_capture"]["written"] == "never: nothing in this version holds it"
    places = {place for activity in acme["activities"] for place in activity["places"]}
    assert {f"{row.table}.{row.column}" for row in personal()} - places == {
        "calls.initiator_address", "alerts.position",
        "alert_points.at_ms", "alert_points.place", "alert_points.subject",
        "positions.at_ms", "positions.motion", "positions.place", "positions.subject",
    }  # fmt: skip
    measures = json.loads(pttserver("register", "--format", "json"))["security"]
    (told,) = [measure for measure in measures if "about nobody but may hint at people" in measure]
    assert "fences.name, fences.name_index and fences.shape" in told
    assert "encrypted in the database under a key of the tenant" in measures[measures.index(told) - 1]
    assert "ACME <Ltd>" in pttserver("register", "ACME")
    pttserver("register", "ACME", "--format", "html", "--out", tmp_path / "register.html")
    assert "ACME &lt;Ltd&gt;" in (tmp_path / "register.html").read_text()
    assert "no such tenant" in pttserver("register", "Beta", status=1)


def test_the_privacy_notice(pttserver):
    notice = pttserver("policy", "notice", "ACME")
    assert "privacy@acme.example" in notice
    assert "Your location is not processed." in notice
    assert "object to what is based on legitimate interests" in notice
    assert "withdraw your consent" not in notice  # nothing here is based on it
    assert "IP address" not in notice
    page = pttserver("policy", "notice", "ACME", "--format", "html")
    assert page.startswith("<!doctype html>")
    assert "badge" in page
    assert "<script" not in page
