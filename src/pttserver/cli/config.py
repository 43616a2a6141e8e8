"""`pttserver config`: the settings explained, and checked."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pttserver.cli.office import settings_of

if TYPE_CHECKING:  # slow to import, see main.py
    from pydantic import BaseModel

app = typer.Typer(help="Settings: print them explained, check a file.", no_args_is_help=True)


@app.command()
def example() -> None:
    """Print a configuration file with every setting, its meaning and its default."""
    from pttserver.config import Settings

    typer.echo("# Settings of pttserver. Each can also be set by environment: PTTSERVER_SIGNALLING__PORT=9443")
    sections = {}
    for name, field in Settings.model_fields.items():
        if hasattr(field.default, "model_fields_set"):
            sections[name] = field.default
        else:
            _print_setting(name, field)
    for name, section in sections.items():
        _print_section(name, section)


@app.command()
def check(ctx: typer.Context) -> None:
    """Check the configuration file and the environment; name each wrong key."""
    from pttserver.privacy.bounds import parse_bounds

    parse_bounds(settings_of(ctx).privacy.bounds)
    typer.echo("The settings are valid.")


def _print_section(name: str, section: "BaseModel") -> None:
    typer.echo(f"\n[{name}]")
    for key, field in type(section).model_fields.items():
        _print_setting(key, field)


def _print_setting(key: str, field: Any) -> None:
    typer.echo(f"# {' '.join((field.description or '').split())}")
    value = field.default
    shown = str(value) if isinstance(value, Path) else value
    typer.echo(f"# {key} =" if value is None else f"{key} = {json.dumps(shown)}")
