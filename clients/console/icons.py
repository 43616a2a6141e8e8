"""Draws the icons of the installable phone page from `public/icon.svg`: run it after the drawing was changed.

    python icons.py

Needs playwright and /usr/bin/chromium.
"""

from pathlib import Path

from playwright.sync_api import sync_playwright

PUBLIC = Path(__file__).parent / "public"
SIZES = (192, 512)


def draw() -> None:
    """As PNG files beside the SVG, one for each size in pixels."""
    svg = (PUBLIC / "icon.svg").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for size in SIZES:
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(f"<body style='margin: 0'>{svg}</body>")
            page.screenshot(path=PUBLIC / f"icon-{size}.png")


if __name__ == "__main__":
    draw()
