"""Devices in the database as remote control sees them: whose they are, and what is taken from them or given back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, FromClause, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import DeviceId, SubscriberId, TenantId
from pttserver.roles import Role
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.remote_schema import device_controls
from pttserver.store.rights import RIGHTS_COLUMNS, rights_of, with_rights
from pttserver.store.schema import devices, enrolment_codes, resume_tokens

CONTROL_COLUMNS = (device_controls.c.stunned_ms, device_controls.c.wiped_ms)
"""Select these of a table joined by `with_controls`."""


def with_controls(joined: FromClause, device_id: Any) -> FromClause:
    """`joined` with what was done from afar to the device that `device_id` (a column of it) names."""
    return joined.outerjoin(device_controls, device_controls.c.device_id == device_id)


@dataclass(frozen=True, slots=True)
class ControlledDevice:
    """A device, its owner, and what the owner is."""

    device_id: DeviceId
    subscriber_id: SubscriberId
    owner_role: Role


class RemoteDevices:
    """Every method raises StoreUnavailable if the database fails; what changes something is written with its note."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def named(self, tenant_id: TenantId, who: str) -> list[ControlledDevice]:
        """The device of this number, or all of the subscriber of this number, that are not revoked; of this tenant."""
        named = (devices.c.id == who) | (devices.c.subscriber_id == who)
        alive = devices.c.revoked_ms.is_(None)
        query = (
            select(devices.c.id, devices.c.subscriber_id, *RIGHTS_COLUMNS)
            .select_from(with_rights(devices, devices.c.subscriber_id))
            .where(devices.c.tenant_id == tenant_id, named, alive)
            .order_by(devices.c.id)
        )
        return await self._database.read(
            lambda sql: [ControlledDevice(row.id, row.subscriber_id, rights_of(row).role) for row in sql.execute(query)]
        )

    async def forget_tokens(self, device_ids: Sequence[DeviceId], note: AuditNote) -> None:
        """They need the PIN again."""
        row = delete(resume_tokens).where(resume_tokens.c.device_id.in_(device_ids))
        await self._database.write(lambda sql: sql.execute(row).rowcount, note=note)

    async def stun(self, device_ids: Sequence[DeviceId], at_ms: int, note: AuditNote) -> None:
        """They may not log in until they are enabled."""
        row = insert(device_controls).values([{"device_id": each, "stunned_ms": at_ms} for each in device_ids])
        upsert = row.on_conflict_do_update(index_elements=["device_id"], set_={"stunned_ms": at_ms})
        await self._database.write(lambda sql: sql.execute(upsert).rowcount, note=note)

    async def enable(self, device_ids: Sequence[DeviceId], note: AuditNote) -> None:
        row = update(device_controls).where(device_controls.c.device_id.in_(device_ids)).values(stunned_ms=None)
        await self._database.write(lambda sql: sql.execute(row).rowcount, note=note)

    async def wipe(self, device_ids: Sequence[DeviceId], at_ms: int, note: AuditNote) -> None:
        """Revoked for good, and to be told that they are to delete their keys. Codes and resume tokens go."""
        control = insert(device_controls).values([{"device_id": each, "wiped_ms": at_ms} for each in device_ids])
        upsert = control.on_conflict_do_update(index_elements=["device_id"], set_={"wiped_ms": at_ms})
        revoke = update(devices).where(devices.c.id.in_(device_ids)).values(revoked_ms=at_ms)

        def work(sql: Connection) -> int:
            for table in (enrolment_codes, resume_tokens):
                sql.execute(delete(table).where(table.c.device_id.in_(device_ids)))
            sql.execute(upsert)
            return sql.execute(revoke).rowcount

        await self._database.write(work, note=note)
