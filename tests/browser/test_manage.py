"""A manager's pages in Chromium: somebody is given a radio and a group, is exported and erased, and all is audited."""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from playwright.async_api import expect

from browser.dispatcher import console_window, go_to
from browser.site import Site, Window
from ptthandset.errors import HandsetError
from ptthandset.handset import Handset, enroll
from pttserver.crypto.signed_document import verified_by
from pttserver.roles import Role
from pttserver.wire.enrolment import parse_enrolment
from running_server import TENANT, until

pytestmark = pytest.mark.system

REASON = "request 17, on paper"


class Office:
    """The managers' room of Mona."""

    def __init__(self, site: Site, window: Window, picture: Path) -> None:
        self.picture = picture
        self.site = site
        self.window = window
        self.page = window.page

    async def tab(self, name: str) -> None:
        await self.page.get_by_role("tab", name=name, exact=True).click()

    async def choose(self, person: str, item: str) -> None:
        """From the menu of a row."""
        await self.page.get_by_role("button", name=f"Actions for {person}").click()
        await self.page.get_by_role("menuitem", name=item, exact=True).click()

    def dialog(self, heading: str) -> Any:
        return self.page.get_by_role("dialog", name=heading, exact=True)

    async def confirm(self, heading: str, word: str | None = None) -> None:
        """A dialog that asks for the reason, and perhaps for a word."""
        dialog = self.dialog(heading)
        await dialog.get_by_label("Reason").fill(REASON)
        if word is not None:
            await dialog.get_by_label(f"Type “{word}” to confirm").fill(word)
        await dialog.get_by_role("button", name=heading, exact=True).click()
        await dialog.wait_for(state="hidden")

    async def secret(self, heading: str) -> Any:
        """The dialog that shows something once, when it does."""
        dialog = self.dialog(heading)
        await dialog.get_by_text("This is shown once").wait_for()
        return dialog

    async def add(self, identifier: str, name: str) -> str:
        """Gives the PIN."""
        await self.page.get_by_role("button", name="Add a person").click()
        dialog = self.dialog("Add a person")
        await dialog.get_by_label("Identifier").fill(identifier)
        await dialog.get_by_label("Name", exact=True).fill(name)
        await dialog.get_by_role("button", name="Add a person").click()
        shown = await self.secret("PIN")
        pin: str = await shown.locator(".code").inner_text()
        await shown.get_by_role("button", name="Done").click()
        return pin

    async def add_device(self, person: str, label: str) -> tuple[str, str]:
        """Gives the link that is shown, and the code; a picture of the page is taken meanwhile."""
        await self.tab("Devices")
        await self.page.get_by_role("button", name="Add a device").click()
        dialog = self.dialog("Add a device")
        await dialog.get_by_label("Person").select_option(person)
        await dialog.get_by_label("Label").fill(label)
        await dialog.get_by_role("button", name="Add a device").click()
        shown = await self.secret("Enrolment code")
        link, code = await shown.locator(".link").inner_text(), await shown.locator(".code").inner_text()
        await self.page.screenshot(path=self.picture)
        await shown.get_by_role("button", name="Done").click()
        return link, code

    async def add_member(self, group: str, person: str) -> None:
        await self.tab("Groups")
        await self.page.get_by_role("button", name=group, exact=True).click()
        await self.page.get_by_role("button", name="Add a member").click()
        dialog = self.dialog("Member")
        await dialog.get_by_label("Person").select_option(person)
        await dialog.get_by_role("button", name="Save").click()
        await dialog.wait_for(state="hidden")

    async def find(self, text: str) -> None:
        await self.tab("Rights")
        await self.page.get_by_label("Find a person").fill(text)
        await self.page.get_by_label("Reason", exact=True).fill(REASON)
        await self.page.get_by_role("button", name="Find", exact=True).click()

    async def operations(self) -> list[str]:
        """Of the audit log, newest first."""
        await self.tab("Audit log")
        table = self.page.get_by_role("table", name="Audit log")
        await table.locator("tbody code").first.wait_for()
        names: list[str] = await table.locator("tbody code").all_inner_texts()
        return names


@pytest.fixture
async def office(site: Site, tmp_path: Path) -> Office:
    await site.platform.organise("Patrol", "Harbour")
    window = await console_window(site, "Mona", role=Role.MANAGER)
    await go_to(window.page, "Manage")
    return Office(site, window, tmp_path / "page.png")


def scanned(gst_launch: str, picture: Path) -> str:
    """What a reader of QR codes makes of the picture."""
    pipeline = f"filesrc location={picture} ! pngdec ! videoconvert ! zbar ! fakesink"
    told = subprocess.run([gst_launch, "-m", *pipeline.split()], capture_output=True, text=True, check=True)
    found = re.search(r'symbol=\(string\)"(.*?)", quality', told.stdout)
    assert found is not None
    return found[1].replace("\\", "")


async def test_somebody_new_gets_a_radio_by_the_code_that_is_drawn_and_comes_into_a_group(
    office: Office, system_program: Callable[[str], str]
) -> None:
    page = office.page
    pin = await office.add("+4930555017", "Rita Roe")
    await page.get_by_role("row", name="Rita Roe").get_by_text("+4930555017").wait_for()
    link, code = await office.add_device("Rita Roe", "Radio 7")
    read = await asyncio.to_thread(scanned, system_program("gst-launch-1.0"), office.picture)
    enrolment = unquote(read.partition("#enroll=")[2])
    assert read == link == f"{office.site.address}/phone#enroll={quote(enrolment, safe='')}"
    assert parse_enrolment(enrolment).code == code
    radio = page.get_by_role("row", name="Radio 7")
    await radio.get_by_text("Waits for its code").wait_for()
    credentials = await enroll(enrolment, "test radio")
    await office.add_member("Harbour", "Rita Roe")
    await page.get_by_role("table", name="Members of Harbour").get_by_role("row", name="Rita Roe").wait_for()
    await office.tab("Devices")
    await radio.get_by_text("In use").wait_for()
    async with await Handset.connect(credentials, pin=pin) as rita:
        assert [group.name for group in rita.groups] == ["Harbour"]
        await rita.affiliate("Harbour")
        await office.tab("Groups")
        await page.get_by_role("button", name="Harbour", exact=True).click()
        await office.choose("Rita Roe", "Take out of the group")
        await office.confirm("Take out of the group")
        await page.get_by_text("Nobody belongs to this group yet.").wait_for()
        await until(lambda: rita.groups == [] and rita.talkgroups == {})
        await office.tab("Devices")
        await office.choose("Radio 7", "Lock out")
        await office.confirm("Lock out", "lock out")
        with pytest.raises(HandsetError):
            await asyncio.wait_for(rita.wait_closed(), 5)
        await radio.get_by_text("Locked out").wait_for()
    assert office.window.foreign == []
    assert [text for text in office.window.complaints if "AudioContext" not in text] == []


async def test_a_person_gets_a_copy_and_is_erased_with_a_certificate_and_the_log_tells_it(office: Office) -> None:
    page = office.page
    await office.site.platform.enrol("Rita", "Patrol")
    await office.find("rita")
    await office.choose("Rita", "Copy for machines (JSON)")
    name, copy = await office.window.download(office.confirm("Copy for machines (JSON)"))
    who = name.removesuffix(".json")
    assert json.loads(copy)["profile"]["display_name"] == "Rita"

    await office.choose("Rita", "Erase for ever")
    dialog = office.dialog("Erase for ever")
    await dialog.get_by_label("Reason").fill(REASON)
    await dialog.get_by_label(f"Type “{who}” to confirm").fill("Rita")
    await dialog.get_by_role("button", name="Erase for ever").click()
    await dialog.get_by_text(f"Type “{who}” exactly, or cancel.").wait_for()
    await office.confirm("Erase for ever", who)
    prove = page.get_by_role("button", name="Prove it now")
    keep = page.get_by_role("button", name="Download the certificate")
    await prove.or_(keep).wait_for()
    while await prove.is_visible():  # something read an older state just then
        await prove.click()
        await prove.or_(keep).and_(page.locator(":enabled")).wait_for()
    certificate = json.loads((await office.window.download(keep.click()))[1])
    assert office.site.platform.office.erasure.verify(certificate) == verified_by(certificate)
    assert "Rita" not in json.dumps(certificate)
    await office.find("rita")
    await page.get_by_text("Nothing is held about anybody like that.").wait_for()
    await office.tab("People")
    await page.get_by_role("row", name="Mona Dahl").wait_for()
    assert await page.get_by_role("row", name="Rita").count() == 0

    operations = await office.operations()
    acts = [name for name in operations if name in ("subject.find", "subject.export", "subject.erase")]
    assert acts == ["subject.find", "subject.erase", "subject.export", "subject.find"]
    entry = page.get_by_role("row").filter(has_text="subject.erase")
    await entry.get_by_text("Mona Dahl").wait_for()
    await entry.get_by_text(REASON).wait_for()
    await page.get_by_role("button", name="Verify the log").click()
    await page.get_by_text("Whole:").wait_for()


async def test_the_policy_is_told_in_words_and_an_edited_one_is_checked(office: Office) -> None:
    page = office.page
    tenant = await office.site.platform.provisioning.tenant(TENANT)
    await office.site.platform.office.retention.sweep(tenant.tenant_id)
    await office.tab("Policy")
    await page.get_by_role("heading", name="Everything that a test looks for").wait_for()
    words = page.get_by_role("heading", name="In plain words")
    await words.wait_for()
    assert await page.locator(".sentences li").count() > 10
    await page.get_by_role("table", name="Last sweeps").locator("tbody tr").first.wait_for()
    await page.get_by_role("button", name="Edit a copy").click()
    text = page.get_by_role("textbox", name="Text of the policy")
    right = await text.input_value()
    await text.fill(right.replace("version =", "versoin ="))
    await page.get_by_role("button", name="Check").click()
    wrong = page.get_by_text("This policy cannot be put in force.")
    await expect(wrong).to_be_in_viewport()  # below a text that is longer than the screen
    await page.get_by_text("policy.versoin").first.wait_for()
    await text.fill(f"{right}\n[categories.device_type]\ncollect = false\n")
    await page.get_by_role("button", name="Check").click()
    await page.get_by_text("This policy can be put in force.").wait_for()
    changes = page.get_by_role("table", name="What changes")
    await changes.get_by_text("device_type").first.wait_for()
    await page.get_by_text("Policies are put in force by the operator of this server").wait_for()


async def test_a_dispatcher_sees_no_manager_pages(site: Site) -> None:
    await site.platform.organise("Patrol")
    page = (await console_window(site, "Dora", "Patrol")).page
    rooms = await page.get_by_role("navigation").get_by_role("button").all_inner_texts()
    assert not any("Manage" in room for room in rooms)
    assert any("Recordings" in room for room in rooms)
    await page.keyboard.press("v")  # the key of the managers' room
    await page.keyboard.press("r")
    await page.get_by_role("heading", name="Recordings").first.wait_for(state="attached")
    assert await page.get_by_role("region", name="Manage").count() == 0
    refused = "fetch('/v1/manage/subscribers').then(answer => answer.status)"
    assert await page.evaluate(refused) == 403
