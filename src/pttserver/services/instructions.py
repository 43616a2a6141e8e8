"""The instructions of a controller: a policy is checked, recorded with who, when and why, and published to its file.

Theory of operation. The database holds what is in force; the file is its face, which the organisation may edit.
 1. A policy that is invalid, beyond the operator's bounds, or whose limitations are not acknowledged changes nothing.
 2. It is in force with the commit of its version. Then its file is written and the version marked as published.
 3. A crash in between, or a file that cannot be written, leaves a version that is not published: it is in force, and
    its file is written at the next look or start of a server, so an old file never undoes a newer instruction.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import BoundSettings
from pttserver.errors import PolicyInvalid, StoreUnavailable
from pttserver.ids import Personal, TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.bounds import violations
from pttserver.privacy.categories import Category
from pttserver.privacy.findings import findings, in_short
from pttserver.privacy.gate import Gate
from pttserver.privacy.limitations import limitations
from pttserver.privacy.location_admission import locating
from pttserver.privacy.periods import shown
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.privacy.sections import LimitationCode
from pttserver.store.audit_chain import AuditNote
from pttserver.store.policies import Policies, PolicyVersion
from pttserver.store.policy_files import PolicyFiles

_CODES = frozenset(LimitationCode)
_log = get_logger("policy")


@dataclass(frozen=True, slots=True)
class Instruction:
    """Who gives it, and why; `acknowledged`: codes of limitations that the controller accepts."""

    actor: Personal
    reason: Personal
    acknowledged: tuple[str, ...] = ()

    def note(
        self,
        gate: Gate,
        operation: str,
        tenant_id: TenantId,
        at_ms: int,
        subject_id: str | None = None,
        **details: str | int,
    ) -> AuditNote:
        """What the audit log says of an act by this instruction: with the reason."""
        remarks = {"reason": self.reason.reveal()}
        return AuditNote(gate, operation, tenant_id, self.actor, at_ms, subject_id, details, remarks)


@dataclass(frozen=True, slots=True)
class Applied:
    """In force. `unwritten`: why its file does not say so yet; a server tries again."""

    version: PolicyVersion
    unwritten: str | None


class Instructions:
    """Takes instructions. Every method raises StoreUnavailable if the database cannot be written."""

    def __init__(
        self, policies: Policies, files: PolicyFiles, bounds: Mapping[str, BoundSettings], clock: Clock
    ) -> None:
        self._policies = policies
        self._files = files
        self._bounds = bounds
        self._clock = clock

    async def given(
        self,
        tenant_id: TenantId,
        text: str,
        instruction: Instruction,
        operation: str = "policy.apply",
        *,
        published: bool = False,
    ) -> tuple[PolicyVersion, AuditNote]:
        """The version, and what the audit log says of it. Raises PolicyInvalid that says all that is wrong.

        A text of the largest size takes a second to read and to judge, so a thread does it.
        """

        def work() -> tuple[PolicyVersion, AuditNote]:
            policy = self.check(text, instruction.acknowledged)
            version = self._version(tenant_id, text, policy, instruction, published=published)
            return version, _note(policy, version, instruction, operation)

        return await asyncio.to_thread(work)

    def _version(
        self, tenant_id: TenantId, text: str, policy: Policy, instruction: Instruction, *, published: bool
    ) -> PolicyVersion:
        gate = Gate(policy)

        def release(value: Personal) -> Released | None:
            return gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, tenant_id, value)

        return PolicyVersion(
            tenant_id=tenant_id,
            text=text,
            digest=policy.digest,
            acknowledged=tuple(sorted({*instruction.acknowledged, *policy.policy.acknowledged})),
            actor=release(instruction.actor),
            reason=release(instruction.reason),
            at_ms=self._clock.utc_ms(),
            published=published,
            locating=locating(policy),
        )

    def check(self, text: str, acknowledged: tuple[str, ...] = ()) -> Policy:
        """Raises PolicyInvalid that says all that is wrong."""
        policy = parse_policy(text)
        wrong = violations(policy, self._bounds)
        wrong += (
            f"there is no limitation {shown(code)} to acknowledge." for code in acknowledged if code not in _CODES
        )
        known = {*acknowledged, *policy.policy.acknowledged}
        wrong += [
            f"{limit.text} Acknowledge it: --acknowledge {limit.code}, or policy.acknowledged in the file."
            for limit in limitations(policy)
            if limit.code not in known
        ]
        if wrong:
            raise PolicyInvalid("the policy is not taken:\n" + "\n".join(f"  {reason}" for reason in wrong))
        return policy

    def check_edit(self, text: str, before: Iterable[str]) -> tuple[str, ...]:
        """An edit of the policy file: what was acknowledged `before`, of the version in force, needs not be again.

        The codes that the edited policy still needs: a limitation that went and comes back later is a new one. Raises
        PolicyInvalid that says all that is wrong.
        """
        known = tuple(code for code in before if code in _CODES)  # others: of another version of the server
        policy = self.check(text, known)
        needed = {limit.code for limit in limitations(policy)}
        return tuple(code for code in known if code in needed)

    async def apply(self, tenant_id: TenantId, text: str, instruction: Instruction) -> Applied:
        """In force from now on. Raises PolicyInvalid, or NotFound if there is no such tenant."""
        version, note = await self.given(tenant_id, text, instruction)
        await self._policies.put(version, note)
        return Applied(version, await self.publish(tenant_id))

    async def take_from_file(self, tenant_id: TenantId, text: str, acknowledged: tuple[str, ...]) -> PolicyVersion:
        """The organisation edited its file; `acknowledged`: by `check_edit`. Raises PolicyInvalid."""
        told = Instruction(Personal("policy file"), Personal("the file was changed"), acknowledged)
        version, note = await self.given(tenant_id, text, told, published=True)
        await self._policies.put(version, note)
        return version

    async def publish(self, tenant_id: TenantId) -> str | None:
        """Writes the file of the version in force, if that was not done yet. What stands in the way; None: nothing.

        It is no error, for the instruction holds all the same: whoever thought that it was refused would be wrong.
        """
        try:
            newest = (await self._policies.in_force(tenant_id)).get(tenant_id)
            if newest is not None and not newest.published:
                await asyncio.to_thread(self._files.write, tenant_id, newest.text)
                await self._policies.published(tenant_id, newest.number)
        except StoreUnavailable as error:
            _log.error("policy_file_not_written", tenant=tenant_id, error=error.message)
            return error.message
        return None

    def forget(self, tenant_id: TenantId) -> None:
        """The tenant is gone; so is its file."""
        self._files.remove(tenant_id)


def _note(policy: Policy, version: PolicyVersion, instruction: Instruction, operation: str) -> AuditNote:
    """By the new policy; with what the controller is told that it touches (GDPR Art. 28(3), last sentence)."""
    return AuditNote(
        gate=Gate(policy),
        operation=operation,
        tenant_id=version.tenant_id,
        actor=instruction.actor,
        at_ms=version.at_ms,
        details={"digest": version.digest, "findings": in_short(findings(policy))},
    )
