"""While the disk fails, the steps of an alert and its raiser's positions wait. Location goes off: the steps are written
when the disk is back, and no position is. The audit log of looks is written by the policy of that moment too."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio
from behaviours.test_an_organisation_that_keeps_nothing_leaves_nothing import NO_RECORDS
from behaviours.test_location_off_leaves_nothing import policy_off_duty_now
from behaviours.test_what_was_measured_while_location_was_off_stays_unknown import apply
from locating import LIVE_ONLY, LOCATED, NOT_LOCATED, crew, position
from pttserver.errors import StoreUnavailable
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.alert_schema import alert_points, alert_steps, alerts
from pttserver.store.alerts import Alerts
from pttserver.store.governance_schema import audit_entries
from pttserver.wire import signalling as s
from running_server import TENANT, Platform, until

QUICK = LOCATED.replace("interval_s = 5", "interval_s = 5\nsos_interval_s = 1")
EXCEPTED = QUICK.replace("sos_exception = false", "sos_exception = true")
ALERT = "alr_00000000000000e4"


async def _unwritable(*_: object) -> list[int]:
    raise StoreUnavailable("the disk is full")


@contextmanager
def full_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Alerts, "write", _unwritable)
        yield


async def call_for_help(anna: BareRadio, *, raised_with_position: bool = True) -> None:
    """With a position, and with one more a while later."""
    first = position(ago_s=5) if raised_with_position else None
    await anna.ask(s.RaiseAlert(id=1, alert=ALERT, position=first), s.AlertAccepted)
    later = s.ReportAlertPosition(id=1, alert=ALERT, position=position())
    assert (await anna.ask(later, s.LocationTaken)).accepted == 1


async def written(platform: Platform) -> tuple[int, int, int]:
    """Steps, positions of alerts, points of tracks."""
    assert await platform.server.services.alert_log.flush()
    queries = (
        select(func.count()).select_from(alert_steps),
        select(func.count()).select_from(alerts).where(alerts.c.position.is_not(None)),
        select(func.count()).select_from(alert_points),
    )
    steps, placed, points = await platform.database.read(lambda sql: [sql.scalar(each) or 0 for each in queries])
    return steps, placed, points


async def switch_off(platform: Platform, anna: BareRadio, how: str) -> None:
    if how == "person":
        await anna.ask(s.LocationSwitch(id=1, on=False), s.Done)
    elif how == "organisation":
        await platform.office.roles.allow(TENANT, "Anna", "location", False)
    else:
        await apply(platform, NOT_LOCATED if how == "policy" else policy_off_duty_now())
    await until(lambda: any(isinstance(event, s.TermsChanged) for event in anna.events))


@pytest.mark.parametrize("how", ["person", "organisation", "policy", "duty"])
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
async def test_no_position_is_written_after_location_went_off(platform: Platform, how: str, closed: bool) -> None:
    anna, dora = await crew(platform, QUICK)
    with full_disk():
        await call_for_help(anna)
        if closed:
            await dora.ask(s.CancelAlert(id=1, alert=ALERT, reason="a drill"), s.Done)
        await switch_off(platform, anna, how)
    assert await written(platform) == (2 if closed else 1, 0, 0)
    await anna.close()
    await dora.close()


async def test_where_alerts_are_excepted_it_is_written(platform: Platform) -> None:
    anna, dora = await crew(platform, EXCEPTED)
    with full_disk():
        await call_for_help(anna)
        await switch_off(platform, anna, "organisation")
    assert await written(platform) == (1, 1, 1)
    await anna.close()
    await dora.close()


@pytest.mark.parametrize("how", ["organisation", "policy"])
async def test_the_writing_transaction_knows_better_than_this_process(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Another process said so a moment ago, and this one has not noticed yet."""
    anna, dora = await crew(platform, QUICK)
    services = platform.server.services
    with full_disk():
        await call_for_help(anna)
        monkeypatch.setattr(type(services.policies), "load", _nothing)
        monkeypatch.setattr(type(services.location), "review", _nothing)
        if how == "organisation":
            await platform.office.roles.allow(TENANT, "Anna", "location", False)
        else:
            tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
            await platform.office.instructions.apply(tenant_id, LIVE_ONLY, FIRST_INSTRUCTION)
    assert await written(platform) == (1, 0, 0)
    assert len(services.alert_log) == (2 if how == "policy" else 0)  # they wait for the policy that is in force
    monkeypatch.undo()
    await until(lambda: len(services.alert_log) == 0)
    assert await written(platform) == (1, 0, 0)
    await anna.close()
    await dora.close()


async def test_a_policy_that_still_keeps_them_only_delays_them(platform: Platform) -> None:
    anna, dora = await crew(platform, QUICK)
    with full_disk():
        await call_for_help(anna, raised_with_position=False)
        tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
        await platform.office.instructions.apply(tenant_id, QUICK + "# again\n", FIRST_INSTRUCTION)
    await until(lambda: len(platform.server.services.alert_log) == 0)
    assert await written(platform) == (1, 1, 1)
    await anna.close()
    await dora.close()


async def test_a_look_that_waits_is_noted_by_the_policy_of_then(platform: Platform) -> None:
    anna, dora = await crew(platform, QUICK)
    with full_disk():
        await dora.ask(s.ListAlerts(id=1), s.Alerts)
        await apply(platform, NO_RECORDS)
    assert await platform.server.services.alert_log.flush()
    looks = select(func.count()).select_from(audit_entries).where(audit_entries.c.operation == "alert.list")
    assert await platform.database.read(lambda sql: sql.scalar(looks)) == 0
    await anna.close()
    await dora.close()


async def _nothing(self: object) -> None:
    """This process does not look."""
