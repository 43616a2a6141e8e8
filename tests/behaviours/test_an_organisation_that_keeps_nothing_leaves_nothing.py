"""T-110: no-log mode. Calls work, and not a byte about anybody is written; the same search finds them otherwise."""

import asyncio
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio
from pttserver.config import CallLogSettings, FloorTimerSettings
from pttserver.services.audit import HEADS_FILE
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store import schema
from pttserver.wire.floor_control import MessageType
from running_server import PIN, PLAIN_POLICY, Platform, running_platform

NO_RECORDS = """
[policy]
title = "Nothing is kept"
version = "1"
acknowledged = [
    "no_records", "no_call_history", "no_participants", "no_message_history", "no_delivery_reports",
    "no_alert_debriefing", "no_audit", "no_billing_records",
]

[logging]
records = false
"""
HAPPENED = (schema.calls, schema.bursts, schema.call_participants, schema.takeovers)


async def a_day(platform: Platform, policy: str) -> list[str]:
    """A call, a takeover, a log-out; gives the references that the subscribers have in histories."""
    await platform.organise("Patrol", policy=policy)
    phone, tablet = await platform.enrol("Anna", "Patrol"), await platform.another_device("Anna")
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    await bert.affiliate()
    for device in (phone, tablet):
        radio = await BareRadio.log_in(device, PIN)
        await radio.affiliate()
        ssrc = await radio.take_floor()
        await radio.use_udp()
        radio.send_udp(radio.voice(ssrc, 1))
        await radio.say(radio.floor_message(MessageType.FLOOR_RELEASE))
        await asyncio.sleep(0.3)
    assert [s.initiator_address.reveal() for s in platform.server.services.sessions] != []
    await asyncio.sleep(0.8)
    await platform.server.services.call_log.flush()
    keys = [await platform.keys(subscriber) for subscriber in (phone.subscriber, bert.session.subscriber)]
    return [key.reference(area) for key in keys for area in ("history", "audit")]


async def counts(platform: Platform) -> dict[str, int]:
    def work(sql: object) -> dict[str, int]:
        return {table.name: sql.scalar(select(func.count()).select_from(table)) for table in HAPPENED}  # type: ignore[attr-defined]

    return await platform.database.read(work)


def scan(folder: Path, markers: list[str]) -> list[str]:
    """Which markers stand anywhere in the files of the data folder: database, write-ahead log, anything."""
    octets = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != HEADS_FILE)
    return [marker for marker in markers if marker.encode() in octets]


@pytest.mark.parametrize("keeps", [False, True])
async def test_t110_a_day_of_calls(tmp_path: Path, keeps: bool) -> None:
    async with running_platform(tmp_path, floor=FloorTimerSettings(t4_inactivity_s=0.3)) as platform:
        references = await a_day(platform, PLAIN_POLICY if keeps else NO_RECORDS)
        written = await counts(platform)
        found = scan(platform.settings.data_dir, references)
        last_logins = [subscriber.last_login_ms for subscriber in await platform.provisioning.subscribers("ACME")]
        addresses = {session.initiator_address.reveal() for session in platform.server.services.sessions}
        url = f"http://127.0.0.1:{platform.server.metrics_port}/metrics"
        metrics = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    assert "Anna" not in metrics
    if keeps:
        assert all(written.values()), written
        assert sorted(found) == sorted(references)
        assert all(last_logins)
        assert addresses == {"127.0.0.1"}
    else:
        assert not any(written.values()), written
        assert found == []
        assert not any(last_logins)
        assert addresses == {""}


async def test_what_waits_for_the_disk_is_written_by_the_policy_of_the_moment(tmp_path: Path) -> None:
    slow = CallLogSettings(flush_interval_s=1)
    async with running_platform(tmp_path, call_log=slow, floor=FloorTimerSettings(t4_inactivity_s=0.1)) as platform:
        await a_call(platform, PLAIN_POLICY)
        services = platform.server.services
        assert len(services.call_log) > 0
        tenant = await platform.provisioning.tenant("ACME")
        await platform.office.instructions.apply(tenant.tenant_id, NO_RECORDS, FIRST_INSTRUCTION)
        await services.policies.load()
        await services.call_log.flush()
        assert not any((await counts(platform)).values())


async def a_call(platform: Platform, policy: str) -> None:
    """Its records wait for the disk when this returns."""
    await platform.organise("Patrol", policy=policy)
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    await anna.affiliate()
    await bert.affiliate()
    await platform.server.services.call_log.flush()
    await anna.take_floor()
    await anna.say(anna.floor_message(MessageType.FLOOR_RELEASE))
    await asyncio.sleep(0.05)


async def test_a_stricter_policy_stops_the_records_of_a_call_that_goes_on(tmp_path: Path) -> None:
    async with running_platform(tmp_path, floor=FloorTimerSettings(t4_inactivity_s=0.3)) as platform:
        await platform.organise("Patrol")
        anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
        bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
        await anna.affiliate()
        await bert.affiliate()
        await anna.take_floor()
        tenant = await platform.provisioning.tenant("ACME")
        platform.office.watch.path(tenant.tenant_id).write_text(NO_RECORDS)
        services = platform.server.services
        async with asyncio.timeout(15):
            while services.policies.policy(tenant.tenant_id).logging.records:
                await asyncio.sleep(0.02)
        await anna.say(anna.floor_message(MessageType.FLOOR_RELEASE))
        await asyncio.sleep(0.8)
        await services.call_log.flush()
        assert not any((await counts(platform)).values())
