"""One-time enrolment codes in the database; only their digests are stored."""

from sqlalchemy import Connection, delete, insert, select, update

from pttserver.errors import NotFound
from pttserver.ids import DeviceId
from pttserver.store.database import Database
from pttserver.store.records import EnrolledDevice
from pttserver.store.schema import devices, enrolment_codes, resume_tokens, subscribers, tenants

_ENROLLED = (
    select(
        devices.c.id,
        devices.c.subscriber_id,
        devices.c.tenant_id,
        tenants.c.name,
        subscribers.c.identifier,
        subscribers.c.display_name,
    )
    .join(subscribers, subscribers.c.id == devices.c.subscriber_id)
    .join(tenants, tenants.c.id == devices.c.tenant_id)
)


class Enrolments:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(self, device_id: DeviceId, code_hash: bytes, expires_ms: int, now_ms: int) -> None:
        """Replaces the device's earlier code. Raises NotFound if the device is removed or revoked."""
        alive = select(devices.c.id).where(devices.c.id == device_id, devices.c.revoked_ms.is_(None))
        stale = (enrolment_codes.c.device_id == device_id) | (enrolment_codes.c.expires_ms <= now_ms)
        row = insert(enrolment_codes).values(code_hash=code_hash, device_id=device_id, expires_ms=expires_ms)

        def work(sql: Connection) -> None:
            if sql.execute(alive).first() is None:
                raise NotFound("the device is removed or revoked")
            sql.execute(delete(enrolment_codes).where(stale))
            sql.execute(row)

        await self._database.write(work)

    async def claim(
        self, code_hash: bytes, public_key: bytes, device_type: str | None, now_ms: int
    ) -> EnrolledDevice | None:
        """Uses the code up: of all that try, one gets the device. None: the code is unknown, used or expired.

        Whoever used it may use it again with the same key until it expires: its answer may have been lost. An earlier
        key of the device is replaced, and its resume token ends.
        """
        codes = enrolment_codes.c
        same_key = codes.device_id.in_(select(devices.c.id).where(devices.c.public_key == public_key))
        use = (
            update(enrolment_codes)
            .where(codes.code_hash == code_hash, codes.used_ms.is_(None) | same_key, codes.expires_ms > now_ms)
            .values(used_ms=now_ms)
            .returning(codes.device_id)
        )
        enrolled = {"public_key": public_key, "device_type": device_type, "enrolled_ms": now_ms}

        def work(sql: Connection) -> EnrolledDevice | None:
            device_id = sql.scalar(use)
            if device_id is None:
                return None
            sql.execute(update(devices).where(devices.c.id == device_id).values(**enrolled))
            sql.execute(delete(resume_tokens).where(resume_tokens.c.device_id == device_id))
            return EnrolledDevice(*sql.execute(_ENROLLED.where(devices.c.id == device_id)).one())

        return await self._database.write(work)
