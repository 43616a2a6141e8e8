"""A pttserver on the stand: a crowd of enrolled handsets, logged in and in its groups, and the server's meters."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.board import DONE
from bench.ensemble import Ensemble, MakeCrowd
from bench.groups import Formation
from bench.machine import server_cores
from bench.meter import Metrics, scrape
from bench.muster import Muster, muster
from bench.server_process import ServerProcess
from bench.stage import Stage
from bench.talking_crowd import TalkingCrowd

CHEAP_PIN_HASH_KIB = 8
ROSTER_LIMIT = 50
MOST_COMPLAINTS = 5


@dataclass(slots=True)
class Order:
    """What a stand is built for; `tables` are of the server's configuration, `per_crowd` handsets share a
    process, each has `ports_each` UDP ports to roam between."""

    handsets: int
    formations: list[Formation] = field(default_factory=list)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    pin_hash_memory_kib: int = CHEAP_PIN_HASH_KIB
    per_crowd: int = 0
    ports_each: int = 1
    make_crowd: MakeCrowd = TalkingCrowd


class Stand:
    """`with Stand(stage, order) as stand:` starts everything; `log_in` and `join` bring the handsets in."""

    def __init__(self, stage: Stage, order: Order) -> None:
        self.stage = stage
        self.order = order
        talkers = max((len(one.groups) for one in order.formations), default=1)
        self.ensemble = Ensemble(
            order.handsets, talkers, per_crowd=order.per_crowd, ports_each=order.ports_each, make_crowd=order.make_crowd
        )
        tables = {"authentication": {"pin_hash_memory_kib": order.pin_hash_memory_kib}, **order.tables}
        self.server = ServerProcess(stage.folder / f"stand-{time.monotonic_ns()}", tables, server_cores())
        self.muster: Muster

    def __enter__(self) -> "Stand":
        try:
            self.ensemble.__enter__()
            groups = {one.size: one.groups for one in self.order.formations}
            memory_kib = self.order.pin_hash_memory_kib
            self.muster = muster(self.server.settings, self.order.handsets, groups, memory_kib, ROSTER_LIMIT)
            self.server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.ensemble.__exit__()
        self.server.stop(kill=True)
        for complaint in self.server.complaints()[:MOST_COMPLAINTS]:
            self.stage.note(f"server log: {complaint}")

    def enlist(self) -> None:
        """Tells each crowd who its handsets are."""
        recruits, ports = self.muster.recruits, self.server.ports
        self.ensemble.order_each("enlist", lambda share: (ports, {n: recruits[n] for n in share}))

    def log_in(self) -> list[float]:
        """All of them, by PIN; gives the seconds that each took."""
        self.enlist()
        return self.ordered("log in", "log_in", lambda _: ())

    def join(self) -> None:
        """Everybody into its groups, and onto UDP."""
        self.join_by_websocket()
        self.ordered("prove UDP", "open_paths", lambda _: (), by_udp=True)

    def join_by_websocket(self) -> None:
        """Everybody into its groups, with all media on the WebSocket, as a session starts."""
        joining = self.joining()
        self.ordered("join", "affiliate", lambda share: ({n: joining[n] for n in share if n in joining},))

    def joining(self) -> dict[int, list[str]]:
        """Handset -> identifiers of its groups."""
        joining: dict[int, list[str]] = {}
        for one in self.order.formations:
            for handset, group in one.members.items():
                joining.setdefault(handset, []).append(self.muster.group_ids[one.size][group])
        return joining

    def ordered(
        self, what: str, name: str, arguments: Callable[[range], tuple[Any, ...]], *, by_udp: bool = False
    ) -> list[Any]:
        """An order that takes its time: shows how many handsets are done. Ears doze, or look now and then `by_udp`."""
        board, ensemble = self.ensemble.board, self.ensemble
        board.counters[DONE], board.dozing, board.drowsy = 0, not by_udp, by_udp
        board.wanted[:] = 0
        ensemble.start(name, arguments)
        begun = time.monotonic()
        while not ensemble.is_finished():
            time.sleep(0.1)
            done, passed = board.done, time.monotonic() - begun
            self.stage.show(f"{done:,} of {self.order.handsets:,} handsets {what}, {done / passed:,.0f}/s")
        board.dozing = board.drowsy = False
        return [item for answer in ensemble.finish() for item in (answer or [])]

    def scrape(self) -> Metrics:
        return scrape(self.server.ports["metrics"])
