"""Both ends of the floor over a bad link in simulated time: one arbiter, several participants, a seeded network.

The link loses, doubles, delays and so reorders datagrams, in both directions, and each passes as octets. What users
do is drawn from the same seed, so a failing seed can be run again.
"""

import heapq
from collections.abc import Callable
from itertools import count
from random import Random

from ptthandset.floor_effects import FloorEffect, FloorGranted, FloorLost, Transmit
from ptthandset.floor_participant import FloorParticipant
from ptthandset.floor_states import FloorState
from pttserver.config import FloorTimerSettings
from pttserver.floor.arbiter import Arbiter
from pttserver.floor.effects import Announce, BurstEnded, BurstStarted, Effect, Send
from pttserver.floor.participant import Participant
from pttserver.floor.states import State
from pttserver.wire.floor_control import FloorIndicator, FloorMessage

VOICE_EVERY_S = 0.5
GOOD_DELAY_S = 0.02
LONGEST_ASKING_S = 5.2  # T101 and C101


class Link:
    """Loss and doubling are probabilities, the delay is uniform: if it spreads, datagrams overtake each other."""

    def __init__(self, random: Random, loss: float, doubling: float, longest_delay_s: float) -> None:
        self.random = random
        self.loss = loss
        self.doubling = doubling
        self.longest_delay_s = longest_delay_s

    def heal(self) -> None:
        self.loss = self.doubling = 0.0
        self.longest_delay_s = GOOD_DELAY_S

    def delays_s(self) -> list[float]:
        """One delay for each copy that arrives."""
        copies = 1 + (self.random.random() < self.doubling)
        arriving = [copy for copy in range(copies) if self.random.random() >= self.loss]
        return [self.random.uniform(GOOD_DELAY_S, self.longest_delay_s) for _ in arriving]


class TwoEnds:
    """The simulation. `agenda` holds what is under way: (time, order, what)."""

    def __init__(
        self, seed: int, people: int = 4, loss: float = 0.0, doubling: float = 0.0, delay_s: float = 0.02
    ) -> None:
        self.random = Random(seed)
        self.link = Link(self.random, loss, doubling, delay_s)
        self.now = 0.0
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        drawn = count(1000)
        self.timers = FloorTimerSettings(t3_grace_s=self.random.choice([0, 1]), t4_inactivity_s=25)
        self.arbiter = Arbiter(99, self.timers, lambda: next(drawn))
        self.on_air: BurstStarted | None = None
        self.owners: dict[int, int] = {}
        self.handsets = {ssrc: FloorParticipant(ssrc) for ssrc in range(1, people + 1)}
        self.granted: set[int] = set()
        self.told: dict[int, list[FloorEffect]] = {ssrc: [] for ssrc in self.handsets}
        for ssrc in self.handsets:
            self.perform(self.arbiter.join(0.0, Participant(ssrc, f"sub_{ssrc}", may_preempt=True)))
            self.after(self.random.random(), self.voice_of(ssrc))

    # Time

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (self.now + seconds, next(self.order), what))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while (step := self.next_step()) is not None and step[0] <= until:
            self.now = max(self.now, step[0])
            step[1]()
            self.check()
        self.now = until

    def next_step(self) -> tuple[float, Callable[[], None]] | None:
        steps: list[tuple[float, Callable[[], None]]] = []
        if self.agenda:
            steps.append((self.agenda[0][0], lambda: heapq.heappop(self.agenda)[2]()))
        if (deadline := self.arbiter.next_deadline()) is not None:
            steps.append((deadline, lambda: self.perform(self.arbiter.expire(self.now))))
        for ssrc, handset in self.handsets.items():
            if (deadline := handset.next_deadline()) is not None:
                steps.append((deadline, lambda ssrc=ssrc: self.obey(ssrc, self.handsets[ssrc].expire(self.now))))
        return min(steps, key=lambda step: step[0], default=None)

    # The server

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(to_ssrc, message):
                    self.downlink(to_ssrc, message)
                case Announce(message, besides):
                    for ssrc in self.handsets.keys() - {besides}:
                        self.downlink(ssrc, message)
                case BurstStarted(ssrc, burst):
                    assert self.on_air is None, "two holders"
                    self.on_air = effect
                    self.owners[burst] = ssrc
                case BurstEnded(ssrc, burst, _):
                    assert self.on_air == BurstStarted(ssrc, burst)
                    self.on_air = None

    def uplink(self, ssrc: int, message: FloorMessage) -> None:
        octets = message.encode()
        for delay_s in self.link.delays_s():
            self.after(delay_s, lambda: self.hear_participant(ssrc, octets))

    def hear_participant(self, ssrc: int, octets: bytes) -> None:
        self.perform(self.arbiter.receive(self.now, ssrc, FloorMessage.decode(octets)))

    def relay(self, burst: int) -> None:
        """As the voice path does: the SSRC on air, and no other."""
        if self.on_air is None or self.on_air.burst_ssrc != burst:
            return
        self.arbiter.media_received(self.now)
        for ssrc in self.handsets.keys() - {self.on_air.participant_ssrc}:
            for delay_s in self.link.delays_s():
                self.after(delay_s, lambda ssrc=ssrc: self.handsets[ssrc].media_received(self.now))

    # The handsets

    def downlink(self, ssrc: int, message: FloorMessage) -> None:
        octets = message.encode()
        for delay_s in self.link.delays_s():
            self.after(delay_s, lambda: self.hear_server(ssrc, octets))

    def hear_server(self, ssrc: int, octets: bytes) -> None:
        self.obey(ssrc, self.handsets[ssrc].receive(self.now, FloorMessage.decode(octets)))

    def obey(self, ssrc: int, effects: list[FloorEffect]) -> None:
        for effect in effects:
            match effect:
                case Transmit(message):
                    self.uplink(ssrc, message)
                    continue
                case FloorLost(burst):
                    secure = self.arbiter.state is State.FLOOR_TAKEN and self.arbiter.burst_ssrc == burst
                    assert not secure, "a late message took a burst away"
                case FloorGranted(burst):
                    assert burst not in self.granted, "a late message granted an old burst"
                    self.granted.add(burst)
            self.told[ssrc].append(effect)

    def voice_of(self, ssrc: int) -> Callable[[], None]:
        def speak() -> None:
            handset = self.handsets[ssrc]
            if handset.state is FloorState.HAS_PERMISSION and handset.burst_ssrc is not None:
                burst = handset.burst_ssrc
                for delay_s in self.link.delays_s():
                    self.after(delay_s, lambda: self.relay(burst))
            self.after(VOICE_EVERY_S, speak)

        return speak

    # The users

    def press(self, ssrc: int, indicator: FloorIndicator = FloorIndicator.NORMAL) -> None:
        self.obey(ssrc, self.handsets[ssrc].press(self.now, indicator=indicator))

    def let_go(self, ssrc: int, *, keep_place: bool = False) -> None:
        self.obey(ssrc, self.handsets[ssrc].release(self.now, keep_place=keep_place))

    def fiddle(self, seconds: float, *, emergencies: bool = True) -> None:
        """Everybody plays with the key, some in an emergency."""
        until = self.now + seconds
        while self.now < until:
            ssrc = self.random.choice(list(self.handsets))
            match self.random.random():
                case chance if chance < 0.5:
                    self.press(ssrc)
                case chance if chance < 0.55 and emergencies:
                    self.press(ssrc, FloorIndicator.EMERGENCY)
                case chance:
                    self.let_go(ssrc, keep_place=chance < 0.7)
            self.run(self.random.choice([0.01, 0.1, 0.5, 2.0]))

    # What holds at all times

    def check(self) -> None:
        for ssrc, handset in self.handsets.items():
            if handset.state is FloorState.HAS_PERMISSION and handset.burst_ssrc is not None:
                assert self.owners[handset.burst_ssrc] == ssrc, "talks in a burst that is not its own"
