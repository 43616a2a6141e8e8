"""GStreamer, which nobody here wrote, hears a burst that the server relayed, and talks to a handset through it."""

import asyncio
import contextlib
import signal
import socket
import time
import wave
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest

from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pcm import frames
from ptthandset.audio.similarity import similarity
from ptthandset.media_path import Via
from ptthandset.speech import sentence_pcm
from ptthandset.talkgroup import Talkgroup
from pttserver.crypto.srtp import SrtpKey
from pttserver.wire.rtp import is_rtcp, rtp_ssrc
from running_server import Platform, until

pytestmark = pytest.mark.system

RATE_HZ = 16_000
FRAME_S = 0.02
ALIKE = 0.8


def gst_key(key: SrtpKey) -> str:
    """Key and salt as GStreamer takes them: 88 bare hexadecimal digits."""
    return (key.key + key.salt).hex()


async def launch(gst_launch: str, *pipeline: str) -> Process:
    """A pipeline that runs; `-e` lets an interrupt end it as the end of the stream does."""
    return await asyncio.create_subprocess_exec(gst_launch, "-e", *pipeline, stdout=PIPE, stderr=DEVNULL)


async def playing(process: Process) -> None:
    """Waits until the pipeline runs."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while line := await process.stdout.readline():
            if b"PLAYING" in line:
                return
    pytest.fail("the pipeline did not start")


async def finish(process: Process) -> int:
    """Ends the pipeline as its user would, and waits for it."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return process.returncode


async def spoken(pcm: bytes, encoder: OpusEncoder) -> AsyncIterator[bytes]:
    """Speech at its natural pace."""
    due = time.monotonic()
    for frame in frames(pcm, encoder.frame_bytes):
        due += encoder.frame_ms / 1000
        await asyncio.sleep(due - time.monotonic())
        yield frame


class Tee(asyncio.DatagramProtocol):
    """Stands between a handset and the server, and keeps what the server sends."""

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._handset: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self.from_server: list[bytes] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server_port: int) -> AsyncIterator[tuple["Tee", int]]:
        loop = asyncio.get_running_loop()
        transport, tee = await loop.create_datagram_endpoint(lambda: cls(server_port), local_addr=("127.0.0.1", 0))
        try:
            yield tee, transport.get_extra_info("sockname")[1]
        finally:
            transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        if addr == self._server:
            self.from_server.append(data)
            if self._handset is not None:
                self._transport.sendto(data, self._handset)
        else:
            self._handset = addr
            self._transport.sendto(data, self._server)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wav_pcm(file: Path) -> bytes:
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE_HZ, 1, 2)
        return sound.readframes(sound.getnframes())


async def test_gstreamer_plays_a_burst_that_the_server_relayed(
    platform: Platform, system_program: Callable[[str], str], tmp_path: Path
) -> None:
    gst_launch = system_program("gst-launch-1.0")
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    async with Tee.open(platform.server.media_port) as (tee, port):
        bert = await platform.log_in(await platform.enrol("Bert", "Patrol"), media_host="127.0.0.1", media_port=port)
        talker, listener = [await handset.affiliate("Patrol") for handset in (anna, bert)]
        await until(lambda: anna.media.via is Via.UDP and bert.media.via is Via.UDP)
        encoder = OpusEncoder()
        pcm = sentence_pcm(0, RATE_HZ)
        report = await talker.talk(spoken(pcm, encoder), encoder)
        await until(lambda: talker.floor_state is listener.floor_state)
        ssrc = report.grant.burst_ssrc
        key = listener.keys.key
        voice = [packet for packet in tee.from_server if not is_rtcp(packet) and rtp_ssrc(packet) == ssrc]
    assert len(voice) == report.frames_sent

    heard, port = tmp_path / "heard.wav", free_port()
    caps = (
        "application/x-srtp,media=(string)audio,clock-rate=(int)48000,encoding-name=(string)OPUS,payload=(int)111,"
        f"ssrc=(uint){ssrc},srtp-key=(buffer){gst_key(key)},srtp-cipher=(string)aes-256-gcm,srtp-auth=(string)null,"
        "srtcp-cipher=(string)aes-256-gcm,srtcp-auth=(string)null"
    )
    pipeline = f"udpsrc port={port} address=127.0.0.1 caps={caps} ! srtpdec ! rtpopusdepay ! opusdec ! audioconvert"
    sink = f"! audioresample ! audio/x-raw,format=S16LE,rate={RATE_HZ},channels=1 ! wavenc ! filesink location={heard}"
    process = await launch(gst_launch, *f"{pipeline} {sink}".split())
    try:
        await playing(process)
        await replay(voice, port)
    finally:
        code = await finish(process)

    assert code == 0
    sound = wav_pcm(heard)
    assert len(sound) >= 0.95 * len(pcm)
    assert similarity(pcm, sound, RATE_HZ) > ALIKE


async def replay(datagrams: list[bytes], port: int) -> None:
    """As they came from the server, one each 20 ms."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port))
    due = time.monotonic()
    for datagram in datagrams:
        transport.sendto(datagram)
        due += FRAME_S
        await asyncio.sleep(due - time.monotonic())
    await asyncio.sleep(0.2)
    transport.close()


async def test_a_burst_of_gstreamer_is_relayed_and_heard(
    platform: Platform, system_program: Callable[[str], str], tmp_path: Path
) -> None:
    gst_launch = system_program("gst-launch-1.0")
    pcm = sentence_pcm(1, RATE_HZ)
    source = tmp_path / "said.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm)
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"), use_udp=False)
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    talker, listener = [await handset.affiliate("Patrol") for handset in (anna, bert)]
    await until(lambda: bert.media.via is Via.UDP)
    heard = bytearray()
    playing_out = asyncio.create_task(listen(listener, heard))

    grant = await talker.request_floor()
    before = platform.server.services.relay.packets_relayed
    speech = (
        f"filesrc location={source} ! wavparse ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1 "
        "! opusenc frame-size=20 bitrate=24000 audio-type=voice "
        f"! rtpopuspay pt=111 ssrc={grant.burst_ssrc} seqnum-offset=1 "
        f"! srtpenc key={gst_key(anna.media.keys.uplink_key)} rtp-cipher=aes-256-gcm rtp-auth=null "
        "rtcp-cipher=aes-256-gcm rtcp-auth=null "
        f"! udpsink host=127.0.0.1 port={platform.server.media_port} sync=true"
    )
    process = await launch(gst_launch, *speech.split())
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert talker.grant is not None, "voice kept the floor"
    talker.release_floor()
    await until(lambda: not listener.has_voice)
    playing_out.cancel()

    relayed = platform.server.services.relay.packets_relayed - before
    assert relayed >= len(pcm) / 2 / RATE_HZ / FRAME_S
    statistics = listener.finished_streams[0].statistics
    assert (statistics.received, statistics.lost) == (relayed, 0)
    assert similarity(pcm, bytes(heard), RATE_HZ) > ALIKE
    assert not any(count for _, count in platform.server.services.relay.drops.items())


async def listen(group: Talkgroup, heard: bytearray) -> None:
    due = time.monotonic()
    while True:
        heard += group.pull(time.monotonic())
        due += FRAME_S
        await asyncio.sleep(due - time.monotonic())
