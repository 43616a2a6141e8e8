"""The operator's office: the use cases of provisioning, with the database open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.passwords import PinHasher
from pttserver.services.provision import Provisioning
from pttserver.services.provision_devices import DeviceProvisioning
from pttserver.store.database import Database


@dataclass(frozen=True, slots=True)
class Office:
    """What an operator can do."""

    provisioning: Provisioning
    devices: DeviceProvisioning


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    """For one command; a server that runs beside it notices what changes. Raises StoreUnavailable."""
    own, clock = settings.authentication, Clock()
    database = await Database.open(settings.database_file)
    try:
        provisioning = Provisioning(database, PinHasher(own.pin_hash_memory_kib, own.pin_hash_passes), clock)
        yield Office(provisioning, DeviceProvisioning(database, provisioning, settings, clock))
    finally:
        await database.close()
