"""Makes tenants, groups, subscribers and enrolled devices in bulk: rows straight into the store, one transaction."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert

from pttserver.crypto.passwords import PinHasher
from pttserver.ids import new_device_id, new_group_id, new_subscriber_id, new_tenant_id
from pttserver.store import schema
from pttserver.store.database import Database

PIN = "4711"
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


def muster(database_file: Path, handsets: int, groups: Groups, pin_hash_memory_kib: int, roster_limit: int) -> Muster:
    """All share one PIN, hashed once at the given cost. The server need not run yet."""
    pin_hash = PinHasher(pin_hash_memory_kib, 1).hash(PIN)
    made = Muster([_recruit() for _ in range(handsets)], {})
    tenant = str(new_tenant_id())
    now_ms = time.time_ns() // 1_000_000
    rows = _people(made, tenant, pin_hash, now_ms)
    rows["groups"], rows["members"] = _groups(made, groups, tenant, now_ms)
    rows["tenants"] = [{"id": tenant, "name": "Bench", "roster_limit": roster_limit, "created_ms": now_ms}]

    def work(sql: Connection) -> None:
        for table in ("tenants", "groups", "subscribers", "devices", "members"):
            if rows[table]:
                sql.execute(insert(schema.metadata.tables[table]), rows[table])

    asyncio.run(_write(database_file, work))
    return made


async def _write(file: Path, work: object) -> None:
    database = await Database.open(file)
    try:
        await database.write(work)  # type: ignore[arg-type]
    finally:
        await database.close()


def _recruit() -> Recruit:
    key = Ed25519PrivateKey.generate().private_bytes_raw()
    return Recruit(str(new_device_id()), str(new_subscriber_id()), key)


def _people(made: Muster, tenant: str, pin_hash: str, now_ms: int) -> dict[str, list[dict[str, object]]]:
    subscribers: list[dict[str, object]] = []
    devices: list[dict[str, object]] = []
    for number, recruit in enumerate(made.recruits):
        public = Ed25519PrivateKey.from_private_bytes(recruit.private_key).public_key().public_bytes_raw()
        subscribers.append(
            {
                "id": recruit.subscriber, "tenant_id": tenant, "identifier": f"unit-{number:05}",
                "identifier_kind": "custom", "display_name": f"Unit {number}", "pin_hash": pin_hash,
                "created_ms": now_ms,
            }
        )  # fmt: skip
        devices.append(
            {
                "id": recruit.device, "tenant_id": tenant, "subscriber_id": recruit.subscriber,
                "device_type": "bench", "public_key": public, "created_ms": now_ms, "enrolled_ms": now_ms,
            }
        )  # fmt: skip
    return {"subscribers": subscribers, "devices": devices}


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
