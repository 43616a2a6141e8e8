"""The choice between UDP and WebSocket, told as a talk with a network, and over hours of random networks."""

import heapq
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptthandset.media_path import (
    ACTIVE_INTERVAL_S,
    ANSWER_S,
    LONGEST_RETRY_S,
    TRIES,
    Choose,
    MediaPath,
    PathEffect,
    Probe,
    Via,
)

KEEPALIVE_S = 15.0
UDP, WEBSOCKET = Via.UDP, Via.WEBSOCKET
NOTICED_S = ACTIVE_INTERVAL_S + TRIES * ANSWER_S + 0.01


def probes(effects: list[PathEffect]) -> list[Via]:
    return [effect.via for effect in effects if isinstance(effect, Probe)]


def choices(effects: list[PathEffect]) -> list[Via]:
    return [effect.via for effect in effects if isinstance(effect, Choose)]


@pytest.fixture
def path() -> MediaPath:
    return MediaPath(0.0, KEEPALIVE_S)


@pytest.fixture
def path_on_udp(path: MediaPath) -> MediaPath:
    path.expire(0.0)
    path.answered(0.1, UDP)
    return path


def test_begins_on_the_websocket_and_tries_both(path: MediaPath) -> None:
    assert path.via is WEBSOCKET
    assert path.next_deadline() == 0.0
    assert sorted(via.value for via in probes(path.expire(0.0))) == ["udp", "websocket"]


def test_an_answer_by_udp_chooses_udp_once(path: MediaPath) -> None:
    path.expire(0.0)
    assert path.answered(0.05, UDP) == [Choose(UDP)]
    assert path.answered(0.06, UDP) == []
    assert path.via is UDP


def test_an_answer_by_websocket_proves_nothing_of_udp(path: MediaPath) -> None:
    path.expire(0.0)
    assert path.answered(0.05, WEBSOCKET) == []
    assert path.via is WEBSOCKET


def test_udp_that_answers_is_asked_at_the_keepalive_interval_only(path_on_udp: MediaPath) -> None:
    assert path_on_udp.next_deadline() == pytest.approx(KEEPALIVE_S)
    path_on_udp.expire(KEEPALIVE_S)
    assert probes(path_on_udp.expire(0.1 + KEEPALIVE_S)) == [UDP]


def test_while_somebody_talks_it_is_asked_every_second(path_on_udp: MediaPath) -> None:
    path_on_udp.set_active(5.0, True)
    assert path_on_udp.next_deadline() == 5.0 + ACTIVE_INTERVAL_S
    path_on_udp.set_active(5.9, True)  # each floor message says it again
    assert path_on_udp.next_deadline() == 5.0 + ACTIVE_INTERVAL_S
    path_on_udp.expire(6.0)
    path_on_udp.answered(6.1, UDP)
    assert path_on_udp.next_deadline() == 6.1 + ACTIVE_INTERVAL_S


def test_a_path_that_dies_in_a_talk_burst_is_left_before_t1_ends_the_burst(path_on_udp: MediaPath) -> None:
    path_on_udp.set_active(5.0, True)
    now, chosen = 5.0, []
    while not chosen:
        now = path_on_udp.next_deadline()
        chosen = choices(path_on_udp.expire(now))
    assert chosen == [WEBSOCKET]
    assert now <= 5.0 + NOTICED_S < 5.0 + 4.0  # T1 and T103 are 4 s


def test_a_late_answer_still_counts(path_on_udp: MediaPath) -> None:
    path_on_udp.set_active(5.0, True)
    for _ in range(TRIES):
        path_on_udp.expire(path_on_udp.next_deadline())
    assert path_on_udp.answered(7.2, UDP) == []
    assert path_on_udp.via is UDP


def test_in_doubt_it_goes_by_the_websocket_at_once_and_comes_back_with_the_next_answer(path_on_udp: MediaPath) -> None:
    assert path_on_udp.doubt(3.0) == [Choose(WEBSOCKET)]
    assert path_on_udp.doubt(3.1) == []
    assert UDP in probes(path_on_udp.expire(3.1))
    assert path_on_udp.answered(3.2, UDP) == [Choose(UDP)]


def test_a_new_connection_is_a_new_network_so_udp_is_tried_at_once(path: MediaPath) -> None:
    now = 0.0
    while now < 1000:
        now = path.next_deadline()
        path.expire(now)
    path.reconnected(now)
    assert UDP in probes(path.expire(now))


def test_too_early_a_call_does_nothing(path_on_udp: MediaPath) -> None:
    assert path_on_udp.expire(1.0) == []


class Network:
    """Answers probes after `round_trip_s` while UDP is up; `outages` are spans of time in which it is not."""

    def __init__(self, outages: list[tuple[float, float]], round_trip_s: float) -> None:
        self.path = MediaPath(0.0, KEEPALIVE_S)
        self.outages = outages
        self.round_trip_s = round_trip_s
        self.now = 0.0
        self.probes = {UDP: 0, WEBSOCKET: 0}
        self.agenda: list[tuple[float, int, str]] = []
        self._order = count()

    def udp_is_up(self, at: float) -> bool:
        return not any(start <= at < end for start, end in self.outages)

    def at(self, time: float, what: str) -> None:
        heapq.heappush(self.agenda, (time, next(self._order), what))

    def run(self, until: float) -> None:
        while True:
            arrival = self.agenda[0][0] if self.agenda else float("inf")
            self.now = max(self.now, min(arrival, self.path.next_deadline()))
            if self.now > until:
                self.now = until
                return
            if arrival <= self.path.next_deadline():
                self.happens(heapq.heappop(self.agenda)[2])
            else:
                self.perform(self.path.expire(self.now))

    def happens(self, what: str) -> None:
        match what:
            case "answer":
                self.perform(self.path.answered(self.now, UDP))
            case "doubt":
                self.perform(self.path.doubt(self.now))
            case "talk" | "hush":
                self.path.set_active(self.now, what == "talk")
            case "reconnected":
                self.path.reconnected(self.now)

    def perform(self, effects: list[PathEffect]) -> None:
        for via in probes(effects):
            self.probes[via] += 1
            if via is UDP and self.udp_is_up(self.now) and self.udp_is_up(self.now + self.round_trip_s):
                self.at(self.now + self.round_trip_s, "answer")


times = st.floats(0, 600, allow_nan=False)


@given(
    starts=st.lists(st.tuples(times, st.floats(0.1, 120)), max_size=4),
    round_trip_s=st.floats(0.001, 1.2),
    happenings=st.lists(st.tuples(times, st.sampled_from(["talk", "hush", "doubt", "reconnected"])), max_size=12),
)
def test_it_is_never_stuck_on_a_dead_path(
    starts: list[tuple[float, float]], round_trip_s: float, happenings: list[tuple[float, str]]
) -> None:
    network = Network([(start, start + length) for start, length in starts], round_trip_s)
    for at, what in happenings:
        network.at(at, what)
    for step in range(1, 800):
        network.run(float(step))
        watched_s = KEEPALIVE_S + TRIES * ANSWER_S + round_trip_s + 0.01
        if not any(network.udp_is_up(step - watched_s * part / 40) for part in range(41)):
            assert network.path.via is WEBSOCKET, "UDP has been dead for long"
    network.run(800.0 + LONGEST_RETRY_S + TRIES * ANSWER_S + round_trip_s)
    assert network.path.via is UDP, "UDP has been well for long"


@given(
    happenings=st.lists(st.tuples(st.floats(0, 36_000), st.sampled_from(["talk", "hush", "reconnected"])), max_size=20)
)
def test_hours_without_udp_cost_few_probes(happenings: list[tuple[float, str]]) -> None:
    hours = 10
    network = Network([(0.0, 1e9)], 0.05)
    for at, what in happenings:
        network.at(at, what)
    network.run(hours * 3600.0)
    afresh = TRIES * 6 * (1 + sum(what == "reconnected" for _, what in happenings))  # the retries at 2, 4, ... 60 s
    assert network.probes[UDP] <= afresh + TRIES * hours * 3600 / LONGEST_RETRY_S
    assert network.probes[WEBSOCKET] <= 2 + len(happenings) + hours * 3600 / KEEPALIVE_S


@pytest.mark.parametrize(("talking", "interval_s"), [(False, KEEPALIVE_S), (True, ACTIVE_INTERVAL_S)])
def test_hours_with_udp_cost_one_probe_an_interval(talking: bool, interval_s: float) -> None:
    network = Network([], 0.05)
    network.at(0.2, "talk" if talking else "hush")
    network.run(3600.0)
    assert network.probes[UDP] <= 3600 / interval_s + 2
    assert network.probes[WEBSOCKET] <= 1
