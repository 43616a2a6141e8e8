"""Tables and verdicts on the terminal."""

from rich.console import Console
from rich.table import Table as RichTable

from bench.report.section import Section, Table


def show(console: Console, shown: Section) -> None:
    """All tables, then what was met and what was not."""
    for table in shown.tables:
        console.print(_rich(table))
    for verdict in shown.verdicts:
        colour = "green" if verdict.met else "red"
        console.print(
            f"[{colour}]{verdict.word:>7}[/] {verdict.target}: {verdict.value} ({verdict.limit})", highlight=False
        )
    for warning in shown.warnings:
        console.print(f"[yellow]the harness: {warning}[/]", highlight=False)


def _rich(table: Table) -> RichTable:
    made = RichTable(title=table.title, title_justify="left", caption=table.note or None, caption_justify="left")
    for number, heading in enumerate(table.headings):
        made.add_column(heading, justify="right" if number else "left")
    for line in table.lines:
        made.add_row(*line)
    return made
