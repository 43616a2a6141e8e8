"""While an alert is open its raiser talks as an emergency and its groups are in one; nobody else can claim any."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from behaviours.control_room import POLICY, Control
from ptthandset.alerts import AlertEvent
from ptthandset.floor_effects import FloorTaken
from pttserver.wire.floor_control import FloorIndicator
from pttserver.wire.signalling import GroupEmergency
from running_server import PLAIN_POLICY, Platform, until
from sim.radio_traffic import Operator, Roll, roll_of


@pytest.fixture
async def roll(platform: Platform) -> AsyncIterator[Roll]:
    await platform.organise("Patrol", policy=POLICY)
    async with roll_of(platform) as roll:
        yield roll


def emergencies(operator: Operator) -> list[bool]:
    """What the handset is told of its group from now on."""
    heard: list[bool] = []

    def hear(event: AlertEvent) -> None:
        if isinstance(event, GroupEmergency):
            heard.append(event.on)

    operator.handset.alerts.listeners.append(hear)
    return heard


async def test_only_who_has_an_alert_open_may_break_in(roll: Roll) -> None:
    anna, bert, carl = [await roll.on_duty(name) for name in ("Anna", "Bert", "Carl")]
    talking = asyncio.create_task(anna.says(2.0))
    await until(lambda: sum(map(len, carl.played.values())) >= 10)
    pretender = asyncio.create_task(bert.says(0.2, emergency=True))
    await asyncio.sleep(0.3)
    assert not talking.done()
    assert (await talking).lost is None
    await pretender


async def test_the_group_is_in_emergency_until_the_alert_is_over(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    events = {operator.name: emergencies(operator) for operator in (anna, bert)}
    await anna.handset.alerts.raise_alert()
    await until(lambda: events == {"Anna": [True], "Bert": [True]})
    carl = await roll.on_duty("Carl")
    assert carl.group.emergency
    assert bert.group.emergency
    await bert.says(0.2)
    taken = await carl.saw(FloorTaken)
    assert taken.indicator is not None
    assert taken.indicator & FloorIndicator.EMERGENCY
    await until(lambda: anna.handset.alerts.own)
    await anna.handset.alerts.cancel("all is well")
    await until(lambda: events == {"Anna": [True, False], "Bert": [True, False]})
    assert not bert.group.emergency
    talking = asyncio.create_task(bert.says(1.0))
    await until(lambda: sum(map(len, carl.played.values())) >= 10)
    await asyncio.gather(talking, anna.says(0.2, emergency=True))
    assert talking.result().lost is None


async def test_the_group_stays_in_emergency_though_the_raiser_leaves(roll: Roll) -> None:
    anna = await roll.on_duty("Anna")
    await anna.handset.alerts.raise_alert()
    await anna.handset.deaffiliate(anna.group)
    bert = await roll.on_duty("Bert")
    assert bert.group.emergency


async def test_a_group_that_the_raiser_joins_later_is_in_emergency_too(roll: Roll) -> None:
    await roll.platform.provisioning.add_group("ACME", "Fire")
    bert = await roll.on_duty("Bert", "Fire")
    credentials = await roll.platform.enrol("Anna", "Patrol", "Fire")
    anna = await roll.logged_in("Anna", credentials, "Patrol")
    await anna.handset.alerts.raise_alert()
    assert not bert.group.emergency
    await anna.handset.affiliate("Fire")
    await until(lambda: bert.group.emergency)


async def test_an_exercise_puts_nothing_in_emergency_and_breaks_into_nothing(roll: Roll) -> None:
    anna, bert = await roll.on_duty("Anna"), await roll.on_duty("Bert")
    await anna.handset.alerts.raise_alert(drill=True)
    talking = asyncio.create_task(bert.says(1.0))
    await until(lambda: sum(map(len, anna.played.values())) >= 10)
    await asyncio.gather(talking, anna.says(0.2, emergency=True))
    assert talking.result().lost is None
    assert not bert.group.emergency


async def test_an_organisation_may_do_without_emergency_groups(platform: Platform) -> None:
    await platform.organise("Patrol", policy=PLAIN_POLICY + "[alerts]\ngroup_emergency = false\n")
    control = Control(platform)
    anna, bert, _ = await control.staff()
    group = await bert.handset.affiliate("Patrol")
    await anna.handset.affiliate("Patrol")
    await anna.handset.alerts.raise_alert()
    await until(bert.raised)
    assert not group.emergency
