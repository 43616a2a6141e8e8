"""Handsets and server on bad networks: nothing crashes, no floor gets stuck, voice comes back, one talker at a time."""

from pathlib import Path

import pytest
import pytest_asyncio

from sim.exercise import Outcome
from sim.profiles import PROFILES, Trouble
from sim.report import all_exercises, markdown
from sim.seeded_link import Conditions, Direction

NAMES = [profile.name for profile in PROFILES]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """All profiles side by side, once; that none of them crashed or left a floor stuck shows in that they ended."""
    folder: Path = tmp_path_factory.mktemp("sim")
    done = await all_exercises(folder)
    print(f"\n{markdown(done)}\n")
    return {outcome.profile.name: outcome for outcome in done}


@pytest.fixture(params=NAMES)
def outcome(request: pytest.FixtureRequest, outcomes: dict[str, Outcome]) -> Outcome:
    return outcomes[request.param]


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_most_of_what_was_said_is_heard(outcome: Outcome) -> None:
    assert outcome.heard_percent >= outcome.profile.least_heard_percent


async def test_voice_comes_again_after_the_trouble(outcome: Outcome) -> None:
    assert [turn.resumed for turn in outcome.turns] == [True] * len(outcome.turns)


async def test_every_utterance_got_the_floor_and_kept_it(outcome: Outcome) -> None:
    assert [turn.report.lost for turn in outcome.turns if turn.report.grant] == [None] * len(outcome.turns)
    assert outcome.unanswered == 0


async def test_nobody_hears_two_talkers_at_once(outcome: Outcome) -> None:
    assert outcome.interrupted == []


async def test_the_floor_comes_in_time(outcome: Outcome) -> None:
    assert outcome.access_percentile_ms(95) <= outcome.profile.access_p95_ms


async def test_when_the_network_is_well_again_everybody_can_talk_and_hears_all(outcome: Outcome) -> None:
    assert len(outcome.roll_call) == 3
    assert min(outcome.roll_call.values()) >= 0.98


async def test_media_leave_a_dead_udp_path_and_return(outcome: Outcome) -> None:
    """The return is waited for in the exercise; here: that there was something to return from."""
    changes = outcome.path_changes
    if outcome.profile.trouble is Trouble.BLACKOUT:
        assert changes >= 2
    elif not outcome.profile.loss_percent and not outcome.profile.jitter_ms:
        assert changes == 0, "a rebinding costs packets, not the path"


class Nowhere:
    """A link that delivers at once and notes when it would have."""

    def __init__(self, **conditions: float) -> None:
        self.conditions = Conditions(**conditions)
        self.blackout = False
        self.delays: list[float] = []

    def later(self, delay_s: float, deliver: object) -> None:
        self.delays.append(delay_s)


def fate_of(datagrams: int, seed: str, **conditions: float) -> list[float]:
    link = Nowhere(**conditions)
    direction = Direction(seed, link)  # type: ignore[arg-type]
    for _ in range(datagrams):
        direction.carry(lambda: None)
    return link.delays


async def test_the_same_seed_is_the_same_network() -> None:
    conditions = {"loss": 0.1, "doubling": 0.1, "delay_s": 0.01, "jitter_s": 0.2}
    assert fate_of(500, "a", **conditions) == fate_of(500, "a", **conditions)
    assert fate_of(500, "a", **conditions) != fate_of(500, "b", **conditions)


async def test_the_link_is_as_bad_as_its_conditions_say() -> None:
    assert 0.18 < 1 - len(fate_of(5000, "a", loss=0.2)) / 5000 < 0.22
    assert 0.08 < len(fate_of(5000, "a", doubling=0.1)) / 5000 - 1 < 0.12
    delays = fate_of(5000, "a", delay_s=0.05, jitter_s=0.2)
    assert 0.05 <= min(delays) < 0.06
    assert 0.24 < max(delays) <= 0.25
