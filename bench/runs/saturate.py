"""Saturate: the same groups at a faster and faster pace, until more is lost than is allowed.

The pace is raised instead of the number of groups (a talker sends up to several hundred packets a second), so that
one log-in serves all steps; the server's rate limit of talkers is set out of the way.
"""

from typing import Any

from bench.groups import Formation
from bench.peers.mumble import MumbleColumn, is_installed
from bench.runs.relay import PttserverColumn, line
from bench.scenario import Scenario
from bench.stage import Stage

NO_LIMIT = {"packets_per_s": 100_000, "packets_burst": 100_000}


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Each column up to its limit."""
    members = scenario["members"]
    groups = Formation(members, [list(range(n * members, (n + 1) * members)) for n in range(scenario["groups"])])
    best: dict[str, float] = {}
    steps: list[dict[str, Any]] = []
    for name in scenario["columns"]:
        if name == "mumble" and not is_installed():
            continue
        opened: PttserverColumn | MumbleColumn
        opened = PttserverColumn(stage, [groups], NO_LIMIT) if name == "pttserver" else MumbleColumn(stage, [groups])
        with opened as column:
            climbed = _climb(column, groups, scenario, stage)
        best[name] = max(
            (s["delivered_per_s"] for s in climbed if s["delivery"]["loss"] <= scenario["loss"]), default=0
        )
        steps += climbed
    stage.note(
        f"delivered/s with at most {scenario['loss']:.0%} lost: " + ", ".join(f"{n} {v:,.0f}" for n, v in best.items())
    )
    return {"delivered_per_s_at_loss": best, "climb": steps}


def _climb(
    column: PttserverColumn | MumbleColumn, groups: Formation, scenario: Scenario, stage: Stage
) -> list[dict[str, Any]]:
    listeners = len(groups.groups) * (groups.size - 1)
    found = []
    for number in range(scenario["steps"]):
        pace = scenario["first_per_s"] * scenario["factor"] ** number / listeners
        step = column.measure(groups, pace, scenario["warm_s"], scenario["seconds"])
        stage.note(line(step))
        found.append(step.plain())
        if step.delivery.loss > 5 * scenario["loss"]:
            break
    return found
