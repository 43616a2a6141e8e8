"""S-032: while an alert is open, dispatchers see where its raiser is; not a digit of it where the policy says no."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from attacks.bare_radio import BareRadio, Refusal
from behaviours.control_room import ALERT, Control, Person
from locating import LATITUDE, LIVE_ONLY, LOCATED, LONGITUDE, NOT_LOCATED, position, traces
from ptthandset.errors import Refused
from ptthandset.position_sources import FixedSource
from pttserver.ids import TenantId
from pttserver.privacy.notice import notice
from pttserver.privacy.policy import parse_policy
from pttserver.roles import Role
from pttserver.services.alert_debrief import alert_document, alert_page
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.store.alert_schema import alert_points
from pttserver.wire import signalling as s
from running_server import TENANT, Platform, running_platform, until

QUICK = LOCATED.replace("interval_s = 5", "interval_s = 5\nsos_interval_s = 2")
EXCEPTED = NOT_LOCATED + "[location]\nsos_exception = true\nsos_interval_s = 2\n"
NORTH = 1e-5  # degrees: a metre


class Scene:
    """Carl in distress, Bert in his group, Dora at the console."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.control = Control(platform)

    async def begin(self, policy: str) -> None:
        await self.platform.organise("Patrol", policy=policy)
        self.bert = await self.control.on_duty("Bert", "Patrol")
        self.dora = await self.control.on_duty("Dora", role=Role.DISPATCHER)
        self.carl_credentials = await self.control.credentials("Carl", "Patrol")
        self.carl = await BareRadio.log_in(self.carl_credentials)
        await self.carl.ask(s.RaiseAlert(id=1, alert=ALERT), s.AlertAccepted)
        await until(lambda: self.dora.raised() and self.bert.raised())

    async def report(self, *, ago_s: float = 0, north: float = 0) -> s.LocationTaken:
        """Raises Refusal."""
        here = position(LATITUDE + north, ago_s=ago_s)
        return await self.carl.ask(s.ReportAlertPosition(id=1, alert=ALERT, position=here), s.LocationTaken)

    async def points(self) -> int:
        await self.platform.server.services.alert_log.flush()
        query = select(func.count()).select_from(alert_points)
        return await self.platform.database.read(lambda sql: sql.scalar(query) or 0)

    async def tenant_id(self) -> TenantId:
        return (await self.platform.provisioning.tenant(TENANT)).tenant_id


@pytest.fixture
async def scene(platform: Platform) -> AsyncIterator[Scene]:
    made = Scene(platform)
    yield made
    await made.carl.close()


def moved(person: Person) -> list[s.Position]:
    return [event.position for event in person.events if isinstance(event, s.AlertMoved)]


async def test_dispatchers_see_the_way_and_colleagues_no_place(scene: Scene) -> None:
    await scene.begin(QUICK)
    for ago_s in (20, 15, 10):
        assert (await scene.report(ago_s=ago_s, north=-ago_s * NORTH)).accepted == 1
    await until(lambda: len(moved(scene.dora)) == 3)
    assert scene.dora.raised()[-1].position.latitude == pytest.approx(LATITUDE - 20 * NORTH)
    assert scene.bert.raised()[-1].position is None
    assert scene.dora.handset.alerts.open[ALERT].position == moved(scene.dora)[-1]
    assert moved(scene.bert) == []
    await scene.platform.server.services.alert_log.flush()
    looked = (await scene.carl.ask(s.LocationLooks(id=1), s.LocationLooked)).looks
    assert [(look.what, look.who) for look in looked] == [("alert", "Dora")]


async def test_it_ends_with_the_alert_and_the_debriefing_shows_it(scene: Scene) -> None:
    await scene.begin(QUICK)
    await scene.report(ago_s=9)
    await scene.report(ago_s=6, north=3 * NORTH)
    await scene.dora.handset.alerts.resolve(ALERT)
    late = await scene.report()
    assert (late.accepted, late.dropped) == (0, {"over": 1})
    assert await scene.points() == 2
    shown = await scene.platform.office.alerts.alert(TENANT, ALERT, FIRST_INSTRUCTION)
    places = [entry["position"] for entry in alert_document(shown)["track"]]
    assert places == [f"{LATITUDE:.7f},{LONGITUDE:.7f}", f"{LATITUDE + 3 * NORTH:.7f},{LONGITUDE:.7f}"]
    assert alert_page(shown).sections[-1].rows[1][2] == places[1]


@pytest.mark.parametrize(
    ("policy", "is_told", "is_written"),
    [(NOT_LOCATED, False, False), (EXCEPTED, True, False), (LIVE_ONLY, True, False), (LOCATED, True, True)],
    ids=["off", "off, but for alerts", "live only", "written"],
)
async def test_t083_only_what_the_policy_lets_go_on_is_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, policy: str, is_told: bool, is_written: bool
) -> None:
    """The byte scan: in no file, no log line, no metric and no other socket."""
    caplog.set_level(logging.DEBUG)
    async with running_platform(tmp_path) as platform:
        scene = Scene(platform)
        await scene.begin(policy)
        eve = await BareRadio.log_in(await scene.control.credentials("Eve"))
        dora = await BareRadio.log_in(await platform.another_device("Dora"))
        if is_told:
            await scene.report(ago_s=9)
            await scene.report()
        else:
            with pytest.raises(Refusal, match=r"policy\.forbids"):
                await scene.report()
        assert await scene.points() == (2 if is_written else 0)
        for radio in (eve, dora):
            await radio.ask_ping()
        heard = "".join(dora.texts).encode()
        elsewhere = {
            "socket of somebody whom it is no concern of": "".join(eve.texts).encode(),
            "log": caplog.text.encode(),
            "metrics": repr(platform.server.services.metrics.__dict__).encode(),
        }
        for radio in (eve, dora, scene.carl):
            await radio.close()
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            elsewhere[file.name] = file.read_bytes()
    for name, octets in elsewhere.items():
        assert not any(trace in octets for trace in traces()), name
    assert any(trace in heard for trace in traces()) is is_told


async def test_what_cannot_be_or_comes_too_soon_is_dropped_by_name(scene: Scene) -> None:
    await scene.begin(QUICK)
    await scene.report(ago_s=10)
    for ago_s, north, reason in ((9, 0, "early"), (11, 0, "order"), (-600, 0, "future"), (5, 1, "absurd")):
        assert (await scene.report(ago_s=ago_s, north=north)).dropped == {reason: 1}
    assert len(moved(scene.dora)) == 1
    assert await scene.points() == 1


async def test_nobody_moves_the_alert_of_another(scene: Scene) -> None:
    await scene.begin(QUICK)
    eve = await BareRadio.log_in(await scene.control.credentials("Eve", "Patrol"))
    request = s.ReportAlertPosition(id=1, alert=ALERT, position=position())
    with pytest.raises(Refusal, match="not_found"):
        await eve.ask(request, s.LocationTaken)
    with pytest.raises(Refusal, match="not_found"):
        await eve.ask(request.model_copy(update={"alert": "alr_00000000000000ff"}), s.LocationTaken)
    await eve.close()
    assert moved(scene.dora) == []


@pytest.mark.parametrize("how", ["person", "organisation", "policy"])
async def test_t082_location_goes_off_while_the_alert_is_open(scene: Scene, how: str) -> None:
    """Nothing more is told, and what was told is taken back; with the exception it would go on."""
    await scene.begin(QUICK)
    await scene.report(ago_s=9)
    await until(lambda: moved(scene.dora))
    told = len(moved(scene.dora))
    if how == "person":
        await scene.carl.ask(s.LocationSwitch(id=1, on=False), s.Done)
    elif how == "organisation":
        await scene.platform.office.roles.allow(TENANT, "Carl", "location", False)
    else:
        await scene.platform.office.instructions.apply(await scene.tenant_id(), NOT_LOCATED, FIRST_INSTRUCTION)
    await until(lambda: scene.dora.raised()[-1].position is None and scene.bert.raised()[-1].position is None)
    with pytest.raises(Refusal, match=r"policy\.forbids"):
        await scene.report()
    (listed,) = await scene.dora.handset.alerts.list()
    assert listed.info.position is None
    assert len(moved(scene.dora)) == told


async def test_with_the_exception_it_goes_on_whatever_is_switched(scene: Scene) -> None:
    await scene.begin(QUICK.replace("sos_exception = false", "sos_exception = true"))
    await scene.report(ago_s=9)
    await scene.carl.ask(s.LocationSwitch(id=1, on=False), s.Done)
    assert (await scene.report()).accepted == 1
    await until(lambda: len(moved(scene.dora)) == 2)


async def test_the_exception_says_that_it_is_taken_and_not_who_sees_it(scene: Scene) -> None:
    """Managers are named to see positions, dispatchers are not."""
    named = EXCEPTED + '[categories.location]\nlegal_basis = "vital_interests"\nvisible_to = ["manager"]\n'
    await scene.begin(named + '[alerts]\nroute = ["dispatchers", "managers", "group"]\n')
    mara = await scene.control.on_duty("Mara", role=Role.MANAGER)
    assert (await scene.report(ago_s=3)).accepted == 1
    assert (await scene.report()).accepted == 1
    await until(lambda: len(moved(mara)) == 2)
    await asyncio.sleep(0.1)
    assert moved(scene.dora) == []
    assert {alert.position for alert in scene.dora.raised()} == {None}


async def test_after_a_restart_the_way_goes_on(tmp_path: Path) -> None:
    async with running_platform(tmp_path) as platform:
        scene = Scene(platform)
        await scene.begin(QUICK)
        await scene.report(ago_s=30)
        dora, carl = scene.dora.handset.credentials, scene.carl_credentials
        await scene.carl.close()
    async with running_platform(tmp_path) as platform:
        again = Scene(platform)
        again.dora = await again.control.logged_in(replace(dora, server_url=platform.url))
        again.carl = await BareRadio.log_in(replace(carl, server_url=platform.url))
        await again.report(ago_s=5)
        await again.report()
        await until(lambda: len(moved(again.dora)) == 2)
        assert await again.points() == 3
        await again.carl.close()


async def test_the_handset_shares_by_itself_what_it_follows(platform: Platform) -> None:
    """The SDK: a source that is followed feeds the open alert, without and with ordinary reports."""
    await platform.organise("Patrol", policy=EXCEPTED.replace("sos_interval_s = 2", "sos_interval_s = 1"))
    control = Control(platform)
    anna, bert, dora = await control.staff()
    assert anna.handset.alert_track.interval_s == 1
    following = asyncio.create_task(anna.handset.location.follow(FixedSource(LATITUDE, LONGITUDE, interval_s=0.1)))
    await asyncio.sleep(0.3)
    assert platform.server.services.location.locating.drops["off_for_all"] == 0  # without an alert nothing is sent
    await anna.handset.alerts.raise_alert()
    await until(lambda: len(moved(dora)) >= 3, 10)
    await dora.handset.alerts.resolve(anna.handset.alerts.own.alert)
    await until(lambda: anna.handset.alerts.own is None)
    told = len(moved(dora))
    await asyncio.sleep(1.3)
    following.cancel()
    assert len(moved(dora)) == told
    assert moved(bert) == []


async def test_the_place_stays_with_an_alert_that_is_over_when_location_goes_off(scene: Scene) -> None:
    """As notice and explanation say; what is no part of an alert is not shown meanwhile."""
    await scene.begin(QUICK)
    assert (await scene.report()).accepted == 1
    carl, dora = scene.carl, scene.dora.handset
    await dora.alerts.resolve(ALERT, "resolved")
    await scene.points()
    await carl.ask(s.LocationSwitch(id=1, on=False), s.Done)
    with pytest.raises(Refused, match="switched location off"):
        await dora.location.history(carl.session.subscriber, 0, 2**50)
    debriefed = await dora.alerts._ask(s.DebriefAlert(id=1, alert=ALERT), s.AlertDebriefing)
    assert debriefed.place == s.Point(latitude=LATITUDE, longitude=LONGITUDE)
    noticed = [text for section in notice(parse_policy(QUICK)).sections for text in section.texts]
    assert any("is shown with the alert to those who may see your location" in text for text in noticed)
