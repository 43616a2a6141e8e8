"""The map of the console: a person appears, moves, comes into a fence, and vanishes when location is switched off."""

import pytest

from attacks.bare_radio import BareRadio
from browser.dispatcher import console_window, go_to
from browser.site import Site
from locating import LATITUDE, LOCATED, LONGITUDE, position, report
from pttserver.wire import signalling
from running_server import until

pytestmark = pytest.mark.system
HERE = f"{LATITUDE:.5f}, {LONGITUDE:.5f}"
THERE = f"{LATITUDE + 0.01:.5f}, {LONGITUDE:.5f}"
BOW_TIE = "47.10, 11.70\n47.20, 11.80\n47.20, 11.70\n47.10, 11.80"


async def test_a_person_on_the_map_from_the_first_position_to_the_last(site: Site) -> None:
    await site.platform.organise("Patrol", policy=LOCATED)
    anna = await BareRadio.log_in(await site.platform.enrol("Anna", "Patrol"))
    await report(anna, position(ago_s=20))
    window = await console_window(site, "Dora", "Patrol")
    page = window.page
    await go_to(page, "Map")
    in_list = page.get_by_role("list", name="People").get_by_role("button", name="Anna")

    await in_list.filter(has_text="Located").click()  # where she was before the map was opened
    await page.get_by_text(HERE).wait_for()
    await report(anna, position(LATITUDE + 0.01, ago_s=10))
    await page.get_by_text(THERE).wait_for()

    await page.get_by_role("tab", name="Fences").click()
    await page.get_by_role("button", name="New fence").click()
    await page.get_by_label("Name").fill("Quarry")
    await page.get_by_text("Polygon", exact=True).click()
    await page.get_by_label("Points").fill(BOW_TIE)
    await page.get_by_role("button", name="Save the fence").click()
    await page.get_by_text("The server says:").wait_for()  # it crosses itself
    await page.get_by_text("Circle", exact=True).click()
    await page.get_by_label("Centre").fill(HERE)
    await page.get_by_label("Radius").fill("200")
    await page.get_by_role("button", name="Save the fence").click()
    await page.get_by_text("Circle, radius 200 m").wait_for()

    await report(anna, position())
    await page.get_by_role("log").filter(has_text="Anna: came in, Quarry").wait_for(state="attached")

    await page.get_by_role("tab", name="People").click()
    await anna.ask(signalling.LocationSwitch(id=1, on=False), signalling.Done)
    await in_list.filter(has_text="Location off: cannot be located").wait_for()
    await page.get_by_text("There is no way to locate this person.").wait_for()
    assert await page.get_by_text(HERE).count() == 0
    assert await page.get_by_role("button", name="Request position").count() == 0
    await until(lambda: any("/assets/world" in url for url in window.requests))
    assert window.foreign == []
    assert window.complaints == []
