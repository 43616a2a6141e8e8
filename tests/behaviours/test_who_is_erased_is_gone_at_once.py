"""T-100: who is erased while talking is cut off within a second, and the records of the call name nobody."""

import json
import subprocess
import sys

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from attacks.bare_radio import BareRadio
from locating import LOCATED, crew, report
from pttserver.cli.main import app
from pttserver.errors import SealBroken
from pttserver.ids import Personal
from pttserver.services.instructions import Instruction
from pttserver.store.columns import Sealed
from pttserver.store.governance_schema import audit_entries
from pttserver.store.tables import metadata
from pttserver.wire import signalling as s
from running_server import TENANT, Platform, until

LISTENING = LOCATED + "[alerts]\nambient_listening = true\n"
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


async def test_who_acted_and_was_erased_is_named_nowhere_in_the_audit_log(platform):
    """Not in a copy of before either: with all the keys that still exist, it opens to nobody."""
    anna, dora = await crew(platform)
    who = anna.session.subscriber
    await report(anna)
    await dora.ask(s.LocationLast(id=1, subscriber=who), s.LocationLastKnown)
    await anna.ask(s.LocationSwitch(id=1, on=False), s.Done)
    assert await looked(anna) == ["Dora"]
    erased = {"Anna", who, "Dora", dora.session.subscriber}
    kept = await sealed_values(platform)
    assert erased & {entry.actor.reveal() for entry in await platform.office.views.audit(TENANT, "audit.show")}

    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    assert (await platform.office.erasure.erase(tenant_id, "Dora", WHY)).certificate
    assert await looked(anna) == [""]
    assert (await platform.office.erasure.erase(tenant_id, "Anna", WHY)).certificate
    entries = await platform.office.views.audit(TENANT, "audit.show")
    acts = [entry for entry in entries if entry.operation in {"location.look.last", "location.switch"}]
    assert [(entry.subject, entry.actor) for entry in acts] == [(None, None)] * 2
    assert (await platform.office.audit.verify(tenant_id)).problems == ()
    texts = await opened(platform, kept + await sealed_values(platform))
    assert any("asked for" in text for text in texts)  # what is about the organisation opens
    assert [(name, text) for text in texts for name in erased if name in text] == []


async def test_what_was_written_of_the_erased_is_unreadable_in_every_copy(platform):
    """Why somebody was listened to, switched off or held."""
    anna, dora = await crew(platform, LISTENING)
    await anna.affiliate()
    alert = "alr_0123456789abcdef"
    await anna.ask(s.RaiseAlert(id=1, alert=alert, drill=False), s.AlertAccepted)
    await dora.ask(s.ListenToAlert(id=1, alert=alert, reason="marker: a fit"), s.AlertListening)
    await dora.ask(s.ResolveAlert(id=1, alert=alert, outcome="resolved", note="marker: helped"), s.Done)
    await dora.ask(s.DisableDevice(id=1, who=anna.session.subscriber, reason="marker: drunk"), s.Done)
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    marked = Instruction(Personal("Olga"), Personal("marker: suspected"))
    hold = await platform.office.periods.hold(TENANT, marked, subscriber="Anna")
    await platform.office.periods.end_hold(TENANT, hold.hold_id, marked)
    await platform.server.services.alert_log.flush()
    kept = await sealed_values(platform)
    before = [text for text in await opened(platform, kept) if "marker" in text]
    assert len(before) == 7  # the log: listening, stun, hold and its end; the hold; the alert's request and resolution
    assert (await platform.office.erasure.erase(tenant_id, "Anna", WHY)).certificate
    texts = await opened(platform, kept + await sealed_values(platform))
    assert any("asked for" in text for text in texts)
    assert [text for text in texts if "marker" in text] == []
    assert (await platform.office.audit.verify(tenant_id)).problems == ()


async def test_what_is_noted_of_somebody_who_was_erased_meanwhile_has_no_number(platform):
    await platform.organise("Patrol")
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    who, tenant_id = anna.session.subscriber, (await platform.provisioning.tenant(TENANT)).tenant_id
    note = platform.office.rights.note("alert.list", tenant_id, None, Instruction(Personal(who), Personal("late")))
    await platform.office.erasure.erase(tenant_id, "Anna", WHY)
    await platform.database.write(lambda _: True, note=note)
    assert await platform.database.read(lambda sql: sql.scalar(NEWEST)) is None


NEWEST = select(audit_entries.c.actor).order_by(audit_entries.c.sequence.desc()).limit(1)


async def looked(radio: BareRadio) -> list[str]:
    return [look.who for look in (await radio.ask(s.LocationLooks(id=1), s.LocationLooked)).looks]


async def sealed_values(platform: Platform) -> list[Sealed]:
    """All that stands sealed in the database."""

    def work(sql) -> list[Sealed]:
        rows = (row for table in metadata.sorted_tables for row in sql.execute(select(table)))
        return [value for row in rows for value in row if isinstance(value, Sealed)]

    return await platform.database.read(work)


async def opened(platform: Platform, values: list[Sealed]) -> list[str]:
    """What any key opens that still exists."""
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    vault, found = platform.database.vault, []
    for keys in await platform.database.read(lambda sql: vault.of_tenant(sql, tenant_id)):
        for value in values:
            try:
                plain = keys.open(value)
                found.append(plain.decode("latin-1") if isinstance(plain, bytes) else str(plain))
            except SealBroken:
                continue
    return found


@pytest.mark.timeout(120)
def test_the_command_writes_a_certificate_that_the_command_verifies(tmp_path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "PTTSERVER_DATA_DIR": str(tmp_path / "data"),
        "PTTSERVER_AUTHENTICATION__PIN_HASH_MEMORY_KIB": "8",
    }

    def run(*arguments, expected=0):
        done = CliRunner().invoke(app, arguments, env=environment)
        assert done.exit_code == expected, done.output
        return done.output

    def really_run(*arguments):
        command = [sys.executable, "-m", "pttserver", *arguments]
        subprocess.run(command, env=environment, check=True, cwd=tmp_path)

    run("tenant", "add", "ACME")
    run("subscriber", "add", "ACME", "+491511234567", "--name", "Anna", "--pin", "4711")
    assert "the reason is empty" in run("subject", "erase", "ACME", "+491511234567", "--yes", expected=1)
    backup, file = tmp_path / "backup", tmp_path / "certificate.json"
    run("backup", str(backup))
    really_run("subject", "erase", "ACME", "+49 151 1234567", "--yes", "--reason", "asked", "--certificate", str(file))
    assert "genuine" in run("subject", "verify-certificate", str(file))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"remains": "nothing"}))
    assert "does not fit" in run("subject", "verify-certificate", str(file), expected=1)
    run("restore", str(backup), "--force", "--reason", "drill")
    assert "Anna" not in run("subscriber", "list", "ACME")
    run("key", "rotate")
    assert "newest" in run("key", "show")
