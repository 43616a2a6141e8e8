"""A bad UDP network between one handset and the server: loss, jitter, doubling, NAT, blackouts, all from one seed.

The handset sends to `link.port` instead of the server's port. Like a NAT, the link has an upstream port for each
address of the handset. Each datagram gets its own delay, so a jitter larger than the distance of two packets
reorders them. The same seed gives the same fate to the n-th datagram of each direction.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, cast

Address = tuple[Any, ...]


@dataclass(slots=True)
class Conditions:
    """Of both directions: probabilities of loss and doubling, one-way delay from `delay_s` to `delay_s + jitter_s`."""

    loss: float = 0.0
    doubling: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0


class Direction:
    """One way through the link. `passed` and `lost` count datagrams."""

    def __init__(self, seed: str, link: "SeededLink") -> None:
        self.passed = 0
        self.lost = 0
        self._random = Random(seed)
        self._link = link

    def carry(self, deliver: Callable[[], None]) -> None:
        """Delivers at once, later, twice, or never. Every datagram draws the same numbers, whatever happens to it."""
        fate, copies, *spread = (self._random.random() for _ in range(4))
        conditions = self._link.conditions
        if self._link.blackout or fate < conditions.loss:
            self.lost += 1
            return
        self.passed += 1
        for share in spread[: 1 + (copies < conditions.doubling)]:
            self._link.later(conditions.delay_s + conditions.jitter_s * share, deliver)


class SeededLink(asyncio.DatagramProtocol):
    """The handset's side of the link; a `_Mapping` for each of its addresses is the server's side."""

    def __init__(self, server: Address, seed: str, conditions: Conditions) -> None:
        self.conditions = conditions
        self.blackout = False
        self.up = Direction(f"{seed} up", self)
        self.down = Direction(f"{seed} down", self)
        self._server = server
        self._mappings: dict[Address, _Mapping] = {}
        self._transport: asyncio.DatagramTransport

    @property
    def port(self) -> int:
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def rebind(self) -> None:
        """The NAT forgets: the next datagrams leave from new ports, and what comes to the old ones is gone."""
        for mapping in self._mappings.values():
            mapping.close()
        self._mappings.clear()

    def heal(self) -> None:
        """From now on nothing is lost or delayed."""
        self.blackout = False
        self.conditions = Conditions()

    def close(self) -> None:
        self.blackout = True
        self.rebind()
        self._transport.close()

    def later(self, delay_s: float, deliver: Callable[[], None]) -> None:
        if delay_s > 0:
            asyncio.get_running_loop().call_later(delay_s, deliver)
        else:
            deliver()

    def to_handset(self, data: bytes, handset: Address) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, handset)

    # asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is not a subclass

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.up.carry(lambda: self._to_server(data, addr))

    def _to_server(self, data: bytes, handset: Address) -> None:
        mapping = self._mappings.get(handset)
        if mapping is None and not self._transport.is_closing():
            mapping = self._mappings[handset] = _Mapping(self, handset)
            mapping.open(self._server)
        if mapping is not None:
            mapping.send(data)


class _Mapping(asyncio.DatagramProtocol):
    """An upstream port of the NAT. What comes before the port is open waits for it."""

    def __init__(self, link: SeededLink, handset: Address) -> None:
        self._link = link
        self._handset = handset
        self._waiting: list[bytes] = []
        self._transport: asyncio.DatagramTransport | None = None
        self._opening: asyncio.Task[Any]
        self._closed = False

    def open(self, server: Address) -> None:
        loop = asyncio.get_running_loop()
        self._opening = loop.create_task(loop.create_datagram_endpoint(lambda: self, remote_addr=server))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = port = cast(asyncio.DatagramTransport, transport)
        for data in self._waiting:
            port.sendto(data)
        if self._closed:
            port.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._link.down.carry(lambda: self._link.to_handset(data, self._handset))

    def error_received(self, exc: Exception) -> None:
        """The server is not there (it restarts, perhaps)."""

    def send(self, data: bytes) -> None:
        if self._transport is None:
            self._waiting.append(data)
        elif not self._transport.is_closing():
            self._transport.sendto(data)

    def close(self) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def seeded_link(server_port: int, seed: str = "1", **conditions: float) -> AsyncIterator[SeededLink]:
    """A link to the media port of a server on loopback; `conditions` as in `Conditions`."""
    _, link = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: SeededLink(("127.0.0.1", server_port), seed, Conditions(**conditions)), local_addr=("127.0.0.1", 0)
    )
    try:
        yield link
    finally:
        link.close()
