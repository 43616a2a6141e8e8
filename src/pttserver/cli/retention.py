"""`pttserver retention`: what has outlived its period is erased, and how far that is."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pttserver.cli.office import in_office, operator, settings_of, without_logging
from pttserver.cli.output import AsJson, Yes, moment, print_json, print_table

if TYPE_CHECKING:  # slow to import, see main.py
    from rich.progress import Progress, TaskID

    from pttserver.services.office import Office
    from pttserver.services.retention import Report, Swept
    from pttserver.store.counting import Due
    from pttserver.store.sweeps import Outcome, Sweep

app = typer.Typer(help="Retention: what has outlived its period is erased.", no_args_is_help=True)

_HALTED = {
    "halted": "the clock is doubted. If the time is right, run: pttserver retention confirm-time",
    "restored": "what was instructed since the backup may be lost. Give it again, then run: "
    "pttserver retention confirm-restore",
}
OneTenant = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="Name or identifier; default: all tenants.")]


@app.command()
def sweep(
    ctx: typer.Context,
    tenant: OneTenant = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be erased.")] = False,
    json: AsJson = False,
) -> None:
    """Erase now what is over, and finish erasures that were cut off.

    Ends with status 1 if anything failed or is not proven to be gone.

    Rows count, and values that are erased or rewritten in rows that stay, each once. What goes along with a row does
    not count beside it: not the steps and notes of an alert, not the devices and memberships of who has left.
    """
    if dry_run:
        return _print_due(in_office(ctx, lambda office: _due(office, tenant)), json)
    finished, swept, names, removals_proven = in_office(ctx, lambda office: _swept(office, tenant, quiet=json))
    _print_swept(swept, names, json)
    if not removals_proven:
        typer.secho("Not proven yet: keys of a removed tenant may still be in a file.", err=True)
    if not finished or not removals_proven or any(one.outcome != "done" for one in swept):
        raise typer.Exit(1)
    return None


@app.command()
def status(ctx: typer.Context, json: AsJson = False) -> None:
    """Tell of the last sweep of each tenant, and whether everything erased is proven to be gone."""
    last, names, halted, unproven = in_office(ctx, _status)
    if json:
        rows = [_sweep_row(one, names) for one in last]
        return print_json(
            {"halted": halted is not None, "halted_by": halted, "unproven": unproven, "last_sweeps": rows}
        )
    headings = ["Tenant", "Last sweep", "Erased", "Outcome"]
    print_table("Sweeps", headings, [_sweep_cells(one, names) for one in last])
    if unproven:
        typer.echo(f"Not proven yet: what {unproven} sweeps erased may be in the write-ahead log or a copy of keys.")
    if halted:
        typer.echo(f"Halted: {_HALTED[halted]}")
    return None


@app.command()
def confirm_time(ctx: typer.Context, yes: Yes = False) -> None:
    """Confirm that this machine's clock is right, so that erasing goes on."""
    from pttserver.clock import Clock
    from pttserver.services.operator_log import note_act

    if not yes:
        typer.confirm(f"Is it {moment(Clock().utc_ms())}?", abort=True)
    without_logging()
    asyncio.run(note_act(settings_of(ctx), "retention.confirm_time", operator()))
    confirmed = in_office(ctx, lambda office: office.retention.confirm_time())
    typer.echo(f"Confirmed: {moment(confirmed)}")


@app.command()
def confirm_restore(ctx: typer.Context, yes: Yes = False) -> None:
    """Confirm that what was instructed since the backup was given again, so that erasing goes on after a restore."""
    from pttserver.cli.backup import GIVE_AGAIN
    from pttserver.services.operator_log import note_act

    if not yes:
        typer.confirm(f"Have you given again: {GIVE_AGAIN}?", abort=True)
    without_logging()
    asyncio.run(note_act(settings_of(ctx), "retention.confirm_restore", operator()))
    in_office(ctx, lambda office: office.retention.confirm_restore())
    typer.echo("Confirmed: what is over is erased from now on")


async def _tenants(office: "Office", tenant: str | None) -> dict[str, str]:
    """Name by identifier."""
    at = office.provisioning
    found = [await at.tenant(tenant)] if tenant else await at.tenants()
    return {each.tenant_id: each.name for each in found}


async def _due(office: "Office", tenant: str | None) -> "list[tuple[str, Due]]":
    from pttserver.ids import TenantId

    names = await _tenants(office, tenant)
    return [(name, due) for each, name in names.items() for due in await office.retention.due(TenantId(each))]


async def _finish_erasures(office: "Office") -> bool:
    """Said before anything else, since the tenant that is to be swept may be gone with it. False: not yet."""
    finished = await office.retention.finish_erasures()
    if finished.erasures:
        typer.secho(f"Erasures finished: {finished.erasures}", err=True)
        await office.watch.forget_the_gone()
    if finished.problem:
        typer.secho(f"Erasures not finished: {finished.problem}", err=True)
    return finished.problem is None


async def _swept(
    office: "Office", tenant: str | None, *, quiet: bool
) -> "tuple[bool, list[Swept], dict[str, str], bool]":
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pttserver.ids import TenantId

    finished = await _finish_erasures(office)
    names = await _tenants(office, tenant)
    console = Console(stderr=True, quiet=quiet)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    swept: list[Swept] = []
    with Progress(*columns, console=console, transient=True) as progress:
        for each, name in names.items():
            total = sum(due.rows for due in await office.retention.due(TenantId(each)))
            report = _advance(progress, progress.add_task(name, total=total))
            swept += await office.retention.round(TenantId(each), report)
    return finished, swept, names, await office.retention.prove_removals()


def _advance(progress: "Progress", task: "TaskID") -> "Report":
    return lambda _, rows: progress.advance(task, rows)


async def _status(office: "Office") -> "tuple[list[Sweep], dict[str, str], Outcome | None, int]":
    names, sweeps = await _tenants(office, None), office.retention.sweeps
    return await sweeps.newest(), names, await sweeps.halted_by(), await sweeps.unproven()


def _print_due(found: "list[tuple[str, Due]]", json: bool) -> None:
    if json:
        return print_json(
            [
                {"tenant": name, "category": due.category.value, "where": due.where, "rows": due.rows}
                for name, due in found
            ]
        )
    rows = [[name, due.category.value, due.where, due.in_words] for name, due in found]
    return print_table("Would be erased or rewritten", ["Tenant", "Category", "Where", "How much"], rows)


def _print_swept(swept: "list[Swept]", names: dict[str, str], json: bool) -> None:
    if json:
        return print_json(
            [
                {
                    "tenant_id": one.tenant_id,
                    "tenant": names[one.tenant_id],
                    "erased": dict(one.erased),
                    "outcome": one.outcome.value,
                    "problem": one.problem,
                }
                for one in swept
            ]
        )
    rows = [[names[one.tenant_id], _erased(one.erased), one.problem or _told(one.outcome)] for one in swept]
    return print_table("Swept", ["Tenant", "Erased", "Outcome"], rows)


def _told(outcome: str) -> str:
    unproven = "not proven yet: what was erased may be in the write-ahead log or a copy of keys"
    return unproven if outcome == "not proven yet" else str(outcome)


def _erased(erased: Any) -> str:
    return ", ".join(f"{number:,} {category}" for category, number in sorted(erased.items())) or "nothing"


def _sweep_row(one: "Sweep", names: dict[str, str]) -> dict[str, Any]:
    return {
        "tenant_id": one.tenant_id,
        "tenant": names.get(one.tenant_id),
        "started_ms": one.started_ms,
        "ended_ms": one.ended_ms,
        "policy_digest": one.policy_digest,
        "erased": dict(one.erased),
        "outcome": one.outcome.value,
    }


def _sweep_cells(one: "Sweep", names: dict[str, str]) -> list[str]:
    name = names.get(one.tenant_id, one.tenant_id)
    return [name, moment(one.ended_ms or one.started_ms), _erased(one.erased), _told(one.outcome)]
