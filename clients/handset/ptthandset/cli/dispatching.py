"""`ptt dispatch`: what dispatchers do; each service adds its commands."""

import typer

from ptthandset.cli import locating

app = typer.Typer(help="For dispatchers: direct others.", no_args_is_help=True)
locating.for_dispatchers(app)
