"""Finishes at once, while the server runs, what somebody wrote into the ledger of erasures and did not carry out.

Whoever is erased by a command is gone with the command's transaction. If the command is killed before that, or finds
the disk full, this looks every second; it costs a look at the ledger's size as long as nothing was written to it.
"""

import asyncio

from pttserver.observe.log import get_logger
from pttserver.services.policy_watch import PolicyWatch
from pttserver.services.retention import Retention

LOOK_INTERVAL_S = 1.0
RETRY_S = 5.0  # as long as the disk is full, or the ledger broken
_log = get_logger("erasure")


async def finish_at_once(retention: Retention, policies: PolicyWatch) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(LOOK_INTERVAL_S)
        try:
            finished = await retention.finish_erasures()
            if finished.erasures:
                await policies.forget_the_gone()
                await retention.prove()
                await retention.prove_removals()
        except Exception:  # a bug, or a database that cannot be read: the next look tries again
            _log.exception("erasures_not_finished")
            await asyncio.sleep(RETRY_S)
        else:
            await asyncio.sleep(RETRY_S if finished.problem else 0)
