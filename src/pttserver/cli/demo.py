"""`pttserver demo`: a server and handsets in processes of their own take turns talking; the figures are measured."""

import json
from pathlib import Path
from typing import Annotated

import typer


def demo(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long handsets start to talk.")] = 20,
    handsets: Annotated[int, typer.Option(min=2, max=64, help="Handsets, spread over the groups.")] = 6,
    groups: Annotated[int, typer.Option(min=1, max=8, help="Groups; each needs two handsets.")] = 2,
    report: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the recordings.")] = Path("demo-out"),
    keep: Annotated[bool, typer.Option("--keep", help="Keep the server's data and log in the folder too.")] = False,
) -> None:
    """Show handsets talking through a real server, with real speech, and measure it."""
    import asyncio
    import importlib.util

    if handsets < 2 * groups:
        raise typer.BadParameter(f"{groups} groups need at least {2 * groups} handsets")
    if importlib.util.find_spec("opuslib_next") is None:
        raise typer.BadParameter('the demonstration needs the handset: pip install "pttserver[handset]"')
    from pttserver.cli.demonstration.performance import Performance

    heard = asyncio.run(Performance(seconds, handsets, groups, out, keep).run())
    if report is not None:
        report.write_text(json.dumps(heard.as_json(), indent=1) + "\n")
    if not heard.everything_was_heard:
        raise typer.Exit(1)
