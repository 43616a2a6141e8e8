"""Key epochs as a device holds them: the present and the previous open, older ones and replays do not."""

import os

import pytest

from ptthandset.group_keys import HELD_PACKETS, HELD_S, DeviceKeys, EpochKeys, HeldPackets
from pttserver.crypto.srtp import KEY_BYTES, SALT_BYTES, SrtpSender
from pttserver.wire.rtcp import ReceiverReport
from pttserver.wire.rtp import RtpPacket
from pttserver.wire.signalling import Epoch, SrtpKeys

BURST = 0xB0B


class Server:
    """Draws epochs and protects under them."""

    def __init__(self) -> None:
        self.number = 0
        self.senders: dict[int, SrtpSender] = {}

    def next_epoch(self) -> Epoch:
        self.number += 1
        epoch = Epoch(number=self.number, key=os.urandom(KEY_BYTES), salt=os.urandom(SALT_BYTES))
        keys = EpochKeys(epoch)
        self.senders[self.number] = SrtpSender(keys.key)
        return epoch

    def voice(self, sequence: int, epoch: int | None = None) -> bytes:
        return self.senders[epoch or self.number].protect_rtp(plain(sequence))

    def control(self, epoch: int | None = None) -> bytes:
        return self.senders[epoch or self.number].protect_rtcp(ReceiverReport(BURST).encode())


def plain(sequence: int) -> bytes:
    return RtpPacket(sequence, 960 * sequence, BURST, b"opus", False).encode()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def keys(server: Server) -> EpochKeys:
    return EpochKeys(server.next_epoch())


def test_the_present_epoch_opens_voice_and_control(server: Server, keys: EpochKeys) -> None:
    assert keys.open_rtp(server.voice(1)) == plain(1)
    assert keys.open_rtcp(server.control()) == ReceiverReport(BURST).encode()


def test_what_was_under_way_at_the_change_opens_under_the_previous_epoch(server: Server, keys: EpochKeys) -> None:
    late = server.voice(1)
    keys.renew(server.next_epoch())
    assert keys.open_rtp(server.voice(2)) == plain(2)
    assert keys.open_rtp(late) == plain(1)


def test_two_changes_later_the_old_epoch_is_forgotten(server: Server, keys: EpochKeys) -> None:
    old = server.voice(1)
    keys.renew(server.next_epoch())
    keys.renew(server.next_epoch())
    assert keys.open_rtp(old) is None


def test_an_older_or_the_same_epoch_changes_nothing(server: Server, keys: EpochKeys) -> None:
    first = server.next_epoch()
    newest = server.next_epoch()
    keys.renew(newest)
    packet = server.voice(5)
    for again in (first, newest):
        keys.renew(again)
        assert keys.number == newest.number
    assert keys.open_rtp(packet) == plain(5)
    assert keys.open_rtp(packet) == b"", "a context made anew would have let the replay in"


def test_a_skipped_epoch_is_no_matter(server: Server, keys: EpochKeys) -> None:
    server.next_epoch()
    keys.renew(server.next_epoch())
    assert keys.open_rtp(server.voice(1)) == plain(1)
    assert keys.open_rtp(server.voice(2, epoch=1)) == plain(2)
    assert keys.open_rtp(server.voice(3, epoch=2)) is None


def test_a_replay_is_empty_and_a_stranger_is_none(server: Server, keys: EpochKeys) -> None:
    packet, stranger = server.voice(1), Server()
    stranger.next_epoch()
    assert keys.open_rtp(packet) == plain(1)
    assert keys.open_rtp(packet) == b""
    assert keys.open_rtp(stranger.voice(9)) is None
    assert keys.open_rtcp(stranger.control()) is None


def test_the_same_sequence_number_under_another_key_is_news(server: Server, keys: EpochKeys) -> None:
    """libsrtp looks for replays first: what it calls a replay under the present key may be the previous key's."""
    late = server.voice(7)
    keys.renew(server.next_epoch())
    assert keys.open_rtp(server.voice(7)) == plain(7)
    assert keys.open_rtp(late) == plain(7)


def test_the_device_key_opens_what_is_for_this_device_alone() -> None:
    pair = [SrtpKeys(key=os.urandom(KEY_BYTES), salt=os.urandom(SALT_BYTES)) for _ in range(2)]
    keys = DeviceKeys(*pair)
    report = ReceiverReport(BURST).encode()
    server = SrtpSender(DeviceKeys(pair[1], pair[0]).uplink_key)
    packet = server.protect_rtcp(report)
    assert keys.open_rtcp(packet) == report
    assert keys.open_rtcp(packet) == b""
    assert not keys.open_rtcp(keys.uplink.protect_rtcp(report)), "a packet of our own, reflected"


def test_held_packets_come_back_in_the_order_of_arrival_and_once() -> None:
    held = HeldPackets()
    for number in range(5):
        held.hold(0.1 * number, bytes([number]))
    assert held.release(0.5) == [bytes([number]) for number in range(5)]
    assert held.release(0.5) == []


def test_of_held_packets_there_are_only_so_many_and_only_so_long() -> None:
    held = HeldPackets()
    for number in range(1000):
        held.hold(0.0, number.to_bytes(2, "big"))
    assert held.release(0.0) == [number.to_bytes(2, "big") for number in range(1000 - HELD_PACKETS, 1000)]
    held.hold(0.0, b"old")
    held.hold(1.0, b"new")
    assert held.release(HELD_S + 0.5) == [b"new"]
