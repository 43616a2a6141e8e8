"""A running server whose pages, built from the source, real Chromium opens at https://localhost:PORT."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from running_server import Platform

SELF_SIGNED = "--ignore-certificate-errors"  # the server made its certificate itself
PHONE_SIZE = {"width": 390, "height": 844}
DESK_SIZE = {"width": 1440, "height": 900}


async def becomes(page: Any, expression: str, timeout_s: float = 15) -> None:
    """Waits until it is true. Playwright's own waiting evaluates in the page, which the policy of ours forbids."""
    async with asyncio.timeout(timeout_s):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.02)


class Window:
    """One page of one browser. `requests`: all addresses that it asked for; `complaints`: what its console says."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("console", lambda message: message.type in ("error", "warning") and self._complain(message.text))
        page.on("pageerror", lambda error: self._complain(str(error)))

    def _complain(self, text: str) -> None:
        if "Permissions-Policy header: Unrecognized feature" not in text:  # older Chromium
            self.complaints.append(text)

    @property
    def foreign(self) -> list[str]:
        """Requests to another host than that of the page."""
        own = urlsplit(self.page.url).netloc
        return [url for url in self.requests if not url.startswith("blob:") and urlsplit(url).netloc != own]

    async def download(self, act: Awaitable[object]) -> tuple[str, bytes]:
        """Name and content of the file that the page gives when this is done."""
        async with self.page.expect_download() as waiting:
            await act
        file = await waiting.value
        path: Path = await file.path()
        return file.suggested_filename, await asyncio.to_thread(path.read_bytes)


class Site:
    """The platform as browsers see it; handsets use it as ever."""

    def __init__(self, platform: Platform, launch: Callable[..., Awaitable[Any]]) -> None:
        self.platform = platform
        self._launch = launch

    @property
    def address(self) -> str:
        return f"https://localhost:{self.platform.server.signalling_port}"

    async def browser(self, *flags: str) -> Any:
        """A Chromium with an empty profile that takes the server's certificate."""
        return await self._launch(SELF_SIGNED, *flags)

    async def window(self, path: str, *flags: str, size: dict[str, int] = DESK_SIZE, **context: Any) -> Window:
        """A window of a browser of its own; `context` goes to playwright's `new_context` (permissions, locale, ...)."""
        browser = await self.browser(*flags)
        return await self.another_window(await browser.new_context(viewport=size, locale="en-GB", **context), path)

    async def another_window(self, context: Any, path: str) -> Window:
        """One more of the same profile (playwright's BrowserContext): `window.page.context`."""
        window = Window(await context.new_page())
        await window.page.goto(f"{self.address}{path}")
        return window
