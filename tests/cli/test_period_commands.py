"""`pttserver retention`, `hold`, `call`, and what starts and stops the periods of a tenant, as operators type them."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.config import Settings
from pttserver.ids import CallId, Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services.office import open_office
from pttserver.store.calls import CallHistory
from pttserver.store.governance_schema import holds
from pttserver.store.records import Call, CallParticipant

POLICY = """
[policy]
title = "ACME radio"
version = "1"
[categories.call_record]
keep = ["3 years", "20 days after account_closed", "until billing_closed"]
[categories.participants]
keep = ["3 years"]
[categories.identifier]
keep = ["while_subscribed", "3 months after contract_ended"]
"""
PTTSERVER = [sys.executable, "-c", "from pttserver.cli.main import main; main()"]


@pytest.fixture
def environment(tmp_path):
    return {
        "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
        "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
        "COLUMNS": "200",
    }


@pytest.fixture
def pttserver(environment, tmp_path):
    def run(*words, status=0, stdin=None):
        told = [str(word) for word in words]
        result = CliRunner().invoke(app, told, env=environment, catch_exceptions=False, input=stdin)
        assert result.exit_code == status, result.output
        return result.stdout

    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    run("tenant", "add", "ACME", "--policy", policy)
    run("group", "add", "ACME", "Patrol")
    run("subscriber", "add", "ACME", "Anna", "--name", "Anna A.", "--pin", "4711")
    run("subscriber", "add", "ACME", "Bert", "--pin", "4712")
    return run


@pytest.fixture
def record(tmp_path, pttserver):
    """Records a call of Anna with Bert, so many days ago, as the server does."""

    async def put(days):
        at_ms = round(ago(days).timestamp() * 1000)
        async with open_office(Settings(data_dir=tmp_path / "data")) as office:
            at, tenant_id = office.provisioning, (await office.provisioning.tenant("ACME")).tenant_id
            gate, group = office.book.gate(tenant_id), (await at.group("ACME", "Patrol")).group_id
            anna, bert = [(await at.subscriber("ACME", name)).subscriber_id for name in ("Anna", "Bert")]
            call_id = CallId(f"cal_{days}")

            def of(category, who, value, purpose=Purpose.OPERATIONS):
                return gate.release(category, purpose, who, value)

            began = of(Category.CALL_RECORD, anna, at_ms)
            person = of(Category.PARTICIPANTS, anna, anna)
            address = of(Category.IP_ADDRESS, anna, Personal("203.0.113.9"), Purpose.SECURITY)
            there = [
                CallParticipant(call_id, tenant_id, of(Category.PARTICIPANTS, who, who), began_of)
                for who in (anna, bert)
                for began_of in [of(Category.PARTICIPANTS, who, at_ms)]
            ]
            made = Call(call_id, tenant_id, group, anna, person, address, began, began)
            await CallHistory(office.erasure._database).write_calls([made], there, [])

    return lambda *days: [asyncio.run(put(each)) for each in days]


def ago(days):
    return datetime.now(UTC) - timedelta(days=days)


def date(days):
    return ago(days).strftime("%Y-%m-%dT%H:%M:%S")


def listed(pttserver, *options):
    return [call["call_id"] for call in json.loads(pttserver("call", "list", "ACME", "--json", *options))]


def swept(pttserver):
    (one,) = json.loads(pttserver("retention", "sweep", "--json"))
    assert one["outcome"] == "done"
    return one["erased"]


def logged(pttserver, operation):
    """Entries of the audit log whose operation begins so, oldest first."""
    entries = json.loads(pttserver("audit", "show", "ACME", "--json"))
    return [each for each in entries if each["operation"].startswith(operation)]


def test_calls_are_listed_newest_first_and_found_by_what_is_asked(pttserver, record):
    record(30, 2, 9)
    assert listed(pttserver) == ["cal_2", "cal_9", "cal_30"]
    assert listed(pttserver, "--since", date(10)) == ["cal_2", "cal_9"]
    assert listed(pttserver, "--limit", "1") == ["cal_2"]
    assert listed(pttserver, "--subscriber", "Bert", "--group", "Patrol") == ["cal_2", "cal_9", "cal_30"]
    assert "Anna A." in pttserver("call", "list", "ACME")
    pttserver("call", "list", "ACME", "--group", "Nobody", status=1)
    assert "no moment" in pttserver_error(pttserver, "call", "list", "ACME", "--since", "yesterday")


def pttserver_error(pttserver, *words):
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    return result.output


def test_what_is_over_is_told_erased_and_proven(pttserver, record):
    record(1200, 1100, 5)
    due = json.loads(pttserver("retention", "sweep", "--dry-run", "--json"))
    assert {(row["category"], row["where"], row["rows"]) for row in due} >= {("call_record", "calls", 2)}
    assert listed(pttserver) == ["cal_5"]  # what is over is not shown, swept or not
    assert swept(pttserver)["call_record"] == 2
    assert "Would be erased or rewritten: none" in pttserver("retention", "sweep", "--dry-run")
    told = json.loads(pttserver("retention", "status", "--json"))
    assert (told["halted"], told["unproven"], told["last_sweeps"][0]["outcome"]) == (False, 0, "done")
    assert "ACME" in pttserver("retention", "status")
    assert "Confirmed" in pttserver("retention", "confirm-time", "--yes")
    assert len(logged(pttserver, "retention.confirm_time")) == 1


def test_what_a_new_policy_takes_is_told_in_rows_and_values_and_so_swept(pttserver, record, tmp_path):
    record(30, 2)
    stricter = tmp_path / "stricter.toml"
    addresses = '[categories.ip_address]\nstore = "none"\n'
    stricter.write_text(POLICY.replace('"3 years", "20 days', '"10 days", "20 days') + addresses)
    printed = pttserver("policy", "diff", "ACME", stricter).split("Erased or rewritten at the next sweep")[1]
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "│" in line]
    assert cells == [
        ["call_record", "calls", "1 row"],
        ["ip_address", "calls.initiator_address", "1 value"],
    ]
    told = json.loads(pttserver("policy", "diff", "ACME", stricter, "--json"))["erased_at_next_sweep"]
    assert [(each["category"], each["rows"]) for each in told] == [("call_record", 1), ("ip_address", 1)]
    pttserver("policy", "apply", "ACME", stricter, "--reason", "works council")
    dry = pttserver("retention", "sweep", "--dry-run")
    assert "1 row " in dry
    assert "1 value " in dry
    assert swept(pttserver) == {"call_record": 1, "ip_address": 1}


def test_a_hold_keeps_what_it_covers_until_it_ends(pttserver, record):
    record(1200)
    hold = json.loads(pttserver("hold", "add", "ACME", "--subject", "Anna", "--reason", "case 7", "--json"))
    assert swept(pttserver).get("call_record", 0) == 0
    assert "case 7" in pttserver("hold", "list", "ACME")
    for words in (
        ("subscriber", "remove", "ACME", "Anna", "--yes"),
        ("subject", "erase", "ACME", "Anna", "--reason", "asked", "--yes"),
        ("tenant", "remove", "ACME", "--yes"),
    ):
        pttserver(*words, status=1)
    ended = pttserver("hold", "end", "ACME", hold["hold_id"], "--reason", "case 7 is over", "--by", "Dora Officer")
    assert f"Ended: {hold['hold_id']}" in ended
    pttserver("hold", "end", "ACME", hold["hold_id"], status=1)
    assert swept(pttserver)["call_record"] == 1
    laid, looked, end = logged(pttserver, "hold.")
    assert looked["operation"] == "hold.list"
    assert (laid["operation"], laid["subject"]) == ("hold.add", hold["subject_id"])
    assert laid["details"] == {"reason": "case 7", "hold": hold["hold_id"], "category": "all"}
    assert (end["operation"], end["actor"]) == ("hold.end", "Dora Officer")
    assert end["details"] == {"reason": "case 7 is over", "hold": hold["hold_id"]}


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+01:00"])
def test_a_moment_that_no_calendar_has_is_refused_before_anything_is_written(pttserver, environment, until):
    words = ["hold", "add", "ACME", "--reason", "case 17", "--until", until]
    result = CliRunner().invoke(app, words, env=environment)
    assert result.exit_code == 2
    assert "outside of the years 1 to 9999" in result.output
    assert pttserver("hold", "list", "ACME") == "Holds: none\n"


def test_the_last_moment_of_the_calendar_can_be_told(pttserver):
    told = json.loads(
        pttserver("hold", "add", "ACME", "--reason", "case 17", "--until", "9999-12-31T23:59:59.9999", "--json")
    )
    assert told["until_ms"] == 253_402_300_799_999
    assert "9999-12-31 23:59:59 UTC" in pttserver("hold", "list", "ACME")


def test_a_moment_beyond_the_calendar_that_stands_there_already_is_listed(pttserver, tmp_path):
    pttserver("hold", "add", "ACME", "--reason", "case 17", "--until", "9999-12-31")

    async def move():
        async with open_office(Settings(data_dir=tmp_path / "data")) as office:
            await office.erasure._database.write(lambda sql: sql.execute(update(holds).values(until_ms=2**53)))

    asyncio.run(move())
    assert f"{2**53} ms since 1970" in pttserver("hold", "list", "ACME")


def test_no_membership_that_is_held_is_taken_away(pttserver):
    pttserver("group", "add-member", "ACME", "Patrol", "Anna")
    pttserver("group", "add-member", "ACME", "Patrol", "Bert")
    pttserver("hold", "add", "ACME", "--subject", "Anna", "--category", "membership", "--reason", "case 7")
    pttserver("group", "remove-member", "ACME", "Patrol", "Anna", status=1)
    pttserver("group", "remove", "ACME", "Patrol", "--yes", status=1)
    pttserver("group", "remove-member", "ACME", "Patrol", "Bert")
    assert "Anna" in pttserver("group", "show", "ACME", "Patrol")


def test_whoever_closes_an_account_is_shown_and_accepts_what_is_erased(pttserver, record):
    """Without acceptance nothing begins; with it the periods run, and who accepted is recorded."""
    record(30, 5)
    asked = pttserver("tenant", "close", "ACME", "--at", date(25), stdin="n\n", status=1)
    assert "20 days after account_closed" in asked
    assert swept(pttserver).get("call_record", 0) == 0
    pttserver("tenant", "close", "ACME", "--at", date(25), "--by", "Dora Officer", stdin="y\n")
    assert listed(pttserver) == ["cal_5"]
    assert swept(pttserver)["call_record"] == 1
    assert listed(pttserver) == ["cal_5"]


def test_a_reopened_account_goes_on(pttserver, record):
    record(12)
    pttserver("tenant", "close", "ACME", "--at", date(10), "--yes")
    assert "Reopened: ACME" in pttserver("tenant", "reopen", "ACME", "--reason", "they pay again")
    closed, reopened = logged(pttserver, "tenant.")[1:]
    assert (closed["operation"], reopened["operation"]) == ("tenant.account_closed", "tenant.reopened")
    assert reopened["details"]["reason"] == "they pay again"
    assert swept(pttserver).get("call_record", 0) == 0
    assert listed(pttserver) == ["cal_12"]


def test_three_months_after_the_contract_the_people_are_gone(pttserver, tmp_path):
    """Not a day before; their keys go, by lines of the ledger."""
    told = json.loads(pttserver("tenant", "end-contract", "ACME", "--yes", "--json"))
    ends = {each["category"]: each["gone_ms"] for each in told}
    now = datetime.now(UTC)
    assert 88 <= (ends["identifier"] / 1000 - now.timestamp()) / 86_400 <= 93
    assert swept(pttserver).get("identifier", 0) == 0
    assert len(json.loads(pttserver("subscriber", "list", "ACME", "--json"))) == 2
    pttserver("tenant", "add", "Beta", "--policy", tmp_path / "policy.toml")
    pttserver("tenant", "end-contract", "Beta", "--at", date(100), "--yes")
    pttserver("subscriber", "add", "Beta", "Cora", "--pin", "4711")  # after the end: it covers what was there before
    assert len(json.loads(pttserver("subscriber", "list", "Beta", "--json"))) == 1


def test_when_billing_is_complete_its_records_go(pttserver, record):
    record(40, 10)
    told = json.loads(pttserver("tenant", "billing-closed", "ACME", "--at", date(30), "--yes", "--json"))
    ends = {each["category"]: each["gone_ms"] for each in told}
    assert ends["participants"] is None  # unchanged: another rule
    assert ends["call_record"] is not None
    assert listed(pttserver) == ["cal_10"]
    assert swept(pttserver)["call_record"] == 1
    assert listed(pttserver) == ["cal_10"]


def test_when_the_invoice_is_closed_the_view_of_the_traffic_goes(pttserver, record, tmp_path):
    """As the notice of message_people has it: who took part until the invoice, that there was a call for longer."""
    policy = tmp_path / "invoiced.toml"
    policy.write_text(POLICY.replace('keep = ["3 years"]', 'keep = ["3 years", "until invoice_closed"]'))
    pttserver("policy", "apply", "ACME", policy, "--reason", "invoices")
    record(40, 10)
    pttserver("tenant", "invoice-closed", "ACME", "--at", date(30), "--yes")
    assert swept(pttserver)["participants"] > 0
    (entry,) = logged(pttserver, "tenant.invoice_closed")
    assert entry["details"]["reason"] == "the invoice is closed"
    assert listed(pttserver) == ["cal_10", "cal_40"]
    assert listed(pttserver, "--subscriber", "Bert") == ["cal_10"]


def test_whoever_withdraws_consent_is_not_located_and_what_rested_on_it_goes(pttserver, record, tmp_path):
    consented = 'keep = ["2 years", "until consent_withdrawn"]\nlegal_basis = "consent"\n'
    policy = tmp_path / "consented.toml"
    policy.write_text(
        POLICY.replace('[categories.participants]\nkeep = ["3 years"]\n', f"[categories.participants]\n{consented}")
        + f"[location]\nenabled = true\nlive_only = false\n[categories.location]\n{consented}"
        + '[categories.contact_data]\nkeep = ["while_subscribed", "until consent_withdrawn"]\n'
    )
    withdraw = ("subject", "withdraw-consent", "ACME", "Anna", "--reason", "she wrote")
    pttserver(*withdraw, status=1)  # POLICY has nothing that ends with consent
    assert logged(pttserver, "subject.") == []
    pttserver("policy", "apply", "ACME", policy, "--reason", "consent was asked for")
    pttserver("subscriber", "set", "ACME", "Anna", "email=anna@acme.example")
    record(5)
    told = pttserver(*withdraw)
    assert "Over: contact_data, participants, location." in told
    assert "as before (participants)" in told
    shown = pttserver("subscriber", "show", "ACME", "Anna")
    assert "anna@acme.example" not in shown
    assert listed(pttserver, "--subscriber", "Anna") == []  # hidden before any sweep
    assert listed(pttserver, "--subscriber", "Bert") == ["cal_5"]
    erased = swept(pttserver)
    assert erased["contact_data"] == 1
    assert erased["participants"] > 0
    (denied,) = logged(pttserver, "subscriber.deny")
    (withdrawn,) = logged(pttserver, "subject.consent_withdrawn")
    assert denied["details"]["service"] == "location"
    assert denied["subject"] == withdrawn["subject"]
    assert withdrawn["details"] == {"reason": "she wrote"}


def test_what_has_not_happened_yet_cannot_be_recorded(pttserver):
    for command in ("close", "end-contract", "billing-closed", "invoice-closed"):
        pttserver("tenant", command, "ACME", "--at", date(-1), "--yes", status=1)


def test_a_sweep_as_a_process_of_its_own(pttserver, record, environment):
    record(1200)
    command = [*PTTSERVER, "retention", "sweep", "ACME", "--json"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=True)
    (one,) = json.loads(done.stdout)
    assert (one["outcome"], one["erased"]["call_record"]) == ("done", 1)


def test_a_backup_as_a_process_of_its_own_says_what_to_keep_and_no_more(pttserver, environment, tmp_path):
    """Lines of the log between what an operator must read would hide it."""
    command = [*PTTSERVER, "backup", str(tmp_path / "acme.backup")]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith(f"Backup: {tmp_path / 'acme.backup'}\nSubjects' keys: ")
    assert done.stderr.strip() == ""
    command = [*PTTSERVER, "key", "rotate"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""


# After a restore -----------------------------------------------------------------------------------------------------


def backed_up(pttserver, tmp_path):
    """`elsewhere`: what an operator keeps apart."""
    pttserver("backup", tmp_path / "backup", "--reason", "drill")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("erasures.ledger", "subject_keys.backup", "master.key"):
        shutil.copy(tmp_path / "data" / name, elsewhere / name)
    return elsewhere


def test_restore_tells_what_it_carried_over(pttserver, tmp_path):
    backed_up(pttserver, tmp_path)
    pttserver("hold", "add", "ACME", "--reason", "case 7")
    words = ["restore", tmp_path / "backup", "--force", "--reason", "wrong disk"]
    told = json.loads(pttserver(*words, "--json"))
    assert (told["carried_over"]["holds"], told["unknown_since"], told["give_again"]) == (1, None, None)
    assert "carried over from the database in place: 1 holds" in pttserver(*words[:2], "--check")
    assert not json.loads(pttserver("retention", "status", "--json"))["halted"]


def test_restore_after_a_disaster_says_what_to_give_again(pttserver, tmp_path):
    elsewhere = backed_up(pttserver, tmp_path)
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(elsewhere / "master.key", tmp_path / "data")
    sources = ["--ledger", elsewhere / "erasures.ledger", "--subject-keys", elsewhere / "subject_keys.backup"]
    told = json.loads(pttserver("restore", tmp_path / "backup", "--check", *sources, "--json"))
    assert told["swept"] is None
    assert "there was no database" in told["unknown_since"]
    assert "holds" in told["give_again"]
    said = pttserver("restore", tmp_path / "backup", "--reason", "disk died", *sources)
    assert "what was instructed since is lost: there was no database in place" in said
    assert "confirm-restore" in pttserver("retention", "status")
    assert json.loads(pttserver("retention", "status", "--json"))["halted_by"] == "restored"
    pttserver("retention", "sweep", status=1)
    pttserver("retention", "confirm-restore", "--yes")
    assert len(logged(pttserver, "retention.confirm_restore")) == 1
    assert not json.loads(pttserver("retention", "status", "--json"))["halted"]
