"""Key-up: groups are keyed at random while others talk; how long from request to grant."""

from typing import Any

from bench.groups import Formation
from bench.meter import lag_ms, mark
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import percentiles, quantiles

PACKETS_PER_S = 50
SPARE_S = 0.5


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """The first groups talk, the rest press and let go."""
    count, members, talking = scenario["handsets"], scenario["members"], scenario["talking_groups"]
    everyone = list(range(count))
    groups = Formation(members, [everyone[at : at + members] for at in range(0, count - members + 1, members)])
    tables = {"sessions": {"dead_after_s": 900}}
    with Stand(stage, Order(count, [groups], tables, per_crowd=count)) as stand:
        stand.log_in()
        stand.join()
        seats = groups.seats(stand.muster.group_ids[members])
        alone = press(stand, seats[talking:], scenario["presses_per_s"], scenario["seconds"])
        stand.ensemble.order("key_up", seats[:talking])
        stand.ensemble.order("prepare", seats[:talking], round((scenario["seconds"] + SPARE_S) * PACKETS_PER_S))
        stand.ensemble.order("talk_meanwhile", seats[:talking], PACKETS_PER_S)
        metrics, begin = stand.scrape(), mark(stand.server.pid)
        beside = press(stand, seats[talking:], scenario["presses_per_s"], scenario["seconds"])
        end, after = mark(stand.server.pid), stand.scrape()
        stand.ensemble.order("talk_ended")
    share = (end.cpu_s - begin.cpu_s) / ((end.at_ns - begin.at_ns) / 1e9)
    stage.note(
        f"access time: idle p50 {alone['access_ms']['p50']:.2f} p99 {alone['access_ms']['p99']:.2f} ms; beside "
        f"{talking * PACKETS_PER_S * (members - 1):,} datagrams/s p50 {beside['access_ms']['p50']:.2f} "
        f"p99 {beside['access_ms']['p99']:.2f} ms ({share:.0%} of the core)"
    )
    return {"idle": alone, "beside_voice": beside, "cpu_share": round(share, 3), "lag_ms": lag_ms(metrics, after)}


def press(stand: Stand, seats: list[Any], presses_per_s: float, seconds: float) -> dict[str, Any]:
    """Keys are pressed at random moments and let go at the grant; access times in ms."""
    stand.stage.show("keys are pressed at random ...")
    stand.ensemble.board.wanted[:] = 0
    access = stand.ensemble.order("press_at_random", seats, presses_per_s, seconds)
    granted = sorted(one for one in access if one is not None)
    return {
        "presses": len(access),
        "failed": len(access) - len(granted),
        "access_ms": percentiles(granted),
        "access_curve_ms": quantiles(granted),
    }
