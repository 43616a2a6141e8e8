"""Policy versions in the database: the instruction log of each tenant (GDPR Art. 28(3)(a)). The newest is in force."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from pttserver.errors import SealBroken
from pttserver.ids import Personal, TenantId
from pttserver.privacy.cutoffs import Cutoff
from pttserver.privacy.gate import release_instruction
from pttserver.privacy.released import Released
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.events import events_of
from pttserver.store.governance_schema import policy_versions
from pttserver.store.over import is_outlived
from pttserver.store.schema import tenants
from pttserver.store.vault import KEY_COLUMNS, Vault, with_keys

_VERSION = policy_versions.c
_TEXT = (
    select(_VERSION.text, *KEY_COLUMNS)
    .select_from(with_keys(policy_versions, _VERSION.tenant_id))
    .where(_VERSION.tenant_id == bindparam("tenant"))
    .order_by(_VERSION.id.desc())
    .limit(1)
)
_REPLACE = (
    update(policy_versions)
    .where(_VERSION.tenant_id == bindparam("tenant"), _VERSION.replaced_ms.is_(None))
    .values(replaced_ms=bindparam("at"))
)
_PUT = insert(policy_versions)
_NUMBERS = (
    select(tenants.c.id, func.max(_VERSION.id))
    .outerjoin(policy_versions, _VERSION.tenant_id == tenants.c.id)
    .group_by(tenants.c.id)
)
_NEWEST = select(func.max(_VERSION.id)).group_by(_VERSION.tenant_id)
_IN_FORCE = (
    select(tenants.c.id.label("owner"), *_VERSION, *KEY_COLUMNS)
    .select_from(with_keys(tenants, tenants.c.id))
    .outerjoin(policy_versions, (_VERSION.tenant_id == tenants.c.id) & _VERSION.id.in_(_NEWEST))
    .order_by(tenants.c.id)
)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """An instruction on its way in. `actor` and `reason` were released for the tenant's own subject."""

    tenant_id: TenantId
    text: str
    digest: str
    acknowledged: tuple[str, ...]
    actor: Released | None
    reason: Released | None
    at_ms: int
    published: bool = False
    locating: str | None = None
    """What of it decides when people are located; None: not noted, so it counts as other than any before."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The newest version of a tenant. `published`: the tenant's policy file says the same."""

    number: int
    text: str
    digest: str
    published: bool
    at_ms: int
    acknowledged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoggedInstruction:
    """A version as it stands in the log. `text`: None once it was replaced for so long that it is over."""

    number: int
    tenant_id: TenantId
    text: str | None
    digest: str
    acknowledged: tuple[str, ...]
    actor: Personal | None
    reason: Personal | None
    at_ms: int


class Policies:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, version: PolicyVersion, note: AuditNote | None = None) -> int:
        """In force from now on. Gives its number. Raises NotFound if there is no such tenant."""
        vault = self._database.vault
        return await self._database.write(lambda sql: put_policy(sql, vault, version), note=note)

    async def published(self, tenant_id: TenantId, number: int) -> None:
        """Notes that the policy file says what version `number` says."""
        row = update(policy_versions).where(policy_versions.c.tenant_id == tenant_id, policy_versions.c.id == number)
        await self._database.write(lambda sql: sql.execute(row.values(published=True)))

    async def numbers(self) -> dict[TenantId, int | None]:
        """Of each tenant's newest version, without its text; None: the tenant has none."""
        return await self._database.read(lambda sql: {row[0]: row[1] for row in sql.execute(_NUMBERS)})

    async def in_force(self, only: TenantId | None = None) -> dict[TenantId, InForce | None]:
        """Each tenant's newest version, or one tenant's; None: the tenant has none."""
        newest = _IN_FORCE if only is None else _IN_FORCE.where(tenants.c.id == only)
        vault = self._database.vault

        def work(sql: Connection) -> dict[TenantId, InForce | None]:
            return {row.owner: _in_force(vault, row) for row in sql.execute(newest)}

        return await self._database.read(work)

    async def locating_since_ms(self, tenant_id: TenantId, number: int) -> int:
        """When the first of the versions was applied that, one after the other up to this one, locate people alike.

        That is at the same times; 0 if there was none before them.
        """
        return await self._database.read(lambda sql: _locating_since_ms(sql, tenant_id, number))

    async def history(self, tenant_id: TenantId, cutoff_ms: Cutoff) -> list[LoggedInstruction]:
        """Newest first; without text, who and why, of those whose end is over by the tenant's events."""
        query = (
            select(*policy_versions.c, *KEY_COLUMNS)
            .select_from(with_keys(policy_versions, policy_versions.c.tenant_id))
            .where(policy_versions.c.tenant_id == tenant_id)
            .order_by(policy_versions.c.id.desc())
        )
        vault = self._database.vault

        def work(sql: Connection) -> list[LoggedInstruction]:
            over_ms = cutoff_ms(events_of(sql, tenant_id))
            return [_instruction(vault, row, over_ms) for row in sql.execute(query)]

        return await self._database.read(work)


def text_in_force(sql: Connection, vault: Vault, tenant_id: TenantId) -> str | None:
    """Within the caller's transaction; None: no policy was ever applied, or there is no such tenant."""
    row = sql.execute(_TEXT, {"tenant": tenant_id}).first()
    return None if row is None else vault.keys(row).required_text(row.text)


def put_policy(sql: Connection, vault: Vault, version: PolicyVersion) -> int:
    """Within the caller's transaction; gives the number of the version."""
    keys = vault.existing(sql, version.tenant_id)
    replace_policy(sql, version.tenant_id, version.at_ms)
    row = {
        "tenant_id": version.tenant_id,
        "text": keys.seal(release_instruction(version.tenant_id, version.text)),
        "digest": version.digest,
        "acknowledged": json.dumps(version.acknowledged),
        "published": version.published,
        "locating": version.locating,
        "actor": keys.seal(version.actor),
        "reason": keys.seal(version.reason),
        "at_ms": version.at_ms,
    }
    number: int = sql.execute(_PUT, row).inserted_primary_key[0]  # type: ignore[index]
    return number


def replace_policy(sql: Connection, tenant_id: TenantId, at_ms: int) -> None:
    """Within the caller's transaction, which puts another one in its place."""
    sql.execute(_REPLACE, {"tenant": tenant_id, "at": at_ms})


def unpublish(sql: Connection) -> None:
    """Whatever the policy files say, each is written with the next start of the server."""
    sql.execute(update(policy_versions).where(_VERSION.id.in_(_NEWEST)).values(published=False))


def _in_force(vault: Vault, row: Any) -> InForce | None:
    """A text that does not open refuses its tenant, as one that is no policy does, and nobody else's."""
    of = row._mapping
    if of[policy_versions.c.id] is None:
        return None
    try:
        text = vault.keys(row).required_text(of[policy_versions.c.text])
    except SealBroken:
        text = ""
    return InForce(
        number=of[_VERSION.id],
        text=text,
        digest=of[_VERSION.digest],
        published=of[_VERSION.published],
        at_ms=of[_VERSION.at_ms],
        acknowledged=tuple(json.loads(of[_VERSION.acknowledged])),
    )


def _locating_since_ms(sql: Connection, tenant_id: TenantId, number: int) -> int:
    mine = _VERSION.tenant_id == tenant_id
    locating = sql.scalar(select(_VERSION.locating).where(mine, _VERSION.id == number))
    others = or_(_VERSION.locating.is_(None), _VERSION.locating != locating)
    last_other = sql.scalar(select(func.max(_VERSION.id)).where(mine, _VERSION.id < number, others))
    if last_other is None:
        return 0
    since_ms: int = sql.scalars(select(func.min(_VERSION.at_ms)).where(mine, _VERSION.id > last_other)).one()
    return since_ms


def _instruction(vault: Vault, row: Any, over_ms: int | None) -> LoggedInstruction:
    of = row._mapping
    keys, is_over = vault.keys(row), is_outlived(policy_versions, of, over_ms)
    text, actor, reason = (None if is_over else of[each] for each in (_VERSION.text, _VERSION.actor, _VERSION.reason))
    return LoggedInstruction(
        number=of[policy_versions.c.id],
        tenant_id=of[policy_versions.c.tenant_id],
        text=None if text is None else keys.required_text(text),
        digest=of[policy_versions.c.digest],
        acknowledged=tuple(json.loads(of[policy_versions.c.acknowledged])),
        actor=keys.text(actor),
        reason=keys.text(reason),
        at_ms=of[policy_versions.c.at_ms],
    )
