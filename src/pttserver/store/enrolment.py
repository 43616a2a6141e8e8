"""One-time enrolment codes in the database; only their digests are stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from pttserver.errors import NotFound
from pttserver.ids import DeviceId, SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.records import EnrolledDevice
from pttserver.store.schema import devices, enrolment_codes, resume_tokens, subscribers, tenants
from pttserver.store.vault import KEY_COLUMNS, Vault, with_keys

_CLAIMED = (
    select(
        devices.c.id,
        devices.c.subscriber_id,
        devices.c.tenant_id,
        devices.c.public_key,
        tenants.c.name,
        subscribers.c.display_name,
        enrolment_codes.c.used_ms,
        *KEY_COLUMNS,
    )
    .select_from(
        with_keys(
            enrolment_codes.join(devices).join(subscribers).join(tenants, tenants.c.id == devices.c.tenant_id),
            devices.c.subscriber_id,
        )
    )
    .where(devices.c.revoked_ms.is_(None))
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a device brings to its enrolment, as the policy of its tenant lets it through."""

    public_key: Released | None
    device_type: Released | None


class Enrolments:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(
        self, device_id: DeviceId, code_hash: bytes, expires_ms: int, now_ms: int, note: AuditNote | None = None
    ) -> None:
        """Replaces the device's earlier code. Raises NotFound if the device is removed or revoked."""
        alive = select(devices.c.id).where(devices.c.id == device_id, devices.c.revoked_ms.is_(None))
        stale = (enrolment_codes.c.device_id == device_id) | (enrolment_codes.c.expires_ms <= now_ms)
        row = insert(enrolment_codes).values(code_hash=code_hash, device_id=device_id, expires_ms=expires_ms)

        def work(sql: Connection) -> None:
            if sql.execute(alive).first() is None:
                raise NotFound("the device is removed or revoked")
            sql.execute(delete(enrolment_codes).where(stale))
            sql.execute(row)

        await self._database.write(work, note=note)

    async def claim(
        self,
        code_hash: bytes,
        public_key: bytes,
        now_ms: int,
        release: Callable[[TenantId, SubscriberId], NewKey],
    ) -> EnrolledDevice | None:
        """Uses the code up: of all that try, one gets the device. None: the code is unknown, used or expired.

        Whoever used it may use it again with the same key until it expires: its answer may have been lost. An earlier
        key of the device is replaced, and its resume token ends. `release` asks the gate; it runs in a thread.
        """
        code = enrolment_codes.c
        query = _CLAIMED.where(code.code_hash == code_hash, code.expires_ms > now_ms)
        vault = self._database.vault

        def work(sql: Connection) -> EnrolledDevice | None:
            row = sql.execute(query).first()
            if row is None or not _may_use(vault, row, public_key):
                return None
            _use(sql, vault, row, code_hash, now_ms, release(row.tenant_id, row.subscriber_id))
            name = vault.keys(row).text(row.display_name)
            return EnrolledDevice(row.id, row.subscriber_id, row.tenant_id, row.name, name)

        return await self._database.write(work)


def _may_use(vault: Vault, row: Any, public_key: bytes) -> bool:
    return row.used_ms is None or vault.keys(row).octets(row.public_key) == public_key


def _use(sql: Connection, vault: Vault, row: Any, code_hash: bytes, now_ms: int, new: NewKey) -> None:
    keys = vault.keys(row)
    enrolled = {
        "public_key": keys.seal(new.public_key),
        "device_type": keys.seal(new.device_type),
        "enrolled_ms": now_ms,
    }
    sql.execute(update(enrolment_codes).where(enrolment_codes.c.code_hash == code_hash).values(used_ms=now_ms))
    sql.execute(update(devices).where(devices.c.id == row.id).values(**enrolled))
    sql.execute(delete(resume_tokens).where(resume_tokens.c.device_id == row.id))
