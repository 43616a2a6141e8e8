"""`ptt contacts import`: each line is answered for, and of the file nothing but the contacts leaves the device."""

from pathlib import Path

import pytest

from clients.test_ptt_command import Shell, enrolled
from ptthandset.contact_file import read_contacts
from ptthandset.contact_import import import_contacts
from pttserver.wire import signalling
from running_server import Platform

MARKER = "+45 5550 731 902"


async def test_the_server_is_told_who_and_the_alias_and_nothing_else_of_the_file(
    platform: Platform, tmp_path: Path
) -> None:
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert, cleo = [await platform.enrol(name, "Patrol") for name in ("Bert", "Cleo")]
    sent: list[str] = []
    ask = anna.contacts._ask

    async def noted(request: signalling.Request, expected: type) -> signalling.Reply:
        sent.append(request.to_json())
        return await ask(request, expected)

    anna.contacts._ask = noted
    file = tmp_path / "people.csv"
    file.write_text(f"name,subscriber,phone\nChief,Bert,{MARKER}\nCleo,{cleo.subscriber},{MARKER}\nNobody,,{MARKER}\n")
    told: list[str] = []
    trial = await import_contacts(anna, read_contacts(file), lambda _, what: told.append(what), dry_run=True)
    assert (trial.added, await anna.contacts.list()) == (2, [])
    done = await import_contacts(anna, read_contacts(file), lambda _, what: told.append(what), dry_run=False)
    assert (done.added, done.there, done.wrong) == (2, 0, 1)
    puts = [text for text in sent if '"contact.put"' in text]
    assert len(puts) == 2
    assert MARKER not in "".join(sent)
    held = {(each.subscriber, each.alias) for each in await anna.contacts.list()}
    assert held == {(bert.subscriber, "Chief"), (cleo.subscriber, "Cleo")}


@pytest.mark.thorough
async def test_each_line_is_answered_for_in_a_terminal(platform: Platform, tmp_path: Path) -> None:
    await platform.organise("Patrol")
    anna: Shell = await enrolled(platform, tmp_path / "anna", "Anna", "Patrol")
    for name in ("Bert", "Cleo"):
        await platform.enrol(name, "Patrol")
    file = tmp_path / "people.vcf"
    names = ("Bert", "Bert", "Nobody", "Cleo")
    file.write_text("".join(f"BEGIN:VCARD\nVERSION:4.0\nFN:{name}\nEND:VCARD\n" for name in names))
    trial = await anna("contacts", "import", str(file), "--dry-run")
    assert (trial.status, trial.out) == (1, "Would be added: 2. There already: 1. Wrong: 1.\n")
    assert (await anna("contacts", "list")).out == ""
    done = await anna("contacts", "import", str(file))
    assert (done.status, done.out) == (1, "Added: 2. There already: 1. Wrong: 1.\n")
    assert "Line 5: Bert is on your list already" in done.err
    assert "Line 9: No contact, group or colleague is called Nobody; a number (sub_...) does too." in done.err
    assert "The file stayed on this device." in done.err
    other = tmp_path / "again.csv"
    other.write_text("name,subscriber\nBertie,Bert\nBert,Cleo\n")
    again = await anna("contacts", "import", str(other))
    assert "Line 2: Bertie is on your list already, as Bert" in again.err
    assert "Line 3: Bert is on your list already, as Cleo" in again.err
    assert (await anna("contacts", "list")).out.count("\n") == 2
