"""Console accounts in the database: what a log-in is judged by, and which console sessions no longer hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, or_, select

from pttserver.crypto.passkeys import Passkey
from pttserver.errors import NotFound
from pttserver.ids import DeviceId, Personal, SubscriberId, TenantId
from pttserver.privacy.cutoffs import Events
from pttserver.roles import Rights
from pttserver.store.console_schema import console_accounts, console_devices, console_passkeys
from pttserver.store.database import Database
from pttserver.store.devices import login_candidate
from pttserver.store.events import events_about
from pttserver.store.remote import CONTROL_COLUMNS, with_controls
from pttserver.store.rights import RIGHTS_COLUMNS, rights_in_force, with_rights
from pttserver.store.schema import devices, subscribers, tenants
from pttserver.store.vault import KEY_COLUMNS, SubjectVault, Vault, with_keys

_ACCOUNT = (
    select(
        subscribers.c.id,
        subscribers.c.tenant_id,
        tenants.c.name.label("tenant_name"),
        subscribers.c.identifier,
        subscribers.c.display_name,
        subscribers.c.created_ms,
        console_accounts.c.password_hash,
        console_accounts.c.totp_secret,
        console_accounts.c.created_ms.label("invited_ms"),
        console_accounts.c.activated_ms,
        console_accounts.c.locked_ms,
        *RIGHTS_COLUMNS,
        *KEY_COLUMNS,
    )
    .select_from(
        with_rights(
            with_keys(
                console_accounts.join(subscribers).join(tenants, tenants.c.id == subscribers.c.tenant_id),
                subscribers.c.id,
            ),
            subscribers.c.id,
        )
    )
    .where(subscribers.c.removed_ms.is_(None))
)
_NO_DEVICE = DeviceId("")


@dataclass(frozen=True, slots=True)
class KeptPasskey:
    """A passkey, its row, and the host of the pages that it was made for."""

    number: str
    relying_party: str
    passkey: Passkey


@dataclass(frozen=True, slots=True)
class ConsoleAccount:
    """All that a log-in at the console is judged by. `created_ms`: of the subscriber; `events` as in a LoginCandidate.

    `activated_ms` changes with the password and the factors; None: invited only. `disabled`: a browser of the account
    is, or every device of the subscriber, so that nobody gets around it with a new key.
    """

    subscriber_id: SubscriberId
    tenant_id: TenantId
    tenant_name: str
    identifier: Personal | None
    display_name: Personal | None
    rights: Rights
    created_ms: int
    events: Events
    invited_ms: int
    activated_ms: int | None
    locked_ms: int | None
    password_hash: str | None = field(repr=False)
    totp_secret: bytes | None = field(repr=False)
    passkeys: tuple[KeptPasskey, ...] = ()
    disabled: bool = False


class ConsoleAccounts:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant: str, identifier_or_id: str) -> ConsoleAccount | None:
        """By the tenant's name or identifier. None: no account, or several that go by the same part of an identifier.

        An unknown account takes as long as a known one.
        """
        vault = self._database.vault

        def work(sql: Connection) -> ConsoleAccount | None:
            named = or_(tenants.c.name == tenant, tenants.c.id == tenant)
            tenant_id = sql.scalar(select(tenants.c.id).where(named))
            rows = _named(sql, vault, tenant_id, identifier_or_id) if tenant_id is not None else []
            if len(rows) == 1:
                return _account(sql, vault, rows[0])
            login_candidate(sql, vault, _NO_DEVICE)  # opens as much of nobody's
            return None

        return await self._database.read(work)

    async def of(self, subscriber_id: SubscriberId) -> ConsoleAccount | None:
        """None: there is no such account."""
        vault = self._database.vault

        def work(sql: Connection) -> ConsoleAccount | None:
            row = sql.execute(_ACCOUNT.where(subscribers.c.id == subscriber_id)).first()
            return None if row is None else _account(sql, vault, row)

        return await self._database.read(work)

    async def of_tenant(self, tenant_id: TenantId) -> list[ConsoleAccount]:
        """In the order in which they were invited."""
        vault = self._database.vault
        query = _ACCOUNT.where(subscribers.c.tenant_id == tenant_id)
        query = query.order_by(console_accounts.c.created_ms, subscribers.c.id)
        return await self._database.read(lambda sql: [_account(sql, vault, row) for row in sql.execute(query).all()])

    async def out_of_use(self, device_ids: Iterable[DeviceId]) -> set[DeviceId]:
        """Those of the devices that are revoked, disabled, wiped or removed."""
        wanted = set(device_ids)
        alive = (
            select(devices.c.id)
            .select_from(with_controls(devices, devices.c.id))
            .where(devices.c.id.in_(wanted), devices.c.revoked_ms.is_(None))
            .where(*(column.is_(None) for column in CONTROL_COLUMNS))
        )
        return wanted - set(await self._database.read(lambda sql: sql.scalars(alive).all()))


def _named(sql: Connection, vault: Vault, tenant_id: TenantId, identifier_or_id: str) -> Sequence[Any]:
    try:
        index = vault.identifier_index(sql, tenant_id, identifier_or_id)
    except NotFound:  # removed this moment
        return []
    named = or_(subscribers.c.identifier_index == index, subscribers.c.id == identifier_or_id)
    return sql.execute(_ACCOUNT.where(subscribers.c.tenant_id == tenant_id, named)).all()


def _account(sql: Connection, vault: Vault, row: Any) -> ConsoleAccount:
    keys = vault.keys(row)
    return ConsoleAccount(
        subscriber_id=row.id,
        tenant_id=row.tenant_id,
        tenant_name=row.tenant_name,
        identifier=keys.shown_text(row.identifier),
        display_name=keys.shown_text(row.display_name),
        rights=rights_in_force(row),
        created_ms=row.created_ms,
        events=events_about(sql, row.tenant_id, row.id),
        invited_ms=row.invited_ms,
        activated_ms=row.activated_ms,
        locked_ms=row.locked_ms,
        password_hash=None if row.password_hash is None else keys.required_text(row.password_hash),
        totp_secret=keys.octets(row.totp_secret),
        passkeys=tuple(_passkeys(sql, keys, row.id)),
        disabled=_is_disabled(sql, row.id),
    )


def _passkeys(sql: Connection, keys: SubjectVault, subscriber_id: SubscriberId) -> Iterable[KeptPasskey]:
    rows = sql.execute(select(console_passkeys).where(console_passkeys.c.subscriber_id == subscriber_id))
    for row in rows.all():
        count = keys.open(row.sign_count)
        assert isinstance(count, int)  # it is sealed with its kind
        octets = keys.octets(row.credential_id) or b"", keys.octets(row.public_key) or b""
        yield KeptPasskey(row.id, row.relying_party, Passkey(*octets, count))


def _is_disabled(sql: Connection, subscriber_id: SubscriberId) -> bool:
    stunned = CONTROL_COLUMNS[0].is_not(None)
    counts = (
        select(
            func.count().label("alive"),
            func.count().filter(stunned).label("stunned"),
            func.count().filter(stunned, console_devices.c.device_id.is_not(None)).label("browsers"),
        )
        .select_from(with_controls(devices.outerjoin(console_devices), devices.c.id))
        .where(devices.c.subscriber_id == subscriber_id, devices.c.revoked_ms.is_(None))
    )
    found = sql.execute(counts).one()
    return bool(found.browsers > 0 or 0 < found.alive == found.stunned)
