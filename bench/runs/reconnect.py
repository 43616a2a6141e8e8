"""Reconnect: everybody comes back at once with the resume token, to the living server and to one that was killed."""

import time
from typing import Any

from bench.crowd import Comeback
from bench.groups import Formation
from bench.meter import mark
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import percentiles

LOST_S = 1.0
CURVE_POINTS = 100


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
    return {"handsets": count, "members": members, "network_lost": network, "server_killed": restart}


def _return(stand: Stand, groups: Formation, *, keep_session: bool) -> dict[str, Any]:
    """All back: signalling, groups, UDP; then one of each group asks for the floor."""
    joining = stand.joining()
    pid, begin = stand.server.pid, mark(stand.server.pid)
    own = stand.ensemble.busiest_crowd_s()
    begun = time.monotonic()

    def mine(share: range) -> tuple[Any, ...]:
        return ({n: joining.get(n, []) for n in share}, keep_session)

    returns: list[Comeback] = stand.ordered("come back", "come_back", mine, by_udp=True)
    own, end = stand.ensemble.busiest_crowd_s() - own, mark(pid)
    seats = groups.seats(stand.muster.group_ids[groups.size])
    stand.ensemble.board.wanted[:] = 1
    access = stand.ensemble.order_each("key_up", lambda share: ([s for s in seats if s.handset in share],))
    talking_s = time.monotonic() - begun
    stand.ensemble.order_each("release", lambda share: ([s for s in seats if s.handset in share],))
    back = sorted(one.back - begun for one in returns)
    seconds = (end.at_ns - begin.at_ns) / 1e9
    return {
        "resumed_per_s": round(len(back) / back[-1], 1),
        "back_s": round(back[-1], 2),
        "udp_proven_s": round(max(one.proven for one in returns) - begun, 2),
        "all_back_and_talking_s": round(talking_s, 2),
        "server_cpu_ms_each": round(1000 * (end.cpu_s - begin.cpu_s) / max(1, len(back)), 3),
        "server_cpu_share": round((end.cpu_s - begin.cpu_s) / seconds, 3),
        "harness_cpu_share": round(own / seconds, 3),
        "latency_ms": percentiles([1000 * (one.back - one.begun) for one in returns]),
        "access_ms": percentiles(access),
        "back_curve_s": [round(back[at * (len(back) - 1) // CURVE_POINTS], 3) for at in range(CURVE_POINTS + 1)],
    }


def _line(what: str, count: int, figures: dict[str, Any]) -> str:
    return (
        f"{what}: {count} handsets back in {figures['back_s']:.1f} s ({figures['resumed_per_s']:.0f}/s), "
        f"talking after {figures['all_back_and_talking_s']:.1f} s, {figures['server_cpu_ms_each']:.2f} ms of CPU each"
    )
