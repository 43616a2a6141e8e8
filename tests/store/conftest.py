"""A real SQLite file for every test, and a small organisation in it."""

from dataclasses import dataclass

import pytest

from pttserver.ids import DeviceId, GroupId, Personal, SubscriberId, TenantId
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments
from pttserver.store.groups import Groups
from pttserver.store.records import Device, Group, IdentifierKind, Subscriber, Tenant
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants

CODE_HASH = b"c" * 32
PUBLIC_KEY = b"k" * 32
TENANT, GROUP, RADIO = TenantId("ten_1"), GroupId("grp_1"), DeviceId("dev_1")
ANNA, BERT = SubscriberId("sub_anna"), SubscriberId("sub_bert")


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
        assert await self.enrolments.claim(self.code_hash, self.public_key, "ptt cli", 20)


@pytest.fixture
async def acme(database):
    acme = Acme(Tenants(database), Groups(database), Subscribers(database), Devices(database), Enrolments(database))
    await acme.tenants.add(Tenant(acme.tenant_id, "ACME", 50, 1))
    await acme.groups.add(Group(acme.group_id, acme.tenant_id, "Patrol", 2))
    for subscriber_id, number, name in ((acme.anna, "+491511234567", "Anna"), (acme.bert, "Gate 4", None)):
        kind = IdentifierKind.PHONE if number.startswith("+") else IdentifierKind.CUSTOM
        shown = Personal(name) if name else None
        subscriber = Subscriber(subscriber_id, acme.tenant_id, Personal(number), kind, shown, 3)
        await acme.subscribers.add(subscriber, "hash of 4711")
    await acme.groups.put_member(acme.group_id, acme.anna, 100, False)
    device = Device(acme.radio, acme.tenant_id, acme.anna, Personal("Radio 7"), None, 4)
    await acme.devices.add(device, acme.code_hash, 1000)
    return acme
