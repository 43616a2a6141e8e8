"""Somebody calls for help: dispatchers and the group hear of it at once, and everybody sees what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from attacks.bare_radio import BareRadio, Refusal
from ptthandset.alerts import AlertEvent
from ptthandset.errors import Refused
from ptthandset.handset import Handset
from pttserver.roles import Role
from pttserver.wire import rtcp, signalling
from pttserver.wire.alert_packet import AlertPacket, AlertPacketType, RefusalCause
from pttserver.wire.signalling import AlertRaised, AlertStepped, GroupEmergency
from running_server import PLAIN_POLICY, Platform, running_platform, until

ALERT = "alr_00000000000000a1"
FAST = PLAIN_POLICY + '[alerts]\nacknowledge_within_s = 5\nescalate_to = ["managers", "everybody"]\n'


@dataclass
class Person:
    """Somebody with a handset, and what it told of alerts."""

    handset: Handset
    events: list[AlertEvent] = field(default_factory=list)

    @property
    def number(self) -> str:
        return self.handset.credentials.subscriber

    def raised(self) -> list[signalling.AlertInfo]:
        return [event.info for event in self.events if isinstance(event, AlertRaised)]

    def steps(self) -> list[str]:
        return [event.step.kind for event in self.events if isinstance(event, AlertStepped)]

    async def sees(self, *steps: str) -> None:
        await until(lambda: set(steps) <= set(self.steps()))


class Control:
    """Anna and Bert on patrol, Dora at the console."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    async def on_duty(self, name: str, *groups: str, role: Role | None = None, **options: Any) -> Person:
        credentials = await self.platform.enrol(name, *groups)
        if role is not None:
            await self.platform.office.roles.set_role("ACME", name, role)
        person = Person(await self.platform.log_in(credentials, **options))
        person.handset.alerts.listeners.append(person.events.append)
        return person

    async def staff(self) -> tuple[Person, Person, Person]:
        anna = await self.on_duty("Anna", "Patrol")
        bert = await self.on_duty("Bert", "Patrol")
        dora = await self.on_duty("Dora", role=Role.DISPATCHER)
        return anna, bert, dora

    def board(self) -> Any:
        return self.platform.server.services.alerts.desk.board


@pytest.fixture
async def control(platform: Platform) -> Control:
    await platform.organise("Patrol", policy=FAST)
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
