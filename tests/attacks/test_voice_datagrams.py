"""Hostile datagrams at the voice port: nothing is relayed, learnt, or answered, and every drop has a name."""

import asyncio
import errno
import hashlib
import os
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from attacks.bare_radio import BareRadio, EpochEar, voice_only
from attacks.live_call import LiveCall, known_state
from pttserver.app import Application
from pttserver.config import FloorTimerSettings, MediaSettings
from pttserver.crypto import srtp
from pttserver.crypto.epochs import PACKETS_PER_KEY, KeyEpoch
from pttserver.crypto.packet_memory import PacketMemory
from pttserver.crypto.srtp import SrtpKey, SrtpSender
from pttserver.media import suspects
from pttserver.media.roaming import ADDRESS_HOLD_S
from pttserver.wire import rtcp, signalling
from pttserver.wire.floor_control import MessageType
from pttserver.wire.rtp import RtpPacket
from running_server import loopback_settings, running_platform, until


@pytest.fixture
async def call(tmp_path: Path) -> AsyncIterator[LiveCall]:
    """The floor is not taken away while a test thinks."""
    floor = FloorTimerSettings(t1_end_of_rtp_s=60, t2_stop_talking_s=60, taken_repeat_s=60)
    async with running_platform(tmp_path, floor=floor) as platform:
        live = await LiveCall.start(platform)
        yield live
        await live.stop()


async def shoot(call: LiveCall, datagrams: list[bytes], source: socket.socket) -> None:
    """Sends all, never more at once than the kernel keeps, and waits until the server has read them."""
    relay = call.server.services.relay
    for start in range(0, len(datagrams), 256):
        some = datagrams[start : start + 256]
        due = relay.packets_in + len(some)
        for datagram in some:
            source.sendto(datagram, call.talker.media_address)
        await until(lambda due=due: relay.packets_in >= due)


@pytest.fixture
def stranger() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def waits(source: socket.socket) -> bool:
    """Whether anything came back to this socket."""
    try:
        source.recv(4096)
    except BlockingIOError:
        return False
    return True


async def test_random_datagrams_harm_nobody_and_are_never_answered(call: LiveCall, stranger: socket.socket) -> None:
    """T-001, T-014: sizes 0..65,507, random and almost right, on a live call."""
    draw = random.Random(1)
    sizes = [0, 1, 11, 12, 27, 28, 29, 1300, 1301, 2047, 2048, 2049, 9000, 65_507]
    almost = [call.burst_ssrc, call.talker.session.ssrc, call.talker.affiliations[call.group].ssrc]
    junk = [draw.randbytes(size) for size in sizes for _ in range(20)]
    junk += [draw.randbytes(draw.randrange(0, 400)) for _ in range(15_000)]
    for _ in range(5_000):
        head = bytes((0x80 | draw.randrange(32), draw.choice((111, 200, 201, 203, 204, 207)), 0, 1))
        ssrc = draw.choice(almost).to_bytes(4, "big")
        junk.append(head + (ssrc + bytes(4) if head[1] >= 192 else bytes(4) + ssrc) + draw.randbytes(60))
    before = known_state(call.server)
    legitimate = 0
    for start in range(0, len(junk), 500):
        await shoot(call, junk[start : start + 500], stranger)
        call.talker.send_udp(call.packet())
        legitimate += 1
    assert len(await call.heard()) == legitimate
    after = known_state(call.server)
    assert after["sent"][0] - before["sent"][0] == legitimate
    assert after["grants"] == before["grants"]
    assert not waits(stranger)
    drops = call.drops()
    assert sum(drops.values()) == len(junk)
    assert set(drops) == {"malformed", "too_long", "unknown_ssrc", "bad_tag", "suspect_address", "no_floor", "replay"}


@pytest.mark.parametrize("kind", ["srtp", "srtcp"])
async def test_every_truncation_and_bit_flip_is_dropped(
    call: LiveCall, stranger: socket.socket, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-002, T-009: every header field is authenticated; the state stays exactly as it was."""
    monkeypatch.setattr(suspects, "FAILURES", 1_000_000)  # each is tried
    if kind == "srtp":
        golden = call.packet()
    else:
        ssrc = call.talker.affiliations[call.group].ssrc
        message = call.talker.floor_message(MessageType.FLOOR_RELEASE)
        golden = call.talker.uplink.protect_rtcp(message.encode() + rtcp.ReferenceTime(ssrc, 7).encode())
    forged = [golden[:length] for length in range(len(golden))]
    for place in range(8 * len(golden)):
        flipped = bytearray(golden)
        flipped[place // 8] ^= 0x80 >> place % 8
        forged.append(bytes(flipped))
    before, dropped_before = known_state(call.server), sum(call.drops().values())
    await shoot(call, forged, stranger)
    assert known_state(call.server) == before
    assert sum(call.drops().values()) - dropped_before == len(forged)
    assert set(call.drops()) <= {"malformed", "unknown_ssrc", "bad_tag", "no_floor", "replay"}
    assert not waits(stranger)
    if kind == "srtp":
        call.talker.send_udp(golden)
        assert len(await call.heard()) == 1


async def test_forgeries_of_one_address_stop_costing_aes_but_the_owner_gets_through_from_there(
    call: LiveCall, stranger: socket.socket
) -> None:
    """T-019: bad tags on a live SSRC; then the talker himself comes by the attacker's address, and moves there."""
    session = call.server.services.sessions.get(call.talker.session.session)
    call.talker.send_udp(call.packet())
    assert len(await call.heard()) == 1
    forged = b"\x80\x6f\x00\x64" + bytes(4) + call.burst_ssrc.to_bytes(4, "big") + bytes(60)
    await shoot(call, [forged] * 500, stranger)
    assert call.drops()["bad_tag"] + call.drops()["suspect_address"] == 500
    assert call.drops()["bad_tag"] < 500 / 8
    await asyncio.sleep(ADDRESS_HOLD_S)
    before = call.server.services.relay.packets_relayed
    for _ in range(suspects.TRIED_OF_HELD):
        await shoot(call, [call.packet()], stranger)
    assert call.server.services.relay.packets_relayed > before
    assert session.address is not None
    assert session.address[2:4] == stranger.getsockname()[1].to_bytes(2, "big")
    await shoot(call, [forged] * 100, stranger)
    before = call.server.services.relay.packets_relayed
    for _ in range(20):
        await shoot(call, [call.packet()], stranger)
    assert call.server.services.relay.packets_relayed == before + 20, "the known address is never held"


async def test_a_packet_is_relayed_once_however_often_and_from_wherever_it_comes(
    call: LiveCall, stranger: socket.socket
) -> None:
    """T-003: replayed at once, a thousand times, later, from another address; the return address stays."""
    golden = call.packet()
    call.talker.send_udp(golden)
    assert len(await call.heard()) == 1
    session = call.server.services.sessions.get(call.talker.session.session)
    home = session.address
    await shoot(call, [golden] * 1000, stranger)
    await asyncio.sleep(1)
    await shoot(call, [golden], stranger)
    control = call.talker.uplink.protect_rtcp(call.talker.keepalive())
    await shoot(call, [control], call.talker.udp)
    answers = call.server.socket.datagrams_sent
    await shoot(call, [control] * 100, stranger)
    assert session.address == home
    assert await call.heard() == []
    assert call.drops() == {"replay": 1101}
    assert call.server.socket.datagrams_sent == answers
    assert not waits(stranger)
    await call.still_works()


@pytest.mark.parametrize(("behind", "heard"), [(1, 1), (64, 1), (127, 1), (128, 0), (129, 0), (1000, 0)])
async def test_a_late_packet_within_the_window_is_relayed_once(call: LiveCall, behind: int, heard: int) -> None:
    """T-005: the replay window is 128 packets (RFC 3711 §3.3.2 asks for 64 at least)."""
    late = call.talker.voice(call.burst_ssrc, 2000 - behind)
    newest = call.talker.voice(call.burst_ssrc, 2000)
    for packet in (newest, late, late):
        call.talker.send_udp(packet)
    received = EpochEar(call.talker.affiliations[call.group].epoch).opens_voice(await call.heard())
    assert received == [2000, 2000 - behind][: 1 + heard]
    assert call.drops() == {"replay": 2 - heard}


async def test_a_sequence_number_never_wraps(call: LiveCall) -> None:
    """T-007: the roll-over counter stays 0; a start in the upper half and a wrap are refused."""
    for sequence in (0x8000, 0xFFFF):
        call.talker.send_udp(call.talker.voice(call.burst_ssrc, sequence))
        assert await call.heard() == []
    assert call.drops() == {"sequence_wrapped": 2}


async def test_a_wrap_in_the_midst_of_a_burst_is_refused(call: LiveCall) -> None:
    """T-007: after 65,535 comes nothing more."""
    for sequence in (0x7000, 0xE000, 0xFFFF, 0x10000):
        call.talker.send_udp(call.talker.uplink.protect_rtp(
            RtpPacket(sequence & 0xFFFF, 0, call.burst_ssrc, bytes(40)).encode()
        ))  # fmt: skip
    assert len(await call.heard()) == 3
    assert call.drops() == {"sequence_wrapped": 1}


async def test_a_used_up_key_is_replaced_before_the_next_burst(call: LiveCall) -> None:
    """T-007, T-039: a burst may start only if all its packets fit under the key; the members get a new epoch."""
    channel = call.server.services.relay.channels[call.group]
    assert channel.epoch.number == 1
    await call.talker.say(call.talker.floor_message(MessageType.FLOOR_RELEASE))
    await until(lambda: not call.server.services.talk.bursts_in_progress)
    channel.epoch.packets = PACKETS_PER_KEY - 1
    await call.talker.say(call.talker.floor_message(MessageType.FLOOR_REQUEST))
    await until(lambda: call.server.services.talk.bursts_in_progress)
    assert channel.epoch.number == 2
    for radio in (call.talker, call.listener):
        await until(lambda radio=radio: any(isinstance(e, signalling.GroupEpoch) for e in radio.events))


class NonceWatch:
    """Wraps SrtpSender: each packet's (key, SSRC, index) must be new, since AES-GCM makes the nonce of these."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: Counter[bytes] = Counter()
        self._keys: dict[srtp.SrtpSender, bytes] = {}
        plain = srtp.SrtpSender.__init__

        def init(sender: SrtpSender, key: SrtpKey) -> None:
            plain(sender, key)
            self._keys[sender] = key.key + key.salt

        monkeypatch.setattr(srtp.SrtpSender, "__init__", init)
        rtp, rtp_in_place, rtcp, rtcp_in_place = (
            getattr(srtp.SrtpSender, name)
            for name in ("protect_rtp", "protect_rtp_in_place", "protect_rtcp", "protect_rtcp_in_place")
        )

        def protect_rtp(sender: SrtpSender, packet: bytes) -> bytes:
            return self._note_rtp(sender, rtp(sender, packet))

        def protect_rtp_in_place(sender: SrtpSender, packet: PacketMemory) -> None:
            rtp_in_place(sender, packet)
            self._note_rtp(sender, packet.copy())

        def protect_rtcp(sender: SrtpSender, packet: bytes) -> bytes:
            return self._note_rtcp(sender, rtcp(sender, packet))

        def protect_rtcp_in_place(sender: SrtpSender, packet: PacketMemory) -> None:
            rtcp_in_place(sender, packet)
            self._note_rtcp(sender, packet.copy())

        for watched in (protect_rtp, protect_rtp_in_place, protect_rtcp, protect_rtcp_in_place):
            monkeypatch.setattr(srtp.SrtpSender, watched.__name__, watched)

    def _note_rtp(self, sender: SrtpSender, out: bytes) -> bytes:
        self._note(sender, b"v" + out[2:4] + out[8:12])
        return out

    def _note_rtcp(self, sender: SrtpSender, out: bytes) -> bytes:
        self._note(sender, b"c" + out[-4:] + out[4:8])
        return out

    def _note(self, sender: SrtpSender, nonce: bytes) -> None:
        self.seen[hashlib.sha256(self._keys[sender] + nonce).digest()] += 1


async def test_no_key_is_used_twice_with_one_nonce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T-008: over bursts, replays, a resumed session, a change of device, and a restart of the server."""
    watch = NonceWatch(monkeypatch)
    for start in (1, 2):
        async with running_platform(tmp_path) as platform:
            if start == 1:
                call = await LiveCall.start(platform)
                anna = await platform.another_device("Anna")
                await play(call)
                radio = await BareRadio.log_in(anna)
                await radio.affiliate()
                for _ in range(2):
                    await speak(radio)
                    again = await BareRadio.open(platform.url)
                    await again.hello()
                    resumed = await again.resume(anna, radio.session.resume_token, radio.session.session)
                    assert resumed.resumed
                    again.session = radio.session
                    again.uplink, again.affiliations = radio.uplink, radio.affiliations
                    radio = again
                await radio.close()
                await call.stop()
            else:
                radio = await BareRadio.log_in(await platform.enrol("Carl", "Patrol"))
                await radio.affiliate()
                await radio.say(radio.floor_message(MessageType.FLOOR_REQUEST))
                await radio.close()
    assert len(watch.seen) > 100
    assert set(watch.seen.values()) == {1}


async def play(call: LiveCall) -> None:
    for _ in range(20):
        packet = call.packet()
        call.talker.send_udp(packet)
        call.talker.send_udp(packet)
        await asyncio.sleep(0.001)
    assert len(await call.heard()) == 20


async def speak(radio: BareRadio) -> None:
    ssrc = await radio.take_floor()
    await radio.use_udp()
    for sequence in range(20):
        radio.send_udp(radio.voice(ssrc, sequence))
    await asyncio.sleep(0.02)
    await radio.ask(signalling.SetMediaPath(id=1, via="websocket"), signalling.Done)
    await radio.say(radio.floor_message(MessageType.FLOOR_RELEASE))
    await asyncio.sleep(0.02)


async def test_a_sender_refuses_an_index_that_it_used(call: LiveCall) -> None:
    """T-008: libsrtp's own refusal stays on; a talker on a WebSocket cannot make the server repeat a nonce."""
    epoch = KeyEpoch(1)
    packet = RtpPacket(1, 0, 5, bytes(20)).encode()
    epoch.sender.protect_rtp(packet)
    with pytest.raises(srtp.SrtpError):
        epoch.sender.protect_rtp(packet)
    plain = RtpPacket(9, 0, call.burst_ssrc, bytes(20)).encode()
    for _ in range(5):
        await call.talker.connection.send(plain)
    assert len(await call.heard(0.1)) == 1
    assert call.drops() == {"replay": 4}


async def test_packets_spliced_to_other_sessions_and_tenants_are_dropped(tmp_path: Path) -> None:
    """T-010: a body that is right in one session is nothing in another, of the same or another tenant."""
    async with running_platform(tmp_path) as platform:
        ours = await LiveCall.start(platform, tenant="ACME")
        theirs = await LiveCall.start(platform, tenant="Umbrella")
        drops = platform.server.services.relay.drops
        packet = ours.packet()
        for ssrc in (theirs.burst_ssrc, ours.listener.affiliations[ours.group].ssrc, ours.talker.session.ssrc):
            ours.talker.send_udp(packet[:8] + ssrc.to_bytes(4, "big") + packet[12:])
        ours.talker.send_udp(ours.listener.voice(ours.burst_ssrc, 5))
        ours.talker.send_udp(theirs.talker.voice(ours.burst_ssrc, 5))
        ours.talker.send_udp(ours.talker.voice(theirs.burst_ssrc, 5))
        release = ours.listener.floor_message(MessageType.FLOOR_RELEASE)
        control = ours.listener.uplink.protect_rtcp(release.encode())
        ours.talker.send_udp(control[:4] + ours.talker.affiliations[ours.group].ssrc.to_bytes(4, "big") + control[8:])
        assert await ours.heard() == await theirs.heard() == []
        assert {n: c for n, c in drops.items() if c} == {"bad_tag": 5, "no_floor": 2}
        await ours.still_works()
        await theirs.still_works()
        await ours.stop()
        await theirs.stop()


async def test_an_ssrc_of_somebody_else_inside_ones_own_packet_is_dropped(call: LiveCall) -> None:
    """T-010, T-026: the sender of a floor message is who authenticated it, by UDP and on the WebSocket."""
    victim = call.talker.affiliations[call.group].ssrc
    own = call.listener.floor_message(MessageType.FLOOR_REQUEST).encode()
    forged = own + call.talker.floor_message(MessageType.FLOOR_RELEASE).encode()
    call.listener.send_udp(call.listener.uplink.protect_rtcp(forged))
    await until(lambda: call.drops() == {"foreign_ssrc": 1})
    await call.listener.connection.send(call.talker.floor_message(MessageType.FLOOR_RELEASE).encode())
    await until(lambda: call.drops() == {"foreign_ssrc": 2})
    await call.listener.connection.send(RtpPacket(1, 0, call.burst_ssrc, bytes(20)).encode())
    await until(lambda: call.drops() == {"foreign_ssrc": 3})
    assert victim != call.burst_ssrc
    assert call.server.services.talk.bursts_in_progress == 1
    await call.still_works()


async def test_what_the_server_sent_is_nothing_when_it_comes_back(call: LiveCall) -> None:
    """T-011: keys are separate by direction."""
    call.talker.send_udp(call.packet())
    call.listener.send_udp(call.listener.uplink.protect_rtcp(call.listener.keepalive()))
    await asyncio.sleep(0.05)
    mirrored = call.listener.datagrams()
    assert len(mirrored) == 2
    before = known_state(call.server)
    for datagram in mirrored:
        call.listener.send_udp(datagram)
    await asyncio.sleep(0.05)
    assert known_state(call.server) == before
    assert call.drops() == {"replay": 1, "unknown_ssrc": 1}  # an index that was used is looked at before the tag
    assert call.listener.datagrams() == []


async def test_a_member_that_changes_its_address_all_the_time_is_slowed_down(call: LiveCall) -> None:
    """T-013: 1,000 changes a second; the voice is kept, the address moves ten times a second, others notice nothing."""
    sources = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
    for source in sources:
        source.bind(("127.0.0.1", 0))
    listener = call.server.services.sessions.get(call.listener.session.session)
    seen = {listener.address}
    started = time.monotonic()
    for number in range(1000):
        source = sources[number % len(sources)]
        call.listener.send_udp(call.listener.uplink.protect_rtcp(b"".join(
            [rtcp.ReceiverReport(call.listener.session.ssrc).encode()]
        )), source)  # fmt: skip
        seen.add(listener.address)
        if number % 10 == 0:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    took_s = time.monotonic() - started
    assert len(seen) <= 2 + took_s / ADDRESS_HOLD_S
    assert call.drops()["address_flapping"] > 800
    await asyncio.sleep(2.1)  # its allowance of control packets is used up as well
    await call.listener.use_udp()
    call.listener.datagrams()
    await call.still_works()
    for source in sources:
        source.close()


async def test_nothing_unauthenticated_is_ever_answered(call: LiveCall, stranger: socket.socket) -> None:
    """T-014: bytes out for bytes in is 0, whatever the shape."""
    floor_control = call.talker.floor_message(MessageType.FLOOR_REQUEST).encode()
    session = call.talker.session
    wrong = SrtpSender(SrtpKey.draw())
    shapes = [
        b"",
        floor_control,
        call.talker.keepalive(),
        RtpPacket(1, 0, call.burst_ssrc, bytes(60)).encode(),
        wrong.protect_rtcp(call.talker.keepalive()),
        wrong.protect_rtp(RtpPacket(1, 0, call.burst_ssrc, bytes(60)).encode()),
        rtcp.ReceiverReport(session.server_ssrc).encode() + bytes(20),
        bytes((0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42)) + bytes(12),  # STUN Binding Request
        bytes.fromhex("16fefd0000000000000000") + bytes(60),  # DTLS ClientHello
        b"\x01" + bytes(147),  # WireGuard
    ]
    sent = call.server.socket.octets_sent
    for _ in range(50):
        await shoot(call, shapes, stranger)
    assert call.server.socket.octets_sent == sent
    assert not waits(stranger)


async def test_two_servers_cannot_be_made_to_talk_to_each_other(tmp_path: Path) -> None:
    """T-015: a datagram with the address of another server, or of itself, as its source starts no exchange."""
    if os.geteuid():
        pytest.skip("forging a source address needs root")
    async with (
        Application(loopback_settings(tmp_path / "one")) as one,
        Application(loopback_settings(tmp_path / "two")) as two,
    ):
        shapes = [rtcp.ReceiverReport(9).encode() + bytes(30), RtpPacket(1, 0, 9, bytes(60)).encode()]
        for source, target in ((one, two), (two, one), (one, one)):
            for shape in shapes:
                forge_udp(("127.0.0.1", source.media_port), ("127.0.0.1", target.media_port), shape)
        await until(lambda: one.services.relay.packets_in == 4 and two.services.relay.packets_in == 2)
        await asyncio.sleep(0.2)
        assert (one.services.relay.packets_in, two.services.relay.packets_in) == (4, 2)
        assert one.socket.datagrams_sent == two.socket.datagrams_sent == 0


def forge_udp(source: tuple[str, int], target: tuple[str, int], payload: bytes) -> None:
    """One UDP datagram in an IPv4 header of our making (root only)."""
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + udp, (target[0], 0))


@pytest.mark.parametrize(
    "source", [("127.0.0.1", 0), ("224.0.0.1", 5000), ("255.255.255.255", 5000), ("0.0.0.0", 5000)]
)
async def test_an_impossible_source_address_breaks_nothing(call: LiveCall, source: tuple[str, int]) -> None:
    """T-016: strangers are dropped as ever; who is authenticated is answered into the void, which is counted."""
    if os.geteuid():
        pytest.skip("forging a source address needs root")
    await asyncio.sleep(ADDRESS_HOLD_S)
    arrived = call.server.services.relay.packets_in
    forge_udp(source, call.talker.media_address, b"\x80" + bytes(60))
    forge_udp(source, call.talker.media_address, call.listener.uplink.protect_rtcp(call.listener.keepalive()))
    await asyncio.sleep(0.1)
    assert call.server.services.relay.packets_in in (arrived, arrived + 2)  # for some of these the kernel knows better
    if call.server.services.relay.packets_in > arrived and source[1] == 0:
        assert call.server.socket.send_errors == 1
        call.talker.send_udp(call.packet())
        await asyncio.sleep(0.05)
        assert call.server.socket.send_errors == 2
    await asyncio.sleep(ADDRESS_HOLD_S)
    await call.listener.use_udp()
    call.listener.datagrams()
    await call.still_works()
    assert not call.drops().get("internal_error")


async def test_a_talker_far_too_fast_harms_nobody_and_is_heard_again_at_once(tmp_path: Path) -> None:
    """T-020: 50 times the codec's rate, the excess dropped by name; normal again within 2 s of the end."""
    floor = FloorTimerSettings(t2_stop_talking_s=60, taken_repeat_s=60)
    async with running_platform(tmp_path, floor=floor) as platform:
        fast, other = await LiveCall.start(platform), await LiveCall.start(platform, tenant="Umbrella")
        sent, heard, others, started = 0, 0, 0, time.monotonic()
        while time.monotonic() - started < 2:
            for _ in range(50):
                fast.talker.send_udp(fast.packet())
            sent += 50
            other.talker.send_udp(other.packet())
            others += 1
            heard += len(await fast.heard(0.02))
        media, burst = MediaSettings(), platform.server.services.relay._bursts[fast.burst_ssrc]
        heard += len(await fast.heard(0.2))
        assert heard <= media.packets_burst + media.packets_per_s * (time.monotonic() - burst.started_at)
        assert platform.server.services.relay.drops.rate == sent - heard
        assert len(await other.heard()) == others
        await asyncio.sleep(0.5)
        for _ in range(20):
            await fast.still_works()
        await fast.stop()
        await other.stop()


@pytest.mark.parametrize("size", [1301, 2048, 2049, 9000, 65_507])
async def test_a_datagram_too_long_is_dropped_by_name(call: LiveCall, stranger: socket.socket, size: int) -> None:
    """T-021: longer than any path would carry whole, longer than the buffer."""
    await shoot(call, [b"\x80\x6f" + bytes(size - 2)], stranger)
    assert call.drops() == {"too_long": 1}
    await call.still_works()


async def test_the_longest_packet_that_is_let_in_fits_what_is_sent(call: LiveCall) -> None:
    """T-021: the relay adds nothing to a packet's length, so it never makes one that is too long."""
    longest = call.talker.voice(call.burst_ssrc, 1, bytes(srtp.MAX_PACKET_BYTES - 12 - srtp.TAG_BYTES))
    call.talker.send_udp(longest)
    heard = await call.heard()
    assert [len(packet) for packet in heard] == [srtp.MAX_PACKET_BYTES]
    await call.talker.connection.send(RtpPacket(2, 0, call.burst_ssrc, bytes(srtp.MAX_PACKET_BYTES - 12)).encode())
    await until(lambda: call.drops() == {"too_long": 1})


async def test_a_voice_packet_that_the_kernel_refuses_is_counted(
    call: LiveCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-021, T-022: an address that cannot be sent to, and a full send buffer, are counters, not exceptions."""
    address = call.server.services.sessions.get(call.listener.session.session).address
    nowhere = address[:2] + b"\0\0" + address[4:]
    packet = PacketMemory.allocate()
    packet.put(b"voice")
    call.server.socket.send(packet, nowhere)
    assert call.server.socket.send_errors == 1
    monkeypatch.setattr("pttserver.media.batch_socket._FULL", (errno.EINVAL,))  # plays the part of EAGAIN
    call.server.socket.send(packet, nowhere)
    assert call.server.socket.send_buffer_full == 1
    await call.still_works()


async def test_a_receive_buffer_too_small_loses_packets_and_says_so(tmp_path: Path, stranger: socket.socket) -> None:
    """T-023: what the kernel had no room for is counted."""
    async with running_platform(
        tmp_path, media=MediaSettings(address="127.0.0.1", port=0, socket_buffer_bytes=65_536)
    ) as platform:
        call = await LiveCall.start(platform)
        server, arrived = platform.server, platform.server.services.relay.packets_in
        for _ in range(2000):  # the loop does not turn in the meantime
            stranger.sendto(bytes(1000), call.talker.media_address)
        await asyncio.sleep(0.2)
        read = server.services.relay.packets_in - arrived
        assert read < 2000
        assert server.socket.receive_buffer_full == 2000 - read
        await call.still_works()
        await call.stop()


async def test_a_datagram_of_another_family_of_keys_is_not_voice(call: LiveCall) -> None:
    """T-009: a floor message as voice, voice as a floor message: the tag covers the packet type."""
    voice = bytearray(call.packet())
    voice[1] = 204
    call.talker.send_udp(bytes(voice))
    control = bytearray(call.talker.uplink.protect_rtcp(call.talker.keepalive()))
    control[1] = 111
    control[8:12] = call.burst_ssrc.to_bytes(4, "big")
    call.talker.send_udp(bytes(control))
    assert voice_only(await call.heard()) == []
    assert sum(call.drops().values()) == 2
