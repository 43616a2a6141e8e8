"""The map of the console: a person appears, moves, comes into a fence, and vanishes when location is switched off."""

import math
from typing import Any

import pytest

from attacks.bare_radio import BareRadio
from browser.dispatcher import console_window, go_to
from browser.site import Site
from locating import LATITUDE, LOCATED, LONGITUDE, NOT_LOCATED, position, report
from ptthandset.handset import Handset
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.wire import signalling
from running_server import TENANT, until

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


async def test_where_nobody_is_located_fences_are_shown_and_can_be_removed_but_not_added(site: Site) -> None:
    platform = site.platform
    await platform.organise("Patrol", policy=LOCATED)
    place = f'{{"type": "Point", "coordinates": [{LONGITUDE}, {LATITUDE}]}}'
    drawn = f'{{"type": "Feature", "properties": {{"name": "Quarry", "radius_m": 200}}, "geometry": {place}}}'
    await platform.office.fences.add(TENANT, drawn)
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.instructions.apply(tenant.tenant_id, NOT_LOCATED, FIRST_INSTRUCTION)
    policies = platform.server.services.policies
    await until(lambda: (policy := policies.in_force(tenant.tenant_id)) is not None and not policy.locates)
    page = (await console_window(site, "Dora", "Patrol")).page
    await go_to(page, "Map")
    await page.get_by_text("Your organisation has switched this off.").wait_for()

    await page.get_by_role("tab", name="Fences").click()
    await page.get_by_text("Circle, radius 200 m").wait_for()
    await page.get_by_role("button", name="New fence").click()
    await page.get_by_label("Name").fill("Depot")
    await page.get_by_text("Circle", exact=True).click()
    await page.get_by_label("Centre").fill(HERE)
    await page.get_by_role("button", name="Save the fence").click()
    form = page.get_by_role("form", name="New fence")
    await form.get_by_text("Your organisation has switched this off.").wait_for()
    await form.get_by_role("button", name="Cancel").click()

    await page.get_by_role("button", name="Remove Quarry").click()
    await page.get_by_role("button", name="Remove the fence").click()
    await page.get_by_text("There is no fence yet.").wait_for()
    assert await platform.office.fences.of_tenant(TENANT) == []


# Fences that are drawn -----------------------------------------------------------------------------------------------

EQUATOR_M = 2 * math.pi * 6_371_009  # of the sphere that the server measures on
DEGREES_PER_PX = 360 / (256 * 2**16)  # of longitude, at the zoom level that one person is shown at
NARROWER = math.cos(math.radians(LATITUDE))


class Drawn:
    """The map of a dispatcher, with Anna in its middle. Places are pixels to the east and to the north of it."""

    def __init__(self, page: Any, anna: Handset) -> None:
        self.page = page
        self.anna = anna

    @classmethod
    async def of(cls, site: Site) -> "Drawn":
        await site.platform.organise("Patrol", policy=LOCATED)
        anna = await site.platform.log_in(await site.platform.enrol("Anna", "Patrol"))
        await anna.location.report(position(ago_s=30))
        page = (await console_window(site, "Dora", "Patrol")).page
        await go_to(page, "Map")
        await page.get_by_text("1 of 1 person on the map").wait_for()
        return cls(page, anna)

    async def begin(self, name: str) -> None:
        await self.page.get_by_role("tab", name="Fences").click()
        await self.page.get_by_role("button", name="New fence").click()
        await self.page.get_by_label("Name").fill(name)

    async def press(self, *places: tuple[int, int]) -> None:
        box = await self.page.get_by_role("application").bounding_box()
        for east, north in places:
            x, y = box["x"] + box["width"] / 2 + east, box["y"] + box["height"] / 2 - north
            await self.page.mouse.move(x, y, steps=4)
            await self.page.mouse.click(x, y)

    async def save(self) -> None:
        await self.page.get_by_role("button", name="Save the fence").click()

    async def goes(self, east: float, north: float, ago_s: float) -> None:
        """Near by, a degree of latitude is as many pixels as one of longitude is divided by the cosine."""
        latitude = LATITUDE + north * DEGREES_PER_PX * NARROWER
        await self.anna.location.report(position(latitude, LONGITUDE + east * DEGREES_PER_PX, ago_s=ago_s))

    async def is_told(self, event: str) -> None:
        told = self.page.get_by_role("log").filter(has_text=f"Anna: {event}")
        await told.wait_for(state="attached")


async def test_a_circle_drawn_with_the_pointer_tells_who_comes_and_who_leaves(site: Site) -> None:
    drawn = await Drawn.of(site)
    page = drawn.page
    await drawn.begin("Quarry")
    await drawn.press((250, 120), (310, 120))
    radius_m = round(60 / (256 * 2**16) * EQUATOR_M * NARROWER)
    assert int(await page.get_by_label("Radius").input_value()) == pytest.approx(radius_m, abs=2)
    latitude, longitude = map(float, (await page.get_by_label("Centre").input_value()).split(","))
    assert latitude == pytest.approx(LATITUDE + 120 * DEGREES_PER_PX * NARROWER, abs=2 * DEGREES_PER_PX)
    assert longitude == pytest.approx(LONGITUDE + 250 * DEGREES_PER_PX, abs=2 * DEGREES_PER_PX)
    await drawn.save()
    await page.get_by_text(f"Circle, radius {radius_m}").wait_for()
    await page.get_by_role("application").get_by_text("Quarry", exact=True).wait_for()

    await drawn.goes(170, 120, ago_s=20)  # 20 pixels outside
    await drawn.goes(210, 120, ago_s=10)  # 20 pixels inside
    await drawn.is_told("came in, Quarry")
    await drawn.goes(170, 120, ago_s=0)
    await drawn.is_told("left, Quarry")
    await page.get_by_role("tab", name="Events").click()
    rows = await page.get_by_role("list", name="Events").get_by_role("listitem").all_inner_texts()
    assert [("left" in row, "came in" in row) for row in rows] == [(True, False), (False, True)]


async def test_a_polygon_drawn_with_the_pointer_tells_who_comes_and_who_leaves(site: Site) -> None:
    drawn = await Drawn.of(site)
    page = drawn.page
    await drawn.begin("Yard")
    await page.get_by_text("Polygon", exact=True).click()
    await drawn.press((100, 100), (300, 100), (300, -100), (0, 0))
    await page.get_by_role("application").press("Backspace")  # the last was not meant
    await drawn.press((100, -100), (100, 100))  # the first corner ends it
    await page.get_by_text("Press on the map for each corner.").wait_for(state="hidden")
    await drawn.save()
    await page.get_by_text("Polygon, 4 corners").wait_for()

    await drawn.goes(60, 0, ago_s=20)
    await drawn.goes(140, 0, ago_s=10)
    await drawn.is_told("came in, Yard")
    await drawn.goes(60, 0, ago_s=0)
    await drawn.is_told("left, Yard")
