"""The path of one RTCP packet: floor control messages, keep-alives, and how well a session receives.

The steps are those of the voice path (`relay`): SSRC, then authentication, and only then anything else. Nothing that is
not authenticated is ever answered.
"""

from collections.abc import Callable

from pttserver.crypto.packet_memory import PacketMemory
from pttserver.crypto.srtp import is_replay
from pttserver.errors import MalformedPacket
from pttserver.ids import Ssrc
from pttserver.media.batch_socket import BatchSocket
from pttserver.media.drops import Drops
from pttserver.media.roaming import Roaming
from pttserver.media.suspects import Suspects
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Affiliation, Session
from pttserver.wire import rtcp
from pttserver.wire.alert_packet import AlertPacket
from pttserver.wire.floor_control import FloorMessage
from pttserver.wire.rtp import rtcp_ssrc

FloorMessageHandler = Callable[[Affiliation, FloorMessage, float], None]
AlertPacketHandler = Callable[[Session, AlertPacket, bytes | None], None]
"""The last one: the address that it came from, None on a WebSocket."""


class ControlPath:
    """Takes RTCP from the UDP port and from WebSockets; what it means goes to `on_floor_message`, `on_alert_packet`."""

    def __init__(
        self,
        socket: BatchSocket,
        sessions: SessionRegistry,
        roaming: Roaming,
        suspects: Suspects,
        drops: Drops,
        server_ssrc: Ssrc,
    ) -> None:
        self._socket = socket
        self._sessions = sessions
        self._roaming = roaming
        self._suspects = suspects
        self._drops = drops
        self._server_ssrc = server_ssrc
        self._outgoing = PacketMemory.allocate()
        self.on_floor_message: FloorMessageHandler = lambda affiliation, message, now: None
        self.on_alert_packet: AlertPacketHandler = lambda session, packet, address: None

    def from_udp(self, packet: PacketMemory, address: bytes, now: float) -> None:
        """An SRTCP packet of at least 8 octets, which is decrypted where it stands."""
        ssrc = packet.word(4)
        sender = self._sessions.rtcp_senders.get(ssrc)  # 3
        if sender is None:
            self._drops.unknown_ssrc += 1
            return
        session, affiliation = sender
        elsewhere = address != session.address
        if elsewhere and self._suspects.holds(address, now):
            self._drops.suspect_address += 1
            return
        index = packet.word(packet.length[0] - 4) & 0x7FFFFFFF  # RFC 7714 §9.2: E flag and 31-bit index come last
        refused = session.uplink.unprotect_rtcp_in_place(packet)  # 4
        if refused:
            self._drops.count_refused(refused)
            if not is_replay(refused):
                self._suspects.failed(address, now)
            return
        session.last_seen = now
        if index > session.srtcp_index.get(ssrc, -1):  # 5
            session.srtcp_index[ssrc] = index
            if elsewhere:
                self._roaming.learn(session, address, now)
        self._take(session, affiliation, ssrc, packet.copy(), address, now)

    def from_websocket(self, session: Session, packet: bytes, now: float) -> None:
        """An RTCP packet of at least 8 octets, not protected."""
        ssrc = rtcp_ssrc(packet)
        sender = self._sessions.rtcp_senders.get(ssrc)
        if sender is None or sender[0] is not session:
            self._drops.foreign_ssrc += 1
            return
        self._take(session, sender[1], ssrc, packet, None, now)

    def _take(
        self,
        session: Session,
        affiliation: Affiliation | None,
        ssrc: int,
        plain: bytes,
        address: bytes | None,
        now: float,
    ) -> None:
        """What an authenticated client says; `address` is None on a WebSocket."""
        if not session.control_allowance.take(now):
            self._drops.rate += 1
            return
        reference = rtcp.keepalive_reference(plain, ssrc)
        if reference is not None:
            self._answer_keepalive(session, ssrc, reference, address)
            return
        try:
            packets = rtcp.decode(plain)
        except MalformedPacket:
            self._drops.malformed += 1
            return
        for packet in packets:
            if packet.ssrc != ssrc:
                self._drops.foreign_ssrc += 1
            else:
                self._handle(session, affiliation, packet, address, now)

    def _handle(
        self,
        session: Session,
        affiliation: Affiliation | None,
        packet: rtcp.RtcpPacket,
        address: bytes | None,
        now: float,
    ) -> None:
        if isinstance(packet, FloorMessage):
            if affiliation is None:
                self._drops.foreign_ssrc += 1
            else:
                self.on_floor_message(affiliation, packet, now)
        elif isinstance(packet, AlertPacket):
            if affiliation is None:
                self.on_alert_packet(session, packet, address)
            else:
                self._drops.foreign_ssrc += 1
        elif isinstance(packet, rtcp.ReferenceTime):
            self._answer_keepalive(session, packet.ssrc, packet.ntp >> 16 & 0xFFFFFFFF, address)
        elif isinstance(packet, rtcp.ReceiverReport):
            for block in packet.blocks:
                session.fraction_lost = block.fraction_lost
                session.jitter = block.jitter

    def _answer_keepalive(self, session: Session, ssrc: int, reference: int, address: bytes | None) -> None:
        """So the client learns which paths work both ways, and the round-trip time."""
        self.answer(session, rtcp.keepalive_answer(self._server_ssrc, ssrc, reference), address)

    def answer(self, session: Session, packet: bytes, address: bytes | None) -> None:
        """An RTCP packet of the server, on the path that the session's own came by."""
        if address is not None:
            self._send_by_udp(session, packet, address)
        elif session.link is not None:
            session.link.post_control(packet)

    def send(self, session: Session, packet: bytes) -> None:
        """An RTCP packet to one session, on the path that it listens by."""
        if session.via_udp and session.address is not None:
            self._send_by_udp(session, packet, session.address)
        elif session.link is not None:
            session.link.post_control(packet)

    def _send_by_udp(self, session: Session, packet: bytes, address: bytes) -> None:
        outgoing = self._outgoing
        outgoing.put(packet)
        session.downlink.protect_rtcp_in_place(outgoing)
        self._socket.send(outgoing, address)
