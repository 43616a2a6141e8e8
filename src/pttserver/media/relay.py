"""The path of one voice packet, from the socket to all listeners in one stack without an await.

 1. the batch socket reads up to 64 datagrams in one call
 2. RTP or RTCP (RFC 5761)? too short, too long, wrong version: drop
 3. SSRC -> talk burst, or session and affiliation: unknown ones are dropped without a reply, and no AES is spent
 4. SRTP unprotect, which also refuses replays
 5. learn the address if this is the newest packet of its stream
 6. does the burst go on: its rate, its sequence numbers
 7. protect once under the group's epoch key
 8. one sendmmsg to all UDP listeners
 9. the RTP packet to WebSocket listeners

A packet on a WebSocket enters at step 3 and skips steps 4 and 5: TLS has done their work. Nothing is learnt and nothing
changes before a packet is authenticated; nothing that is not authenticated is ever answered.
"""

from collections import OrderedDict
from collections.abc import Callable

from pttserver.clock import Clock
from pttserver.config import MediaSettings
from pttserver.crypto.srtp import MAX_PACKET_BYTES, TAG_BYTES, SrtpError, is_replay
from pttserver.errors import MalformedPacket
from pttserver.ids import GroupId, Ssrc
from pttserver.media.batch_socket import RECEIVE_BATCH, BatchSocket
from pttserver.media.channel import GroupChannel
from pttserver.media.drops import Drops
from pttserver.observe.log import get_logger
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Affiliation, Session
from pttserver.wire import rtcp
from pttserver.wire.floor_control import FloorMessage
from pttserver.wire.rtp import RTP_HEADER_BYTES, RTP_VERSION, is_rtcp, rtcp_ssrc, rtp_ssrc

BATCHES_PER_TURN = 8  # then timers and TLS have their turn, whatever still waits in the kernel
ADDRESS_HOLD_S = 0.1  # a session may move this often; faster is flapping or an attack
LAST_FIRST_SEQUENCE = 0x7FFF  # RFC 3711 §3.3.1: a start in the lower half keeps the roll-over counter at 0
REMEMBERED_BURSTS = 1024
SMALLEST_RTP = RTP_HEADER_BYTES + TAG_BYTES

FloorMessageHandler = Callable[[Affiliation, FloorMessage, float], None]
_log = get_logger("media")


class TalkBurst:
    """The right to send RTP with one SSRC to one group. `last_packet_at` is in monotonic seconds."""

    __slots__ = ("channel", "highest_sequence", "last_packet_at", "packets", "session", "ssrc", "started_at")

    def __init__(self, ssrc: Ssrc, session: Session, channel: GroupChannel, now: float) -> None:
        self.ssrc = ssrc
        self.session = session
        self.channel = channel
        self.started_at = now
        self.last_packet_at = now
        self.packets = 0
        self.highest_sequence = -1


class Relay:
    """Moves packets between the UDP port, WebSockets and groups; floor control messages go to `on_floor_message`."""

    def __init__(
        self, socket: BatchSocket, sessions: SessionRegistry, clock: Clock, limits: MediaSettings, server_ssrc: Ssrc
    ) -> None:
        self._socket = socket
        self._sessions = sessions
        self._clock = clock
        self._rate = limits.packets_per_s
        self._burst_size = limits.packets_burst
        self.server_ssrc = server_ssrc
        self.on_floor_message: FloorMessageHandler = lambda affiliation, message, now: None
        self.channels: dict[GroupId, GroupChannel] = {}
        self.drops = Drops()
        self.packets_in = 0
        self.octets_in = 0
        self.packets_relayed = 0
        self._bursts: dict[int, TalkBurst] = {}
        self._ended: OrderedDict[int, None] = OrderedDict()

    # Talk bursts -------------------------------------------------------------------------------------------------

    def start_burst(self, ssrc: Ssrc, session: Session, channel: GroupChannel, now: float) -> TalkBurst:
        """From now on RTP of the session with this SSRC goes to the group."""
        if not channel.epoch.has_room_for_burst:
            channel.expire_key()
        burst = self._bursts[ssrc] = TalkBurst(ssrc, session, channel, now)
        return burst

    def end_burst(self, burst: TalkBurst) -> None:
        """From now on RTP with this SSRC is dropped. Its SSRC is never used again."""
        del self._bursts[burst.ssrc]
        burst.session.uplink.forget(burst.ssrc)
        burst.channel.epoch.sender.forget(burst.ssrc)
        self._ended[burst.ssrc] = None
        if len(self._ended) > REMEMBERED_BURSTS:
            self._ended.popitem(last=False)

    # In ----------------------------------------------------------------------------------------------------------

    def on_readable(self) -> None:
        """Takes what waits at the UDP port, but not for ever."""
        now = self._clock.now()
        for _ in range(BATCHES_PER_TURN):
            count = 0
            for packet, address, cut in self._socket.receive():  # 1
                count += 1
                self.octets_in += len(packet)
                try:
                    self.from_udp(packet, address, cut, now)
                except Exception:  # a bug costs one packet, not the port
                    self.drops.internal_error += 1
                    _log.exception("packet_failed")
            self.packets_in += count
            if count < RECEIVE_BATCH:
                return

    def from_udp(self, packet: bytes, address: bytes, cut: bool, now: float) -> None:
        if cut or len(packet) > MAX_PACKET_BYTES:  # 2
            self.drops.too_long += 1
        elif len(packet) < SMALLEST_RTP or packet[0] >> 6 != RTP_VERSION:
            self.drops.malformed += 1
        elif is_rtcp(packet):
            self._control_from_udp(packet, address, now)
        else:
            self._voice_from_udp(packet, address, now)

    def _voice_from_udp(self, packet: bytes, address: bytes, now: float) -> None:
        burst = self._bursts.get(rtp_ssrc(packet))  # 3
        if burst is None:
            self._count_unknown(rtp_ssrc(packet))
            return
        session = burst.session
        try:
            voice = session.uplink.unprotect_rtp(packet)  # 4
        except SrtpError as error:
            self._count_refused(error)
            return
        session.last_seen = now
        if address != session.address and (voice[2] << 8 | voice[3]) > burst.highest_sequence:  # 5
            self._learn_address(session, address, now)
        self._relay(burst, voice, now)

    def from_websocket(self, session: Session, packet: bytes) -> None:
        """A binary frame of a logged-in client: one RTP or RTCP packet, not protected."""
        now = self._clock.now()
        session.last_seen = now
        if len(packet) > MAX_PACKET_BYTES - TAG_BYTES:  # protected for UDP listeners it grows by the tag
            self.drops.too_long += 1
        elif len(packet) < rtcp.RTCP_HEADER_BYTES or packet[0] >> 6 != RTP_VERSION:
            self.drops.malformed += 1
        elif is_rtcp(packet):
            self._control(session, rtcp_ssrc(packet), packet, None, now)
        elif len(packet) < RTP_HEADER_BYTES:
            self.drops.malformed += 1
        else:
            self._voice_from_websocket(session, packet, now)

    def _voice_from_websocket(self, session: Session, packet: bytes, now: float) -> None:
        burst = self._bursts.get(rtp_ssrc(packet))
        if burst is None:
            self._count_unknown(rtp_ssrc(packet))
        elif burst.session is not session:
            self.drops.foreign_ssrc += 1
        else:
            self._relay(burst, packet, now)

    def _relay(self, burst: TalkBurst, voice: bytes, now: float) -> None:
        sequence = voice[2] << 8 | voice[3]
        highest = burst.highest_sequence
        if burst.packets >= self._burst_size + self._rate * (now - burst.started_at):  # 6
            self.drops.rate += 1
            return
        if highest - sequence > LAST_FIRST_SEQUENCE or (highest < 0 and sequence > LAST_FIRST_SEQUENCE):
            self.drops.sequence_wrapped += 1
            return
        burst.packets += 1
        burst.last_packet_at = now
        if sequence > highest:
            burst.highest_sequence = sequence
        try:
            burst.channel.send_voice(voice, burst.session)  # 7, 8, 9
        except SrtpError as error:
            self._count_refused(error)
            return
        self.packets_relayed += 1

    # RTCP --------------------------------------------------------------------------------------------------------

    def _control_from_udp(self, packet: bytes, address: bytes, now: float) -> None:
        ssrc = rtcp_ssrc(packet)
        sender = self._sessions.rtcp_senders.get(ssrc)  # 3
        if sender is None:
            self._count_unknown(ssrc)
            return
        session = sender[0]
        try:
            plain = session.uplink.unprotect_rtcp(packet)  # 4
        except SrtpError as error:
            self._count_refused(error)
            return
        session.last_seen = now
        index = int.from_bytes(packet[-4:], "big") & 0x7FFFFFFF  # RFC 7714 §9.2: E flag and 31-bit index come last
        if index > session.srtcp_index.get(ssrc, -1):  # 5
            session.srtcp_index[ssrc] = index
            self._learn_address(session, address, now)
        self._control(session, ssrc, plain, address, now)

    def _control(self, session: Session, ssrc: int, plain: bytes, address: bytes | None, now: float) -> None:
        """What an authenticated client says; `address` is None on a WebSocket."""
        sender = self._sessions.rtcp_senders.get(ssrc)
        if sender is None or sender[0] is not session:
            self.drops.foreign_ssrc += 1
            return
        if not session.control_allowance.take(now):
            self.drops.rate += 1
            return
        try:
            packets = rtcp.decode(plain)
        except MalformedPacket:
            self.drops.malformed += 1
            return
        for packet in packets:
            if packet.ssrc != ssrc:
                self.drops.foreign_ssrc += 1
            else:
                self._handle(session, sender[1], packet, address, now)

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
                self.drops.foreign_ssrc += 1
            else:
                self.on_floor_message(affiliation, packet, now)
        elif isinstance(packet, rtcp.ReferenceTime):
            self._answer_keepalive(session, packet, address)
        elif isinstance(packet, rtcp.ReceiverReport):
            for block in packet.blocks:
                session.fraction_lost = block.fraction_lost
                session.jitter = block.jitter

    def _answer_keepalive(self, session: Session, time: rtcp.ReferenceTime, address: bytes | None) -> None:
        """On the path that it came by: so the client learns which paths work both ways, and the round-trip time."""
        answer = (
            rtcp.ReceiverReport(self.server_ssrc).encode()
            + rtcp.DelaySinceReference(self.server_ssrc, time.ssrc, time.ntp >> 16 & 0xFFFFFFFF).encode()
        )
        if address is not None:
            self._socket.send(session.downlink.protect_rtcp(answer), address)
        elif session.link is not None:
            session.link.post_control(answer)

    # Out ---------------------------------------------------------------------------------------------------------

    def send_control(self, session: Session, packet: bytes) -> None:
        """An RTCP packet to one session, on the path that it listens by."""
        if session.via_udp and session.address is not None:
            self._socket.send(session.downlink.protect_rtcp(packet), session.address)
        elif session.link is not None:
            session.link.post_control(packet)

    # Addresses ---------------------------------------------------------------------------------------------------

    def _learn_address(self, session: Session, address: bytes, now: float) -> None:
        if address == session.address:
            return
        if now - session.address_changed_at < ADDRESS_HOLD_S:
            self.drops.address_flapping += 1
            return
        session.address = address
        session.address_changed_at = now
        for group_id in session.affiliations:
            self.channels[group_id].address_changed(session)

    # Counting ----------------------------------------------------------------------------------------------------

    def _count_unknown(self, ssrc: int) -> None:
        if ssrc in self._ended or ssrc in self._sessions.rtcp_senders:
            self.drops.no_floor += 1
        else:
            self.drops.unknown_ssrc += 1

    def _count_refused(self, error: SrtpError) -> None:
        if is_replay(error):
            self.drops.replay += 1
        else:
            self.drops.bad_tag += 1
