"""Turns the packets of one talk burst into sound, in frames of whatever length the loudspeaker asks for."""

from collections.abc import Callable

from ptthandset.audio.codec import OpusDecoder
from ptthandset.audio.jitter_buffer import (
    INITIAL_DELAY_S,
    Conceal,
    JitterBuffer,
    JitterStatistics,
    Pause,
    Play,
    Recover,
    Step,
)
from ptthandset.audio.opus_packet import CodecError
from ptthandset.audio.pcm import PcmFrame, pcm_bytes, pcm_seconds
from pttserver.wire.rtp import RtpPacket

Played = Callable[[int, int, int, float], None]
"""ssrc, sequence number, RTP timestamp, and the monotonic second at which the first sample of the packet is
heard."""


class PlayoutStream:
    """Decoder and jitter buffer of one talk burst: route packets here by SSRC, one stream for each.

    `push` packets as they come and `pull` at a steady pace; after `end`, drop the stream when it is
    `finished`.
    """

    def __init__(
        self,
        sample_rate_hz: int = 16_000,
        initial_delay_s: float = INITIAL_DELAY_S,
        on_played: Played | None = None,
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.undecodable = 0
        self._buffer = JitterBuffer(initial_delay_s)
        self._decoder = OpusDecoder(sample_rate_hz)
        self._on_played = on_played
        self._ready = bytearray()  # decoded and not yet pulled: packets may be longer than a pull

    def push(self, now: float, packet: RtpPacket) -> None:
        """Takes in a packet at monotonic second `now`. Never raises for what a peer sent."""
        self._buffer.push(now, packet)

    def pull(self, now: float, frame_ms: float = 20) -> PcmFrame:
        """The next `frame_ms` of sound; silence where there is none."""
        wanted = pcm_bytes(self.sample_rate_hz, frame_ms)
        while len(self._ready) < wanted:
            step = self._buffer.pop(now)
            if step is None:
                break
            self._ready += self._sound_of(now, step)
        frame = bytes(self._ready[:wanted])
        del self._ready[:wanted]
        return frame.ljust(wanted, b"\0")

    def end(self) -> None:
        """The talker has released the floor; keep pulling until `finished`."""
        self._buffer.end()

    @property
    def finished(self) -> bool:
        """Whether the burst has ended and all of it has been pulled."""
        return self._buffer.drained and not self._ready

    @property
    def statistics(self) -> JitterStatistics:
        """Counters of the burst so far, live."""
        return self._buffer.statistics

    @property
    def highest_sequence(self) -> int | None:
        """The newest sequence number that came, extended beyond 16 bits; None before the first packet."""
        return self._buffer.highest_sequence

    @property
    def target_delay_s(self) -> float:
        """The delay that this network needs: a good `initial_delay_s` for the next burst."""
        return self._buffer.target_delay_s

    def _sound_of(self, now: float, step: Step) -> PcmFrame:
        match step:
            case Play(packet, duration_ms):
                self._report(now, packet)
                return self._decode(packet.payload, duration_ms)
            case Recover(next_packet, duration_ms):
                return self._decoder.decode_fec(next_packet.payload, duration_ms)
            case Conceal(duration_ms):
                return self._decoder.conceal(duration_ms)
            case Pause(duration_ms):
                return bytes(pcm_bytes(self.sample_rate_hz, duration_ms))

    def _decode(self, payload: bytes, duration_ms: float) -> PcmFrame:
        try:
            return self._decoder.decode(payload)
        except CodecError:
            self.undecodable += 1
            return self._decoder.conceal(duration_ms)

    def _report(self, now: float, packet: RtpPacket) -> None:
        if self._on_played is not None:
            heard_at = now + pcm_seconds(self._ready, self.sample_rate_hz)
            self._on_played(packet.ssrc, packet.sequence, packet.timestamp, heard_at)
