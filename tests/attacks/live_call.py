"""A group in which somebody talks and somebody listens, by UDP, with what the server knows laid open."""

import asyncio
from dataclasses import dataclass
from typing import Any

from attacks.bare_radio import BareRadio, voice_only
from ptthandset.credentials import Credentials
from pttserver.running import Server
from running_server import Platform, until


@dataclass
class LiveCall:
    """`talker` (its device is `credentials`) holds the floor with `burst_ssrc`; `listener` listens by UDP."""

    platform: Platform
    talker: BareRadio
    listener: BareRadio
    group: str
    burst_ssrc: int
    credentials: Credentials
    next_sequence: int = 0

    @classmethod
    async def start(cls, platform: Platform, group: str = "Patrol", tenant: str = "ACME") -> "LiveCall":
        """Makes the tenant, the group, two subscribers, and gives the floor to the first."""
        await platform.organise(group, tenant=tenant)
        credentials = await platform.enrol("Anna", group, tenant=tenant)
        talker = await BareRadio.log_in(credentials)
        listener = await BareRadio.log_in(await platform.enrol("Bert", group, tenant=tenant))
        affiliation = await talker.affiliate()
        await listener.affiliate()
        await listener.use_udp()
        burst_ssrc = await talker.take_floor()
        await talker.use_udp()
        await asyncio.sleep(0.02)
        talker.datagrams(), listener.datagrams()
        return cls(platform, talker, listener, affiliation.group, burst_ssrc, credentials)

    @property
    def server(self) -> Server:
        return self.platform.server

    def drops(self) -> dict[str, int]:
        """Drops so far by name, without those that did not happen."""
        return {name: count for name, count in self.server.services.relay.drops.items() if count}

    def packet(self) -> bytes:
        """The next protected voice packet of the talker."""
        self.next_sequence += 1
        return self.talker.voice(self.burst_ssrc, self.next_sequence)

    async def heard(self, wait_s: float = 0.03) -> list[bytes]:
        """Voice datagrams that reached the listener since the last call."""
        await asyncio.sleep(wait_s)
        return voice_only(self.listener.datagrams())

    async def still_works(self) -> None:
        """A genuine packet is relayed, once."""
        await self.heard()
        self.talker.send_udp(self.packet())
        assert len(await self.heard(0.05)) == 1

    async def received(self, datagrams: int) -> None:
        """Waits until the server has read this many more datagrams than when the server started."""
        await until(lambda: self.server.services.relay.packets_in >= datagrams)

    async def stop(self) -> None:
        await self.talker.close()
        await self.listener.close()


def known_state(server: Server) -> dict[str, Any]:
    """All that a datagram could change: addresses, paths, indices, bursts, epochs, floors, what was sent."""
    relay = server.services.relay
    return {
        "sessions": [
            (s.id, s.address, s.via_udp, dict(s.srtcp_index), s.last_seen, s.fraction_lost, s.jitter)
            for s in server.services.sessions
        ],
        "bursts": [(b.ssrc, b.packets, b.highest_sequence, b.last_packet_at) for b in relay._bursts.values()],
        "epochs": [(c.epoch.number, c.epoch.packets, c.stale) for c in relay.channels.values()],
        "grants": (server.services.talk.floor_grants, server.services.talk.floor_denials),
        "relayed": relay.packets_relayed,
        "sent": (server.socket.datagrams_sent, server.socket.octets_sent),
    }
