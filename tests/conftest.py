"""Fixtures of the whole suite: uvloop everywhere, a running platform, and what needs a program of the system."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from hypothesis import settings

from new_databases import NewDatabases
from pttserver.store.migrate import migrate
from running_server import Platform, running_platform

settings.register_profile("untimed", deadline=None)  # a busy machine makes no example wrong
settings.load_profile("untimed")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Everything runs on the loop that the server runs on."""
    return {"uvloop": uvloop.new_event_loop}


_MIGRATE = "pttserver.store.database.migrate"


@pytest.fixture(scope="session", autouse=True)
def _new_databases() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_MIGRATE, NewDatabases(migrate))
        yield


@pytest.fixture
def every_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    """New databases are made by the migrations."""
    monkeypatch.setattr(_MIGRATE, migrate)


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """A real server on loopback with free ports."""
    async with running_platform(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def system_program() -> Callable[[str], str]:
    """Path of a program that `make setup-system` installs. Without it a test is skipped here and fails in CI."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            reason = f"{name} is not installed; run: make setup-system"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find
