"""What changes in a folder that others write to: told at once, whatever folder stands at the path.

Theory of operation. The kernel tells of changes in a folder, not at a path: once another folder has taken its place,
moved there or made anew, it tells of the old one or of nothing at all.
 1. The folder that is watched is held open, so that no other one can come to have its number, and is compared with the
    path every second; if they differ, the watch begins anew. A folder that is gone is waited for.
 2. No file system tells everything (what is written through another link, on another machine), so at an interval all
    counts as changed.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

from watchfiles import awatch

from pttserver.observe.log import get_logger

LOOK_INTERVAL_MS = 250  # watchfiles wakes a thread so often, all day; its own default is 50
SAME_FOLDER_INTERVAL_MS = 1_000
_NOT_WATCHED = (OSError, RuntimeError, ExceptionGroup)  # no folder, no watch left; what watchfiles has no name for
_log = get_logger("policy")


async def changes_in(folder: Path, interval_s: float) -> AsyncGenerator[set[Path] | None, None]:
    """Paths that changed, until closed; None: any may have (at first, in another folder, at each interval)."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        try:
            async with aclosing(_changes_while_there(folder)) as told:
                is_new = True
                async for paths in told:
                    if is_new or loop.time() >= due:
                        is_new, due = False, loop.time() + interval_s
                        yield None
                    elif paths:
                        yield paths
            due = loop.time()
        except _NOT_WATCHED as error:
            if loop.time() >= due:
                _log.error("policy_folder_not_watched", folder=str(folder), error=str(error))
                due = loop.time() + interval_s
                yield None
            await asyncio.sleep(SAME_FOLDER_INTERVAL_MS / 1000)


async def _changes_while_there(folder: Path) -> AsyncGenerator[set[Path], None]:
    """Ends when another folder, or none, is at the path; nothing changed, too, is told every second. Raises OSError."""
    told = awatch(
        folder,
        step=LOOK_INTERVAL_MS,
        rust_timeout=SAME_FOLDER_INTERVAL_MS,
        yield_on_timeout=True,
        recursive=False,
    )
    with _held(folder) as descriptor:
        async with aclosing(told) as changes:
            async for found in changes:
                yield {Path(path) for _, path in found}
                if not await asyncio.to_thread(_is_at, folder, descriptor):
                    return


@contextmanager
def _held(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_at(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(folder))
    except OSError:
        return False
