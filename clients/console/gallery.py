"""Looks at the gallery: pictures of each story in light and dark, and axe-core's faults, under the console's real CSP.

    npx vite build --config gallery.vite.config.ts
    python gallery.py PICTURES [NAME...]

Needs playwright and /usr/bin/chromium. Ends with 1, and says why, if a story has a serious fault, breaks the
Content-Security-Policy, or overflows the page sideways.
"""

import functools
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
AXE = HERE / "node_modules/axe-core/axe.min.js"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
DESK_SIZES = ((1600, 1000), (1280, 800))
PHONE_SIZES = ((390, 844),)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


class Served(SimpleHTTPRequestHandler):
    """Files of the gallery, with the policy that the server sends for the console."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", CSP)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing: what fails is seen by the page."""


def sizes(name: str) -> tuple[tuple[int, int], ...]:
    """Viewports that a story is made for."""
    if name.startswith("phone"):
        return PHONE_SIZES
    on_both = name.startswith(("login", "factor", "activate", "choose", "standing", "alert-", "parts"))
    return DESK_SIZES + PHONE_SIZES if on_both else DESK_SIZES


def faults(page: Page) -> list[str]:
    """Serious and critical faults that axe-core finds, and a page that is wider than its window."""
    result: dict[str, Any] = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    found = [
        f"{fault['impact']} {fault['id']}: {node['target']} {node.get('failureSummary', '')[:200]!r}"
        for fault in result["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:3]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, f"overflows by {wide} px"] if wide > 0 else found


def look(browser: Browser, base: str, names: list[str], pictures: Path, size: tuple[int, int], theme: str) -> list[str]:
    """Pictures of the stories that are made for this size, in this theme; what is wrong with them."""
    width, height = size
    wrong: list[str] = []
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page.add_init_script(path=AXE)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(f"{base}/gallery.html")
    for name in (name for name in names if size in sizes(name)):
        told.clear()
        page.evaluate("name => { location.hash = name }", name)
        page.wait_for_timeout(250)
        page.screenshot(path=pictures / f"{name}-{width}-{theme}.png")
        wrong += [f"{name} {width} {theme}: {fault}" for fault in (*faults(page), *told)]
    page.close()
    return wrong


def main() -> str | None:
    """What is wrong, a line each; nothing if nothing is."""
    pictures = Path(sys.argv[1])
    pictures.mkdir(parents=True, exist_ok=True)
    served = functools.partial(Served, directory=str(HERE / "dist-gallery"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        page = browser.new_page()
        page.goto(f"{base}/gallery.html")
        every: list[str] = page.locator("main a").all_inner_texts()
        for size in (*DESK_SIZES, *PHONE_SIZES):
            for theme in ("dark", "light"):
                wrong += look(browser, base, sys.argv[2:] or every, pictures, size, theme)
        browser.close()
    server.shutdown()
    return "\n".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main())
