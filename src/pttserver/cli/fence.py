"""`pttserver fence`: areas of an organisation that devices come into and leave."""

from pathlib import Path
from typing import Annotated

import typer

from pttserver.cli.office import in_office
from pttserver.cli.output import AsJson, Yes, ask_before_removing, print_records
from pttserver.cli.tenant import TenantName
from pttserver.errors import InvalidValue

app = typer.Typer(help="Fences: areas that devices come into and leave.", no_args_is_help=True)

_COLUMNS = {"name": "Name", "fence_id": "Identifier", "dwell_s": "Dwell (s)", "changed_ms": "Changed"}


@app.command()
def add(
    ctx: typer.Context,
    tenant: TenantName,
    file: Annotated[Path, typer.Argument(help="GeoJSON: polygons, points with radius_m, lines with width_m.")],
    json: AsJson = False,
) -> None:
    """Add the fences of a drawing. Each feature has a property `name`, and may have `dwell_s`."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"{file} cannot be read: {error}") from None
    print_records(in_office(ctx, lambda office: office.fences.add(tenant, text)), json, _COLUMNS, "Fences")


@app.command("list")
def list_(ctx: typer.Context, tenant: TenantName, json: AsJson = False) -> None:
    """List the fences of a tenant."""
    print_records(in_office(ctx, lambda office: office.fences.of_tenant(tenant)), json, _COLUMNS, "Fences")


@app.command()
def remove(
    ctx: typer.Context,
    tenant: TenantName,
    fence: Annotated[str, typer.Argument(help="Name or identifier of the fence.")],
    yes: Yes = False,
) -> None:
    """Remove a fence."""
    ask_before_removing(f"fence {fence} of {tenant}", yes)
    in_office(ctx, lambda office: office.fences.remove(tenant, fence))
