"""UDP that is blocked in the middle of everything: voice goes by the WebSocket, and returns when UDP does."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from attacks.bare_radio import BareRadio, EpochEar
from attacks.live_call import LiveCall
from ptthandset.audio.codec import OpusEncoder
from ptthandset.group_keys import DeviceKeys, EpochKeys
from ptthandset.media_link import MediaLink
from ptthandset.media_path import Via
from pttserver.crypto.srtp import SrtpKey, SrtpSender
from pttserver.wire import signalling
from pttserver.wire.floor_control import FloorMessage, MessageType
from pttserver.wire.rtp import RtpPacket
from running_server import Platform, until


class UdpProxy(asyncio.DatagramProtocol):
    """A network between one handset and the server that can be cut, both ways or one."""

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._client: tuple[str, int] | None = None
        self.up = self.down = True
        self.carried = 0

    async def open(self) -> int:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        from_server = addr == self._server
        if not from_server:
            self._client = addr
        if self.down if from_server else self.up:
            self.carried += 1
            self._transport.sendto(data, self._client if from_server else self._server)

    def close(self) -> None:
        self._transport.close()


async def silence(seconds: float, encoder: OpusEncoder) -> AsyncIterator[bytes]:
    due = time.monotonic()
    for _ in range(round(seconds * 1000 / encoder.frame_ms)):
        due += encoder.frame_ms / 1000
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield bytes(encoder.frame_bytes)


@pytest.mark.parametrize("cut", ["both ways", "to the server", "from the server"])
async def test_a_handset_goes_by_the_websocket_while_udp_is_blocked_and_comes_back(
    platform: Platform, cut: str
) -> None:
    """Issue 2 part 11, roaming: the burst goes on, the floor is kept, and UDP is used again by itself."""
    await platform.organise("Patrol")
    proxy = UdpProxy(platform.server.media_port)
    port = await proxy.open()
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"), media_host="127.0.0.1", media_port=port)
    bert = await BareRadio.log_in(await platform.enrol("Bert", "Patrol"))
    group = await anna.affiliate("Patrol")
    await bert.affiliate()
    await until(lambda: anna.media.via is Via.UDP)
    encoder = OpusEncoder()
    talking = asyncio.create_task(group.talk(silence(14, encoder), encoder))
    await until(lambda: len(bert.voice_heard()) > 10)
    proxy.up = cut == "from the server"
    proxy.down = cut == "to the server"
    await until(lambda: anna.media.via is Via.WEBSOCKET, 8)
    at_cut = len(bert.voice_heard())
    await until(lambda: len(bert.voice_heard()) > at_cut + 25, 3)
    proxy.up = proxy.down = True
    await until(lambda: anna.media.via is Via.UDP, 8)
    back = len(bert.voice_heard())
    await until(lambda: len(bert.voice_heard()) > back + 10, 3)
    assert len({packet.ssrc for packet in bert.voice_heard()}) == 1, "the floor was kept"
    assert platform.server.services.talk.bursts_in_progress == 1
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    await bert.close()
    proxy.close()


async def test_a_session_cannot_send_its_voice_by_udp_before_its_address_is_proved(platform: Platform) -> None:
    """Issue 2 part 7: without an authenticated datagram there is nowhere to send to."""
    call = await LiveCall.start(platform)
    radio = await BareRadio.log_in(await platform.enrol("Carl", "Patrol"))
    await radio.affiliate()
    with pytest.raises(Exception, match=r"protocol\.state"):
        await radio.ask(signalling.SetMediaPath(id=1, via="udp"), signalling.Done)
    call.talker.send_udp(call.packet())
    await until(lambda: len(radio.voice_heard()) == 1)
    await radio.use_udp()
    call.talker.send_udp(call.packet())
    await asyncio.sleep(0.05)
    assert EpochEar(radio.affiliations[call.group].epoch).opens_voice(radio.datagrams()) == [2]
    assert len(radio.voice_heard()) == 1
    await radio.close()
    await call.stop()


def announcement(key: SrtpKey, numbers: int) -> list[bytes]:
    sender = SrtpSender(key)
    message = FloorMessage(type=MessageType.FLOOR_IDLE, ssrc=7).encode()
    return [sender.protect_rtcp(message) for _ in range(numbers)]


@dataclass
class Ear:
    """A group of a MediaLink that only listens to its floor."""

    keys: EpochKeys
    control_ssrc: int = 7
    heard: list[FloorMessage] = field(default_factory=list)

    def receive_floor(self, now: float, message: FloorMessage) -> None:
        self.heard.append(message)

    def receive_voice(self, now: float, packet: RtpPacket) -> None: ...

    def knows_burst(self, ssrc: int) -> bool:
        return False


async def test_an_announcement_is_not_taken_for_a_replay_of_a_message_under_another_key() -> None:
    """The floor control server sends with one SSRC under two keys; libsrtp looks at the index before the tag.

    So "replay" from the wrong key's context says nothing: the next key must be tried.
    """
    own, group = SrtpKey.draw(), SrtpKey.draw()
    keys = DeviceKeys(
        signalling.SrtpKeys(key=bytes(32), salt=bytes(12)), signalling.SrtpKeys(key=own.key, salt=own.salt)
    )
    link = MediaLink(
        ssrc=1,
        server_ssrc=2,
        keys=keys,
        keepalive_interval_s=60,
        report=lambda: (),
        on_path=lambda via: None,
        on_alert=lambda packet: None,
    )
    ear = Ear(EpochKeys(signalling.Epoch(number=1, key=group.key, salt=group.salt)))
    link.groups["grp"] = ear
    for datagram in (*announcement(own, 3), *announcement(group, 3), *announcement(group, 3)):
        link.datagram_received(datagram, None)
    assert len(ear.heard) == 6
    link.close()


def test_a_late_packet_of_the_previous_epoch_is_opened_though_its_index_was_seen_under_the_present_one() -> None:
    """Around a rekey packets overtake one another; indices of the new key start from 1 again."""
    old, new = SrtpKey.draw(), SrtpKey.draw()
    keys = EpochKeys(signalling.Epoch(number=1, key=old.key, salt=old.salt))
    keys.renew(signalling.Epoch(number=2, key=new.key, salt=new.salt))
    assert keys.open_rtcp(announcement(new, 1)[0])
    assert keys.open_rtcp(announcement(old, 1)[0])
