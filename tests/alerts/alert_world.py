"""A small world in simulated time: somebody in distress, a server with a disk, people at consoles, bad networks.

Everything random comes from one seed. The handset's sender and the server's board and alerts are the real ones; the
links, the disk and the people are simulated. A crash of the server loses what is not on its disk.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from ptthandset.alert_sender import AlertSender
from pttserver.alerts.alert import Alert, AlertRules
from pttserver.alerts.board import Board
from pttserver.alerts.effects import Closed, Effect, Record, Route
from pttserver.alerts.states import At, Step, StepKind
from pttserver.ids import AlertId, Personal, SubscriberId
from sim.seeded_link import Conditions

ANNA, DAN, DORA, MAX = (SubscriberId(f"sub_{name}") for name in ("anna", "dan", "dora", "max"))
STAGES: tuple[tuple[SubscriberId, ...], ...] = ((DAN, DORA), (MAX,))
RULES = AlertRules(acknowledge_within_s=15, escalate_to=("managers",))
ALERT = AlertId("alr_00000000000000a1")
TCP_RETRANSMISSION_S = 0.2  # RFC 6298 as Linux has it: 200 ms at least, doubling
RECONNECT_S = (0.25, 2.0)


@dataclass(slots=True)
class Trouble:
    """What goes wrong in a run. Spans are (from, to) in seconds."""

    network: Conditions = field(default_factory=Conditions)
    udp_blocked: bool = False
    tcp_stuck: tuple[float, float] = (0, 0)
    crashes: tuple[float, ...] = ()
    gone: dict[SubscriberId, tuple[float, float]] = field(default_factory=dict)


class World:
    """Runs until nothing more happens. `clock` and all times: simulated seconds."""

    def __init__(self, seed: int, trouble: Trouble) -> None:
        self.clock = 0.0
        self.random = Random(seed)
        self.trouble = trouble
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self.server = Server(self)
        self.handset = DistressedHandset(self)
        self.consoles = {who: Console(self, who) for who in (DAN, DORA, MAX)}

    def later(self, delay_s: float, happens: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (self.clock + delay_s, self._number, happens))

    def run(self, until_s: float = 300.0) -> None:
        for crash_s in self.trouble.crashes:
            self.later(crash_s, self.server.crash)
        self.later(0.0, self.handset.press)
        while self._events and self._events[0][0] <= until_s:
            self.clock, _, happens = heapq.heappop(self._events)
            happens()

    # Links -------------------------------------------------------------------------------------------------------

    def _delay_s(self) -> float:
        network = self.trouble.network
        return network.delay_s + network.jitter_s * self.random.random()

    def by_udp(self, deliver: Callable[[], None]) -> None:
        network = self.trouble.network
        if self.trouble.udp_blocked or self.random.random() < network.loss:
            return
        for _ in range(1 + (self.random.random() < network.doubling)):
            self.later(self._delay_s(), deliver)

    def by_tcp(self, connection: "TcpConnection", deliver: Callable[[], None]) -> None:
        """In order; what is lost is sent again, and keeps back what comes behind."""
        delay_s, wait_s = self._delay_s(), TCP_RETRANSMISSION_S
        while self.random.random() < self.trouble.network.loss:
            delay_s, wait_s = delay_s + wait_s, 2 * wait_s
        arrives = max(self.clock + delay_s, connection.free_at)
        connection.free_at = arrives + 1e-6

        def arrive() -> None:
            if connection.is_open:
                deliver()

        self.later(arrives - self.clock, arrive)


class TcpConnection:
    """One direction's order; closed: what is under way is lost."""

    def __init__(self, now: float) -> None:
        self.free_at = now
        self.is_open = True


class Server:
    """Board and alerts as in services/alert_desk.py, with a disk that takes some milliseconds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.disk: dict[AlertId, list[Step]] = {}
        self.links: dict[SubscriberId, Console] = {}
        self.starts = 0
        self.is_up = True
        self._begin()

    def _begin(self) -> None:
        self.board = Board()
        self.unwritten: list[tuple[AlertId, Step]] = []

    @property
    def at(self) -> At:
        return At(self._world.clock, 1_000_000 + round(self._world.clock * 1000))

    def crash(self) -> None:
        self.is_up = False
        self.starts += 1
        self._begin()
        self.links.clear()
        self._world.handset.lose_connection()
        for console in self._world.consoles.values():
            console.lose_connection()
        self._world.later(self._world.random.uniform(0.5, 3.0), self.start)

    def start(self) -> None:
        if self.is_up:  # it crashed twice, and came up once
            return
        self.is_up = True
        for alert_id, steps in self.disk.items():
            alert = Alert(alert_id, ANNA, RULES)
            alert.restore(self.at, steps)
            self.board.put(alert)
        self._arm()

    # Raising -----------------------------------------------------------------------------------------------------

    def take(self, alert_id: AlertId, answer: Callable[[], None]) -> None:
        """From either path; answered once it is on the disk."""
        if not self.is_up:
            return
        alert = self.board.known(alert_id) or self.board.open_of(ANNA)
        if alert is None:
            alert = Alert(alert_id, ANNA, RULES)
            effects = alert.open(self.at)
            self.board.put(alert)
            self.carry_out(alert, effects)
        self._when_written(answer)

    def _when_written(self, answer: Callable[[], None]) -> None:
        start = self.starts

        def written() -> None:
            if self.starts == start:
                for alert_id, step in self.unwritten:
                    self.disk.setdefault(alert_id, []).append(step)
                self.unwritten.clear()
                answer()

        self._world.later(self._world.random.uniform(0.001, 0.02), written)

    def carry_out(self, alert: Alert, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Record(step):
                    self.unwritten.append((alert.alert_id, step))
                    self._when_written(lambda: None)
                    for console in list(self.links.values()):
                        console.send(lambda console=console, step=step: console.hear_step(alert.alert_id, step))
                case Route(stage):
                    self._route(alert, stage)
                case Closed():
                    self.board.close(alert)
        self._arm()

    def _route(self, alert: Alert, stage: int) -> None:
        there = [self.links[who] for who in STAGES[stage] if who in self.links]
        for console in there:
            self.tell(console, alert)
        if not there:
            alert.nobody_reached(self.at)

    def tell(self, console: "Console", alert: Alert) -> None:
        console.send(lambda: console.hear_alert(alert.alert_id))

    def arrived(self, console: "Console") -> None:
        self.links[console.who] = console
        for alert in self.board:
            reached = {who for stage in STAGES[: alert.stage + 1] for who in stage}
            if console.who in reached:
                self.tell(console, alert)

    def said(self, alert_id: AlertId, verb: Callable[[Alert, At], list[Effect]]) -> None:
        """What somebody at a console does, once or twice."""
        alert = self.board.known(alert_id)
        if self.is_up and alert is not None:
            self.carry_out(alert, verb(alert, self.at))

    def _arm(self) -> None:
        deadline = self.board.next_deadline()
        if deadline is not None:
            start = self.starts
            self._world.later(max(0.0, deadline - self._world.clock), lambda: self._expire(start))

    def _expire(self, start: int) -> None:
        if start == self.starts and self.is_up:
            for alert in self.board:
                effects = alert.expire(self.at)
                if effects:
                    self.carry_out(alert, effects)


class DistressedHandset:
    """Presses once, and lets the sender do the rest."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sender = AlertSender(ALERT)
        self.pressed_s: float | None = None
        self.accepted_s: float | None = None
        self._connection = TcpConnection(0)
        self._asking = False

    def press(self) -> None:
        self.pressed_s = self._world.clock
        self.sender.start(self._world.clock)
        self._send()

    def _send(self) -> None:
        server = self._world.server
        self._world.by_udp(lambda: server.take(ALERT, lambda: self._world.by_udp(self._accepted)))
        if not self._asking and self._connection.is_open:
            self._asking = True
            connection = self._connection
            answer = lambda: self._world.by_tcp(connection, self._accepted)  # noqa: E731
            self._by_websocket(connection, lambda: server.take(ALERT, answer))
        due = self.sender.next_deadline()
        if due is not None:
            self._world.later(due - self._world.clock, self._expire)

    def _by_websocket(self, connection: TcpConnection, deliver: Callable[[], None]) -> None:
        """While TCP is stuck nothing gets through; then what waited comes."""
        begin_s, end_s = self._world.trouble.tcp_stuck
        stuck_s = end_s - self._world.clock if begin_s <= self._world.clock < end_s else 0.0
        self._world.later(stuck_s, lambda: self._world.by_tcp(connection, deliver))

    def _expire(self) -> None:
        if self.sender.expire(self._world.clock):
            self._send()

    def _accepted(self) -> None:
        if not self.sender.is_done:
            self.accepted_s = self._world.clock
        self.sender.answered()

    def lose_connection(self) -> None:
        self._connection.is_open = False
        self._world.later(self._world.random.uniform(*RECONNECT_S), self._reconnect)

    def _reconnect(self) -> None:
        if not self._world.server.is_up:
            self._world.later(self._world.random.uniform(*RECONNECT_S), self._reconnect)
            return
        self._connection = TcpConnection(self._world.clock)
        self._asking = False
        if self.sender.connected(self._world.clock):
            self._send()


class Console:
    """A person with a device: confirms by itself, answers after a while, perhaps twice."""

    def __init__(self, world: World, who: SubscriberId) -> None:
        self._world = world
        self.who = who
        self.shown: dict[AlertId, float] = {}
        self.shown_anew = 0
        self.over: set[AlertId] = set()
        self.steps: list[int] = []
        self._connection = TcpConnection(0)
        world.server.links[who] = self
        if who in world.trouble.gone:
            leaves_s, comes_s = world.trouble.gone[who]
            world.later(leaves_s, self._leave)
            world.later(comes_s, self._come)

    def _leave(self) -> None:
        self._connection.is_open = False
        self._world.server.links.pop(self.who, None)

    def _come(self) -> None:
        if not self._world.server.is_up:
            self._world.later(self._world.random.uniform(*RECONNECT_S), self._come)
            return
        self._connection = TcpConnection(self._world.clock)
        self._world.server.arrived(self)

    def lose_connection(self) -> None:
        if self._connection.is_open:
            self._connection.is_open = False
            self._world.later(self._world.random.uniform(*RECONNECT_S), self._come)

    def send(self, deliver: Callable[[], None]) -> None:
        """From the server to this console."""
        self._world.by_tcp(self._connection, deliver)

    def _say(self, alert_id: AlertId, verb: Callable[[Alert, At], list[Effect]]) -> None:
        for _ in range(1 + (self._world.random.random() < 0.3)):
            self._world.by_tcp(self._connection, lambda: self._world.server.said(alert_id, verb))

    def hear_alert(self, alert_id: AlertId) -> None:
        if alert_id in self.over:
            self.shown_anew += 1
        first = alert_id not in self.shown
        self.shown.setdefault(alert_id, self._world.clock)
        self._say(alert_id, lambda alert, at: alert.deliver(at, self.who))
        if first:
            self._world.later(self._world.random.uniform(1, 30), lambda: self._answer(alert_id))

    def _answer(self, alert_id: AlertId) -> None:
        if alert_id in self.over:
            return
        if not self._connection.is_open:
            self._world.later(1.0, lambda: self._answer(alert_id))
            return
        self._say(alert_id, lambda alert, at: alert.acknowledge(at, self.who))
        self._say(alert_id, lambda alert, at: alert.handle(at, self.who))
        self._world.later(self._world.random.uniform(1, 20), lambda: self._close(alert_id))

    def _close(self, alert_id: AlertId) -> None:
        """Until it is closed, by whomever."""
        if alert_id in self.over:
            return
        self._say(alert_id, lambda alert, at: alert.end(at, self.who, StepKind.RESOLVED, Personal("")))
        self._world.later(5.0, lambda: self._close(alert_id) if self._world.clock < 280 else None)

    def hear_step(self, alert_id: AlertId, step: Step) -> None:
        self.steps.append(step.number)
        if step.kind is StepKind.RESOLVED:
            self.over.add(alert_id)
