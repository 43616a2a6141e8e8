"""Locate: the same talk twice, first alone, then while a fleet reports where it is against many fences.

Fences lie all over the city that the handsets walk in, and a dispatcher is told every position. What a report costs is
the server's CPU beyond that of the talk, by the reports that were answered meanwhile.
"""

import asyncio
import json
import random
import time
from typing import Any

from bench.groups import Formation
from bench.located_crowd import CITY, LocatedCrowd
from bench.runs.relay import PttserverColumn, line
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Stand
from bench.tally import percentiles
from pttserver.roles import Role
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish
from pttserver.services.provision import FIRST_INSTRUCTION

RADII_M = (50.0, 1500.0)
TAKE_UP_S = 1.5
POLICY = """
[policy]
title = "Bench"
version = "located"

[location]
enabled = true
live_only = true
interval_s = 5

[categories.location]
legal_basis = "legitimate_interests"
"""


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Voice without reports, voice with them, and what a report costs."""
    members, numbers = scenario["members"], range(scenario["groups"])
    formation = Formation(members, [list(range(n * members, (n + 1) * members)) for n in numbers])
    talk = (scenario["packets_per_s"], scenario["warm_s"], scenario["seconds"])
    with PttserverColumn(stage, [formation], handsets=scenario["handsets"], make_crowd=LocatedCrowd) as column:
        stand = column.stand
        watching = list(range(scenario["handsets"] - scenario["watchers"], scenario["handsets"]))
        asyncio.run(_prepare(stand, scenario["fences"], watching))
        time.sleep(TAKE_UP_S)
        stand.ensemble.order("watch_positions", watching)
        without = column.measure(formation, *talk)
        stage.note("without: " + line(without))
        stand.ensemble.order("report_positions", scenario["interval_s"])
        stand.ensemble.wait(stage, "positions are reported", scenario["settle_s"])
        stand.ensemble.order("reported")
        before, begun = stand.scrape(), time.monotonic()
        beside = column.measure(formation, *talk)
        after, took_s = stand.scrape(), time.monotonic() - begun
        stage.note("with:    " + line(beside))
        round_trips, answers = stand.ensemble.order("reported")[0]
        stand.ensemble.order("report_positions", 0)
    taken, crossings = (after[name] - before[name] for name in ("positions_taken", "fence_crossings"))
    per_s = taken / took_s
    cost_us = 1e6 * (beside.cpu_share - without.cpu_share) / per_s
    stage.note(f"{per_s:,.0f} reports/s, {crossings / took_s:,.0f} crossings/s, {cost_us:.0f} us of CPU a report")
    return {
        "steps": [{**without.plain(), "column": "no reports"}, {**beside.plain(), "column": "with reports"}],
        "handsets": scenario["handsets"],
        "fences": scenario["fences"],
        "watchers": scenario["watchers"],
        "reports_per_s": round(per_s, 1),
        "crossings_per_s": round(crossings / took_s, 1),
        "cpu_us_per_report": round(cost_us, 1),
        "answers": answers,
        "answered_ms": percentiles(round_trips),
    }


async def _prepare(stand: Stand, fences: int, watching: list[int]) -> None:
    """The policy lets positions be, fences are drawn, some are dispatchers."""
    database = await open_database(stand.server.settings)
    try:
        office = await furnish(database, stand.server.settings)
        (tenant,) = await office.provisioning.tenants()
        await office.instructions.apply(tenant.tenant_id, POLICY, FIRST_INSTRUCTION)
        await office.fences.add(tenant.name, _drawn(fences))
        for number in watching:
            await office.roles.set_role(tenant.name, stand.muster.recruits[number].subscriber, Role.DISPATCHER)
    finally:
        await database.close()


def _drawn(count: int) -> str:
    """Round fences all over the city, as GeoJSON."""
    draw, (south, west, height, width) = random.Random(11), CITY
    features = [
        {
            "type": "Feature",
            "properties": {"name": f"Fence {number}", "radius_m": draw.uniform(*RADII_M)},
            "geometry": {
                "type": "Point",
                "coordinates": [west + draw.random() * width, south + draw.random() * height],
            },
        }
        for number in range(count)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})
