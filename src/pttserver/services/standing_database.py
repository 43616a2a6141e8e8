"""What was instructed since a backup, out of the database that the restored one replaces: it is no older than that.

A disaster leaves no such database. Then nothing tells which holds were laid since the backup, and nothing may be erased
by its period until the operator says that everything was given again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pttserver.config import Settings
from pttserver.errors import MasterKeyMissing, StoreUnavailable
from pttserver.ids import TenantId
from pttserver.services.keyring import open_vault
from pttserver.store.carrying_over import Carried, carry_over
from pttserver.store.database import Database
from pttserver.store.snapshot import copy_in_place
from pttserver.store.sweeps import Outcome, Sweeps
from pttserver.store.tenants import Tenants

COPY: Final = "standing.sqlite3"
_OTHER_LINE: Final = "the database in place does not go on from the backup, or does not know all of its tenants"
_UNCONFIRMED: Final = "an earlier restore lost instructions, and nobody confirmed yet that they were given again"


@dataclass(frozen=True, slots=True)
class Since:
    """What was instructed since the backup. `unknown`: why there may be more; None: this is all. `of`: by tenant."""

    unknown: str | None
    of: Mapping[TenantId, Carried] = field(default_factory=dict)

    @property
    def carried(self) -> Carried:
        """Of all tenants."""
        return sum(self.of.values(), Carried())


async def carry_all_over(settings: Settings, folder: Path, claimed: Any, restored: Database) -> Since:
    """Works in `folder`. `claimed`: see `claim` (store/snapshot.py). Raises StoreUnavailable."""
    async with _opened(settings, folder / COPY, claimed) as standing:
        if isinstance(standing, str):
            return Since(unknown=standing)
        tenants = await Tenants(restored).all()
        carried = {each.tenant_id: await carry_over(standing, restored, each.tenant_id) for each in tenants}
        if await Sweeps(standing).halted_by() is Outcome.RESTORED:
            return Since(_UNCONFIRMED, carried)
    return Since(None if all(one.certain for one in carried.values()) else _OTHER_LINE, carried)


@asynccontextmanager
async def _opened(settings: Settings, copy: Path, claimed: Any) -> AsyncIterator[Database | str]:
    """A copy, in the shape of this version; or why there is none."""
    if not settings.database_file.exists():
        yield "there was no database in place"
        return
    try:
        copy_in_place(settings.database_file, copy, claimed)
        database = await Database.open(copy, open_vault(settings))
    except (StoreUnavailable, MasterKeyMissing) as error:
        yield f"the database in place cannot be used: {error.message}"
        return
    try:
        yield database
    finally:
        await database.close()
