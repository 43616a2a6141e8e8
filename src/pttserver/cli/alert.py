"""`pttserver alert`: what became of emergency alerts, for debriefing. Each look is recorded with its reason."""

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.instruction import Actor, instruction_of
from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, moment, print_json, print_table
from pttserver.cli.pages import Form, give, write_new
from pttserver.cli.tenant import TenantName

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.alert_debrief import ShownAlert

app = typer.Typer(help="Emergency alerts: list, show, report.", no_args_is_help=True)

AlertNumber = Annotated[str, typer.Argument(metavar="ALERT", help="Number that `alert list` shows.")]
Reason = Annotated[str, typer.Option("--reason", help="Why you look, such as the number of the incident; recorded.")]
_HEADINGS = ["Number", "Raised", "By", "State", "Answered", "Closed", "Exercise"]


@app.command("list")
def list_(
    ctx: typer.Context,
    tenant: TenantName,
    *,
    reason: Reason,
    by: Actor = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the newest.")] = 100,
    json: AsJson = False,
) -> None:
    """List alerts, newest first, as far as the policy keeps them."""
    from pttserver.services.alert_debrief import alert_document

    instruction = instruction_of(by, reason)
    found = in_office(ctx, lambda office: office.alerts.alerts(tenant, instruction, limit))
    if json:
        return print_json([alert_document(alert) for alert in found])
    return print_table("Alerts", _HEADINGS, map(_row, found))


@app.command()
def show(
    ctx: typer.Context,
    tenant: TenantName,
    alert: AlertNumber,
    *,
    reason: Reason,
    by: Actor = None,
    json: AsJson = False,
) -> None:
    """Show one alert with its timeline."""
    from pttserver.services.alert_debrief import alert_document, alert_page

    found = _found(ctx, tenant, alert, by, reason)
    if json:
        return print_json(alert_document(found))
    return give(alert_page(found), None, Form.TEXT, None)


@app.command()
def report(
    ctx: typer.Context,
    tenant: TenantName,
    alert: AlertNumber,
    *,
    reason: Reason,
    html: Annotated[Path | None, typer.Option("--html", dir_okay=False, help="New file: a page to read.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="New file: the same for machines.")
    ] = None,
    by: Actor = None,
) -> None:
    """Write the debriefing of an alert to files."""
    from pttserver.privacy.pages import as_html
    from pttserver.services.alert_debrief import alert_document, alert_page

    if html is None and json is None:
        raise typer.BadParameter("give --html FILE, --json FILE, or both")
    found = _found(ctx, tenant, alert, by, reason)
    if html is not None:
        _write(html, as_html(alert_page(found)))
    if json is not None:
        _write(json, json_text.dumps(alert_document(found), ensure_ascii=False, indent=2) + "\n")


def _write(file: Path, text: str) -> None:
    write_new(file, text)
    typer.echo(f"Written: {file}")


def _found(ctx: typer.Context, tenant: str, alert: str, by: str | None, reason: str) -> "ShownAlert":
    instruction = instruction_of(by, reason)
    return in_office(ctx, lambda office: office.alerts.alert(tenant, alert, instruction))


def _row(alert: "ShownAlert") -> list[str]:
    answered = "-" if alert.acknowledged_after_s is None else f"after {alert.acknowledged_after_s:.1f} s"
    return [
        alert.alert_id,
        moment(alert.raised_ms),
        alert.raiser.reveal(),
        alert.state.replace("_", " "),
        answered,
        moment(alert.closed_ms),
        "yes" if alert.drill else "no",
    ]
