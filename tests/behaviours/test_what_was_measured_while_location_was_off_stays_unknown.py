"""Location goes off and on again: what was measured in between is taken, stored and told neither then nor later."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio, Refusal
from behaviours.test_location_off_leaves_nothing import policy_off_duty_now
from locating import LOCATED, NOT_LOCATED, crew, position, report
from pttserver.privacy.restriction import Restriction
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.location_schema import positions
from pttserver.wire import signalling as s
from running_server import TENANT, Platform, running_platform, until

WAYS = ("policy", "duty hours", "organisation", "restriction", "person")


async def apply(platform: Platform, text: str) -> None:
    """In force, and taken up by the server."""
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    await platform.office.instructions.apply(tenant_id, text, FIRST_INSTRUCTION)
    policies, digest = platform.server.services.policies, hashlib.sha256(text.encode()).hexdigest()
    await until(lambda: policies.policy(tenant_id).digest == digest)


async def turn(platform: Platform, anna: BareRadio, way: str, *, on: bool) -> None:
    """Back with the next terms that say so."""
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    if way == "policy":
        await apply(platform, LOCATED + "# again\n" if on else NOT_LOCATED)
    elif way == "duty hours":
        await apply(platform, LOCATED + "# again\n" if on else policy_off_duty_now())
    elif way == "organisation":
        await platform.office.roles.allow(TENANT, "Anna", "location", on)
    elif way == "restriction":
        rights = platform.office.rights
        if on:
            await rights.lift(tenant_id, "Anna", FIRST_INSTRUCTION)
        else:
            await rights.restrict(tenant_id, "Anna", Restriction.OBJECTION, FIRST_INSTRUCTION)
    else:
        await anna.ask(s.LocationSwitch(id=1, on=on), s.Done)
    await until(lambda: (_state(anna) == "on") == on)


def _state(anna: BareRadio) -> str:
    told = [event.terms.location.state for event in anna.events if isinstance(event, s.TermsChanged)]
    return told[-1] if told else "on"


async def stored(platform: Platform) -> int:
    await platform.server.services.location.log.flush()
    return await platform.database.read(lambda sql: sql.scalar(select(func.count()).select_from(positions)) or 0)


async def measured_while_off(platform: Platform, anna: BareRadio, way: str) -> s.Position:
    """It was refused; location is on again."""
    await turn(platform, anna, way, on=False)
    measured = position()
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await report(anna, measured)
    await asyncio.sleep(0.01)
    await turn(platform, anna, way, on=True)
    return measured


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_not_taken_when_location_is_on_again(platform: Platform, way: str) -> None:
    """Nothing is known of Anna before, so that nothing in memory could tell."""
    anna, dora = await crew(platform)
    measured = await measured_while_off(platform, anna, way)
    taken = await report(anna, measured, buffered=True)
    assert (taken.accepted, taken.dropped) == (0, {"order": 1})
    assert await stored(platform) == 0
    last = await dora.ask(s.LocationLast(id=1, subscriber=anna.session.subscriber), s.LocationLastKnown)
    assert last.position is None
    assert (await report(anna, position())).accepted == 1
    await anna.close()
    await dora.close()


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_not_taken_after_a_restart_either(tmp_path: Path, way: str) -> None:
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=LOCATED)
        credentials = await platform.enrol("Anna", "Patrol")
        anna = await BareRadio.log_in(credentials)
        measured = await measured_while_off(platform, anna, way)
        await anna.close()
    async with running_platform(tmp_path) as platform:
        anna = await BareRadio.log_in(replace(credentials, server_url=platform.url))
        assert (await report(anna, measured, buffered=True)).dropped == {"order": 1}
        assert await stored(platform) == 0
        assert (await report(anna, position())).accepted == 1
        await anna.close()


@pytest.mark.parametrize("send", ["raised with an alert", "in an open alert"])
async def test_no_alert_carries_it(platform: Platform, send: str) -> None:
    anna, dora = await crew(platform)
    measured, alert = await measured_while_off(platform, anna, "organisation"), "alr_00000000000000f1"
    if send == "raised with an alert":
        await anna.ask(s.RaiseAlert(id=1, alert=alert, position=measured), s.AlertAccepted)
    else:
        await anna.ask(s.RaiseAlert(id=1, alert=alert), s.AlertAccepted)
        moved = await anna.ask(s.ReportAlertPosition(id=1, alert=alert, position=measured), s.LocationTaken)
        assert moved.dropped == {"order": 1}
    told = (await dora.ask(s.ListAlerts(id=1), s.Alerts)).alerts
    assert [each.info.position for each in told] == [None]
    await anna.close()
    await dora.close()


async def test_a_policy_that_changes_something_else_leaves_what_waits_for_a_connection(platform: Platform) -> None:
    anna, dora = await crew(platform)
    before = position()
    await asyncio.sleep(0.01)
    await apply(platform, LOCATED.replace("interval_s = 5", "interval_s = 6"))
    assert (await report(anna, before, buffered=True)).accepted == 1
    await anna.close()
    await dora.close()
