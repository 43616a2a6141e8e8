"""Devices in the database, and what a log-in needs to know of one."""

from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from pttserver.ids import DeviceId, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.store.audit_chain import AuditNote
from pttserver.store.console_schema import console_devices
from pttserver.store.database import Database
from pttserver.store.events import events_about
from pttserver.store.holds import refuse_held
from pttserver.store.prepared import Prepared
from pttserver.store.records import Device, LoginCandidate, NewDevice
from pttserver.store.remote import CONTROL_COLUMNS, with_controls
from pttserver.store.rights import RIGHTS_COLUMNS, rights_in_force, with_rights
from pttserver.store.schema import devices, enrolment_codes, resume_tokens, subscribers
from pttserver.store.vault import KEY_COLUMNS, Vault, with_keys

_DEVICE = select(
    devices.c.id,
    devices.c.tenant_id,
    devices.c.subscriber_id,
    devices.c.label,
    devices.c.device_type,
    devices.c.created_ms,
    devices.c.enrolled_ms,
    devices.c.revoked_ms,
    *KEY_COLUMNS,
).select_from(with_keys(devices, devices.c.subscriber_id))
_CANDIDATE = Prepared(
    select(
        devices.c.id,
        devices.c.subscriber_id,
        devices.c.tenant_id,
        subscribers.c.display_name,
        devices.c.device_type,
        devices.c.public_key,
        subscribers.c.pin_hash,
        subscribers.c.created_ms,
        devices.c.enrolled_ms,
        devices.c.revoked_ms,
        console_devices.c.device_id.label("console_device"),
        *CONTROL_COLUMNS,
        *RIGHTS_COLUMNS,
        *KEY_COLUMNS,
    )
    .select_from(
        with_controls(
            with_rights(
                with_keys(devices.join(subscribers).outerjoin(console_devices), devices.c.subscriber_id),
                devices.c.subscriber_id,
            ),
            devices.c.id,
        )
    )
    .where(devices.c.public_key.is_not(None), devices.c.id == bindparam("device_id"))
)

_HELD = frozenset({Category.CREDENTIAL, Category.NICKNAME, Category.DEVICE_TYPE})


class Devices:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, device: NewDevice, code_hash: bytes, expires_ms: int, note: AuditNote | None = None) -> None:
        """With its first enrolment code. Raises NotFound if there is no such subscriber."""
        code = {"code_hash": code_hash, "device_id": device.device_id, "expires_ms": expires_ms}
        vault = self._database.vault

        def work(sql: Connection) -> None:
            keys = vault.existing(sql, device.subscriber_id)
            row = insert(devices).values(
                id=device.device_id,
                tenant_id=device.tenant_id,
                subscriber_id=device.subscriber_id,
                label=keys.seal(device.label),
                created_ms=device.created_ms,
            )
            sql.execute(row)
            sql.execute(insert(enrolment_codes).values(code))

        await self._database.write(work, note=note)

    async def of_tenant(self, tenant_id: TenantId, subscriber_id: SubscriberId | None = None) -> list[Device]:
        """All, or a subscriber's; oldest first."""
        query = _DEVICE.where(devices.c.tenant_id == tenant_id).order_by(devices.c.created_ms, devices.c.id)
        if subscriber_id is not None:
            query = query.where(devices.c.subscriber_id == subscriber_id)
        vault = self._database.vault
        return await self._database.read(lambda sql: [_device(vault, row) for row in sql.execute(query)])

    async def find(self, tenant_id: TenantId, label_or_id: str) -> list[Device]:
        """Several devices may carry one label. Labels are sealed, so all of the tenant's are looked at."""
        found = await self.of_tenant(tenant_id)
        return [device for device in found if label_or_id in (device.label, device.device_id)]

    async def revoke(self, device_id: DeviceId, at_ms: int, note: AuditNote | None = None) -> bool:
        """For good; the row stays, codes and resume token go. False: no such device, or revoked before."""
        alive = (devices.c.id == device_id) & devices.c.revoked_ms.is_(None)
        row = update(devices).where(alive).values(revoked_ms=at_ms)

        def work(sql: Connection) -> bool:
            sql.execute(delete(enrolment_codes).where(enrolment_codes.c.device_id == device_id))
            sql.execute(delete(resume_tokens).where(resume_tokens.c.device_id == device_id))
            return sql.execute(row).rowcount > 0

        return await self._database.write(work, note=note)

    async def remove(self, device_id: DeviceId, at_ms: int, note: AuditNote | None = None) -> bool:
        """With codes and resume token. False: there was none. Raises OnHold."""
        this = devices.c.id == device_id

        def work(sql: Connection) -> bool:
            owner = sql.execute(select(devices.c.tenant_id, devices.c.subscriber_id).where(this)).first()
            if owner is None:
                return False
            refuse_held(sql, owner.tenant_id, owner.subscriber_id, at_ms, _HELD)
            return sql.execute(delete(devices).where(this)).rowcount > 0

        return await self._database.write(work, note=note)

    async def login_candidate(self, device_id: DeviceId) -> LoginCandidate | None:
        """None: there is no such device, or it is not enrolled. A revoked one is given, and marked."""
        vault = self._database.vault
        return await self._database.read(lambda sql: login_candidate(sql, vault, device_id))


def login_candidate(sql: Connection, vault: Vault, device_id: DeviceId) -> LoginCandidate | None:
    """`Devices.login_candidate` within a transaction. An unknown device takes as long as a known one."""
    row = _CANDIDATE.row(sql, device_id=device_id)
    if row is not None:
        return _candidate(sql, vault, row)
    _candidate(sql, vault, _nobodys_device(vault))
    return None


def _nobodys_device(vault: Vault) -> Any:
    row = vault.nobody(
        display_name=(Category.SUBSCRIBER_NAME, "Nobody"),
        device_type=(Category.DEVICE_TYPE, "ptt on Linux"),
        public_key=(Category.CREDENTIAL, bytes(32)),
        pin_hash=(Category.CREDENTIAL, "$argon2id$" + 87 * "x"),
    )
    rights = {column.name: None for column in (*RIGHTS_COLUMNS, *CONTROL_COLUMNS)}
    nobodys = {"id": "", "subscriber_id": "", "tenant_id": "", "revoked_ms": None, "created_ms": 0, "enrolled_ms": 0}
    return SimpleNamespace(**vars(row), **rights, **nobodys, console_device=None)


def _device(vault: Vault, row: Any) -> Device:
    keys = vault.keys(row)
    return Device(
        row.id,
        row.tenant_id,
        row.subscriber_id,
        keys.shown_text(row.label),
        keys.shown_text(row.device_type),
        row.created_ms,
        row.enrolled_ms,
        row.revoked_ms,
    )


def _candidate(sql: Connection, vault: Vault, row: Any) -> LoginCandidate:
    keys = vault.keys(row)
    return LoginCandidate(
        device_id=row.id,
        subscriber_id=row.subscriber_id,
        tenant_id=row.tenant_id,
        display_name=keys.shown_text(row.display_name),
        device_type=keys.shown_text(row.device_type),
        public_key=keys.octets(row.public_key) or b"",
        pin_hash=keys.required_text(row.pin_hash),
        revoked=row.revoked_ms is not None,
        rights=rights_in_force(row),
        created_ms=row.created_ms,
        events=events_about(sql, row.tenant_id, row.subscriber_id),
        enrolled_ms=row.enrolled_ms,
        stunned=row.stunned_ms is not None,
        wiped=row.wiped_ms is not None,
        browser=row.console_device is not None,
    )
