"""Lossy: links lose, delay, double and reorder packets and change address, on the way up and on the way down.

The link is seeded. A packet that the way up lost was never sent, so it is not missed: what counts is what the server
makes of the rest (replay windows, address learning, drops), and how long a listener who roams hears nothing.
"""

import time
from typing import Any

import numpy as np

from bench.bad_link import PACKETS_PER_S, Profile
from bench.ear import Heard
from bench.groups import Formation
from bench.meter import drops, mark
from bench.roaming import Roam, at_present_port, gaps_ms, over_the_air
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import percentiles, rtp_places, tally

DRAIN_S = 0.8


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Each profile in turn."""
    members, count = scenario["members"], scenario["groups"] * scenario["members"]
    groups = Formation(members, [list(range(n * members, (n + 1) * members)) for n in range(scenario["groups"])])
    found = []
    order = Order(count, [groups], {"sessions": {"dead_after_s": 900}}, per_crowd=count, ports_each=2)
    with Stand(stage, order) as stand:
        stand.log_in()
        stand.join()
        for profile in scenario["profiles"]:
            found.append({"name": profile["name"], **_over(profile, stand, groups, scenario["seconds"])})
            stage.note(_line(found[-1]))
    return {"profiles": found}


def _over(profile: Profile, stand: Stand, groups: Formation, seconds: float) -> dict[str, Any]:
    ensemble, board, pid = stand.ensemble, stand.ensemble.board, stand.server.pid
    seats = groups.seats(stand.muster.group_ids[groups.size])
    board.forget_stream()
    board.wanted[:] = 1
    ensemble.order("key_up", seats)
    ensemble.order("prepare", seats, round(seconds * PACKETS_PER_S))
    metrics = stand.scrape()
    ensemble.record()
    begin = mark(pid)
    listeners = [handset for group in groups.groups for handset in group[1:]] if profile["roam_every_s"] else []
    ensemble.start("talk_badly", lambda _: (seats, profile, listeners, seconds))
    ensemble.wait(stand.stage, f"over {profile['name']}", seconds)
    roams: list[Roam] = ensemble.finish()[0]
    time.sleep(DRAIN_S)
    end, heard, after = mark(pid), ensemble.report(), stand.scrape()
    ensemble.order("release", seats)
    ensemble.order("go_home", listeners)
    places = rtp_places(heard.head, board.ssrc[: len(seats)])
    window = (begin.at_ns, end.at_ns)
    delivery, arrived = tally(groups.stream(board.handsets), board.sent_ns, heard, places, window)
    return {
        "profile": profile,
        "delivery": delivery.plain(),
        "drops": drops(metrics, after),
        "cpu_us_per_datagram": round(1e6 * (end.cpu_s - begin.cpu_s) / max(1, arrived), 3),
        **_at_the_listeners(profile, heard, roams, delivery.delivered),
    }


def _at_the_listeners(profile: Profile, heard: Heard, roams: list[Roam], delivered: int) -> dict[str, Any]:
    present = at_present_port(heard, roams)
    through, way_ms = over_the_air(profile, len(present))
    return {
        "roams": len(roams),
        "to_a_left_address": int((~present).sum()),
        "gap_ms": percentiles(gaps_ms(heard, roams)),
        "heard_share": round(float((present & through).sum()) / max(1, delivered), 4),
        "way_down_ms": percentiles(np.asarray(way_ms)),
    }


def _line(figures: dict[str, Any]) -> str:
    delivery, gap = figures["delivery"], figures["gap_ms"]
    roaming = f", {figures['roams']} roams, silent p50 {gap['p50']:.0f} p95 {gap['p95']:.0f} ms" if gap else ""
    return (
        f"{figures['name']:>14}: {delivery['sent_packets']:,} packets reached the server, "
        f"{delivery['loss']:.3%} of their copies lost, {delivery['reordered']:,} reordered, "
        f"drops {figures['drops']}{roaming}"
    )
