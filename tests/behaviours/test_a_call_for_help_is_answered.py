"""Somebody calls for help: dispatchers and the group hear of it at once, and everybody sees what becomes of it."""

import asyncio
from typing import Any

import pytest

from attacks.bare_radio import BareRadio, Refusal
from behaviours.control_room import ALERT, POLICY, Control
from ptthandset.errors import Refused
from pttserver.roles import Role
from pttserver.wire import rtcp, signalling
from pttserver.wire.alert_packet import AlertPacket, AlertPacketType, RefusalCause
from pttserver.wire.signalling import AlertStepped
from running_server import Platform, until

HELP = signalling.RaiseAlert(id=1, alert=ALERT)


@pytest.fixture
async def control(platform: Platform) -> Control:
    await platform.organise("Patrol", policy=POLICY)
    return Control(platform)


async def test_from_the_press_to_the_end(control: Control) -> None:
    anna, bert, dora = await control.staff()
    alert = await anna.handset.alerts.raise_alert()
    await until(lambda: dora.raised() and bert.raised())
    info = dora.raised()[0]
    assert (info.alert, info.subscriber, info.name, info.drill) == (alert, anna.number, "Anna", False)
    await anna.sees("delivered")
    await dora.handset.alerts.acknowledge(alert)
    await dora.handset.alerts.handle(alert)
    await dora.handset.alerts.resolve(alert, "false_alarm", "sat on the key")
    for person in (anna, bert, dora):
        await person.sees("acknowledged", "handling", "false_alarm")
        assert person.handset.alerts.open == {}
    last = [event for event in anna.events if isinstance(event, AlertStepped)][-1]
    assert (last.step.name, last.step.note, last.state) == ("Dora", "sat on the key", "false_alarm")
    assert len(control.board()) == 0


async def test_who_raised_it_takes_it_back(control: Control) -> None:
    anna, _, dora = await control.staff()
    await anna.handset.alerts.raise_alert()
    await until(lambda: anna.handset.alerts.own)
    await anna.handset.alerts.cancel("pressed by mistake")
    await dora.sees("cancelled")
    with pytest.raises(Refused, match="no alert open"):
        await anna.handset.alerts.cancel("again")


async def test_an_exercise_is_told_as_one(control: Control) -> None:
    anna, _, dora = await control.staff()
    alert = await anna.handset.alerts.raise_alert(drill=True)
    await until(dora.raised)
    assert dora.raised()[0].drill
    await dora.handset.alerts.resolve(alert, "test")
    await anna.sees("test")


async def test_an_alert_in_earnest_is_no_repetition_of_an_exercise(control: Control) -> None:
    anna, _, dora = await control.staff()
    exercise = await anna.handset.alerts.raise_alert(drill=True)
    earnest = await anna.handset.alerts.raise_alert()
    assert exercise != earnest
    await until(lambda: [info.drill for info in dora.raised()] == [True, False])
    await dora.sees("test")
    assert [alert.alert_id for alert in control.board()] == [earnest]


async def test_pressing_again_is_the_same_alert(control: Control) -> None:
    await control.staff()
    radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
    first = await radio.ask(HELP, signalling.AlertAccepted)
    other = HELP.model_copy(update={"alert": "alr_00000000000000a2"})
    assert (await radio.ask(HELP, signalling.AlertAccepted)).alert == first.alert
    assert (await radio.ask(other, signalling.AlertAccepted)).alert == first.alert
    assert len(control.board()) == 1
    await radio.close()


async def test_whoever_comes_later_hears_of_it(control: Control) -> None:
    anna = await control.on_duty("Anna", "Patrol")
    alert = await anna.handset.alerts.raise_alert()
    dora = await control.on_duty("Dora", role=Role.DISPATCHER)
    await until(lambda: alert in dora.handset.alerts.open)
    await anna.sees("delivered")
    assert [detail.info.alert for detail in await dora.handset.alerts.list()] == [alert]


async def test_nobody_of_a_stage_is_there_so_the_next_one_hears_of_it_at_once(control: Control) -> None:
    """T-080 on a real server: nobody else is in Anna's group, and no dispatcher is there."""
    anna, max_ = await control.on_duty("Anna", "Patrol"), await control.on_duty("Max", role=Role.MANAGER)
    await anna.handset.alerts.raise_alert()
    await until(max_.raised)
    await anna.sees("escalated", "delivered")
    assert next(event.step.note for event in anna.events if isinstance(event, AlertStepped)) == "managers"


# By UDP ---------------------------------------------------------------------------------------------------------------


def packets(radio: BareRadio) -> list[AlertPacket]:
    """Alert packets that came by UDP under the session's own key."""
    found = []
    for datagram in radio.datagrams():
        found += [p for p in rtcp.decode(radio.downlink.unprotect_rtcp(datagram)) if isinstance(p, AlertPacket)]
    return found


def shout(radio: BareRadio, alert: str = ALERT) -> None:
    assert radio.session is not None
    packet = AlertPacket(AlertPacketType.RAISE, radio.session.ssrc, alert)
    radio.send_udp(radio.uplink.protect_rtcp(packet.encode()))


async def answered(radio: BareRadio) -> AlertPacket:
    found: list[AlertPacket] = []

    def came() -> bool:
        found.extend(packets(radio))
        return bool(found)

    await until(came)
    return found[0]


async def test_an_alert_by_udp_alone_is_heard_and_answered(control: Control) -> None:
    _, _, dora = await control.staff()
    radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
    shout(radio)
    answer = await answered(radio)
    assert radio.session is not None
    assert answer == AlertPacket(AlertPacketType.ACCEPTED, radio.session.server_ssrc, ALERT)
    await until(dora.raised)
    shout(radio)
    await answered(radio)
    await radio.ask(HELP, signalling.AlertAccepted)
    assert [info.alert for info in dora.raised()] == [ALERT]
    assert [alert.alert_id for alert in control.board()] == [ALERT]
    await radio.close()


async def test_an_alert_of_a_forger_is_not_answered(control: Control) -> None:
    _, _, dora = await control.staff()
    radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
    assert radio.session is not None
    packet = AlertPacket(AlertPacketType.RAISE, radio.session.ssrc, ALERT)
    genuine = radio.uplink.protect_rtcp(packet.encode())
    radio.send_udp(genuine[:12] + bytes([genuine[12] ^ 1]) + genuine[13:])
    await until(lambda: dict(control.platform.server.services.relay.drops.items())["bad_tag"] == 1)
    assert packets(radio) == []
    assert len(control.board()) == 0
    assert dora.raised() == []
    await radio.close()


async def test_an_alert_with_the_ssrc_of_a_group_is_dropped(control: Control) -> None:
    radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
    affiliation = await radio.affiliate()
    packet = AlertPacket(AlertPacketType.RAISE, affiliation.ssrc, ALERT)
    radio.send_udp(radio.uplink.protect_rtcp(packet.encode()))
    await until(lambda: dict(control.platform.server.services.relay.drops.items())["foreign_ssrc"] == 1)
    assert len(control.board()) == 0
    await radio.close()


async def test_the_handset_gets_through_while_its_websocket_is_stuck(control: Control) -> None:
    anna, _, dora = await control.staff()
    link = anna.handset._link
    assert link is not None
    link.request = lambda *_: _stuck()  # type: ignore[method-assign]
    await anna.handset.alerts.raise_alert()
    await until(dora.raised)


async def _stuck() -> Any:
    await asyncio.sleep(3600)


# Who may not ---------------------------------------------------------------------------------------------------------

OFF_FOR_ALL = POLICY.replace("[alerts]", "[alerts]\nenabled = false")
OFF_FOR_MOST = POLICY.replace("[alerts]", "[alerts]\nallowed_by_default = false")


@pytest.mark.parametrize("policy", [OFF_FOR_ALL, OFF_FOR_MOST])
async def test_alerts_that_are_off_are_refused_and_leave_nothing(platform: Platform, policy: str) -> None:
    """T-079: by WebSocket, by UDP, and in the handset itself, which does not even send."""
    await platform.organise("Patrol", policy=policy)
    control = Control(platform)
    anna, _, dora = await control.staff()
    terms = anna.handset.terms
    assert terms is not None
    assert not terms.alerts
    with pytest.raises(Refused, match="switched alerts off"):
        await anna.handset.alerts.raise_alert()
    radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
    with pytest.raises(Refusal) as refused:
        await radio.ask(HELP, signalling.AlertAccepted)
    assert refused.value.code == "policy.forbids"
    shout(radio)
    answer = await answered(radio)
    assert (answer.type, answer.cause) == (AlertPacketType.REFUSED, RefusalCause.SWITCHED_OFF)
    assert (len(control.board()), dora.raised(), await recorded(platform)) == (0, [], {})
    await radio.close()


async def test_who_is_denied_alerts_is_refused_and_who_is_allowed_is_heard(platform: Platform) -> None:
    await platform.organise("Patrol", policy=OFF_FOR_MOST)
    control = Control(platform)
    anna, bert, dora = await control.staff()
    await platform.office.roles.allow("ACME", "Anna", "alerts", True)
    await until(lambda: anna.handset.terms and anna.handset.terms.alerts)
    await anna.handset.alerts.raise_alert()
    await until(dora.raised)
    with pytest.raises(Refused):
        await bert.handset.alerts.raise_alert()


async def recorded(platform: Platform) -> dict[str, int]:
    """Rows about alerts, by table; entries of the audit log that are about alerts."""
    from sqlalchemy import func, select

    from pttserver.store.alert_schema import alert_steps, alerts
    from pttserver.store.governance_schema import audit_entries

    def work(sql: Any) -> dict[str, int]:
        found = {table.name: sql.scalar(select(func.count()).select_from(table)) for table in (alerts, alert_steps)}
        about = select(func.count()).where(audit_entries.c.operation.like("alert.%"))
        return found | {"audit": sql.scalar(about)}

    counts = await platform.database.read(work)
    return {name: count for name, count in counts.items() if count}


async def test_only_dispatchers_answer(control: Control) -> None:
    anna, bert, _ = await control.staff()
    alert = await anna.handset.alerts.raise_alert()
    for attempt in (
        bert.handset.alerts.acknowledge(alert),
        bert.handset.alerts.handle(alert),
        bert.handset.alerts.resolve(alert),
        bert.handset.alerts.take_back(alert, "why not"),
    ):
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.code == "auth.forbidden"
    assert len(control.board()) == 1


async def test_a_dispatcher_of_another_organisation_sees_and_can_do_nothing(control: Control) -> None:
    await control.platform.organise("Guards", tenant="Rival", policy=POLICY)
    eve = await Control(control.platform, "Rival").on_duty("Eve", role=Role.DISPATCHER)
    anna, _, dora = await control.staff()
    alert = await anna.handset.alerts.raise_alert()
    await until(dora.raised)
    of_nobody = "alr_ffffffffffffffff"
    for number in (alert, of_nobody):
        for attempt in (
            eve.handset.alerts.acknowledge(number),
            eve.handset.alerts.handle(number),
            eve.handset.alerts.resolve(number),
            eve.handset.alerts.take_back(number, "curious"),
            eve.handset._ask(signalling.ConfirmAlert(id=1, alert=number), signalling.Done),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert (refused.value.code, str(refused.value)) == ("not_found", "There is no such alert.")
    assert await eve.handset.alerts.list() == []
    assert eve.events == []
    await dora.handset.alerts.resolve(alert)
    assert eve.events == []


async def test_who_is_not_concerned_hears_nothing(control: Control) -> None:
    await control.platform.provisioning.add_group("ACME", "Kitchen")
    cook = await control.on_duty("Cook", "Kitchen")
    anna, _, dora = await control.staff()
    alert = await anna.handset.alerts.raise_alert()
    await until(dora.raised)
    assert await cook.handset.alerts.list() == []
    with pytest.raises(Refused):
        await cook.handset._ask(signalling.ConfirmAlert(id=1, alert=alert), signalling.Done)
    assert cook.events == []


async def test_a_storm_of_one_person_is_bounded(control: Control) -> None:
    _, _, dora = await control.staff()
    radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
    for number in range(10):
        alert = f"alr_{number:016x}"
        await radio.ask(HELP.model_copy(update={"alert": alert}), signalling.AlertAccepted)
        await radio.ask(signalling.CancelAlert(id=1, alert=alert, reason="no"), signalling.Done)
    with pytest.raises(Refusal) as refused:
        await radio.ask(HELP, signalling.AlertAccepted)
    assert refused.value.code == "auth.throttled"
    assert refused.value.error.details is not None
    shout(radio)
    assert (await answered(radio)).cause is RefusalCause.TOO_MANY
    await until(lambda: len(dora.raised()) == 10)
    await radio.close()


async def test_an_id_that_somebody_else_drew_is_refused(control: Control) -> None:
    await control.staff()
    carl = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
    eric = await BareRadio.log_in(await control.credentials("Eric", "Patrol"))
    await carl.ask(HELP, signalling.AlertAccepted)
    with pytest.raises(Refusal) as refused:
        await eric.ask(HELP, signalling.AlertAccepted)
    assert refused.value.code == "invalid_value"
    await carl.close()
    await eric.close()


async def test_whoever_takes_part_in_a_group_for_a_while_hears_of_it(control: Control) -> None:
    """Its members stand in no database. Anna is in no other group; Carl is in none."""
    anna, carl = await control.on_duty("Anna"), await control.on_duty("Carl")
    dora = await control.on_duty("Dora", role=Role.DISPATCHER)
    group = await dora.handset.dispatch.make_group("Search", [anna.number, carl.number], "missing child")
    for person in (anna, carl):
        await person.handset.refresh_groups()
        await person.handset.affiliate(group)
    alert = await anna.handset.alerts.raise_alert()
    await until(lambda: carl.raised() and dora.raised())
    assert carl.raised()[0].alert == alert
    outsider = await control.on_duty("Emil")
    await anna.sees("delivered")
    assert outsider.raised() == []
