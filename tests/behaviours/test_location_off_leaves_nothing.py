"""T-081, T-082: a client that sends positions although location is off: not a digit of them is anywhere.

The same search finds the same coordinates where location is on, so it can find them.
"""

import asyncio
import io
import logging
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio, Refusal
from locating import LATITUDE, LIVE_ONLY, LOCATED, NOT_LOCATED, crew, position, report, traces
from pttserver.config import LocationSettings
from pttserver.observe.log import configure_logging
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.location_schema import positions
from pttserver.wire import signalling
from running_server import TENANT, Platform, running_platform, until

OFF_DUTY = LOCATED.replace("interval_s = 5", 'interval_s = 5\nduty_hours = ["{}"]')


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What every logger of the process writes, from debug upwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()
    configure_logging("debug", "json")
    stream = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
async def platform(tmp_path: Path, logged: io.StringIO) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path) as running:
        yield running


def policy_off_duty_now() -> str:
    """On duty on a day that is not today, and is not tomorrow."""
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    other = days[(datetime.now(UTC).weekday() + 3) % 7]
    return OFF_DUTY.format(f"{other} 10:00-11:00")


async def metrics_of(platform: Platform) -> str:
    url = f"http://127.0.0.1:{platform.server.metrics_port}/metrics"
    return await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())


async def found_anywhere(platform: Platform, logged: io.StringIO, *heard: BareRadio) -> list[str]:
    """Where a trace of the coordinate is: files of the data folder, logs, metrics, what others were told."""
    await platform.server.services.location.log.flush()
    files = [path for path in platform.settings.data_dir.rglob("*") if path.is_file()]
    places = {str(path.name): path.read_bytes() for path in files}
    places["the log"] = logged.getvalue().encode()
    places["the metrics"] = (await metrics_of(platform)).encode()
    for number, radio in enumerate(heard):
        places[f"the socket of listener {number}"] = "".join(radio.texts).encode() + b"".join(radio.frames)
    return [name for name, octets in places.items() if any(trace in octets for trace in traces())]


async def stored(platform: Platform) -> int:
    await platform.server.services.location.log.flush()
    return await platform.database.read(lambda sql: sql.scalar(select(func.count()).select_from(positions)) or 0)


async def person_off(platform: Platform, anna: BareRadio) -> None:
    await anna.ask(signalling.LocationSwitch(id=1, on=False), signalling.Done)


async def organisation_off(platform: Platform, anna: BareRadio) -> None:
    await platform.office.roles.allow(TENANT, "Anna", "location", False)
    await until(lambda: any(isinstance(event, signalling.TermsChanged) for event in anna.events))


async def nothing(platform: Platform, anna: BareRadio) -> None:
    """The policy says it already."""


@pytest.mark.parametrize(
    ("policy", "switch", "state"),
    [
        (NOT_LOCATED, nothing, "off_for_all"),
        (policy_off_duty_now(), nothing, "off_duty"),
        (LOCATED, person_off, "switched_off"),
        (LOCATED, organisation_off, "off_for_subscriber"),
        (LIVE_ONLY, person_off, "switched_off"),
    ],
    ids=["tenant", "off duty", "person", "organisation", "person, live only"],
)
async def test_t081_a_modified_client_sends_all_the_same(platform, logged, policy, switch, state) -> None:
    anna, dora = await crew(platform, policy)
    if state != "off_for_all":
        await dora.ask(signalling.LocationWatch(id=1), signalling.Done)
    await switch(platform, anna)
    for _ in range(3):
        with pytest.raises(Refusal, match=r"policy\.forbids"):
            await report(anna)
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await report(anna, *(position(ago_s=ago_s) for ago_s in (30, 20, 10)), buffered=True)
    assert f'positions_dropped_total{{reason="{state}"}} 6.0' in await metrics_of(platform)
    assert await stored(platform) == 0
    assert await found_anywhere(platform, logged, anna, dora) == []
    await anna.close()
    await dora.close()


async def test_the_search_finds_them_where_they_are(platform, logged) -> None:
    """On, the socket of the dispatcher has them, and the database a sealed row; the files and the log have no trace."""
    anna, dora = await crew(platform)
    await dora.ask(signalling.LocationWatch(id=1), signalling.Done)
    assert (await report(anna)).accepted == 1
    await until(lambda: any(isinstance(event, signalling.LocationPosition) for event in dora.events))
    assert await stored(platform) == 1
    assert await found_anywhere(platform, logged, anna, dora) == ["the socket of listener 1"]
    await anna.close()
    await dora.close()


async def test_live_only_writes_nothing(platform, logged) -> None:
    anna, dora = await crew(platform, LIVE_ONLY)
    who = anna.session.subscriber
    assert (await report(anna)).accepted == 1
    last = await dora.ask(signalling.LocationLast(id=1, subscriber=who), signalling.LocationLastKnown)
    assert last.position.latitude == LATITUDE
    assert await stored(platform) == 0
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await dora.ask(
            signalling.LocationHistory(id=1, subscriber=who, from_ms=0, until_ms=2**50), signalling.LocationTrack
        )
    await anna.ask(signalling.LocationSwitch(id=1, on=False), signalling.Done)
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await dora.ask(signalling.LocationLast(id=1, subscriber=who), signalling.LocationLastKnown)
    tenant = await platform.provisioning.tenant(TENANT)
    assert platform.server.services.location.locating.last(tenant.tenant_id, who) is None
    await anna.close()
    await dora.close()


@pytest.mark.parametrize("how", ["person", "policy"])
async def test_t082_switched_off_in_the_midst_of_a_stream(tmp_path, logged, how) -> None:
    """Reports go on all the time. After the commit: nothing told, nothing written, the last position forgotten."""
    as_old_as_the_stream = LocationSettings(last_known_s=3600)  # forgotten by the switch, not by age
    async with running_platform(tmp_path, location=as_old_as_the_stream) as platform:
        await switch_off_in_the_midst_of_a_stream(platform, how)


async def switch_off_in_the_midst_of_a_stream(platform: Platform, how: str) -> None:
    anna, dora = await crew(platform)
    services, who = platform.server.services, anna.session.subscriber
    tenant = await platform.provisioning.tenant(TENANT)
    await dora.ask(signalling.LocationWatch(id=1), signalling.Done)
    places = services.location.locating._places(tenant.tenant_id)
    end, refused = asyncio.Event(), 0

    async def stream() -> None:
        nonlocal refused
        ago_s = 3000.0
        while not end.is_set():
            ago_s -= 5
            try:
                await report(anna, position(ago_s=max(ago_s, 0), latitude=LATITUDE + ago_s * 1e-6))
            except Refusal:
                refused += 1
            await asyncio.sleep(0.001)

    streaming = asyncio.create_task(stream())
    await until(
        lambda: places.known() == [who] and any(isinstance(e, signalling.LocationPosition) for e in dora.events)
    )
    if how == "person":
        await anna.ask(signalling.LocationSwitch(id=1, on=False), signalling.Done)
    else:
        await platform.office.instructions.apply(tenant.tenant_id, NOT_LOCATED, FIRST_INSTRUCTION)
        await until(lambda: not services.policies.policy(tenant.tenant_id).location.enabled)
        await until(lambda: places.known() == [])
    told, written = len([e for e in dora.events if isinstance(e, signalling.LocationPosition)]), await stored(platform)
    reached = refused
    await until(lambda: refused > reached + 20)
    end.set()
    await streaming
    await asyncio.sleep(0.1)
    assert places.known() == []
    assert await stored(platform) <= written  # the sweep may be at work already
    after = [e for e in dora.events if isinstance(e, signalling.LocationPosition | signalling.LocationGone)]
    assert len([e for e in after if isinstance(e, signalling.LocationPosition)]) == told
    assert isinstance(after[-1], signalling.LocationGone)
    await anna.close()
    await dora.close()


async def test_t082_what_waits_for_the_disk_is_not_written_after_the_commit(platform) -> None:
    """Another process applies the policy; this server has not taken it up yet, and writes by the database's word."""
    anna, dora = await crew(platform)
    services = platform.server.services
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.instructions.apply(tenant.tenant_id, LIVE_ONLY, FIRST_INSTRUCTION)
    services.location.log.put(tenant.tenant_id, anna.session.subscriber, position())
    assert await services.location.log.flush()
    assert await stored(platform) == 0
    await anna.close()
    await dora.close()


async def test_what_waits_of_a_person_who_was_denied_is_let_go(platform) -> None:
    anna, dora = await crew(platform)
    services = platform.server.services
    tenant = await platform.provisioning.tenant(TENANT)
    await platform.office.roles.allow(TENANT, "Anna", "location", False)
    services.location.log.put(tenant.tenant_id, anna.session.subscriber, position())
    assert await services.location.log.flush()
    assert await stored(platform) == 0
    await anna.close()
    await dora.close()
