"""A played day: the plan keeps to shifts and load, and what was heard is counted by the hour."""

import numpy as np
import pytest

from bench import scenario
from bench.board import LONGEST_STREAM
from bench.day import QUEUED_S, Action, Day, formations_of
from bench.day_tally import Sample, copies, timeline, totals
from bench.ear import Heard
from bench.fleet import Diary, Spoken
from bench.roaming import ANYWHERE, Roam

KEYS = scenario.load("mixed").keys
S = 1_000_000_000


@pytest.fixture(scope="module")
def day() -> Day:
    made = Day(KEYS, formations_of(KEYS["handsets"], KEYS["sizes"]))
    made.plan()
    return made


@pytest.fixture(scope="module")
def plan() -> list[Action]:
    return Day(KEYS, formations_of(KEYS["handsets"], KEYS["sizes"])).plan()


def of(plan: list[Action], kind: str) -> list[Action]:
    return [action for action in plan if action.kind == kind]


def test_the_same_seed_gives_the_same_day(plan: list[Action]) -> None:
    formations = formations_of(KEYS["handsets"], KEYS["sizes"])
    assert Day(KEYS, formations).plan() == plan
    assert Day({**KEYS, "seed": 8}, formations).plan() != plan


def test_actions_come_in_order_and_within_the_day(plan: list[Action]) -> None:
    assert plan == sorted(plan)
    assert plan[0].at_s >= 0
    assert plan[-1].at_s <= KEYS["seconds"]


def test_everybody_comes_and_goes_once_a_shift(plan: list[Action]) -> None:
    present: set[int] = set()
    for action in plan:
        if action.kind == "arrive":
            assert action.handsets[0] not in present
            present.add(action.handsets[0])
        elif action.kind == "leave":
            present.remove(action.handsets[0])
    assert {a.handsets[0] for a in of(plan, "arrive")} == set(range(KEYS["handsets"]))


def test_who_talks_is_a_member_on_duty_until_all_is_said(plan: list[Action], day: Day) -> None:
    groups = {(one.size, n): set(group) for one in day.formations for n, group in enumerate(one.groups)}
    talks = of(plan, "talk")
    assert len(talks) > 500
    for action in talks:
        talker = action.handsets[0]
        assert talker in groups[action.group]
        assert day.on_duty(talker, action.at_s, action.at_s + action.talk_s + QUEUED_S)


def test_keys_are_pressed_as_the_load_says(plan: list[Action]) -> None:
    hour_s = KEYS["seconds"] / 24
    by_hour = np.histogram([a.at_s / hour_s for a in of(plan, "talk")], range(25))[0]
    assert np.corrcoef(by_hour, KEYS["load"])[0, 1] > 0.8  # at a change of shifts fewer are there


def test_the_herd_is_a_share_of_those_on_duty(plan: list[Action], day: Day) -> None:
    (herd,) = of(plan, "herd")
    ready = [n for n in range(KEYS["handsets"]) if day.on_duty(n, herd.at_s, herd.at_s)]
    assert set(herd.handsets) <= set(ready)
    assert len(herd.handsets) == round(len(ready) * KEYS["herd_share"])


def test_an_emergency_meets_a_talker(plan: list[Action]) -> None:
    (call,) = of(plan, "emergency")
    assert any(a.group == call.group and a.at_s < call.at_s < a.at_s + a.talk_s for a in of(plan, "talk"))


def spoken(ssrc: int, talker: int, at_s: float, packets: int, listeners: list[int], **more: object) -> Spoken:
    sent = [round((at_s + 0.02 * n) * S) for n in range(packets)]
    return Spoken(
        (5, 0), talker, round((at_s - 0.01) * S), False, 10.0, ssrc=ssrc, sent_ns=sent, listeners=listeners, **more
    )


def arrivals(*rows: tuple[int, int, int, int, float]) -> Heard:
    """(handset, port, SSRC, sequence number, second) each."""
    handset, port, ssrc, sequence, at_s = (np.array(column) for column in zip(*rows, strict=True))
    head = np.zeros((len(rows), 12), np.uint8)
    head[:, 2:4] = sequence.astype(">u2").reshape(-1, 1).view(np.uint8)
    head[:, 8:12] = ssrc.astype(">u4").reshape(-1, 1).view(np.uint8)
    at_ns = np.round(at_s * S).astype(np.int64)
    return Heard(handset.astype(np.int32), at_ns, head, port.astype(np.int32), 0, {}, {}, 0.0, 1.0)


def test_copies_are_counted_at_listeners_who_heard_the_whole_burst() -> None:
    diary = Diary(bursts=[spoken(70, 0, 1.0, 2, [1, 2]), spoken(80, 3, 1.0, 1, [1])])
    found = copies(
        diary,
        arrivals((1, 0, 70, 0, 1.001), (1, 0, 70, 1, 1.023), (1, 0, 70, 1, 1.024), (2, ANYWHERE, 70, 0, 1.002),
                 (4, 0, 70, 0, 1.001), (1, 0, 99, 0, 1.0), (1, 0, 80, 0, 1.004)),
        handsets=5,
    )  # fmt: skip
    assert (len(found.expected_at_ns), len(found.arrived_at_ns), found.duplicated) == (5, 4, 1)
    assert sorted(found.delay_ms.round(3)) == [1, 2, 3, 4]


def test_what_goes_to_an_address_that_was_left_is_lost() -> None:
    diary = Diary(bursts=[spoken(70, 0, 1.0, 3, [1])], roams=[Roam(1, 1, round(1.01 * S))])
    found = copies(diary, arrivals((1, 0, 70, 0, 1.001), (1, 0, 70, 1, 1.021), (1, 1, 70, 2, 1.041)), handsets=2)
    assert (len(found.arrived_at_ns), found.to_a_left_address) == (2, 1)


def test_a_day_without_voice_is_a_day() -> None:
    found = copies(Diary(), arrivals((1, 0, 99, 0, 1.0)), handsets=2)
    assert totals(Diary(), found)["voice"]["loss"] == 0


def test_the_hours_add_up() -> None:
    queued = spoken(80, 1, 2.2, 1, [0], queued=True)
    diary = Diary([spoken(70, 0, 1.0, 50, [1]), queued], logins=[(round(0.5 * S), 20.0)])
    rows = [(1, 0, 70, n, 1.0 + 0.02 * n + 0.002) for n in range(40)] + [(0, 0, 80, 0, 2.21)]
    found = copies(diary, arrivals(*rows), handsets=2)
    samples = [Sample(n * S, n * 0.25, 2**20 * (100 + n), 2 * n, 50.0 * n) for n in range(4)]
    line = timeline(samples, diary, found)
    assert [row["hour"] for row in line] == [0, 8, 16]
    assert [(row["expected"], row["lost"], row["presses"], row["logins"]) for row in line] == [
        (0, 0, 1, 1), (50, 10, 0, 0), (1, 0, 1, 0),
    ]  # fmt: skip
    assert [(row["cpu_share"], row["rss_mib"], row["sent_per_s"]) for row in line] == [
        (0.25, 101, 50), (0.25, 102, 50), (0.25, 103, 50),
    ]  # fmt: skip
    whole = totals(diary, found)
    assert (whole["presses"], whole["granted"], whole["queued"]) == (2, 2, 1)
    assert (whole["voice"]["expected"], whole["voice"]["lost"]) == (51, 10)


def test_a_burst_fits_the_table_of_its_packets() -> None:
    assert (KEYS["talk_s"][1] + 1) * 50 <= LONGEST_STREAM // 8
