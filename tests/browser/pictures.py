"""The pictures of the README, anew: `python tests/browser/pictures.py`, from a real server, handsets and Chromium."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.async_api import async_playwright

from browser.conftest import Launch, launching
from browser.dispatcher import card, console_window
from browser.phone import Phone, microphone_file
from browser.site import Site
from e2e.voices import say, sentence
from ptthandset.handset import Handset
from running_server import TENANT, Platform, running_platform

DOCS = Path(__file__).parents[2] / "clients" / "console" / "docs"
WATCHES = ("Gate North", "Night shift", "Pier 4 watch")
OTHERS = ("Customs liaison", "Fire brigade", "Maintenance", "Patrol boats")
TALKING_S = 5  # a picture shows for how long


async def on_duty(platform: Platform, name: str, *groups: str) -> Handset:
    return await platform.log_in(await platform.enrol(name, *groups))


async def desk(launch: Launch, folder: Path) -> None:
    """Two talk, one of them after a word before, and one of these calls the dispatcher."""
    async with running_platform(folder) as platform:
        await platform.organise(*WATCHES, *OTHERS)
        amara = await on_duty(platform, "Amara Okafor", "Pier 4 watch", "Gate North")
        ben = await on_duty(platform, "Ben Schulte", "Gate North", "Pier 4 watch")
        await platform.enrol("Çağla Demir", "Pier 4 watch")
        page = (await console_window(Site(platform, launch), "Dora", *WATCHES, color_scheme="dark")).page
        for group in WATCHES:
            await card(page, group).get_by_role("button", name="Talk").wait_for()
        await card(page, "Pier 4 watch").click(position={"x": 20, "y": 20})
        pier, gate = await amara.affiliate("Pier 4 watch"), await ben.affiliate("Gate North")
        await ben.affiliate("Pier 4 watch")
        await say(pier, sentence(0, 4))
        talking = [asyncio.create_task(say(*each)) for each in ((pier, sentence(1) * 3), (gate, sentence(2) * 3))]
        await amara.calls.private((await platform.provisioning.subscriber(TENANT, "Dora")).subscriber_id)
        await page.get_by_role("button", name="Answer").wait_for()
        await asyncio.sleep(TALKING_S)
        await page.screenshot(path=DOCS / "desk.png")
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def phone(launch: Launch, folder: Path) -> None:
    """Somebody talks."""
    async with running_platform(folder) as platform:
        await platform.organise("Pier 4 watch")
        ben = await on_duty(platform, "Ben Schulte", "Pier 4 watch")
        await ben.affiliate("Pier 4 watch")
        sound = microphone_file(folder, 0)
        page = await Phone.bought(Site(platform, launch), microphone=sound, color_scheme="dark")
        await page.enter("Amara Okafor", "Pier 4 watch")
        await page.shows("2 here")
        await page.press(page.talk_button)
        await page.shows("You are talking")
        await asyncio.sleep(1)
        await page.page.screenshot(path=DOCS / "phone.png")
        await page.let_go()


async def main() -> None:
    executable = shutil.which("chromium")
    if executable is None:
        raise SystemExit("chromium is not installed; run: make setup-system")
    async with async_playwright() as playwright:
        launch = launching(playwright, executable)
        for part in (desk, phone):
            with tempfile.TemporaryDirectory() as folder:
                await part(launch, Path(folder))
            print(DOCS / f"{part.__name__}.png")


if __name__ == "__main__":
    asyncio.run(main())
