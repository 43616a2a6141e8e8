"""A real SQLite file for every test, and a small organisation in it."""

from dataclasses import dataclass

import pytest

from pttserver.ids import DeviceId, GroupId, SubscriberId, TenantId
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments
from pttserver.store.groups import Groups
from pttserver.store.records import Group, Tenant
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants
from store.organisation import (
    ANNA,
    BERT,
    CODE_HASH,
    GROUP,
    PUBLIC_KEY,
    RADIO,
    TENANT,
    VAULT,
    device,
    first_policy,
    new_key,
    subscriber,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "pttserver.sqlite3"


@pytest.fixture
async def database(file):
    database = await Database.open(file, VAULT, busy_timeout_s=0.5)
    yield database
    await database.close()


@dataclass(frozen=True)
class Acme:
    """Tenant ACME: group Patrol, of which Anna is a member; her radio, with an enrolment code until 1000 ms."""

    tenants: Tenants
    groups: Groups
    subscribers: Subscribers
    devices: Devices
    enrolments: Enrolments
    tenant_id: TenantId = TENANT
    group_id: GroupId = GROUP
    anna: SubscriberId = ANNA
    bert: SubscriberId = BERT
    radio: DeviceId = RADIO
    code_hash: bytes = CODE_HASH
    public_key: bytes = PUBLIC_KEY

    async def enrol(self) -> None:
        assert await self.enrolments.claim(self.code_hash, self.public_key, 20, new_key(self.public_key))


@pytest.fixture
async def acme(database):
    acme = Acme(Tenants(database), Groups(database), Subscribers(database), Devices(database), Enrolments(database))
    await acme.tenants.add(Tenant(acme.tenant_id, "ACME", 1), first_policy(acme.tenant_id))
    await acme.groups.add(Group(acme.group_id, acme.tenant_id, "Patrol", 2))
    await acme.subscribers.add(subscriber(acme.anna, "+491511234567", "Anna"))
    await acme.subscribers.add(subscriber(acme.bert, "Gate 4"))
    await acme.groups.put_member(acme.group_id, acme.anna, 100, False)
    await acme.devices.add(device(acme.radio, acme.anna, "Radio 7"), acme.code_hash, 1000)
    return acme
