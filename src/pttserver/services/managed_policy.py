"""The policy of an organisation as its managers see it: what it says and touches, what an edited text would change.

Putting it in force from the browser is the operator's to allow (`console.managers_may_apply_policy`): whoever took over
a manager's browser could otherwise have everything kept, or everything erased.
"""

import asyncio
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from pttserver.errors import Forbidden, InvalidValue, PolicyInvalid, PolicyMissing
from pttserver.privacy.bounds import violations
from pttserver.privacy.difference import Change, difference
from pttserver.privacy.document import PolicyFileInvalid, Problem
from pttserver.privacy.explain import explain
from pttserver.privacy.findings import Finding, findings
from pttserver.privacy.limitations import Limitation, limitations
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.services.instructions import Applied
from pttserver.services.management import Manager
from pttserver.store.counting import Due
from pttserver.store.policies import InForce
from pttserver.store.sweeps import Sweep


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """`file`: how the policy file stands to what is in force, `problem`: what is wrong with it.

    `acknowledged`: codes, in the text or when it was put in force; a version has both.
    """

    text: str
    policy: Policy
    sentences: Sequence[str]
    limitations: Sequence[Limitation]
    acknowledged: Sequence[str]
    findings: Sequence[Finding]
    file: str
    problem: str | None
    may_apply: bool


@dataclass(frozen=True, slots=True)
class PolicyChecked:
    """What an edited text would do. `problems`: it is no policy, and nothing else can be told."""

    problems: Sequence[Problem] = ()
    beyond_bounds: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    limitations: Sequence[Limitation] = ()
    acknowledged: Sequence[str] = ()
    sentences: Sequence[str] = ()
    changes: Sequence[Change] = ()
    due: Sequence[Due] = ()


@dataclass(frozen=True, slots=True)
class Erasing:
    """`halted`: nothing is erased until the operator confirms the time, or a restore. `sweeps`: newest first."""

    halted: bool
    sweeps: Sequence[Sweep]


async def policy_shown(manager: Manager) -> PolicyShown:
    """Raises PolicyMissing, StoreUnavailable."""
    office, tenant_id = manager.office(), manager.tenant_id
    policy, newest = office.book.policy(tenant_id), (await office.policies.in_force(tenant_id)).get(tenant_id)
    if newest is None:
        raise PolicyMissing
    return await asyncio.to_thread(_shown, manager, policy, newest)


def _shown(manager: Manager, policy: Policy, newest: InForce) -> PolicyShown:
    """In a thread: of a large policy all this takes long, and voice must not wait for it."""
    look = manager.office().watch.look(manager.tenant_id, newest)
    problem = None if look.problem is None else "the policy file is missing or not valid; the operator's log says more"
    return PolicyShown(
        text=newest.text,
        policy=policy,
        sentences=explain(policy),
        limitations=limitations(policy),
        acknowledged=newest.acknowledged,
        findings=findings(policy),
        file=look.state.value,
        problem=problem,
        may_apply=_may_apply(manager),
    )


async def policy_checked(manager: Manager, text: str) -> PolicyChecked:
    """Nothing is written. Raises PolicyMissing, StoreUnavailable."""
    try:
        policy = await asyncio.to_thread(parse_policy, text)
    except PolicyFileInvalid as error:
        return PolicyChecked(problems=error.problems)
    except PolicyInvalid as error:
        return PolicyChecked(problems=[Problem(None, "", error.message)])
    due = await manager.office().retention.due(manager.tenant_id, policy)
    return await asyncio.to_thread(_checked, manager, policy, due)


def _checked(manager: Manager, policy: Policy, due: Sequence[Due]) -> PolicyChecked:
    """In a thread, as `_shown`."""
    return PolicyChecked(
        beyond_bounds=violations(policy, manager.premises.settings.privacy.bounds),
        findings=findings(policy),
        limitations=limitations(policy),
        acknowledged=policy.policy.acknowledged,
        sentences=explain(policy),
        changes=difference(manager.office().book.policy(manager.tenant_id), policy),
        due=due,
    )


async def apply_policy(
    manager: Manager, text: str, replaces: str, reason: str, acknowledged: tuple[str, ...]
) -> Applied:
    """In force from now on. `replaces`: digest of the policy that was edited, so that nobody's change is lost.

    Raises Forbidden (the operator does not allow it), InvalidValue, PolicyInvalid, StoreUnavailable.
    """
    if not _may_apply(manager):
        raise Forbidden("The operator of this server does not let managers apply policies from the browser.")
    office, tenant_id = manager.office(), manager.tenant_id
    if not hmac.compare_digest(office.book.policy(tenant_id).digest, replaces):
        raise InvalidValue("the policy was changed since you read it; look at it again")
    applied = await office.instructions.apply(tenant_id, text, manager.instruction(reason, acknowledged))
    await office.book.load()
    return applied


async def erasing(manager: Manager) -> Erasing:
    """Raises StoreUnavailable."""
    sweeps = manager.office().retention.sweeps
    return Erasing(await sweeps.halted_by() is not None, await sweeps.of_tenant(manager.tenant_id))


def _may_apply(manager: Manager) -> bool:
    return manager.premises.settings.console.managers_may_apply_policy
