"""An open alert survives a restart, a full disk delays only its record, and without records it lives in memory only."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attacks.bare_radio import BareRadio
from behaviours.control_room import ALERT, POLICY, Control
from pttserver.errors import StoreUnavailable
from pttserver.roles import Role
from pttserver.store.alerts import Alerts
from pttserver.wire import signalling
from running_server import PLAIN_POLICY, running_platform, until

HELP = signalling.RaiseAlert(id=1, alert=ALERT)
NO_RECORDS = (
    PLAIN_POLICY.replace("[policy]", '[policy]\nacknowledged = ["no_records"]') + "[logging]\nrecords = false\n"
)


async def restarted(tmp_path: Path, *, policy: str, close_before: bool = False) -> Any:
    """What the second server knows of an alert that was raised at the first."""
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=policy)
        control = Control(platform)
        dora = await control.on_duty("Dora", role=Role.DISPATCHER)
        carl = await control.credentials("Carl", "Patrol")
        radio = await BareRadio.log_in(carl)
        await radio.ask(HELP, signalling.AlertAccepted)
        await until(dora.raised)
        await dora.handset.alerts.handle(ALERT)
        if close_before:
            await dora.handset.alerts.resolve(ALERT)
        credentials = dora.handset.credentials
        await radio.close()
    return carl, credentials


def at(credentials: Any, platform: Any) -> Any:
    """The same device, at the port of the new server."""
    return replace(credentials, server_url=platform.url)


async def test_an_open_alert_goes_on_after_a_restart(tmp_path: Path) -> None:
    carl, dora = await restarted(tmp_path, policy=POLICY)
    async with running_platform(tmp_path) as platform:
        control = Control(platform)
        (alert,) = control.board()
        assert alert.timeline[0].kind == "raised"
        assert alert.state.value == "handling"
        again = await control.logged_in(at(dora, platform))
        await until(lambda: ALERT in again.handset.alerts.open)
        info = again.handset.alerts.open[ALERT]
        assert (info.name, info.state, info.handler) == ("Carl", "handling", again.number)
        radio = await BareRadio.log_in(at(carl, platform))
        reply = await radio.ask(HELP, signalling.AlertAccepted)
        assert (reply.alert, reply.state) == (ALERT, "handling")
        affiliation = await radio.affiliate()
        assert platform.server.services.talk.is_in_emergency(affiliation.group)
        await again.handset.alerts.resolve(ALERT)
        assert len(control.board()) == 0
        await radio.close()


async def test_the_timer_of_an_unanswered_alert_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=POLICY)
        control = Control(platform)
        await control.on_duty("Dora", role=Role.DISPATCHER)
        max_ = await control.credentials("Max", role=Role.MANAGER)
        radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
        await radio.ask(HELP, signalling.AlertAccepted)
        await radio.close()
    async with running_platform(tmp_path) as platform:
        person = await Control(platform).logged_in(at(max_, platform))
        assert person.handset.alerts.open == {}
        await until(lambda: ALERT in person.handset.alerts.open, 8)


async def test_an_alert_that_was_closed_is_not_raised_anew_after_a_restart(tmp_path: Path) -> None:
    carl, _ = await restarted(tmp_path, policy=POLICY, close_before=True)
    async with running_platform(tmp_path) as platform:
        radio = await BareRadio.log_in(at(carl, platform))
        reply = await radio.ask(HELP, signalling.AlertAccepted)
        assert reply.state == "resolved"
        assert len(Control(platform).board()) == 0
        await radio.close()


async def test_without_records_it_is_heard_and_answered_and_leaves_nothing(tmp_path: Path) -> None:
    await restarted(tmp_path, policy=NO_RECORDS)
    for file in (tmp_path / "data").glob("pttserver.sqlite3*"):
        assert ALERT.encode() not in file.read_bytes(), file.name
    async with running_platform(tmp_path) as platform:
        assert len(Control(platform).board()) == 0


async def test_a_disk_that_fails_delays_the_record_and_not_the_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-121, for alerts: people hear of it, the raiser is answered, and the timeline is written when it can be."""
    written = Alerts.write

    async def no_space(*_: Any) -> None:
        raise StoreUnavailable("disk full")

    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=POLICY)
        control = Control(platform)
        anna, _, dora = await control.staff()
        monkeypatch.setattr(Alerts, "write", no_space)
        alert = await anna.handset.alerts.raise_alert()
        await until(dora.raised)
        await dora.handset.alerts.acknowledge(alert)
        await anna.sees("acknowledged")
        assert platform.server.services.alert_log.failures >= 2
        assert await Alerts(platform.database).open_alerts() == []
        monkeypatch.setattr(Alerts, "write", written)
        await until(lambda: len(platform.server.services.alert_log) == 0)
        (stored,) = await Alerts(platform.database).open_alerts()
        kinds = [step.kind for step in stored.steps]
        assert kinds[0] == "raised"
        assert "acknowledged" in kinds
        assert [step.number for step in stored.steps] == list(range(1, len(kinds) + 1))


async def test_a_handset_that_loses_the_server_calls_on_until_the_next_one_hears(tmp_path: Path) -> None:
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=POLICY)
        anna = await Control(platform).credentials("Anna", "Patrol")
        port = platform.server.signalling_port
        person = await Control(platform).logged_in(anna)
        platform._stack.pop_all()  # the handset stays on while the server goes
    calling = asyncio.create_task(person.handset.alerts.raise_alert())
    await asyncio.sleep(0.3)
    assert not calling.done()
    signalling_settings = platform.settings.signalling.model_copy(update={"port": port})
    async with running_platform(tmp_path, signalling=signalling_settings) as again:
        alert = await asyncio.wait_for(calling, 30)
        assert [each.alert_id for each in Control(again).board()] == [alert]
        await person.handset.close()


async def test_a_step_that_cannot_be_written_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Alerts.write

    async def broken_for_some(self: Alerts, entries: Any) -> list[int]:
        if any(getattr(entry, "kind", None) == "acknowledged" for entry in entries):
            raise ValueError("a bug")
        return await written(self, entries)

    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=POLICY)
        control = Control(platform)
        anna, _, dora = await control.staff()
        monkeypatch.setattr(Alerts, "write", broken_for_some)
        alert = await anna.handset.alerts.raise_alert()
        await dora.handset.alerts.acknowledge(alert)
        await dora.handset.alerts.handle(alert)
        (stored,) = await Alerts(platform.database).open_alerts()
        kinds = [step.kind for step in stored.steps]
        assert {"raised", "handling"} <= set(kinds)
        assert "acknowledged" not in kinds
        assert platform.server.services.alert_log.failures == 1
