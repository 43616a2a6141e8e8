"""Reconnect: everybody comes back at once with the resume token, to the living server and to one that was killed."""

import time
from typing import Any

from bench.groups import Formation
from bench.meter import mark
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import percentiles

LOST_S = 1.0


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """First the network fails, then the server."""
    count, members = scenario["handsets"], scenario["members"]
    everyone = list(range(count))
    groups = Formation(members, [everyone[at : at + members] for at in range(0, count - members + 1, members)])
    tables = {"sessions": {"dead_after_s": 900}}
    with Stand(stage, Order(count, [groups], tables)) as stand:
        stand.log_in()
        stand.join()
        stand.ensemble.order("drop_all")
        time.sleep(LOST_S)
        network = _return(stand, groups, keep_session=True)
        stage.note(_line("network lost", count, network))
        ports = {name: port for name, port in stand.server.ports.items() if name != "metrics"}
        stand.server.stop(kill=True)
        time.sleep(LOST_S)
        stand.server.start(ports)
        restart = _return(stand, groups, keep_session=False)
        stage.note(_line("server killed", count, restart))
    return {"handsets": count, "network_lost": network, "server_killed": restart}


def _return(stand: Stand, groups: Formation, *, keep_session: bool) -> dict[str, Any]:
    """All back: signalling, groups, UDP; then one of each group asks for the floor."""
    joining = stand.joining()
    pid, begin = stand.server.pid, mark(stand.server.pid)
    own = stand.ensemble.busiest_crowd_s()
    begun = time.monotonic()

    def mine(share: range) -> tuple[Any, ...]:
        return ({n: joining.get(n, []) for n in share}, keep_session)

    took = stand.ordered("come back", "come_back", mine)
    back_s, end = time.monotonic() - begun, mark(pid)
    own = stand.ensemble.busiest_crowd_s() - own
    stand.ordered("prove UDP", "open_paths", lambda _: (), by_udp=True)
    paths_s = time.monotonic() - begun
    seats = groups.seats(stand.muster.group_ids[groups.size])
    stand.ensemble.board.wanted[:] = 1
    access = stand.ensemble.order_each("key_up", lambda share: ([s for s in seats if s.handset in share],))
    talking_s = time.monotonic() - begun
    stand.ensemble.order_each("release", lambda share: ([s for s in seats if s.handset in share],))
    return {
        "resumed_per_s": round(len(took) / back_s, 1),
        "back_s": round(back_s, 2),
        "udp_proven_s": round(paths_s, 2),
        "all_back_and_talking_s": round(talking_s, 2),
        "server_cpu_ms_each": round(1000 * (end.cpu_s - begin.cpu_s) / max(1, len(took)), 3),
        "server_cpu_share": round((end.cpu_s - begin.cpu_s) / back_s, 3),
        "harness_cpu_share": round(own / back_s, 3),
        "latency_ms": percentiles([1000 * one for one in took]),
        "access_ms": percentiles(access),
    }


def _line(what: str, count: int, figures: dict[str, Any]) -> str:
    return (
        f"{what}: {count} handsets back in {figures['back_s']:.1f} s ({figures['resumed_per_s']:.0f}/s), "
        f"talking after {figures['all_back_and_talking_s']:.1f} s, {figures['server_cpu_ms_each']:.2f} ms of CPU each"
    )
