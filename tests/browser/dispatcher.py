"""A dispatcher at the console in Chromium: invited, and logged in by the pages or with a cookie of before."""

import base64
from pathlib import Path
from typing import Any

from playwright.async_api import TimeoutError

from browser.conftest import fake_microphone
from browser.site import Site, Window
from console_visitor import COOKIE, PASSWORD, Visitor, dispatcher
from pttserver.clock import Clock
from pttserver.crypto import totp
from pttserver.roles import Role
from running_server import TENANT

CONSOLE_SIZE = {"width": 1600, "height": 1000}
SHOWN_MS = 15_000


async def console_window(
    site: Site, name: str = "Dora", *groups: str, role: Role = Role.DISPATCHER, microphone: Path | None = None,
    before: Path | None = None, **context: Any,
) -> Window:  # fmt: skip
    """The desk of a new dispatcher who is a member of the groups; the organisation is there already.

    `before`: a script that is put into each page before its own.
    """
    visitor = Visitor(site.platform)
    await visitor.activate(await dispatcher(site.platform, name, role))
    for group in groups:
        await site.platform.provisioning.set_member(TENANT, group, name)
    browser = await site.browser(*fake_microphone(microphone))
    browsing = await browser.new_context(viewport=CONSOLE_SIZE, locale="en-GB", **context)
    if before is not None:
        await browsing.add_init_script(path=before)
    assert visitor.cookie is not None
    kept = {"name": COOKIE, "value": visitor.cookie, "url": site.address, "httpOnly": True, "secure": True}
    await browsing.add_cookies([{**kept, "sameSite": "Strict"}])
    window = await site.another_window(browsing, "/")
    await desk_is_open(window.page)
    return window


async def desk_is_open(page: Any) -> None:
    """Raises AssertionError with what the page says instead."""
    try:
        await page.get_by_role("heading", name="Groups").wait_for(timeout=SHOWN_MS)
        await page.get_by_text("Connected", exact=True).wait_for(timeout=SHOWN_MS)
    except TimeoutError as error:
        raise AssertionError(await page.locator("body").inner_text()) from error


def card(page: Any, group: str) -> Any:
    """The card of a group, by its name."""
    return page.get_by_role("article", name=group)


async def go_to(page: Any, room: str) -> None:
    """By the rail at the side."""
    way = page.get_by_role("navigation").get_by_role("button", name=room)
    await way.click()
    await page.get_by_role("status", name="Loading").wait_for(state="hidden")


async def activate_by_code(page: Any, password: str = PASSWORD) -> bytes:
    """From the page of an invitation's link to the desk, by authenticator app; gives the secret of the app."""
    await choose_password(page, password)
    await page.get_by_text("Code of an authenticator app").click()
    secret = totp_secret(await page.locator(".code code").inner_text())
    await page.get_by_label("Code", exact=True).fill(totp.code_at(secret, Clock().utc_ms() // 30_000))
    await desk_is_open(page)
    return secret


async def choose_password(page: Any, password: str = PASSWORD) -> None:
    """The first step of an activation."""
    await page.get_by_label("New password").fill(password)
    await page.get_by_label("Password again").fill(password)
    await page.get_by_role("button", name="Continue").click()


async def first_step(page: Any, name: str, password: str = PASSWORD, tenant: str = TENANT) -> None:
    """Organisation, name and password of the log-in."""
    await page.get_by_label("Organisation").fill(tenant)
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Continue").click()


async def log_out(page: Any) -> None:
    """By the menu of the account."""
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("menuitem", name="Log out").click()


def totp_secret(shown: str) -> bytes:
    """As the page shows it, in groups of four."""
    return base64.b32decode(shown.replace(" ", ""))
