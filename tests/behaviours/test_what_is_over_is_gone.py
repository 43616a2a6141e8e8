"""What is over is gone from every byte of the database and its logs, once the sweep says so; before, it is there."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlcipher3 import dbapi2

from attacks.live_call import LiveCall
from e2e.voices import say, sentence
from pttserver.config import FloorTimerSettings, PrivacySettings
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.columns import Reference, Sealed
from pttserver.store.schema import bursts, call_participants, calls, devices, subscribers, takeovers
from running_server import PLAIN_POLICY, Platform, running_platform, until

NO_LOG = "acknowledged = ['no_records']\n[logging]\nrecords = false\n"


def files(platform: Platform) -> list[Path]:
    file = platform.settings.database_file
    return [path for suffix in ("", "-wal", "-shm") if (path := Path(f"{file}{suffix}")).exists()]


def hits(platform: Platform, markers: dict[str, bytes]) -> set[str]:
    """Names of the markers that any byte of any file of the database holds."""
    octets = [path.read_bytes() for path in files(platform)]
    return {name for name, marker in markers.items() if any(marker in each for each in octets)}


def octets_of(value: Any) -> bytes | None:
    if isinstance(value, Sealed):
        return value.octets
    if isinstance(value, Reference):
        return value.text.encode()
    return value.encode() if isinstance(value, str) else None


SHARED = {"group_id", "identifier_kind"}
"""What others have too: a group's number, and a word that stands in the shape of the database as well."""


async def markers_of(platform: Platform, *tables: Any) -> dict[str, bytes]:
    """Every personal value of the tables, as it lies in the file: references, sealed values, random numbers."""

    def work(sql: Any) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for table in tables:
            personal = [c for c in table.columns if c.info["category"] is not None or c.name in {"id", "call_id"}]
            for number, row in enumerate(sql.execute(select(*personal)).all()):
                for column, value in zip(personal, row, strict=True):
                    marker = octets_of(value)
                    if marker is not None and column.name not in SHARED:
                        found[f"{table.name}.{column.name}[{number}]"] = marker
        return found

    return await platform.database.read(work)


async def a_day_of_work(platform: Platform) -> None:
    """Two handsets talk several times, and one of them takes the session over on another device."""
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    groups = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    for number in range(6):
        await say(groups[number % 2], sentence(number, seconds=0.1))
    await platform.log_in(await platform.another_device("Anna"))
    log = platform.server.services.call_log
    await until(lambda: log.written >= 7 and len(log) == 0)
    await asyncio.sleep(0.6)


async def swept(platform: Platform, more: str) -> None:
    """A policy is applied in the office, as a command does; the server takes it up and sweeps by itself."""
    tenant = await platform.provisioning.tenant("ACME")
    text = PLAIN_POLICY + more
    readings = platform.server.services.retention.readings
    before = readings.last_round
    await platform.office.instructions.apply(tenant.tenant_id, text, FIRST_INSTRUCTION)
    await until(lambda: readings.last_round > before, timeout_s=20)
    await until(lambda: readings.unproven == 0, timeout_s=20)


@pytest.fixture
async def platform(tmp_path: Path) -> Any:
    floor = FloorTimerSettings(t4_inactivity_s=0.3)
    async with running_platform(tmp_path, floor=floor, privacy=PrivacySettings(sweep_batch_rows=3)) as running:
        yield running


async def test_a_no_log_policy_leaves_no_byte_of_what_happened(platform: Platform) -> None:
    await a_day_of_work(platform)
    markers = await markers_of(platform, calls, call_participants, bursts, takeovers)
    assert len(markers) > 20
    assert hits(platform, markers) == set(markers)
    await swept(platform, NO_LOG)
    assert hits(platform, markers) == set()


async def test_a_removed_subscriber_leaves_no_byte(platform: Platform) -> None:
    await a_day_of_work(platform)
    anna = await platform.provisioning.subscriber("ACME", "Anna")
    markers = await markers_of(platform, subscribers, devices)
    keys = await platform.keys(anna.subscriber_id)
    hers = {"reference": keys.reference().encode(), "id": anna.subscriber_id.encode()}
    assert hits(platform, markers | hers) == {*markers, *hers}
    for name in ("Anna", "Bert"):
        await platform.provisioning.remove_subscriber("ACME", name)
    retention = platform.office.retention
    async with asyncio.timeout(20):
        while not await retention.prove():
            await asyncio.sleep(0.05)
    assert hits(platform, markers | hers) == set()


async def test_only_what_is_over_goes(platform: Platform) -> None:
    await a_day_of_work(platform)
    addresses = {k: v for k, v in (await markers_of(platform, calls)).items() if "address" in k}
    rest = {k: v for k, v in (await markers_of(platform, calls, bursts)).items() if "address" not in k}
    assert hits(platform, addresses | rest) == {*addresses, *rest}
    await swept(platform, "[categories.ip_address]\nstore = 'none'\n")
    assert hits(platform, addresses | rest) == set(rest)


async def test_while_a_reader_holds_an_earlier_state_it_is_not_said_to_be_gone(platform: Platform) -> None:
    """T-097: the bytes are there, and the engine says that they may be."""
    await a_day_of_work(platform)
    markers = await markers_of(platform, calls, call_participants, bursts)
    reader = dbapi2.connect(str(platform.settings.database_file), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM calls").fetchone()
    tenant = await platform.provisioning.tenant("ACME")
    await platform.office.instructions.apply(tenant.tenant_id, PLAIN_POLICY + NO_LOG, FIRST_INSTRUCTION)
    readings = platform.server.services.retention.readings
    await until(lambda: readings.unproven > 0, timeout_s=20)
    assert hits(platform, markers)
    reader.execute("COMMIT")
    reader.close()
    await until(lambda: readings.unproven == 0, timeout_s=30)
    assert hits(platform, markers) == set()


async def test_voice_goes_on_while_the_sweep_runs(platform: Platform) -> None:
    call = await LiveCall.start(platform)
    before = platform.server.services.relay.packets_relayed
    await swept(platform, NO_LOG)
    call.talker.send_udp(call.packet())
    await until(lambda: platform.server.services.relay.packets_relayed > before)
    await call.stop()
