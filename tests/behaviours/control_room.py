"""A control room: people with handsets, and what each of them was told of alerts."""

from dataclasses import dataclass, field
from typing import Any

from ptthandset.alerts import AlertEvent
from ptthandset.credentials import Credentials
from ptthandset.handset import Handset
from pttserver.alerts.board import Board
from pttserver.roles import Role
from pttserver.wire.signalling import AlertInfo, AlertRaised, AlertStepped
from running_server import PLAIN_POLICY, Platform, until

POLICY = PLAIN_POLICY + '[alerts]\nacknowledge_within_s = 5\nescalate_to = ["managers", "everybody"]\n'
ALERT = "alr_00000000000000a1"


@dataclass
class Person:
    """Somebody with a handset, and what it told of alerts."""

    handset: Handset
    events: list[AlertEvent] = field(default_factory=list)

    @property
    def number(self) -> str:
        return self.handset.credentials.subscriber

    def raised(self) -> list[AlertInfo]:
        return [event.info for event in self.events if isinstance(event, AlertRaised)]

    def steps(self) -> list[str]:
        return [event.step.kind for event in self.events if isinstance(event, AlertStepped)]

    async def sees(self, *steps: str) -> None:
        await until(lambda: set(steps) <= set(self.steps()))


class Control:
    """The platform must have an organisation; `tenant` names it."""

    def __init__(self, platform: Platform, tenant: str = "ACME") -> None:
        self.platform = platform
        self.tenant = tenant

    async def on_duty(self, name: str, *groups: str, role: Role | None = None, **options: Any) -> Person:
        return await self.logged_in(await self.credentials(name, *groups, role=role), **options)

    async def credentials(self, name: str, *groups: str, role: Role | None = None) -> Credentials:
        made = await self.platform.enrol(name, *groups, tenant=self.tenant)
        if role is not None:
            await self.platform.office.roles.set_role(self.tenant, name, role)
        return made

    async def logged_in(self, credentials: Credentials, **options: Any) -> Person:
        person = Person(await self.platform.log_in(credentials, **options))
        person.handset.alerts.listeners.append(person.events.append)
        return person

    async def staff(self) -> tuple[Person, Person, Person]:
        """Anna and Bert on patrol, Dora at the console."""
        anna = await self.on_duty("Anna", "Patrol")
        bert = await self.on_duty("Bert", "Patrol")
        dora = await self.on_duty("Dora", role=Role.DISPATCHER)
        return anna, bert, dora

    def board(self) -> Board:
        return self.platform.server.services.alerts.desk.board
