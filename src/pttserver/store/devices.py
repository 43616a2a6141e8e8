"""Devices in the database, and what a log-in needs to know of one."""

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from pttserver.ids import DeviceId, SubscriberId, TenantId
from pttserver.store.database import Database
from pttserver.store.records import Device, LoginCandidate
from pttserver.store.schema import devices, enrolment_codes, resume_tokens, subscribers, tenants

_DEVICE = select(
    devices.c.id,
    devices.c.tenant_id,
    devices.c.subscriber_id,
    devices.c.label,
    devices.c.device_type,
    devices.c.created_ms,
    devices.c.enrolled_ms,
    devices.c.revoked_ms,
)
_CANDIDATE = (
    select(
        devices.c.id,
        devices.c.subscriber_id,
        devices.c.tenant_id,
        tenants.c.name,
        tenants.c.roster_limit,
        subscribers.c.identifier,
        subscribers.c.display_name,
        devices.c.device_type,
        devices.c.public_key,
        subscribers.c.pin_hash,
        devices.c.revoked_ms.is_not(None),
    )
    .join(subscribers, subscribers.c.id == devices.c.subscriber_id)
    .join(tenants, tenants.c.id == devices.c.tenant_id)
    .where(devices.c.public_key.is_not(None), devices.c.id == bindparam("device_id"))
)


class Devices:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, device: Device, code_hash: bytes, expires_ms: int) -> None:
        """With its first enrolment code. Raises NotFound if there is no such subscriber."""
        row = insert(devices).values(
            id=device.device_id,
            tenant_id=device.tenant_id,
            subscriber_id=device.subscriber_id,
            label=device.label,
            device_type=device.device_type,
            created_ms=device.created_ms,
        )
        code = {"code_hash": code_hash, "device_id": device.device_id, "expires_ms": expires_ms}

        def work(sql: Connection) -> None:
            sql.execute(row)
            sql.execute(insert(enrolment_codes).values(code))

        await self._database.write(work)

    async def of_tenant(self, tenant_id: TenantId, subscriber_id: SubscriberId | None = None) -> list[Device]:
        """All, or a subscriber's; oldest first."""
        query = _DEVICE.where(devices.c.tenant_id == tenant_id).order_by(devices.c.created_ms, devices.c.id)
        if subscriber_id is not None:
            query = query.where(devices.c.subscriber_id == subscriber_id)
        return await self._database.read(lambda sql: [Device(*row) for row in sql.execute(query)])

    async def find(self, tenant_id: TenantId, label_or_id: str) -> list[Device]:
        """Several devices may carry one label."""
        query = _DEVICE.where(
            devices.c.tenant_id == tenant_id, or_(devices.c.label == label_or_id, devices.c.id == label_or_id)
        )
        return await self._database.read(lambda sql: [Device(*row) for row in sql.execute(query)])

    async def revoke(self, device_id: DeviceId, at_ms: int) -> bool:
        """For good; the row stays, codes and resume token go. False: no such device, or revoked before."""
        alive = (devices.c.id == device_id) & devices.c.revoked_ms.is_(None)
        row = update(devices).where(alive).values(revoked_ms=at_ms)

        def work(sql: Connection) -> bool:
            sql.execute(delete(enrolment_codes).where(enrolment_codes.c.device_id == device_id))
            sql.execute(delete(resume_tokens).where(resume_tokens.c.device_id == device_id))
            return sql.execute(row).rowcount > 0

        return await self._database.write(work)

    async def remove(self, device_id: DeviceId) -> bool:
        """With codes and resume token. False: there was none."""
        row = delete(devices).where(devices.c.id == device_id)
        return await self._database.write(lambda sql: sql.execute(row).rowcount > 0)

    async def login_candidate(self, device_id: DeviceId) -> LoginCandidate | None:
        """None: there is no such device, or it is not enrolled. A revoked one is given, and marked."""
        return await self._database.read(lambda sql: login_candidate(sql, device_id))


def login_candidate(sql: Connection, device_id: DeviceId) -> LoginCandidate | None:
    """`Devices.login_candidate` within a transaction."""
    row = sql.execute(_CANDIDATE, {"device_id": device_id}).first()
    return None if row is None else LoginCandidate(*row)
