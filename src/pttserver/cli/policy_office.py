"""The `pttserver policy` commands that need the database: apply, history, status."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pttserver.cli.instruction import (
    Acknowledge,
    Actor,
    Preset,
    Reason,
    exit_if_unwritten,
    instruction_of,
    policy_text,
)
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, moment, print_json, print_table, row_of
from pttserver.cli.tenant import TenantName

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.ids import TenantId
    from pttserver.privacy.policy import Policy
    from pttserver.services.instructions import Applied
    from pttserver.services.office import Office
    from pttserver.store.counting import Due

BEYOND_BOUNDS = "beyond the bounds"


def apply(
    ctx: typer.Context,
    tenant: TenantName,
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="Policy file.")] = None,
    *,
    reason: Reason,
    preset: Preset = "",
    acknowledge: Acknowledge = None,
    by: Actor = None,
) -> None:
    """Put a policy in force, and write down who gave it and why. A stricter one acts on what is stored already.

    Exit status 3: in force, and the tenant's policy file could not be written yet.
    """
    if (file is None) == (not preset):
        raise typer.BadParameter("give a policy file, or --preset")
    text, instruction = policy_text(file, preset), instruction_of(by, reason, acknowledge)

    async def work(office: "Office") -> "tuple[Applied, list[str]]":
        owner = await office.provisioning.tenant(tenant)
        applied = await office.instructions.apply(owner.tenant_id, text, instruction)
        await office.book.load()
        return applied, await _missing_groups(office, owner.tenant_id)

    applied, missing = in_office(ctx, work)
    typer.echo(f"In force since {moment(applied.version.at_ms)}: {applied.version.digest[:16]}.")
    tell_findings(text)
    _tell_missing(tenant, missing)
    exit_if_unwritten(applied.unwritten)


def history(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """The instruction log: every policy of the tenant, who gave it, when and why; newest first."""
    log = in_office(ctx, lambda office: office.views.policies(tenant))
    if json:
        return print_json([row_of(version) | {"findings": _findings(version.text)} for version in log])
    rows = [[moment(v.at_ms), v.digest[:16], _shown(v.actor), _shown(v.reason), _findings(v.text)] for v in log]
    return print_table("Instruction log", ["Since", "Digest", "By", "Reason", "Findings"], rows)


def status(ctx: typer.Context, json: AsJson = False) -> None:
    """Whether every tenant has a policy in force and its file says the same; exit status 1 if not.

    A file that was just changed is no problem until a server has had the time to take it. A policy that is in force
    and beyond the operator's bounds, set later, is one: it stays in force, so talk to the organisation.
    """
    found = in_office(ctx, _status)
    if json:
        print_json(found)
    else:
        headings = ["Tenant", "In force", "File", "Problem"]
        rows = [[row["tenant"], row["digest"] or "-", row["file"], row["problem"] or "-"] for row in found]
        print_table("Policies", headings, rows)
        for row in found:
            _tell_missing(row["tenant"], row["missing_groups"])
    if any(row["digest"] is None or row["problem"] is not None for row in found):
        raise typer.Exit(1)


async def _status(office: "Office") -> list[dict[str, Any]]:
    from pttserver.clock import Clock
    from pttserver.services.policy_watch import FileState

    names = {tenant.tenant_id: tenant.name for tenant in await office.provisioning.tenants()}
    rows, now_ms = [], Clock().utc_ms()
    for tenant_id, newest in (await office.policies.in_force()).items():
        look = office.watch.look(tenant_id, newest)
        overdue = office.watch.overdue(tenant_id, newest, look, now_ms)
        beyond = office.book.beyond_bounds(tenant_id)
        problems = [look.problem or overdue or office.book.refusal(tenant_id), *beyond]
        rows.append(
            {
                "tenant": names.get(tenant_id, tenant_id),
                "digest": newest.digest[:16] if newest else None,
                "file": BEYOND_BOUNDS if beyond and look.state is FileState.IN_FORCE else look.state.value,
                "path": str(office.watch.path(tenant_id)),
                "problem": "\n".join(filter(None, problems)) or None,
                "beyond_bounds": list(beyond),
                "missing_groups": await _missing_groups(office, tenant_id),
            }
        )
    return rows


async def _missing_groups(office: "Office", tenant_id: "TenantId") -> list[str]:
    """To which alerts would go, and which are not there; the log of the server tells only how many."""
    policy = office.book.in_force(tenant_id)
    there = {name for group in await office.provisioning.groups(tenant_id) for name in (group.name, group.group_id)}
    return [name for name in policy.alerts.groups if name not in there] if policy else []


def _tell_missing(tenant: str, groups: list[str]) -> None:
    for name in groups:
        typer.secho(f"warning: {tenant} has no group {name!r}, to which alerts are to go (alerts.groups)", err=True)


async def in_force(office: "Office", tenant: str) -> "Policy":
    """Raises NotFound, PolicyMissing."""
    return office.book.policy(await _tenant_id(office, tenant))


async def acknowledged(office: "Office", tenant: str) -> "tuple[Policy, tuple[str, ...]]":
    """The policy in force, and the codes of limitations that it or its instruction accepts. Raises as `in_force`."""
    tenant_id = await _tenant_id(office, tenant)
    policy, newest = office.book.policy(tenant_id), (await office.policies.in_force(tenant_id)).get(tenant_id)
    return policy, newest.acknowledged if newest else ()


async def _tenant_id(office: "Office", tenant: str) -> "TenantId":
    from pttserver.errors import NotFound

    try:
        return (await office.provisioning.tenant(tenant)).tenant_id
    except NotFound:
        raise NotFound("there is neither a file nor a tenant of this name") from None


async def due_under(office: "Office", tenant: str, policy: "Policy") -> "list[Due]":
    """What the next sweep would erase of a tenant, were this its policy. Raises NotFound."""
    return await office.retention.due((await office.provisioning.tenant(tenant)).tenant_id, policy)


def tell_findings(text: str) -> None:
    """To whoever gave the instruction, at once: what of it touches an article (GDPR Art. 28(3), last sentence)."""
    from pttserver.privacy.findings import findings
    from pttserver.privacy.policy import parse_policy

    for one in findings(parse_policy(text)):
        typer.secho(f"{one.severity}: {one.category}: {one.text} ({one.article})", err=True)


def _findings(text: str | None) -> str:
    """Of a version in the log; `-` once its text is over, or if this version of the server cannot read it."""
    from pttserver.errors import PolicyInvalid
    from pttserver.privacy.findings import findings, in_short
    from pttserver.privacy.policy import parse_policy

    try:
        return in_short(findings(parse_policy(text))) if text else "-"
    except PolicyInvalid:
        return "-"


def _shown(text: Any) -> str:
    return text.reveal() if text else "-"
