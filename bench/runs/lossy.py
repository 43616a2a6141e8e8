"""Lossy: talkers' uplinks lose, delay and reorder packets and change address; what reached the server must come out.

The link is seeded. A packet that the link lost was never sent, so it is not missed: what counts is what the server
makes of the rest (replay windows, address learning, drops).
"""

import time
from typing import Any

from bench.bad_link import PACKETS_PER_S
from bench.groups import Formation
from bench.meter import drops, mark
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import rtp_places, tally

DRAIN_S = 0.6


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Each profile in turn."""
    members, count = scenario["members"], scenario["groups"] * scenario["members"]
    groups = Formation(members, [list(range(n * members, (n + 1) * members)) for n in range(scenario["groups"])])
    found = {}
    with Stand(stage, Order(count, [groups], {"sessions": {"dead_after_s": 900}}, per_crowd=count)) as stand:
        stand.log_in()
        stand.join()
        for profile in scenario["profiles"]:
            figures = found[profile["name"]] = _over(profile, stand, groups, scenario["seconds"])
            delivery = figures["delivery"]
            stage.note(
                f"{profile['name']:>14}: {delivery['sent_packets']:,} packets reached the server, "
                f"{delivery['loss']:.3%} of their copies lost, {delivery['reordered']:,} reordered, "
                f"drops {figures['drops']}"
            )
    return {"profiles": found}


def _over(profile: dict[str, Any], stand: Stand, groups: Formation, seconds: float) -> dict[str, Any]:
    ensemble, board, pid = stand.ensemble, stand.ensemble.board, stand.server.pid
    seats = groups.seats(stand.muster.group_ids[groups.size])
    board.forget_stream()
    board.wanted[:] = 0
    ensemble.order("key_up", seats)
    ensemble.order("prepare", seats, round(seconds * PACKETS_PER_S))
    metrics = stand.scrape()
    ensemble.record()
    begin = mark(pid)
    ensemble.start("talk_badly", lambda _: (seats, profile))
    ensemble.wait(stand.stage, f"over {profile['name']}", seconds)
    ensemble.finish()
    time.sleep(DRAIN_S)
    end, heard, after = mark(pid), ensemble.report(), stand.scrape()
    ensemble.order("release", seats)
    places = rtp_places(heard.head, board.ssrc[: len(seats)])
    delivery, arrived = tally(
        groups.stream(ensemble.board.handsets), board.sent_ns, heard, places, (begin.at_ns, end.at_ns)
    )
    return {
        "delivery": delivery.plain(),
        "drops": drops(metrics, after),
        "cpu_us_per_datagram": round(1e6 * (end.cpu_s - begin.cpu_s) / max(1, arrived), 3),
    }
