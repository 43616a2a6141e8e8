"""A policy with a coarser grid: what is known, waits or is stored is shown no finer at once, and found no finer."""

import pytest
from sqlalchemy import select

from attacks.bare_radio import Refusal
from behaviours.test_what_was_measured_while_location_was_off_stays_unknown import apply
from locating import LATITUDE, LOCATED, LONGITUDE, crew, position, report
from pttserver.errors import StoreUnavailable
from pttserver.store.alert_schema import alert_points
from pttserver.store.alerts import Alerts
from pttserver.store.location_schema import positions
from pttserver.wire import signalling as s
from running_server import TENANT, Platform

GRID_M = 10_000
COARSE = LOCATED.replace("interval_s = 5", f"interval_s = 5\nprecision_m = {GRID_M}")
ALERT = "alr_00000000000000e1"
EXACT = (LATITUDE, LONGITUDE)


def place(of: s.Position | s.Point | s.TrackPoint | None) -> tuple[float, float]:
    assert of is not None
    return of.latitude, of.longitude


def is_coarse(where: tuple[float, float]) -> bool:
    """The same for every place of the grid's cell, of which EXACT is one."""
    latitude, longitude = where
    return where != EXACT and abs(latitude - LATITUDE) < 0.05 and abs(longitude - LONGITUDE) < 0.07


async def test_what_is_shown_is_rounded_anew(platform: Platform) -> None:
    anna, dora = await crew(platform)
    who = anna.session.subscriber
    await report(anna)
    await platform.server.services.location.log.flush()
    await anna.ask(s.RaiseAlert(id=1, alert=ALERT, position=position()), s.AlertAccepted)
    await apply(platform, COARSE)
    last = (await dora.ask(s.LocationLast(id=1, subscriber=who), s.LocationLastKnown)).position
    history = s.LocationHistory(id=1, subscriber=who, from_ms=0, until_ms=2**50)
    track = (await dora.ask(history, s.LocationTrack)).positions
    (listed,) = (await dora.ask(s.ListAlerts(id=1), s.Alerts)).alerts
    shown = [last, *track, listed.info.position]
    assert [is_coarse(place(each)) for each in shown] == [True, True, True]
    assert len({place(each) for each in shown}) == 1
    assert all(each is not None and each.accuracy_m > 5000 for each in shown)
    again = (await dora.ask(s.LocationLast(id=1, subscriber=who), s.LocationLastKnown)).position
    assert again == last  # twice is as once
    await anna.close()
    await dora.close()


async def test_nobody_is_found_in_an_area_that_is_finer(platform: Platform) -> None:
    anna, dora = await crew(platform)
    await report(anna)
    center = s.Point(latitude=LATITUDE, longitude=LONGITUDE)
    area = s.LocationGroup(id=1, name="Here", reason="fire", shape=s.CircleShape(center=center, radius_m=20))
    await dora.ask(area, s.GroupMade)
    await apply(platform, COARSE)
    with pytest.raises(Refusal, match="invalid_value"):
        await dora.ask(area, s.GroupMade)
    await anna.close()
    await dora.close()


async def test_a_closed_alert_is_debriefed_no_finer(platform: Platform) -> None:
    anna, dora = await crew(platform)
    await anna.ask(s.RaiseAlert(id=1, alert=ALERT, position=position()), s.AlertAccepted)
    later = s.ReportAlertPosition(id=1, alert=ALERT, position=position(ago_s=-6))
    assert (await anna.ask(later, s.LocationTaken)).accepted == 1
    await dora.ask(s.ResolveAlert(id=1, alert=ALERT, outcome="resolved", note=""), s.Done)
    exact = await dora.ask(s.DebriefAlert(id=1, alert=ALERT), s.AlertDebriefing)
    assert [place(exact.place), *map(place, exact.track)] == [EXACT, EXACT]
    await apply(platform, COARSE)
    told = await dora.ask(s.DebriefAlert(id=1, alert=ALERT), s.AlertDebriefing)
    assert [is_coarse(each) for each in (place(told.place), *map(place, told.track))] == [True, True]
    await anna.close()
    await dora.close()


async def test_what_waits_for_the_disk_is_written_no_finer(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, dora = await crew(platform)
    services, who = platform.server.services, anna.session.subscriber
    monkeypatch.setattr(Alerts, "write", _unwritable)
    await anna.ask(s.RaiseAlert(id=1, alert=ALERT), s.AlertAccepted)
    moved = s.ReportAlertPosition(id=1, alert=ALERT, position=position())
    await anna.ask(moved, s.LocationTaken)
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    await apply(platform, COARSE)
    monkeypatch.undo()
    services.location.log.put(tenant_id, who, position())
    assert await services.location.log.flush()
    assert await services.alert_log.flush()
    keys = await platform.keys(who)

    def stored(sql):  # type: ignore[no-untyped-def]
        rows = [*sql.scalars(select(positions.c.place)), *sql.scalars(select(alert_points.c.place))]
        return [keys.required_text(row) for row in rows]

    written = await platform.database.read(stored)
    assert len(written) == 2
    assert all(is_coarse(tuple(map(float, text.split(",")))) for text in written)
    await anna.close()
    await dora.close()


async def _unwritable(*_: object) -> None:
    raise StoreUnavailable("the disk is full")
