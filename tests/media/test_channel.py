"""The channel of a group: everybody but the talker, each on the path of its session, through any change."""

import socket
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pttserver.crypto.packet_memory import PacketMemory
from pttserver.crypto.srtp import SrtpError
from pttserver.ids import DeviceId, GroupId, Personal, SessionId, Ssrc, SubscriberId, TenantId
from pttserver.media.batch_socket import AddressArray
from pttserver.media.channel import GroupChannel
from pttserver.roles import Rights
from pttserver.sessions.session import Identity, Session
from pttserver.wire.rtp import RtpPacket


class RecordingSocket:
    """Keeps what would have been sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send_to_all(self, payload: bytes, addresses: AddressArray, count: int) -> None:
        self.sent += [addresses[index] for index in range(count)]

    def send_from(self, packet: PacketMemory, addresses: AddressArray, count: int) -> None:
        self.send_to_all(packet.copy(), addresses, count)


class RecordingLink:
    closed = False

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def offer_voice(self, packet: bytes) -> None:
        self.packets.append(packet)

    post_control = offer_voice


def session(number: int, *, via_udp: bool) -> Session:
    who = Identity(
        tenant_id=TenantId("t"), subscriber_id=SubscriberId(f"s{number}"), device_id=DeviceId("d"),
        device_type=Personal(""),
        display_name=Personal(""), rights=Rights(),
    )  # fmt: skip
    made = Session(SessionId(f"ses_{number}"), Ssrc(number), who, 0)
    made.link = RecordingLink()  # type: ignore[assignment]
    made.address = address(number)
    made.via_udp = via_udp
    return made


def address(number: int) -> bytes:
    return socket.AF_INET.to_bytes(2, "little") + number.to_bytes(2, "big") + bytes(12)


def memory_of(packet: bytes) -> PacketMemory:
    memory = PacketMemory.allocate()
    memory.put(packet)
    return memory


class Listeners(RuleBasedStateMachine):
    """T-031: whoever is not there gets nothing, whoever is there gets each packet once."""

    @initialize()
    def start(self) -> None:
        self.socket = RecordingSocket()
        self.channel = GroupChannel(GroupId("g"), Ssrc(1), self.socket, lambda channel: None)  # type: ignore[arg-type]
        self.present: list[Session] = []
        self.numbers, self.sequence = count(1), count()

    @rule(via_udp=st.booleans())
    def join(self, via_udp: bool) -> None:
        self.present.append(session(next(self.numbers), via_udp=via_udp))
        self.channel.add(self.present[-1])

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.present))
        self.present.remove(gone)
        self.channel.remove(gone)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def change_path(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(self.present))
        who.via_udp = not who.via_udp
        self.channel.path_changed(who)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def roam(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(self.present))
        who.address = address(next(self.numbers))
        self.channel.address_changed(who)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def talk(self, data: st.DataObject) -> None:
        talker = data.draw(st.sampled_from(self.present))
        self.socket.sent.clear()
        for other in self.present:
            other.link.packets.clear()
        packet = RtpPacket(next(self.sequence), 0, 77, b"x").encode()
        self.channel.send_voice(memory_of(packet), talker)
        others = [other for other in self.present if other is not talker]
        assert sorted(self.socket.sent) == sorted(other.address for other in others if other.via_udp)
        for other in self.present:
            expected = [packet] if other is not talker and not other.via_udp else []
            assert other.link.packets == expected

    @invariant()
    def counts_everybody(self) -> None:
        if hasattr(self, "channel"):
            assert len(self.channel) == len(self.present)
            assert set(self.channel.listeners()) == set(self.present)


TestListeners = Listeners.TestCase
TestListeners.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


def test_a_stale_key_is_replaced_before_a_packet_goes_out() -> None:
    """T-034: not one packet under the old key, neither voice nor an announcement."""
    renewed = []

    def renew(channel: GroupChannel) -> None:
        renewed.append(channel.epoch.number)
        channel.stale = False
        channel.epoch = channel.epoch.next()

    channel = GroupChannel(GroupId("g"), Ssrc(1), RecordingSocket(), renew)  # type: ignore[arg-type]
    talker = session(1, via_udp=True)
    channel.add(talker)
    channel.expire_key()
    channel.send_voice(memory_of(RtpPacket(1, 0, 7, b"x").encode()), talker)
    channel.expire_key()
    channel.announce(b"\x80\xc9\x00\x01\x00\x00\x00\x01", None)
    assert renewed == [1, 2]
    assert (channel.epoch.number, channel.epoch.packets) == (3, 1)


def test_an_index_is_not_sent_twice() -> None:
    """T-008."""
    channel = GroupChannel(GroupId("g"), Ssrc(1), RecordingSocket(), lambda channel: None)  # type: ignore[arg-type]
    talker = session(1, via_udp=True)
    channel.add(talker)
    packet = RtpPacket(1, 0, 7, b"x").encode()
    channel.send_voice(memory_of(packet), talker)
    with pytest.raises(SrtpError):
        channel.send_voice(memory_of(packet), talker)
