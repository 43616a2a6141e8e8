"""What a run stands on: a folder that is taken away afterwards, and a terminal that shows how far it is."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

REFRESH_S = 0.25


class Stage:
    """`note` prints a line that stays, `show` replaces the line at the bottom."""

    def __init__(self, console: Console, folder: Path) -> None:
        self.console = console
        self.folder = folder
        self._live: Live | None = None
        self._shown_at = 0.0

    def note(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)

    def show(self, text: str) -> None:
        """Drawn by the caller's thread: no other thread may live when processes are forked."""
        if self._live is not None and time.monotonic() - self._shown_at >= REFRESH_S:
            self._shown_at = time.monotonic()
            self._live.update(Text(text), refresh=True)

    @contextmanager
    def live(self) -> Iterator[None]:
        with Live(Text(""), console=self.console, auto_refresh=False, transient=True) as self._live:
            yield
        self._live = None


@contextmanager
def opened_stage(console: Console) -> Iterator[Stage]:
    """The folder dies with the block."""
    folder = Path(tempfile.mkdtemp(prefix="pttserver-bench-"))
    stage = Stage(console, folder)
    try:
        with stage.live():
            yield stage
    finally:
        shutil.rmtree(folder, ignore_errors=True)
