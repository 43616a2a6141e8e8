"""REST of managers: the organisation's policy."""

from collections.abc import Sequence

from pttserver.net.manage.door import AsManager, manage_router, plain
from pttserver.privacy.findings import Finding
from pttserver.privacy.limitations import Limitation
from pttserver.services.managed_policy import apply_policy, erasing, policy_checked, policy_shown
from pttserver.wire import manage_policy as wire

router = manage_router()


@router.get("/policy", summary="The policy in force, in its text and in plain words", response_model_exclude_none=True)
async def policy(manager: AsManager) -> wire.PolicyInfo:
    """With what of it touches the GDPR."""
    shown = await policy_shown(manager)
    head = shown.policy.policy
    return wire.PolicyInfo(
        title=head.title,
        version=head.version,
        digest=shown.policy.digest,
        text=shown.text,
        sentences=list(shown.sentences),
        limitations=_limitations(shown.limitations, shown.acknowledged),
        findings=_findings(shown.findings),
        file=shown.file,
        problem=shown.problem,
        may_apply=shown.may_apply,
    )


@router.get("/policy/versions", summary="Every policy that was put in force", response_model_exclude_none=True)
async def versions(manager: AsManager) -> wire.VersionList:
    """The instruction log; who gave them and why as far as the policy lets managers see the audit log. Noted."""
    found = await manager.office().views.policies(manager.tenant_id)
    return wire.VersionList(
        versions=[
            wire.VersionInfo(
                number=each.number,
                at_ms=each.at_ms,
                digest=each.digest,
                by=plain(each.actor),
                reason=plain(each.reason),
                acknowledged=list(each.acknowledged),
                text=each.text,
            )
            for each in found
        ]
    )


@router.get("/policy/sweeps", summary="When what is over was erased", response_model_exclude_none=True)
async def sweeps(manager: AsManager) -> wire.SweepList:
    """The last of the organisation."""
    found = await erasing(manager)
    return wire.SweepList(
        halted=found.halted,
        sweeps=[
            wire.SweepInfo(
                started_ms=each.started_ms,
                ended_ms=each.ended_ms,
                policy_digest=each.policy_digest,
                erased=dict(each.erased),
                outcome=each.outcome.value,
            )
            for each in found.sweeps
        ],
    )


@router.post("/policy/check", summary="What an edited policy would do", response_model_exclude_none=True)
async def check_policy(body: wire.CheckPolicy, manager: AsManager) -> wire.PolicyCheck:
    """Nothing is written."""
    found = await policy_checked(manager, body.text)
    return wire.PolicyCheck(
        valid=not found.problems and not found.beyond_bounds,
        problems=[wire.PolicyProblem(line=each.line, key=each.key, text=each.text) for each in found.problems],
        beyond_bounds=list(found.beyond_bounds),
        findings=_findings(found.findings),
        limitations=_limitations(found.limitations, found.acknowledged),
        sentences=list(found.sentences),
        changes=[
            wire.PolicyChange(
                category=each.category, what=each.what, before=each.before, after=each.after, stricter=each.stricter
            )
            for each in found.changes
        ],
        due=[wire.DueInfo(category=each.category.value, where=each.where, rows=each.rows) for each in found.due],
    )


@router.post("/policy/apply", summary="Put a policy in force")
async def apply(body: wire.ApplyPolicy, manager: AsManager) -> wire.PolicyApplied:
    """Only if the operator allows it. A stricter one acts on what is stored already."""
    made = await apply_policy(manager, body.text, body.replaces, body.reason, tuple(body.acknowledged))
    return wire.PolicyApplied(digest=made.version.digest, at_ms=made.version.at_ms, written=made.unwritten is None)


def _findings(found: Sequence[Finding]) -> list[wire.FindingInfo]:
    return [
        wire.FindingInfo(severity=each.severity.value, category=each.category, text=each.text, article=each.article)
        for each in found
    ]


def _limitations(found: Sequence[Limitation], acknowledged: Sequence[str]) -> list[wire.LimitationInfo]:
    known = set(acknowledged)
    return [
        wire.LimitationInfo(code=each.code.value, text=each.text, acknowledged=each.code in known) for each in found
    ]
