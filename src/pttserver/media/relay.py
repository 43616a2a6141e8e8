"""The path of one voice packet, from the socket to all listeners in one stack without an await.

 1. the batch socket reads up to 64 datagrams in one call
 2. RTP or RTCP (RFC 5761)? too short, too long, wrong version: drop
 3. SSRC -> talk burst (RTCP: session and affiliation): unknown ones are dropped without a reply, and no AES is spent,
    nor on an address that forged packets come from (`suspects`)
 4. SRTP unprotect, which also refuses replays
 5. learn the address if this is the newest packet of its stream
 6. does the burst go on: its rate, its sequence numbers
 7. protect once under the group's epoch key
 8. one sendmmsg to all UDP listeners
 9. the RTP packet to WebSocket listeners

From step 1 to step 8 the packet stands where the kernel put it. A packet on a WebSocket enters at step 3 and skips
steps 4 and 5: TLS has done their work. Nothing is learnt and nothing changes before a packet is authenticated; nothing
that is not authenticated is ever answered.
"""

from collections import OrderedDict

from pttserver.clock import Clock
from pttserver.config import MediaSettings
from pttserver.crypto.packet_memory import PacketMemory
from pttserver.crypto.srtp import MAX_PACKET_BYTES, TAG_BYTES, SrtpError, is_replay
from pttserver.ids import GroupId, Ssrc
from pttserver.media.batch_socket import RECEIVE_BATCH, BatchSocket
from pttserver.media.burst import TalkBurst
from pttserver.media.channel import GroupChannel
from pttserver.media.control_path import ControlPath
from pttserver.media.drops import Drops
from pttserver.media.roaming import Roaming
from pttserver.media.suspects import Suspects
from pttserver.observe.log import get_logger
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.wire.rtcp import RTCP_HEADER_BYTES
from pttserver.wire.rtp import RTP_HEADER_BYTES, RTP_VERSION, is_rtcp, rtp_sequence, rtp_ssrc

BATCHES_PER_TURN = 8  # then timers and TLS have their turn, whatever still waits in the kernel
LAST_FIRST_SEQUENCE = 0x7FFF  # RFC 3711 §3.3.1: a start in the lower half keeps the roll-over counter at 0
REMEMBERED_BURSTS = 1024
SMALLEST_RTP = RTP_HEADER_BYTES + TAG_BYTES

_log = get_logger("media")


class Relay:
    """Moves packets between the UDP port, WebSockets and groups; RTCP goes to `control`."""

    def __init__(
        self, socket: BatchSocket, sessions: SessionRegistry, clock: Clock, limits: MediaSettings, server_ssrc: Ssrc
    ) -> None:
        self._socket = socket
        self._sessions = sessions
        self._clock = clock
        self._rate = limits.packets_per_s
        self._burst_size = limits.packets_burst
        self.server_ssrc = server_ssrc
        self.channels: dict[GroupId, GroupChannel] = {}
        self.drops = Drops()
        self._roaming = Roaming(self.channels, self.drops)
        self._suspects = Suspects()
        self.control = ControlPath(socket, sessions, self._roaming, self._suspects, self.drops, server_ssrc)
        self.packets_in = 0
        self.octets_in = 0
        self.packets_relayed = 0
        self._bursts: dict[int, TalkBurst] = {}
        self._ended: OrderedDict[int, None] = OrderedDict()
        self._from_websocket = PacketMemory.allocate()

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

    # The path of a packet ----------------------------------------------------------------------------------------

    def on_readable(self) -> None:
        """Takes what waits at the UDP port, but not for ever."""
        now = self._clock.now()
        for _ in range(BATCHES_PER_TURN):
            count = self._socket.receive()  # 1
            self._take(count, now)
            if count < RECEIVE_BATCH:
                return

    def _take(self, count: int, now: float) -> None:
        bursts, drops, unpack_head = self._bursts, self.drops, self._socket.unpack_head
        octets = 0
        for packet, head in self._socket.received(count):
            address, first, second, sequence, ssrc = unpack_head(head)
            length = packet.length[0]
            octets += length
            try:
                if length > MAX_PACKET_BYTES:  # 2
                    drops.too_long += 1
                elif length < SMALLEST_RTP or first >> 6 != RTP_VERSION:
                    drops.malformed += 1
                elif 192 <= second <= 223:  # RFC 5761 §4
                    self.control.from_udp(packet, address, now)
                elif (burst := bursts.get(ssrc)) is None:  # 3
                    self._count_unknown(ssrc)
                else:
                    self._from_udp(burst, packet, address, sequence, now)
            except Exception:  # a bug costs one packet, not the port
                drops.internal_error += 1
                _log.exception("packet_failed")
        self.packets_in += count
        self.octets_in += octets

    def _from_udp(self, burst: TalkBurst, packet: PacketMemory, address: bytes, sequence: int, now: float) -> None:
        session = burst.session
        elsewhere = address != session.address
        if elsewhere and self._suspects.holds(address, now):
            self.drops.suspect_address += 1
            return
        refused = session.uplink.unprotect_rtp_in_place(packet)  # 4
        if refused:
            self._refuse(refused, address, now)
            return
        session.last_seen = now
        if elsewhere and sequence > burst.highest_sequence:  # 5
            self._roaming.learn(session, address, now)
        self._relay(burst, packet, sequence, now)

    def _relay(self, burst: TalkBurst, packet: PacketMemory, sequence: int, now: float) -> None:
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
            burst.channel.send_voice(packet, burst.session)  # 7, 8, 9
        except SrtpError as error:
            self.drops.count_refused(error.status)
            return
        self.packets_relayed += 1

    def _refuse(self, status: int, address: bytes, now: float) -> None:
        self.drops.count_refused(status)
        if not is_replay(status):
            self._suspects.failed(address, now)

    # From a WebSocket --------------------------------------------------------------------------------------------

    def from_websocket(self, session: Session, packet: bytes) -> None:
        """A binary frame of a logged-in client: one RTP or RTCP packet, not protected."""
        now = self._clock.now()
        session.last_seen = now
        if len(packet) > MAX_PACKET_BYTES - TAG_BYTES:  # protected for UDP listeners it grows by the tag
            self.drops.too_long += 1
        elif len(packet) < RTCP_HEADER_BYTES or packet[0] >> 6 != RTP_VERSION:
            self.drops.malformed += 1
        elif is_rtcp(packet):
            self.control.from_websocket(session, packet, now)
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
            self._from_websocket.put(packet)
            self._relay(burst, self._from_websocket, rtp_sequence(packet), now)

    def _count_unknown(self, ssrc: int) -> None:
        if ssrc in self._ended or ssrc in self._sessions.rtcp_senders:
            self.drops.no_floor += 1
        else:
            self.drops.unknown_ssrc += 1
