"""Watches whether this server has the master keys that its database needs.

Another process may wrap the keys of all tenants with a new one at any time. A server that was given its keys when it
started, by the environment, cannot learn that one: then nobody can log in, and somebody must be told.
"""

import asyncio

from pttserver.errors import PttError, StoreUnavailable
from pttserver.observe.troubles import Troubles, Work
from pttserver.store.database import Database

INTERVAL_S = 5.0


async def watch_keys(database: Database, troubles: Troubles) -> None:
    """Until cancelled. A key that is not known is looked for in its source again, at each look."""
    while True:
        try:
            await database.read(database.vault.check)
        except StoreUnavailable:  # it says nothing of keys, and whoever else reads says it
            pass
        except PttError as error:
            troubles.failed(Work.MASTER_KEYS, error)
        else:
            troubles.went_well(Work.MASTER_KEYS)
        await asyncio.sleep(INTERVAL_S)
