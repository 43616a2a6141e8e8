"""What a dispatcher does from the desk and the map with calls, groups and messages, as handsets hear of it."""

from pathlib import Path

import pytest

from browser.dispatcher import card, console_window, go_to
from browser.phone import microphone_file
from browser.site import Site
from e2e.messaging import writer
from locating import LOCATED, position
from running_server import until

pytestmark = pytest.mark.system


async def test_a_broadcast_to_a_group_is_heard_by_all_until_it_ends(site: Site, tmp_path: Path) -> None:
    await site.platform.organise("Patrol")
    anna = await site.platform.log_in(await site.platform.enrol("Anna", "Patrol"))
    page = (await console_window(site, "Dora", "Patrol", microphone=microphone_file(tmp_path, 0))).page
    await card(page, "Patrol").get_by_role("button", name="More about Patrol").click()
    await page.get_by_role("menuitem", name="Broadcast to this group").click()
    bar = page.get_by_role("region", name="Call with Patrol")
    await bar.get_by_text("Broadcast: only you talk").wait_for()
    await until(lambda: anna.calls.live)
    (call,) = anna.calls.live.values()
    await call.connected()
    assert call.talk_group is None
    await bar.get_by_role("button", name="Talk").hover()
    await page.mouse.down()
    await until(lambda: call.listen_group is not None and call.listen_group.has_voice)
    assert call.listen_group is not None
    assert call.listen_group.talker is not None
    assert call.listen_group.talker.name == "Dora Dahl"
    await page.mouse.up()
    await bar.get_by_role("button", name="Hang up").click()
    await call.over.wait()
    await bar.wait_for(state="hidden")


async def test_imminent_peril_is_declared_for_a_group_and_ended(site: Site) -> None:
    await site.platform.organise("Patrol")
    anna = await site.platform.log_in(await site.platform.enrol("Anna", "Patrol"))
    page = (await console_window(site, "Dora", "Patrol")).page
    patrol = await anna.affiliate("Patrol")
    more = card(page, "Patrol").get_by_role("button", name="More about Patrol")
    shown = card(page, "Patrol").get_by_text("Imminent peril").first
    await more.click()
    await page.get_by_role("menuitem", name="Declare imminent peril").click()
    await shown.wait_for()
    await until(lambda: patrol.imminent_peril)
    await more.click()
    await page.get_by_role("menuitem", name="End imminent peril").click()
    await shown.wait_for(state="hidden")
    await until(lambda: not patrol.imminent_peril)


async def test_who_is_in_an_area_is_called_into_a_group(site: Site) -> None:
    await site.platform.organise("Patrol", policy=LOCATED)
    anna = await site.platform.log_in(await site.platform.enrol("Anna", "Patrol"))
    bert = await site.platform.log_in(await site.platform.enrol("Bert", "Patrol"))
    await anna.location.report(position())
    await bert.location.report(position(48.2))
    page = (await console_window(site, "Dora", "Patrol")).page
    await go_to(page, "Map")
    await page.get_by_role("list", name="People").get_by_role("button", name="Anna").click()
    await page.get_by_role("button", name="Call an area").click()
    await page.get_by_label("Name of the group").fill("Container 17")
    await page.get_by_label("Reason").fill("a fire")
    box = await page.get_by_role("application").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for east in (0, 150):
        await page.mouse.move(x + east, y, steps=4)
        await page.mouse.click(x + east, y)
    await page.get_by_role("button", name="Make the group").click()
    await page.get_by_text("The group “Container 17” is made.").wait_for()
    await until(lambda: any(group.name == "Container 17" for group in anna.groups))
    assert [group.name for group in bert.groups] == ["Patrol"]
    await go_to(page, "Desk")
    await card(page, "Container 17").get_by_text("Temporary").wait_for()


async def test_a_message_waits_is_delivered_and_is_read(site: Site, tmp_path: Path) -> None:
    await site.platform.organise("Patrol")
    credentials = await site.platform.enrol("Anna", "Patrol")
    memory = tmp_path / "anna"  # what she is sent is sealed for the key in it
    anna = await writer(site.platform, credentials, message_file=memory)
    page = (await console_window(site, "Dora", "Patrol")).page
    await page.get_by_role("button", name="Actions for Anna").click()
    await page.get_by_role("menuitem", name="Message", exact=True).click()
    thread = page.get_by_role("log", name="Messages with Anna")
    await page.get_by_role("textbox", name="Message to Anna").fill("The gate is open.")
    await anna.handset.close()
    await page.get_by_role("button", name="Send").click()
    await thread.get_by_text("Waiting for the recipient").wait_for()
    again = await writer(site.platform, credentials, message_file=memory)
    await again.has("The gate is open.")
    await thread.get_by_text("Delivered", exact=True).wait_for()
    await again.messages.confirm([again.received[0].id], "read")
    await thread.get_by_text("Read", exact=True).wait_for()
