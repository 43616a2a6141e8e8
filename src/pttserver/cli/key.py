"""`pttserver key`: the operator's master keys, which wrap all that is sealed at rest."""

import asyncio
from typing import Annotated

import typer

from pttserver.cli.office import operator, settings_of, without_logging
from pttserver.cli.output import print_table

app = typer.Typer(help="Master keys: what everything at rest is sealed with.", no_args_is_help=True)


@app.command()
def show(ctx: typer.Context) -> None:
    """List the master keys by their identifiers; the keys themselves are not shown."""
    from pttserver.services.key_rotation import in_use
    from pttserver.services.keyring import master_keys

    settings = settings_of(ctx)
    needed = asyncio.run(in_use(settings))
    rows = [
        (key.key_id, "newest" if number == 0 else "older", "yes" if key.key_id in needed else "no")
        for number, key in enumerate(master_keys(settings))
    ]
    print_table("Master keys", ["Identifier", "Age", "Wraps tenants' keys"], rows)


@app.command()
def rotate(ctx: typer.Context) -> None:
    """Make a new master key and wrap every tenant's key with it. The server may run; no stored value is touched."""
    from pttserver.services.key_rotation import rotate as rotate_keys
    from pttserver.services.keyring import key_file

    without_logging()
    settings = settings_of(ctx)
    key, count = asyncio.run(rotate_keys(settings, operator()))
    typer.echo(f"{key.key_id} wraps the keys of {count} tenants now; copy {key_file(settings)} to where you keep it")


@app.command()
def rewrap(
    ctx: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="A server that runs has the new key by now, although it started without it.")
    ] = False,
) -> None:
    """Wrap every tenant's key with the newest master key, after you put a new one into its source yourself.

    First restart the server with both keys, the new one before the old one: else it can open nothing afterwards.
    """
    from pttserver.services.key_rotation import rewrap as rewrap_keys

    without_logging()
    settings = settings_of(ctx)
    typer.echo(f"{asyncio.run(rewrap_keys(settings, operator(), servers_have_it=yes))} tenants' keys were wrapped anew")


@app.command()
def prune(ctx: typer.Context) -> None:
    """Remove master keys that no tenant's key needs any more. Backups that were made under them need them still."""
    from pttserver.services.key_rotation import prune as prune_keys

    without_logging()
    settings = settings_of(ctx)
    for key in asyncio.run(prune_keys(settings, operator())):
        typer.echo(f"{key.key_id} removed")
    typer.secho("Backups made under a removed key can be opened by a copy of it only.", err=True)
