"""A group as the voice path sees it: its key epoch and its listeners, by UDP and on WebSockets."""

from collections.abc import Callable

from pttserver.crypto.epochs import KeyEpoch
from pttserver.crypto.packet_memory import PacketMemory
from pttserver.ids import GroupId, Ssrc
from pttserver.media.batch_socket import AddressArray, BatchSocket
from pttserver.sessions.session import Session


class GroupChannel:
    """Sends one packet to everybody in the group: protected once, one sendmmsg, plain packets to WebSockets.

    The address array changes only when a member joins, leaves or moves. Whoever is to be left out of a send is
    swapped to its end first, so that no per-listener decision is ever made.
    """

    __slots__ = (
        "_addresses",
        "_place",
        "_renew",
        "_socket",
        "_udp",
        "_websocket",
        "control_ssrc",
        "epoch",
        "group_id",
        "renewed_at",
        "stale",
    )

    def __init__(
        self, group_id: GroupId, control_ssrc: Ssrc, socket: BatchSocket, renew: Callable[["GroupChannel"], None]
    ) -> None:
        """`renew` gives the channel its next epoch and tells the members; it is called before a stale key is used."""
        self.group_id = group_id
        self.control_ssrc = control_ssrc
        self.epoch = KeyEpoch(1)
        self.stale = False
        self.renewed_at = float("-inf")  # monotonic seconds
        self._renew = renew
        self._socket = socket
        self._addresses = AddressArray()
        self._udp: list[Session] = []
        self._place: dict[Session, int] = {}
        self._websocket: list[Session] = []

    def __len__(self) -> int:
        return len(self._udp) + len(self._websocket)

    def listeners(self) -> list[Session]:
        return self._udp + self._websocket

    def add(self, session: Session) -> None:
        """A listener, on the path that its session says."""
        if session.via_udp and session.address is not None:
            self._place[session] = len(self._udp)
            self._udp.append(session)
            self._addresses.append(session.address)
        else:
            self._websocket.append(session)

    def remove(self, session: Session) -> None:
        if session not in self._place:
            self._websocket.remove(session)
            return
        self._put_last(session)
        del self._place[self._udp.pop()]
        self._addresses.pop()

    def path_changed(self, session: Session) -> None:
        """The session now listens by the other path."""
        self.remove(session)
        self.add(session)

    def address_changed(self, session: Session) -> None:
        """The session has a new UDP address."""
        place = self._place.get(session)
        if place is not None and session.address is not None:
            self._addresses[place] = session.address

    def expire_key(self) -> None:
        """Somebody left: the present key must not protect another packet."""
        self.stale = True

    def send_voice(self, packet: PacketMemory, talker: Session) -> None:
        """An RTP packet of the talker to all others; its memory is used up. Raises SrtpError if its index was used."""
        plain = packet.copy() if self._websocket else b""
        self._next_epoch().sender.protect_rtp_in_place(packet)  # 7
        count = self._count_besides(talker)
        if count:
            self._socket.send_from(packet, self._addresses, count)  # 8
        for session in self._websocket:  # 9
            if session is not talker and session.link is not None:
                session.link.offer_voice(plain)

    def announce(self, packet: bytes, besides: Session | None) -> None:
        """An RTCP packet of the floor control server to all, or all but one."""
        protected = self._next_epoch().sender.protect_rtcp(packet)
        count = self._count_besides(besides)
        if count:
            self._socket.send_to_all(protected, self._addresses, count)
        for session in self._websocket:
            if session is not besides and session.link is not None:
                session.link.post_control(packet)

    def _next_epoch(self) -> KeyEpoch:
        """What the next packet goes out under; it counts against the key's limit."""
        if self.stale:
            self._renew(self)
        self.epoch.packets += 1
        return self.epoch

    def _count_besides(self, session: Session | None) -> int:
        """How many of the first addresses to send to, so that all but the session are sent to."""
        udp = self._udp
        if udp and udp[-1] is session:
            return len(udp) - 1
        if session in self._place:
            self._put_last(session)
            return len(udp) - 1
        return len(udp)

    def _put_last(self, session: Session) -> None:
        place, last = self._place[session], len(self._udp) - 1
        if place == last:
            return
        other = self._udp[last]
        self._udp[place], self._udp[last] = other, session
        self._place[other], self._place[session] = place, last
        self._addresses.swap(place, last)
