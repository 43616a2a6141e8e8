"""Ten thousand calls for help, over bad networks, to a server that crashes: none is lost, and none is doubled."""

from random import Random

import pytest

from alerts.alert_world import ALERT, DAN, DORA, MAX, Trouble, World
from pttserver.alerts.states import StepKind
from pttserver.alerts.table import ENDS
from sim.profiles import PROFILES
from sim.seeded_link import Conditions

RUNS, SHARES = 10_000, 8
LTE = next(profile for profile in PROFILES if profile.name == "LTE").conditions


def trouble(seed: int) -> Trouble:
    """Something of everything, by the seed."""
    chance = Random(f"trouble {seed}")
    network = Conditions(
        loss=chance.choice([0.0, 0.01, 0.05, 0.2, 0.4]),
        doubling=chance.choice([0.0, 0.0, 0.05, 0.3]),
        delay_s=chance.uniform(0.005, 0.15),
        jitter_s=chance.uniform(0.0, 0.2),
    )
    gone = {}
    for who in (DAN, DORA):
        if chance.random() < 0.4:
            leaves_s = chance.uniform(0, 20)
            gone[who] = (leaves_s, leaves_s + chance.uniform(1, 60))
    stuck_s = chance.uniform(0.5, 30) if chance.random() < 0.3 else 0.0
    return Trouble(
        network=network,
        udp_blocked=chance.random() < 0.3,
        tcp_stuck=(0.0, stuck_s),
        crashes=tuple(chance.uniform(0, chance.choice([0.3, 40])) for _ in range(chance.choice([0, 0, 0, 1, 1, 2]))),
        gone=gone,
    )


def lived_through(seed: int) -> World:
    world = World(seed, trouble(seed))
    world.run()
    return world


@pytest.mark.parametrize("share", range(SHARES))
def test_none_is_lost_and_none_is_doubled(share: int) -> None:
    for seed in range(share, RUNS, SHARES):
        world = lived_through(seed)
        server, consoles = world.server, world.consoles.values()
        assert world.handset.accepted_s is not None, f"{seed}: the handset was never answered"
        assert set(server.disk) == {ALERT}, f"{seed}: {len(server.disk)} alerts are on the disk"
        assert any(ALERT in console.shown for console in consoles), f"{seed}: nobody saw it"
        assert not any(console.shown_anew for console in consoles), f"{seed}: it came back after its end"
        told = [step.kind for step in server.disk[ALERT]]
        assert [step.number for step in server.disk[ALERT]] == list(range(1, len(told) + 1)), seed
        assert told.count(StepKind.RAISED) == 1, seed
        assert told.count(StepKind.ACKNOWLEDGED) <= 1, seed
        assert sum(kind in ENDS for kind in told) == 1, f"{seed}: {told}"


def test_who_is_in_the_next_stage_hears_of_it_when_nobody_is_there() -> None:
    away = dict.fromkeys((DAN, DORA), (0.0, 250.0))
    world = World(1, Trouble(gone=away))
    world.run()
    assert world.consoles[MAX].shown[ALERT] < 1
    assert StepKind.ESCALATED in {step.kind for step in world.server.disk[ALERT]}


def test_from_the_press_to_a_console_within_a_second_over_lte() -> None:
    """99.9 % of presses, in simulated time: what the network delays and loses, and what is sent again."""
    taken_s = []
    for seed in range(RUNS):
        world = World(seed, Trouble(network=LTE))
        world.run(until_s=5.0)
        taken_s.append(min(console.shown.get(ALERT, 5.0) for console in world.consoles.values()))
    taken_s.sort()
    p999_s = taken_s[int(RUNS * 0.999)]
    print(f"\npress to console over LTE: median {taken_s[RUNS // 2]:.3f} s, p99.9 {p999_s:.3f} s")
    assert p999_s <= 1.0
