"""The media of a session: protects and opens packets, sends them by UDP or WebSocket, keeps the paths alive."""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from ptthandset.alarm import Alarm
from ptthandset.group_keys import DeviceKeys, EpochKeys, HeldPackets
from ptthandset.media_path import Choose, MediaPath, PathEffect, Via
from ptthandset.signalling_client import SignallingClient
from pttserver.errors import MalformedPacket
from pttserver.wire import rtcp
from pttserver.wire.alert_packet import AlertPacket, AlertPacketType
from pttserver.wire.floor_control import FloorMessage
from pttserver.wire.rtp import RTP_HEADER_BYTES, RtpPacket, is_rtcp, rtcp_ssrc, rtp_ssrc

SOCKET_BUFFER_BYTES = 1 << 20
NTP_UNITS = 65_536  # of the middle 32 bits of an NTP time stamp, in a second


class MediaGroup(Protocol):
    """A group as its media see it."""

    keys: EpochKeys
    control_ssrc: int

    @property
    def is_active(self) -> bool: ...

    def receive_voice(self, now: float, packet: RtpPacket) -> None: ...

    def receive_floor(self, now: float, message: FloorMessage) -> None: ...

    def knows_burst(self, ssrc: int) -> bool: ...


class MediaLink(asyncio.DatagramProtocol):
    """UDP port, keys and path of one session. `link` is the present signalling connection, None while it is lost."""

    def __init__(
        self,
        *,
        ssrc: int,
        server_ssrc: int,
        keys: DeviceKeys,
        keepalive_interval_s: float,
        report: Callable[[], Iterable[rtcp.ReportBlock]],
        on_path: Callable[[Via], None],
        on_alert: Callable[[AlertPacket], None],
    ) -> None:
        self.ssrc = ssrc
        self.server_ssrc = server_ssrc
        self.keys = keys
        self.link: SignallingClient | None = None
        self.round_trip_s: float | None = None
        self.unreadable = 0
        self.groups: dict[str, MediaGroup] = {}
        self._report = report
        self._on_path = on_path
        self._on_alert = on_alert
        self._path = MediaPath(time.monotonic(), keepalive_interval_s)
        self._alarm = Alarm(self._expire)
        self._held = HeldPackets()
        self._transport: asyncio.DatagramTransport | None = None
        self._former: asyncio.DatagramTransport | None = None
        self._ntp_offset = secrets.randbits(32)  # the reference time need not tell what time it is here

    @property
    def via(self) -> Via:
        return self._path.via

    async def open(self, host: str | None, port: int) -> None:
        """Opens a (new) UDP port towards the server; without one everything goes by the WebSocket.

        The port before stays open: what the server has sent to it is still on its way.
        """
        opened = None if host is None else await _udp_port(self, host, port)
        if self._former is not None:
            self._former.close()
        self._former, self._transport = self._transport, opened
        self._path.reconnected(time.monotonic())
        self._expire(time.monotonic())

    def close(self) -> None:
        self._alarm.close()
        for port in (self._former, self._transport):
            if port is not None:
                port.close()
        self._former = self._transport = None

    # Out ---------------------------------------------------------------------------------------------------------

    def send_voice(self, packet: bytes) -> None:
        """An RTP packet of our burst."""
        if self._path.via is Via.UDP and self._transport is not None:
            self._transport.sendto(self.keys.uplink.protect_rtp(packet))
        elif self.link is not None:
            self.link.send_voice(packet)

    def send_control(self, packet: bytes) -> None:
        """An RTCP packet."""
        self._send_control(packet, self._path.via)

    def _send_control(self, packet: bytes, via: Via) -> None:
        if via is Via.UDP and self._transport is not None:
            self._transport.sendto(self.keys.uplink.protect_rtcp(packet))
        elif via is Via.WEBSOCKET and self.link is not None:
            self.link.send_control(packet)

    def send_alert(self, alert: str, drill: bool) -> None:
        """By UDP if there is a port, whether or not that way was proved: in distress every chance is taken."""
        if self._transport is not None:
            packet = AlertPacket(AlertPacketType.RAISE, self.ssrc, alert, drill)
            self._transport.sendto(self.keys.uplink.protect_rtcp(packet.encode()))

    def doubt_path(self) -> None:
        """Floor control messages stay unanswered."""
        if self.link is not None:
            self._perform(self._path.doubt(time.monotonic()))

    def watch_activity(self) -> None:
        """Somebody began or ceased to talk in one of the groups."""
        self._path.set_active(time.monotonic(), any(group.is_active for group in self.groups.values()))
        self._alarm.set(self._path.next_deadline())

    def _expire(self, now: float) -> None:
        self._perform(self._path.expire(now))

    def _perform(self, effects: list[PathEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Choose):
                self._on_path(effect.via)
            else:
                self._send_control(self._keepalive(), effect.via)
        self._alarm.set(self._path.next_deadline())

    def _keepalive(self) -> bytes:
        now = rtcp.ReferenceTime(self.ssrc, self._ntp_now() << 16)
        return rtcp.ReceiverReport(self.ssrc, tuple(self._report())[:31]).encode() + now.encode()

    def _ntp_now(self) -> int:
        """The middle 32 bits of an NTP time stamp."""
        return (int(time.monotonic() * NTP_UNITS) + self._ntp_offset) & 0xFFFFFFFF

    # In ----------------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._receive(time.monotonic(), data, hold=True)

    def error_received(self, exc: Exception) -> None:
        """The network says that a datagram found nobody: the keep-alives will find out what that means."""

    def try_held_again(self) -> None:
        """A key came."""
        now = time.monotonic()
        for packet in self._held.release(now):
            self._receive(now, packet, hold=False)

    def _receive(self, now: float, packet: bytes, hold: bool) -> None:
        if len(packet) < RTP_HEADER_BYTES:
            return
        opened = self._open_control(now, packet) if is_rtcp(packet) else self._open_voice(now, packet)
        if not opened:
            self.unreadable += 1
            if hold:
                self._held.hold(now, packet)

    def _open_control(self, now: float, packet: bytes) -> bool:
        """Under the device's own key, or under that of the group whose floor control server speaks."""
        ways = [self.keys.open_rtcp, *(group.keys.open_rtcp for group in self._candidates(rtcp_ssrc(packet)))]
        seen_before = False
        for opened in (way(packet) for way in ways):
            if opened:
                self._take_control(now, opened, Via.UDP)
                return True
            seen_before = seen_before or opened is not None
        return seen_before

    def _candidates(self, control_ssrc: int) -> list[MediaGroup]:
        return [group for group in self.groups.values() if group.control_ssrc == control_ssrc]

    def _open_voice(self, now: float, packet: bytes) -> bool:
        """Of a burst that we know, or of one that we have not heard of yet: the key tells the group."""
        ssrc = rtp_ssrc(packet)
        seen_before = False
        for group in sorted(self.groups.values(), key=lambda group: not group.knows_burst(ssrc)):
            opened = group.keys.open_rtp(packet)
            if opened:
                self._take_voice(now, group, opened)
                return True
            seen_before = seen_before or opened is not None
        return seen_before

    def receive_frame(self, packet: bytes) -> None:
        """A binary frame of the WebSocket."""
        now = time.monotonic()
        if len(packet) < rtcp.RTCP_HEADER_BYTES:
            return
        if is_rtcp(packet):
            self._take_control(now, packet, Via.WEBSOCKET)
            return
        for group in self.groups.values():
            if group.knows_burst(rtp_ssrc(packet)):
                self._take_voice(now, group, packet)

    def _take_voice(self, now: float, group: MediaGroup, plain: bytes) -> None:
        try:
            group.receive_voice(now, RtpPacket.decode(plain))
        except MalformedPacket:
            self.unreadable += 1

    def _take_control(self, now: float, plain: bytes, via: Via) -> None:
        try:
            packets = rtcp.decode(plain)
        except MalformedPacket:
            self.unreadable += 1
            return
        for packet in packets:
            if isinstance(packet, FloorMessage):
                for group in self._candidates(packet.ssrc):
                    group.receive_floor(now, packet)
            elif isinstance(packet, AlertPacket) and packet.ssrc == self.server_ssrc:
                self._on_alert(packet)
            elif isinstance(packet, rtcp.DelaySinceReference) and packet.ssrc == self.server_ssrc:
                self._answered(now, packet, via)

    def _answered(self, now: float, answer: rtcp.DelaySinceReference, via: Via) -> None:
        passed = (self._ntp_now() - answer.last_reference - answer.delay) & 0xFFFFFFFF
        self.round_trip_s = passed / NTP_UNITS
        self._perform(self._path.answered(now, via))


async def _udp_port(receiver: asyncio.DatagramProtocol, host: str, port: int) -> asyncio.DatagramTransport | None:
    try:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: receiver, remote_addr=(host, port)
        )
    except OSError:  # no route, no such address family: the WebSocket remains
        return None
    endpoint: socket.socket = transport.get_extra_info("socket")
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    return transport
