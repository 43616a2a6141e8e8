"""The processes of the harness: ears that receive, crowds that log in and talk; forked before anything else starts."""

import multiprocessing
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from bench.board import Board
from bench.crowd import OrderFailed, run_crowd
from bench.ear import Heard, run_ear
from bench.machine import harness_cores
from bench.mmsg import open_port
from bench.stage import Stage
from bench.talking_crowd import TalkingCrowd

HANDSETS_PER_CROWD = 4000
_fork = multiprocessing.get_context("fork")

MakeCrowd = Callable[[Board, dict[int, socket.socket], list[Connection]], Any]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    orders: Connection
    handsets: range
    cpu_s: float = 0.0


class Ensemble:
    """`with Ensemble(...) as ensemble:` opens the UDP ports of the handsets and forks the processes."""

    def __init__(
        self,
        handsets: int,
        talkers: int,
        *,
        make_crowd: MakeCrowd = TalkingCrowd,
        per_crowd: int = 0,
        ports_each: int = 1,
    ) -> None:
        self.board = Board(handsets, talkers)
        self.ports = {place: open_port() for place in range(handsets * ports_each)}
        self._per_crowd = per_crowd or HANDSETS_PER_CROWD
        self._make_crowd = make_crowd
        self._ears: list[_Worker] = []
        self._crowds: list[_Worker] = []

    def __enter__(self) -> "Ensemble":
        count = self.board.handsets
        ear_count = max(1, len(harness_cores()) // 2)
        for start in range(0, count, self._per_crowd):
            self._add_crowd(range(start, min(count, start + self._per_crowd)), ear_count)
        return self

    def _add_crowd(self, handsets: range, ear_count: int) -> None:
        """A crowd and its ears: what ears hear of RTCP goes to the crowd that the handset is in."""
        listening: list[Connection] = []
        for share in range(ear_count):
            ours, theirs = _fork.Pipe()
            to_crowd_out, to_crowd_in = _fork.Pipe(duplex=False)
            mine = {place: self.ports[place] for place in self._places(handsets[share::ear_count])}
            number = len(self._ears)
            arguments = (number, mine, self.board, theirs, to_crowd_in, harness_cores())
            process = _fork.Process(target=run_ear, args=arguments, daemon=True)
            process.start()
            self._ears.append(_Worker(process, ours, handsets[share::ear_count]))
            listening.append(to_crowd_out)
        ours, theirs = _fork.Pipe()
        ports = {place: self.ports[place] for place in self._places(handsets)}
        make = self._make_crowd

        def crowd() -> Any:
            return make(self.board, ports, listening)

        process = _fork.Process(target=run_crowd, args=(crowd, theirs, harness_cores()), daemon=True)
        process.start()
        self._crowds.append(_Worker(process, ours, handsets))

    def _places(self, handsets: range) -> list[int]:
        """First ports, then second ones."""
        return [place for place in self.ports if place % self.board.handsets in handsets]

    def __exit__(self, *_: object) -> None:
        for worker in self._ears:
            worker.orders.send("stop")
        for worker in self._crowds:
            worker.orders.send(("stop", ()))
        for worker in self._ears + self._crowds:
            worker.process.join(3)
            worker.process.terminate()
        for port in self.ports.values():
            port.close()

    # Crowds ------------------------------------------------------------------------------------------------------

    def start(self, name: str, arguments: Callable[[range], tuple[Any, ...]]) -> None:
        """Gives each crowd an order, with arguments made for its handsets; `finish` must follow."""
        for crowd in self._crowds:
            crowd.orders.send((name, arguments(crowd.handsets)))

    def finish(self) -> list[Any]:
        """The answers of all crowds. Raises OrderFailed."""
        answers = []
        for crowd in self._crowds:
            answer, crowd.cpu_s = crowd.orders.recv()
            if isinstance(answer, OrderFailed):
                raise answer
            answers.append(answer)
        return answers

    def busiest_crowd_s(self) -> float:
        """CPU seconds of the busiest crowd's process so far, as of its last answer."""
        return max(crowd.cpu_s for crowd in self._crowds)

    def is_finished(self) -> bool:
        return all(crowd.orders.poll() for crowd in self._crowds)

    def order(self, name: str, *arguments: Any) -> list[Any]:
        """The same order to all, and their answers; lists are joined."""
        self.start(name, lambda _: arguments)
        return _joined(self.finish())

    def order_each(self, name: str, arguments: Callable[[range], tuple[Any, ...]]) -> list[Any]:
        """An order with arguments for each crowd's own handsets."""
        self.start(name, arguments)
        return _joined(self.finish())

    # Ears --------------------------------------------------------------------------------------------------------

    def record(self) -> None:
        """From now on ears note what comes."""
        for ear in self._ears:
            ear.orders.send("record")

    def be_opaque(self) -> None:
        """What comes is not RTP: ears tell no kinds apart, and forward all that the board wants."""
        for ear in self._ears:
            ear.orders.send("opaque")

    def wait(self, stage: Stage, what: str, seconds: float) -> None:
        """Shows how many datagrams arrive, until the time is over."""
        begun, before = time.monotonic(), self.board.received
        while (left := begun + seconds - time.monotonic()) > 0:
            time.sleep(min(0.25, left))
            rate = (self.board.received - before) / max(1e-3, time.monotonic() - begun)
            stage.show(f"{what}: {rate:,.0f} datagrams/s at the listeners, {max(0, left):.0f} s left")

    def report(self) -> Heard:
        """What all ears heard since `record`; the busiest ear's share of a core."""
        for ear in self._ears:
            ear.orders.send("report")
        heard = [ear.orders.recv() for ear in self._ears]
        busiest = max(heard, key=lambda one: one.busy)
        return Heard(
            handset=np.concatenate([one.handset for one in heard]),
            arrival_ns=np.concatenate([one.arrival_ns for one in heard]),
            head=np.concatenate([one.head for one in heard]),
            port=np.concatenate([one.port for one in heard]),
            octets=sum(one.octets for one in heard),
            first={number: packet for one in heard for number, packet in one.first.items()},
            whole={number: packets for one in heard for number, packets in one.whole.items()},
            cpu_s=busiest.cpu_s,
            seconds=busiest.seconds,
            unread=sum(one.unread for one in heard),
        )


def _joined(answers: list[Any]) -> list[Any]:
    if answers and isinstance(answers[0], list):
        return [item for answer in answers for item in answer]
    return answers
