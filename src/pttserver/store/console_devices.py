"""Browsers of console accounts, as devices in the database: each is a key that logs in with a console session only."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from pttserver.errors import NotFound
from pttserver.ids import DeviceId, SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.audit_chain import AuditNote
from pttserver.store.console_schema import console_accounts, console_devices
from pttserver.store.database import Database
from pttserver.store.schema import devices, resume_tokens
from pttserver.store.vault import SubjectVault

MAX_BROWSERS = 10


@dataclass(frozen=True, slots=True)
class NewBrowser:
    """On its way in; `key` is the 32 octets that `public_key` seals."""

    device_id: DeviceId
    tenant_id: TenantId
    subscriber_id: SubscriberId
    key: bytes
    public_key: Released | None
    device_type: Released | None
    now_ms: int


class ConsoleDevices:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: NewBrowser, note: AuditNote) -> None:
        """The account's oldest browser makes room. Raises NotFound: the account is gone."""
        vault, who = self._database.vault, new.subscriber_id

        def work(sql: Connection) -> None:
            keys = vault.existing(sql, who)
            account = select(console_accounts.c.subscriber_id).where(console_accounts.c.subscriber_id == who)
            if sql.execute(account).first() is None:
                raise NotFound("the account is gone")
            for device_id in [row.id for row in sql.execute(_alive(who)).all()][: 1 - MAX_BROWSERS]:
                sql.execute(update(devices).where(devices.c.id == device_id).values(revoked_ms=new.now_ms))
                sql.execute(delete(resume_tokens).where(resume_tokens.c.device_id == device_id))
            sql.execute(insert(devices).values(_row(keys, new)))
            sql.execute(insert(console_devices).values(device_id=new.device_id))

        await self._database.write(work, note=note)

    async def known(self, new: NewBrowser) -> DeviceId | None:
        """Which browser of the account, not revoked, has this key. None: none has."""
        vault = self._database.vault

        def work(sql: Connection) -> DeviceId | None:
            keys = vault.subject(sql, new.subscriber_id)
            rows = sql.execute(_alive(new.subscriber_id)).all() if keys is not None else []
            same = (row.id for row in rows if keys is not None and keys.octets(row.public_key) == new.key)
            return next(same, None)

        return await self._database.read(work)


def _alive(subscriber_id: SubscriberId) -> Select[Any]:
    mine = (devices.c.subscriber_id == subscriber_id) & devices.c.revoked_ms.is_(None)
    browsers = select(devices.c.id, devices.c.public_key).join(console_devices).where(mine)
    return browsers.order_by(devices.c.created_ms, devices.c.id)


def _row(keys: SubjectVault, new: NewBrowser) -> dict[str, object]:
    return {
        "id": new.device_id,
        "tenant_id": new.tenant_id,
        "subscriber_id": new.subscriber_id,
        "device_type": keys.seal(new.device_type),
        "public_key": keys.seal(new.public_key),
        "created_ms": new.now_ms,
        "enrolled_ms": new.now_ms,
    }
