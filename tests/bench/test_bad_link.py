"""Bad links and roaming of the harness: seeded, and what they cost is told."""

import numpy as np
import pytest

from bench.bad_link import departures
from bench.ear import Heard
from bench.roaming import ANYWHERE, Roam, at_present_port, gaps_ms, over_the_air

PROFILE = {"name": "x", "loss_percent": 10, "jitter_ms": 40, "delay_ms": 20, "doubling_percent": 5, "roam_every_s": 1.0}
PACKETS = 2000


def test_the_same_seed_gives_the_same_departures() -> None:
    assert departures(PROFILE, 2, 50) == departures(PROFILE, 2, 50)


def test_a_link_loses_doubles_delays_and_changes_address_as_it_says() -> None:
    plan = departures(PROFILE, 2, PACKETS)
    assert plan == sorted(plan)
    distinct = {(talker, number) for _, talker, number, _ in plan}
    assert 1 - len(distinct) / (2 * PACKETS) == pytest.approx(0.10, abs=0.02)
    assert len(plan) / len(distinct) - 1 == pytest.approx(0.05, abs=0.015)
    for at_s, talker, number, port in plan:
        spoken_s = (number + talker / 2) / 50
        assert 0.02 - 1e-9 <= at_s - spoken_s <= 0.06 + 1e-9
        assert port == int(spoken_s)


def arrivals(handset: list[int], port: list[int], at_ns: list[int]) -> Heard:
    head = np.zeros((len(handset), 12), np.uint8)
    columns = np.array(handset, np.int32), np.array(at_ns, np.int64), head, np.array(port, np.int32)
    return Heard(*columns, 0, {}, {}, 0.0, 1.0)


def test_only_the_present_port_hears() -> None:
    heard = arrivals([1, 1, 1, 1, 2, 1], [0, 0, 1, 0, 0, ANYWHERE], [5, 15, 16, 25, 15, 15])
    roams = [Roam(1, 0, 20), Roam(1, 1, 10)]
    assert at_present_port(heard, roams).tolist() == [True, False, True, True, True, True]
    assert at_present_port(heard, []).tolist() == [True, True, False, True, True, True]


def test_a_gap_ends_with_the_first_voice_at_the_new_port() -> None:
    heard = arrivals([1, 1, 1], [0, 1, 1], [11_000_000, 14_000_000, 15_000_000])
    assert gaps_ms(heard, [Roam(1, 1, 10_000_000), Roam(2, 1, 10_000_000)]) == [4.0]


def test_the_way_down_loses_and_delays_as_it_says() -> None:
    through, way_ms = over_the_air(PROFILE, 20_000)
    assert through.mean() == pytest.approx(0.9, abs=0.01)
    assert 20 <= way_ms.min() <= way_ms.max() <= 60
