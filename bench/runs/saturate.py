"""Saturate: the same groups at a faster and faster pace, until more is lost than is allowed; then floors at half of it.

The pace is raised instead of the number of groups (a talker sends up to two thousand packets a second), so that one
log-in serves all steps; the server's rate limit of talkers is set out of the way. The first step that loses too much
and the last that does not are halved a few times. What the harness itself did not read in time is no loss of a server.
"""

from typing import Any

from bench.figures import harness_warnings
from bench.groups import Formation
from bench.meter import drops, lag_ms, mark
from bench.peers.mumble import MumbleColumn, is_installed
from bench.runs.key_up import press
from bench.runs.relay import PttserverColumn, line
from bench.scenario import Scenario
from bench.stage import Stage
from bench.talking import Pace

NO_LIMIT = {"packets_per_s": 100_000, "packets_burst": 100_000}
PRESSING = 10  # members of the groups whose keys are pressed at half of saturation
SPARE_S = 0.5
Step = dict[str, Any]


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Each column up to its limit."""
    members = scenario["members"]
    groups = Formation(members, [list(range(n * members, (n + 1) * members)) for n in range(scenario["groups"])])
    steps: list[Step] = []
    with PttserverColumn(stage, [groups, _pressing(groups)], NO_LIMIT) as column:
        climbed = _climb(column, groups, scenario, stage)
        limit = _limit(climbed, scenario)
        half = _at_half(column, groups, (limit["in_time_per_s"] or scenario["first_per_s"]) / 2, scenario)
    limits, steps = {"pttserver": limit}, steps + climbed
    if "mumble" in scenario["columns"] and is_installed():
        with MumbleColumn(stage, [groups]) as mumble:
            climbed = _climb(mumble, groups, scenario, stage)
        limits["mumble"], steps = _limit(climbed, scenario), steps + climbed
    for name, found in limits.items():
        stage.note(f"{name}: {found['delivered_per_s']:,.0f} delivered/s, in time {found['in_time_per_s']:,.0f}")
    stage.note(f"floor access at half of that: p99 {half['access_ms'].get('p99', 0):.2f} ms")
    return {"limits": limits, "climb": steps, "at_half": half}


def _pressing(groups: Formation) -> Formation:
    """Small groups of the same handsets; the first of each talks in none of the large ones."""
    count = len(groups.groups) * groups.size
    return Formation(PRESSING, [list(range(n + 1, n + 1 + PRESSING)) for n in range(0, count - PRESSING, PRESSING)])


def _climb(column: PttserverColumn | MumbleColumn, groups: Formation, scenario: Scenario, stage: Stage) -> list[Step]:
    """Steps in the order that they were taken."""
    found: list[Step] = []
    good, bad, pace = 0.0, 0.0, float(scenario["first_per_s"])
    left = scenario["steps"]
    while left > 0:
        found.append(_step(column, groups, pace, scenario, stage))
        if lost_by_server(found[-1]) <= scenario["loss"]:
            good = pace
        else:
            left = left if bad else scenario["halvings"] + 1
            bad = pace
        pace = (good + bad) / 2 if bad else pace * scenario["factor"]
        left -= 1
    return found


def _step(
    column: PttserverColumn | MumbleColumn, groups: Formation, per_s: float, scenario: Scenario, stage: Stage
) -> Step:
    listeners = len(groups.groups) * (groups.size - 1)
    step = column.measure(groups, per_s / listeners, scenario["warm_s"], scenario["seconds"])
    stage.note(line(step))
    return {**step.plain(), "pace_per_s": per_s}


def lost_by_server(step: Step) -> float:
    """Share of the expected datagrams, without those that waited at the harness's own sockets until these were full."""
    delivery = step["delivery"]
    return max(0.0, delivery["lost"] - step["harness"].get("unread", 0)) / max(1, delivery["expected"])


def _limit(steps: list[Step], scenario: Scenario) -> dict[str, Any]:
    """The fastest step that kept within the loss, and that also came in time; `reached`: a faster one did not.

    The two differ, since a server that is too slow first lets packets wait in the kernel's buffer.
    """
    kept = [step for step in steps if lost_by_server(step) <= scenario["loss"]]
    timely = [step for step in kept if step["delivery"]["delay_ms"]["p99"] <= scenario["in_time_ms"]]
    return {
        "delivered_per_s": max((step["delivered_per_s"] for step in kept), default=0.0),
        "in_time_per_s": max((step["delivered_per_s"] for step in timely), default=0.0),
        "reached": len(kept) < len(steps),
    }


def _at_half(column: PttserverColumn, groups: Formation, per_s: float, scenario: Scenario) -> dict[str, Any]:
    """Keys are pressed in small groups while the large ones carry half of what the server can."""
    stand, ensemble = column.stand, column.stand.ensemble
    pressing = _pressing(groups)
    seats = groups.seats(stand.muster.group_ids[groups.size])
    pressed = pressing.seats(stand.muster.group_ids[pressing.size])
    for seat in pressed:
        seat.row = 0  # their bursts carry no voice that anybody would look for
    packets_per_s = per_s / (len(groups.groups) * (groups.size - 1))
    ensemble.board.forget_stream()
    ensemble.order("key_up", seats)
    ensemble.order("prepare", seats, round((scenario["press_s"] + SPARE_S) * packets_per_s))
    ensemble.order("talk_meanwhile", seats, packets_per_s)
    ensemble.board.drowsy = True  # nobody looks at what the large groups hear
    metrics, begin = stand.scrape(), mark(stand.server.pid)
    found = press(stand, pressed, scenario["presses_per_s"], scenario["press_s"])
    end, after = mark(stand.server.pid), stand.scrape()
    ensemble.board.drowsy = False
    pace: Pace = ensemble.order("talk_ended")[0]
    ensemble.order("release", seats)
    seconds = (end.at_ns - begin.at_ns) / 1e9
    sent = after["datagrams_sent"] - metrics["datagrams_sent"]
    share = round((end.cpu_s - begin.cpu_s) / seconds, 3)
    return {
        **found,
        "sent_per_s": round(sent / seconds),
        "cpu_share": share,
        "lag_ms": lag_ms(metrics, after),
        "drops": drops(metrics, after),
        "warnings": harness_warnings(pace, 0.0),
    }
