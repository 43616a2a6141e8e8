"""Which kind of scenario is shown how."""

from typing import Any

from bench.report import curves, day, plots, relay, sessions, voice
from bench.report.section import Figures, Kind, Section

KINDS = {
    "relay": Kind(relay.tables, relay.verdicts, plots.relay),
    "crowd": Kind(sessions.crowd_tables, sessions.crowd_verdicts),
    "reconnect": Kind(sessions.reconnect_tables, sessions.reconnect_verdicts, curves.reconnect),
    "mixed": Kind(day.tables, day.verdicts, curves.mixed),
    "key_up": Kind(voice.key_up_tables, plots=curves.key_up),
    "saturate": Kind(voice.saturate_tables, voice.saturate_verdicts, curves.saturate),
    "attack": Kind(voice.attack_tables, voice.attack_verdicts, curves.attack),
    "sweep": Kind(voice.sweep_tables),
    "locate": Kind(voice.locate_tables),
    "websocket": Kind(voice.websocket_tables),
    "lossy": Kind(voice.lossy_tables, voice.lossy_verdicts, curves.lossy),
}


def section(result: dict[str, Any], *, with_plots: bool = True) -> Section:
    """What is shown of the result of a run."""
    kind, figures = KINDS[result["kind"]], result["figures"]
    drawn = kind.plots(figures) if with_plots else {}
    return Section(result, kind.verdicts(figures), kind.tables(figures), drawn, _warnings(figures))


def _warnings(figures: Figures) -> list[str]:
    """What the harness says of its own figures."""
    steps = [*figures.get("steps", []), *figures.get("climb", [])]
    found = [f"{one['column']}, groups of {one['members']}: {text}" for one in steps for text in one["warnings"]]
    return found + [f"at half of it: {text}" for text in figures.get("at_half", {}).get("warnings", [])]
