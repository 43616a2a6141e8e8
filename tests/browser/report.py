"""What the console costs a dispatcher's machine, in Markdown: `python tests/browser/report.py`, on an idle machine.

- what a log-in loads, as it is sent (gzip), before the map; and what the map loads then
- from the key to the first sample of the microphone, and to the first sound at the loudspeaker
- CPU of all of Chromium's processes while twenty groups are heard at once
- frames a second with a thousand markers that move
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.async_api import async_playwright

from browser.conftest import Launch, built, fake_microphone, launching, served
from browser.dispatcher import console_window, go_to
from browser.site import Site
from browser.test_voice import MIDDLE, Page, speech_file
from running_server import running_platform

LOADED = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)"
FRAMES = """() => new Promise(done => {
  let frames = 0; const end = performance.now() + 5000;
  const next = () => { frames += 1; performance.now() < end ? requestAnimationFrame(next) : done(frames / 5); };
  requestAnimationFrame(next);
})"""


async def loaded(launch: Launch, folder: Path) -> list[tuple[str, str]]:
    async with running_platform(folder) as platform:
        await platform.organise("Patrol")
        page = (await console_window(Site(platform, launch), "Dora", "Patrol")).page
        desk = await page.evaluate(LOADED)
        await go_to(page, "Map")
        await page.wait_for_timeout(2000)
        all_of_it = await page.evaluate(LOADED)
    return [("loaded before the map", kilobytes(desk)), ("loaded with the map", kilobytes(all_of_it - desk))]


def kilobytes(octets: int) -> str:
    return f"{octets / 1000:.0f} KB"


async def spoken(launch: Launch, folder: Path) -> list[tuple[str, str]]:
    with served(built("tests/voice/vite.config.ts", folder / "voice")) as address:
        browser = await launch(*fake_microphone(speech_file(folder / "speech.wav")))
        page = Page(await browser.new_page())
        await page.page.goto(f"{address}/loop.html")
        await page.open()
        await page.say(1)
        one = await page.say(2, in_mid_word=True)
        before = cpu_s()
        twenty = await page.say(10, **{f"group {n}": {**MIDDLE, "volume": 0.05} for n in range(20)})
        used_s = cpu_s() - before
        await browser.close()
    underruns = twenty.statistics["underruns"] - one.statistics["underruns"]
    return [
        ("key to the first sample of the microphone", f"{one.statistics['pressToSampleMs']:.0f} ms"),
        ("microphone to loudspeaker, in the page", f"{one.lag_ms(one.press)[0]:.0f} ms"),
        ("CPU while twenty groups are heard", f"{100 * used_s / 10:.0f} % of a core, {underruns} underruns"),
    ]


def cpu_s() -> float:
    """Of all processes of Chromium so far (proc(5): fields 14 and 15 of stat)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            name, _, fields = stat.read_text().partition("(")[2].rpartition(")")
            ticks += sum(map(int, fields.split()[11:13])) if name.startswith("chrom") else 0
    return ticks / os.sysconf("SC_CLK_TCK")


async def drawn(launch: Launch, folder: Path) -> list[tuple[str, str]]:
    with served(built("gallery.vite.config.ts", folder / "gallery")) as address:
        browser = await launch()
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(f"{address}/gallery.html#map-thousand")
        await page.wait_for_timeout(3000)
        frames = await page.evaluate(FRAMES)
        await browser.close()
    return [("frames a second with 1,000 moving markers", f"{frames:.0f}")]


async def main() -> None:
    print("| figure | measured |\n|---|--:|")
    executable = shutil.which("chromium")
    if executable is None:
        raise SystemExit("chromium is not installed; run: make setup-system")
    async with async_playwright() as playwright:
        launch = launching(playwright, executable)
        with tempfile.TemporaryDirectory() as folder:
            for part in (loaded, spoken, drawn):
                for name, figure in await part(launch, Path(folder)):
                    print(f"| {name} | {figure} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
