"""What is over is erased: found by the declarations of the schema, in small transactions, by the policy as it is now.

Theory of operation.
 1. A plan is made of one state of the database: policy, events, holds, restrictions. It has a step for every table and
    column of which something is over; nothing is written where nothing is.
 2. A step erases so many rows and ends. Before each, what governs is looked at again: a hold that was laid, an event or
    a policy in between makes the plan void, and another is made.
 3. A step that was done finds nothing any more, so a crash anywhere is made good by the next plan.

An organisation that never gave a policy, since it is older than policies, is swept by the `default` preset: nothing is
kept without an end because an instruction is missing.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from pttserver.ids import TenantId
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.presets import DEFAULT, preset_text
from pttserver.store.erasures import Erasures
from pttserver.store.events import events_of
from pttserver.store.governance_schema import holds, policy_versions, retention_events, subjects
from pttserver.store.planner import Planner
from pttserver.store.policies import text_in_force
from pttserver.store.rewriting import Rewriting
from pttserver.store.schema import tenants
from pttserver.store.steps import Step
from pttserver.store.vault import Vault

_REWRITTEN_PER_ROW = 5  # to open, cut and seal a value costs so many times as much as to delete a row

parsed = lru_cache(maxsize=256)(parse_policy)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is over of a tenant. `governed_by`: while this is the same, the plan holds."""

    tenant_id: TenantId
    at_ms: int
    policy: Policy
    steps: tuple[Step | Rewriting, ...]
    audit_cutoff_ms: int | None
    """Entries of the audit log up to here are over; None: none is, or a hold keeps them."""
    governed_by: Any


def plan(
    sql: Connection,
    vault: Vault,
    tenant_id: TenantId,
    now_ms: int,
    only: str | None = None,
    instead: Policy | None = None,
) -> Plan | None:
    """Within a reading transaction. None: the tenant is gone. `only`: of one subject.

    `instead`: by this policy, to know beforehand; such a plan is not to be carried out.

    Raises PolicyInvalid if another version of the server applied a policy that this one does not understand.
    """
    if sql.execute(_TENANT, {"tenant": tenant_id}).first() is None:
        return None
    text = text_in_force(sql, vault, tenant_id)
    text = preset_text(DEFAULT) if text is None else text
    cutoffs = Cutoffs(instead or parsed(text), now_ms, events_of(sql, tenant_id))
    planner = Planner(sql, vault, tenant_id, cutoffs, only)
    steps = tuple(step for step in planner.steps() if step.finds_any(sql))
    return Plan(tenant_id, now_ms, planner.cutoffs.policy, steps, planner.audit_cutoff_ms(), _governing(sql, tenant_id))


def erase_some(sql: Connection, erasures: Erasures, by: Plan, step: Step | Rewriting, limit: int) -> int | None:
    """Within a writing transaction: erases or rewrites up to `limit` rows, and tells how many.

    None: the plan is void, make another.

    Raises StoreUnavailable if the ledger cannot take whom it must name, LedgerBroken if it was changed.
    """
    if _governing(sql, by.tenant_id) != by.governed_by:
        return None
    if isinstance(step, Rewriting):
        return step.rewrite(sql, max(1, limit // _REWRITTEN_PER_ROW))
    if step.table is subjects:
        return erasures.shred(sql, by.tenant_id, step.due(sql, limit), by.at_ms)
    return step.erase(sql, limit)


def _governing(sql: Connection, tenant_id: TenantId) -> Any:
    return tuple(sql.execute(_GOVERNING, {"tenant": tenant_id}).one())


def _what_governs() -> Any:
    tenant: Any = bindparam("tenant")
    event, hold, restricted = retention_events.c, holds.c, subjects.c
    restrictions = (restricted.tenant_id == tenant, restricted.restricted_ms.is_not(None))
    parts = (
        select(func.max(policy_versions.c.id)).where(policy_versions.c.tenant_id == tenant),
        select(func.max(event.id)).where(event.tenant_id == tenant, event.subject_id.is_(None)),
        select(func.max(event.id)).where(event.tenant_id == tenant, event.subject_id.is_not(None)),
        select(func.group_concat(hold.id + ":" + func.coalesce(hold.until_ms, ""))).where(hold.tenant_id == tenant),
        select(func.count(restricted.id)).where(*restrictions),
        select(func.max(restricted.restricted_ms)).where(*restrictions),
    )
    return select(*(part.scalar_subquery() for part in parts))


_GOVERNING = _what_governs()
_TENANT = select(tenants.c.id).where(tenants.c.id == bindparam("tenant"))
