"""Makes tenants, groups, subscribers and enrolled devices in bulk: rows straight into the store, one transaction."""

import asyncio
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert

from pttserver.config import Settings
from pttserver.crypto.passwords import PinHasher
from pttserver.ids import TenantId, new_device_id, new_group_id, new_subscriber_id
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Value
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish
from pttserver.store import schema
from pttserver.store.columns import Sealed
from pttserver.store.vault import Vault

PIN = "4711"
POLICY = """
[policy]
title = "Bench"
version = "1"

[roster]
names_up_to = {roster_limit}
"""
Groups = dict[int, list[list[int]]]  # size -> groups -> handset numbers


@dataclass(slots=True)
class Recruit:
    """An enrolled test device."""

    device: str
    subscriber: str
    private_key: bytes


@dataclass(slots=True)
class Muster:
    """The enrolled devices, and the identifiers of the groups by size."""

    recruits: list[Recruit]
    group_ids: dict[int, list[str]]


def muster(settings: Settings, handsets: int, groups: Groups, pin_hash_memory_kib: int, roster_limit: int) -> Muster:
    """All share one PIN, hashed once at the given cost. The server need not run yet."""
    return asyncio.run(_muster(settings, handsets, groups, pin_hash_memory_kib, roster_limit))


async def _muster(
    settings: Settings, handsets: int, groups: Groups, pin_hash_memory_kib: int, roster_limit: int
) -> Muster:
    made = Muster([_recruit() for _ in range(handsets)], {})
    pin_hash, now_ms = PinHasher(pin_hash_memory_kib, 1).hash(PIN), time.time_ns() // 1_000_000
    database = await open_database(settings)
    try:
        office = await furnish(database, settings)
        tenant = await office.provisioning.add_tenant("Bench", POLICY.format(roster_limit=roster_limit))
        gate = office.book.gate(tenant.tenant_id)

        def work(sql: Connection) -> None:
            for number, recruit in enumerate(made.recruits):
                _enlist(sql, database.vault, gate, tenant.tenant_id, number, recruit, pin_hash, now_ms)
            rows, members = _groups(made, groups, tenant.tenant_id, now_ms)
            for table, some in ((schema.groups, rows), (schema.members, members)):
                if some:
                    sql.execute(insert(table), some)

        await database.write(work)
    finally:
        await database.close()
    return made


def _recruit() -> Recruit:
    key = Ed25519PrivateKey.generate().private_bytes_raw()
    return Recruit(str(new_device_id()), str(new_subscriber_id()), key)


def _enlist(
    sql: Connection,
    vault: Vault,
    gate: Gate,
    tenant: TenantId,
    number: int,
    recruit: Recruit,
    pin_hash: str,
    now_ms: int,
) -> None:
    """A subscriber and its enrolled device, sealed as the server seals them."""
    who = recruit.subscriber
    keys = vault.make_subject(sql, tenant, who, "subscriber", now_ms)
    identifier = f"unit-{number:05}"
    public = Ed25519PrivateKey.from_private_bytes(recruit.private_key).public_key().public_bytes_raw()

    def sealed(category: Category, purpose: Purpose, value: Value) -> Sealed | None:
        return keys.seal(gate.release(category, purpose, who, value))

    sql.execute(
        insert(schema.subscribers).values(
            id=who,
            tenant_id=tenant,
            identifier=sealed(Category.IDENTIFIER, Purpose.SERVICE, identifier),
            identifier_index=vault.identifier_index(sql, tenant, identifier),
            identifier_kind="custom",
            display_name=sealed(Category.SUBSCRIBER_NAME, Purpose.SERVICE, f"Unit {number}"),
            pin_hash=sealed(Category.CREDENTIAL, Purpose.SECURITY, pin_hash),
            created_ms=now_ms,
        )
    )
    sql.execute(
        insert(schema.devices).values(
            id=recruit.device,
            tenant_id=tenant,
            subscriber_id=who,
            device_type=sealed(Category.DEVICE_TYPE, Purpose.SERVICE, "bench"),
            public_key=sealed(Category.CREDENTIAL, Purpose.SECURITY, public),
            created_ms=now_ms,
            enrolled_ms=now_ms,
        )
    )


def _groups(
    made: Muster, groups: Groups, tenant: str, now_ms: int
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    rows: list[dict[str, object]] = []
    members: list[dict[str, object]] = []
    for size, of_size in groups.items():
        made.group_ids[size] = [str(new_group_id()) for _ in of_size]
        for number, (group_id, handsets) in enumerate(zip(made.group_ids[size], of_size, strict=True)):
            rows.append({"id": group_id, "tenant_id": tenant, "name": f"{size}-{number}", "created_ms": now_ms})
            members += [{"group_id": group_id, "subscriber_id": made.recruits[h].subscriber} for h in handsets]
    return rows, members
