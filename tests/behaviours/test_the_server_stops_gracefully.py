"""A stop tells clients, closes calls, writes them; the session can be resumed after a restart."""

import asyncio
from pathlib import Path

from sqlalchemy import select

from e2e.voices import say, sentence
from ptthandset.handset import Disconnected
from pttserver.services.keyring import open_database
from pttserver.store.schema import bursts, calls
from running_server import loopback_settings, running_platform, until


async def test_talking_while_the_server_stops_leaves_whole_records(tmp_path: Path) -> None:
    events = []
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol")
        anna, bert = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
        bert.listeners.append(events.append)
        group, other = [await handset.affiliate("Patrol") for handset in (anna, bert)]
        talking = asyncio.create_task(say(group, sentence()))
        await until(lambda: other.talker is not None)
        await asyncio.sleep(0.3)
        platform.server.services.attendance.end_all()
        await until(lambda: Disconnected() in events)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)

    database = await open_database(loopback_settings(tmp_path))
    try:
        written = await database.read(lambda sql: (list(sql.execute(select(calls))), list(sql.execute(select(bursts)))))
    finally:
        await database.close()
    assert [len(table) for table in written] == [1, 1]
