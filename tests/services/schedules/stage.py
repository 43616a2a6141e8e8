"""The stage of schedules: one event loop and one ground, with as little beside what is tried as can be.

A transaction runs where it is asked for, not in a thread of its own; a policy is read once, and so is what an export
tells of it; the database lies in memory if the machine has a file system there; nobody waits between two batches of a
sweep. None of it has a part in what is kept.
"""

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvloop

from pttserver.privacy.policy import Policy, parse_policy
from pttserver.services import authentication, policy_book, retention, subject_export
from pttserver.store.sqlite import SqliteConnection
from services.schedules.driver import Action, play
from services.schedules.ground import Ground

MEMORY = Path("/dev/shm")


class Stage:
    """Plays schedules, one after the other."""

    def __init__(self, runner: asyncio.Runner, ground: Ground) -> None:
        self._runner = runner
        self._ground = ground
        self.seen = Counter[str]()
        """What happened in the schedules, to tell that they try something."""

    def play(self, actions: list[Action]) -> None:
        """Raises AssertionError where model and server differ."""
        self._runner.run(play(self._ground, actions, self.seen))


@contextmanager
def set_stage() -> Iterator[Stage]:
    with (
        pytest.MonkeyPatch.context() as patch,
        _quiet(),
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        patch.setattr(SqliteConnection, "run", _run_in_place)
        patch.setattr(retention, "BREATH_S", 0)
        for room in (authentication, policy_book):
            patch.setattr(room, "parse_policy", cache(parse_policy))
        for told in ("_processing", "_pseudonymised", "rights"):
            patch.setattr(subject_export, told, _once_by_policy(getattr(subject_export, told)))
        ground = runner.run(Ground.open(Path(folder)))
        try:
            yield Stage(runner, ground)
        finally:
            runner.run(ground.close())


async def _run_in_place(self: SqliteConnection, work: Callable[..., Any], taken: str | None) -> Any:
    return self._transaction(work, taken)


def _once_by_policy(tell: Callable[..., Any]) -> Callable[..., Any]:
    """Of each policy what an export says of it: the same for everybody."""
    told: dict[tuple[str, ...], Any] = {}

    def again(policy: Policy, *about: str) -> Any:
        asked = (policy.digest, *about)
        if asked not in told:
            found = tell(policy, *about)
            told[asked] = list(found) if isinstance(found, Iterator) else found
        return told[asked]

    return again


@contextmanager
def _quiet() -> Iterator[None]:
    """Thousands of sweeps and policies are no news."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
