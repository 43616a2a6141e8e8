"""Server and clients together over links that lose, double and reorder: in the end both ends agree, and people talk."""

import pytest

from floor.two_ends import LONGEST_ASKING_S, TwoEnds
from ptthandset.floor_effects import FloorDenied, FloorGranted, FloorIdle, FloorQueued, FloorTaken, RequestTimedOut
from ptthandset.floor_states import FloorState
from pttserver.floor.states import State
from pttserver.wire.floor_control import FloorIndicator

LINKS = {
    "clean": {},
    "losing a tenth": {"loss": 0.1},
    "losing a third": {"loss": 0.33},
    "doubling": {"doubling": 0.5},
    "reordering": {"delay_s": 0.8},
    "everything": {"loss": 0.25, "doubling": 0.3, "delay_s": 1.5},
}
SEEDS = 200
BEHIND_ALL_DELAYS_S = 2.0


def keys_up(ends: TwoEnds) -> None:
    for ssrc in ends.handsets:
        ends.let_go(ssrc)


@pytest.mark.parametrize("link", LINKS)
def test_in_the_end_both_ends_agree_that_the_floor_is_idle(link: str) -> None:
    for seed in range(SEEDS):
        ends = TwoEnds(seed, **LINKS[link])
        ends.fiddle(20)
        ends.link.heal()
        keys_up(ends)
        ends.run(20)
        assert ends.on_air is None, seed
        for handset in ends.handsets.values():
            view = (handset.state, handset.burst_ssrc, handset.talker_ssrc)
            assert view == (FloorState.NO_PERMISSION, None, None), seed
        ends.run(25)
        assert ends.arbiter.state is State.START_STOP, seed


@pytest.mark.parametrize("link", LINKS)
def test_when_the_link_heals_who_presses_talks_and_everybody_knows(link: str) -> None:
    for seed in range(SEEDS):
        ends = TwoEnds(seed, **LINKS[link])
        ends.fiddle(10)
        ends.link.heal()
        keys_up(ends)
        ends.run(20)
        ends.press(1)
        ends.run(0.2)
        talker, *others = ends.handsets.values()
        assert ends.on_air is not None, seed
        assert (talker.state, talker.burst_ssrc) == (FloorState.HAS_PERMISSION, ends.on_air.burst_ssrc), seed
        assert {handset.talker_ssrc for handset in others} == {ends.on_air.burst_ssrc}, seed


@pytest.mark.parametrize("link", LINKS)
def test_an_emergency_wins_from_whatever_state_the_floor_is_in(link: str) -> None:
    for seed in range(SEEDS):
        ends = TwoEnds(seed, **LINKS[link])
        ends.fiddle(10, emergencies=False)
        ends.link.heal()
        ends.run(BEHIND_ALL_DELAYS_S)
        ends.let_go(4)
        ends.run(0.1)
        ends.press(4, FloorIndicator.EMERGENCY)
        ends.run(ends.timers.t3_grace_s + 0.1)
        assert ends.on_air is not None, seed
        assert ends.on_air.participant_ssrc == 4, seed
        assert ends.handsets[4].state is FloorState.HAS_PERMISSION, seed


@pytest.mark.parametrize("link", LINKS)
def test_every_press_is_answered(link: str) -> None:
    """Granted, queued, denied, or told that the server does not answer, before the user gives up hope."""
    answers = (FloorGranted, FloorQueued, FloorDenied, RequestTimedOut)
    for seed in range(SEEDS):
        ends = TwoEnds(seed, **LINKS[link])
        ends.press(1)
        ends.run(ends.random.random())
        ends.press(2)
        ends.run(LONGEST_ASKING_S)
        for ssrc in (1, 2):
            assert any(isinstance(effect, answers) for effect in ends.told[ssrc]), seed


@pytest.mark.parametrize("link", LINKS)
def test_everybody_has_a_turn_while_the_keys_are_down(link: str) -> None:
    """Who talks lets go as soon as a third of a second later; all others hold their keys and wait."""
    for seed in range(SEEDS // 4):
        ends = TwoEnds(seed, people=5, **LINKS[link])
        waiting = set(ends.handsets)
        talked: set[int] = set()
        for _ in range(400):
            for ssrc in waiting:
                if ends.handsets[ssrc].state is FloorState.NO_PERMISSION and ssrc not in talked:
                    ends.press(ssrc)
            ends.run(0.3)
            for ssrc, handset in ends.handsets.items():
                if handset.state is FloorState.HAS_PERMISSION:
                    talked.add(ssrc)
                    ends.let_go(ssrc)
            if talked == waiting:
                break
        assert talked == waiting, seed


def test_access_takes_one_round_trip_on_a_clean_link() -> None:
    ends = TwoEnds(1)
    ends.run(1)
    ends.press(1)
    ends.run(0.041)
    assert isinstance(ends.told[1][-1], FloorGranted)
    assert isinstance(ends.told[2][-1], FloorTaken)
    ends.let_go(1)
    ends.run(0.041)
    assert ends.handsets[1].state is FloorState.NO_PERMISSION
    assert isinstance(ends.told[1][-1], FloorIdle)


def test_access_time_over_a_link_that_loses_a_tenth() -> None:
    """KPI 1 of TS 22.179: < 300 ms for 95 % of requests; the standard's own T101 (2 s) would miss it."""
    slow = 0
    for seed in range(1000):
        ends = TwoEnds(seed, people=2, loss=0.1)
        ends.press(1)
        ends.run(0.3)
        slow += not any(isinstance(effect, FloorGranted) for effect in ends.told[1])
    assert slow / 1000 < 0.05


def test_a_dead_client_frees_the_floor_after_t1() -> None:
    ends = TwoEnds(3)
    ends.press(1)
    ends.run(1)
    ends.link.loss = 1.0
    ends.run(5)
    assert ends.on_air is None


def test_a_client_that_lost_the_server_knows_it() -> None:
    ends = TwoEnds(4, loss=1.0)
    ends.press(1)
    ends.run(LONGEST_ASKING_S)
    assert ends.told[1] == [RequestTimedOut()]
    assert ends.handsets[1].state is FloorState.NO_PERMISSION
