"""`python -m bench SCENARIO`: runs a scenario, shows its table, and writes JSON and a report if asked to."""

import importlib
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench import machine, scenario
from bench.report.kinds import section
from bench.report.terminal import show
from bench.stage import opened_stage
from pttserver.observe.log import configure_logging

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[
        str, typer.Argument(help=f"A scenario ({', '.join(scenario.names())}), or the path of a TOML file.")
    ] = "relay",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a report with plots here.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Seconds instead of minutes; rougher figures.")] = False,
    change: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, replaces a key (JSON value).")] = None,
) -> None:
    """Runs SCENARIO against a server that is started for it, on loopback."""
    configure_logging("warning", "console")  # what the harness does as an operator would stand among the progress
    console = Console(width=None)
    limit = machine.raise_descriptor_limit()
    changes = {key: json.loads(value) for key, _, value in (text.partition("=") for text in change or [])}
    chosen = scenario.load(name, quick=quick, changes=changes)
    result: dict[str, Any] = {"scenario": chosen.name, "kind": chosen.kind, "about": chosen.about, "quick": quick}
    result["settings"] = chosen.keys
    result["machine"] = {**machine.describe(), "descriptor_limit": limit, "loop_ms_before": machine.loop_ms()}
    begun = time.monotonic()
    with opened_stage(console) as stage:
        result["figures"] = importlib.import_module(f"bench.runs.{chosen.kind}").run(chosen, stage)
    result["machine"]["loop_ms_after"] = machine.loop_ms()
    result["took_s"] = round(time.monotonic() - begun, 1)
    show(console, section(result, with_plots=False))
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(result, indent=1) + "\n")
    if html_file is not None:
        from bench.report.page import write_page

        write_page([section(result)], html_file)
        console.print(f"Report: {html_file}")


app()
