"""Opus for speech: one encoder per talker, one decoder per talk burst heard (RFC 6716, libopus)."""

from typing import Any, Literal

from ptthandset.audio import libopus
from ptthandset.audio.opus_packet import MAX_PACKET_MS, CodecError, carries_fec, packet_duration_ms
from ptthandset.audio.pcm import BYTES_PER_SAMPLE, PcmFrame, pcm_bytes

__all__ = ["CodecError", "FrameMs", "OpusDecoder", "OpusEncoder", "carries_fec", "packet_duration_ms"]

FrameMs = Literal[10, 20, 40, 60]

# A packet fits in one datagram of the smallest IPv6 path (1280) together with IP, UDP, SRTP and SFrame
MAX_PACKET_BYTES = 1100

_opus = libopus.load()


class OpusEncoder:
    """Encodes one talker's microphone. State runs from frame to frame: make a new one for each talk burst.

    `sample_rate_hz` 8,000, 12,000, 16,000, 24,000 or 48,000. `fec` repeats each frame, coarser, in the next
    packet, as far as `expected_loss_percent` makes libopus think it worth the bits. `dtx`: in silence most
    packets come out as two bytes or fewer; do not send those (`opus_packet.is_silence`), but let the RTP
    timestamp run (RFC 7587 §3.1.3).
    """

    def __init__(
        self,
        sample_rate_hz: int = 16_000,
        frame_ms: FrameMs = 20,
        bitrate_bps: int = 24_000,
        *,
        fec: bool = True,
        expected_loss_percent: int = 10,
        dtx: bool = False,
    ) -> None:
        self.frame_ms = frame_ms
        self.frame_bytes = pcm_bytes(sample_rate_hz, frame_ms)
        self._encoder: Any = _opus.Encoder(sample_rate_hz, 1, _opus.APPLICATION_VOIP)
        self._encoder.signal = _opus.SIGNAL_VOICE
        self._encoder.bitrate = bitrate_bps
        self._encoder.inband_fec = int(fec)
        self._encoder.packet_loss_perc = expected_loss_percent
        self._encoder.dtx = int(dtx)

    def encode(self, pcm: PcmFrame) -> bytes:
        """One frame of exactly `frame_bytes` octets in, one Opus packet out. Else ValueError."""
        if len(pcm) != self.frame_bytes:
            raise ValueError(f"a frame has {self.frame_bytes} octets, not {len(pcm)}")
        packet = _opus.api.encoder.encode(
            self._encoder.encoder_state, pcm, len(pcm) // BYTES_PER_SAMPLE, MAX_PACKET_BYTES
        )
        return bytes(packet)

    def expect_loss(self, percent: int) -> None:
        """Tells libopus the loss that listeners report (RTCP), 0-100: more loss, more bits for FEC."""
        self._encoder.packet_loss_perc = percent


class OpusDecoder:
    """Decodes one talk burst. Every packet says its own duration; `frame_ms` is for a `conceal` before any.

    Call exactly one of `decode`, `decode_fec` and `conceal` for each stretch of time, in order of time.
    """

    def __init__(self, sample_rate_hz: int = 16_000, frame_ms: float = 20) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._last_ms = float(frame_ms)
        self._decoder: Any = _opus.Decoder(sample_rate_hz, 1)

    def decode(self, packet: bytes) -> PcmFrame:
        """The sound of a packet. Raises CodecError; the decoder stays usable, so conceal instead."""
        duration_ms = packet_duration_ms(packet)
        pcm = self._run(packet, duration_ms, fec=False)
        self._last_ms = duration_ms
        return pcm

    def decode_fec(self, next_packet: bytes, duration_ms: float | None = None) -> PcmFrame:
        """The sound of the lost packet before `next_packet`, from the coarse copy in it; else a guess.

        Decode `next_packet` itself afterwards. `duration_ms` of the lost packet: by default as the last one
        decoded. Raises CodecError.
        """
        packet_duration_ms(next_packet)
        return self._run(next_packet, duration_ms or self._last_ms, fec=True)

    def conceal(self, duration_ms: float | None = None) -> PcmFrame:
        """A guess at `duration_ms` of lost sound (multiple of 2.5, at most 120), fading out when repeated."""
        return self._run(b"", duration_ms or self._last_ms, fec=False)

    def _run(self, packet: bytes, duration_ms: float, fec: bool) -> PcmFrame:
        if not 0 < duration_ms <= MAX_PACKET_MS:
            raise CodecError(f"libopus makes at most {MAX_PACKET_MS} ms at once, not {duration_ms:g}.")
        sample_count = round(self.sample_rate_hz * duration_ms / 1000)
        try:
            return bytes(self._decoder.decode(packet, sample_count, fec))
        except _opus.OpusError as error:
            raise CodecError(f"libopus refused the packet: {error}.") from error
