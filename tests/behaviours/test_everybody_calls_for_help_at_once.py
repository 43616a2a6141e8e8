"""An alert storm: everybody of a group presses at once, each on both ways and again and again."""

import asyncio

from sqlalchemy import func, select

from attacks.live_call import LiveCall
from behaviours.control_room import POLICY, Control, Person
from pttserver.roles import Role
from pttserver.store.alert_schema import alerts
from running_server import Platform, until

PEOPLE = 40
PACKETS = 150


async def press(person: Person) -> set[str]:
    """Three times, as a frightened person does; the handset sends each by UDP and by WebSocket."""
    return {await person.handset.alerts.raise_alert() for _ in range(3)}


async def talk(call: LiveCall) -> int:
    """How many packets the listener heard, sent at their true pace."""
    heard = 0
    for _ in range(PACKETS):
        call.talker.send_udp(call.packet())
        heard += len(await call.heard(0.02))
    return heard + len(await call.heard(0.5))


async def test_each_is_told_once_and_to_its_end_and_voice_goes_on(platform: Platform) -> None:
    await platform.organise("Patrol", policy=POLICY)
    control = Control(platform)
    crew = [await control.on_duty(f"Person {number}", "Patrol") for number in range(PEOPLE)]
    dora = await control.on_duty("Dora", role=Role.DISPATCHER)
    call = await LiveCall.start(platform, tenant="Neighbours")
    talking = asyncio.create_task(talk(call))
    drawn = await asyncio.gather(*map(press, crew))
    assert [len(ids) for ids in drawn] == [1] * PEOPLE
    raised = set().union(*drawn)
    assert len(raised) == PEOPLE
    everybody = [*crew, dora]
    await until(lambda: all(len(person.raised()) >= PEOPLE for person in everybody), timeout_s=30)
    for person in everybody:
        assert sorted(info.alert for info in person.raised()) == sorted(raised)
    assert await talking == PACKETS
    assert await stored(platform) == PEOPLE
    for alert in raised:
        await dora.handset.alerts.resolve(alert, "test", "an exercise of all")
    await until(lambda: len(control.board()) == 0)
    await until(lambda: not any(person.handset.alerts.open for person in everybody), timeout_s=30)
    await call.stop()


async def stored(platform: Platform) -> int:
    return await platform.database.read(lambda sql: sql.scalar(select(func.count()).select_from(alerts)) or 0)
