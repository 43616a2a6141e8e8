"""A real server on loopback for tests: real sockets, real database, cheap PIN hashes, provisioned in a line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from ptthandset.credentials import Credentials
from ptthandset.handset import Handset, Options, enroll
from pttserver.app import Application
from pttserver.clock import Clock
from pttserver.config import AuthenticationSettings, MediaSettings, MetricsSettings, Settings, SignallingSettings
from pttserver.running import Server
from pttserver.services.keyring import open_database
from pttserver.services.office import Office, furnish
from pttserver.store.database import Database
from pttserver.store.vault import SubjectVault

PIN = "4711"
TENANT = "ACME"
PLAIN_POLICY = """
[policy]
title = "Everything that a test looks for"
version = "1"
controller = "ACME Ltd"
"""
FAST_PINS = AuthenticationSettings(pin_hash_memory_kib=8, pin_hash_passes=1)


def loopback_settings(data_dir: Path, **sections: Any) -> Settings:
    """Settings of a server on loopback with free ports; `sections` replace whole sections."""
    given = {
        "signalling": SignallingSettings(address="127.0.0.1", port=0, public_host="127.0.0.1"),
        "media": MediaSettings(address="127.0.0.1", port=0),
        "metrics": MetricsSettings(port=0),
        "authentication": FAST_PINS,
    }
    return Settings(data_dir=data_dir / "data", **{**given, **sections})


def reachable_at(settings: Settings, port: int) -> Settings:
    """The settings with the port that the server took; it goes into enrolment codes."""
    return settings.model_copy(update={"signalling": settings.signalling.model_copy(update={"port": port})})


class Platform:
    """A running server and what an administrator does to it."""

    def __init__(self, server: Server, settings: Settings, database: Database, office: Office) -> None:
        self.server = server
        self.database = database
        self.settings = settings
        self.office = office
        self.provisioning = office.provisioning
        self.devices = office.devices
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        return f"wss://127.0.0.1:{self.server.signalling_port}/v1/ptt"

    async def organise(self, *groups: str, tenant: str = TENANT, policy: str = PLAIN_POLICY) -> None:
        """A tenant with groups."""
        await self.provisioning.add_tenant(tenant, policy)
        for group in groups:
            await self.provisioning.add_group(tenant, group)

    async def enrol(
        self, name: str, *groups: str, tenant: str = TENANT, priority: int = 100, listen_only: bool = False
    ) -> Credentials:
        """A subscriber called `name` (identifier the same), a member of the groups, with an enrolled device."""
        await self.provisioning.add_subscriber(tenant, name, display_name=name, pin=PIN)
        for group in groups:
            await self.provisioning.set_member(tenant, group, name, priority=priority, listen_only=listen_only)
        return await self.another_device(name, tenant=tenant)

    async def another_device(self, name: str, *, tenant: str = TENANT, device_type: str = "test radio") -> Credentials:
        """One more enrolled device of the subscriber."""
        ticket = await self.devices.add(tenant, name)
        return await enroll(ticket.text, device_type)

    async def log_in(self, credentials: Credentials, **options: Any) -> Handset:
        """A handset that is closed with the platform."""
        handset = await Handset.connect(credentials, pin=PIN, options=Options(**options))
        self._stack.push_async_callback(handset.close)
        return handset

    async def keys(self, subscriber: str) -> SubjectVault:
        """What opens the records of a subscriber, by its number."""
        keys = await self.database.read(lambda sql: self.database.vault.subject(sql, subscriber))
        assert keys is not None
        return keys

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def running_platform(data_dir: Path, *, clock: Clock | None = None, **sections: Any) -> AsyncIterator[Platform]:
    """`sections` as in `loopback_settings`; `clock`: the server's."""
    settings = loopback_settings(data_dir, **sections)
    async with Application(settings, clock) as server:
        database = await open_database(settings)
        reachable = reachable_at(settings, server.signalling_port)
        platform = Platform(server, reachable, database, await furnish(database, reachable))
        try:
            yield platform
        finally:
            await platform.close()
            await database.close()


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Waits until the condition holds; fails after `timeout_s`."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
