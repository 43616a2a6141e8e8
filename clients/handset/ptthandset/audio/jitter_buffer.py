"""Puts the packets of one talk burst back in order and decides, frame by frame, what the listener hears next.

Pure: `push` when a packet arrives, `pop` when the loudspeaker wants more sound. How it thinks:

1. A burst starts *buffering*: silence, until the first packet is due (media time + fastest transit + delay).
   That one rule gives a lone packet its full delay, and lets pre-roll, which arrives all at once, start now.
2. Then it is *playing*: packet after packet at the pace of the loudspeaker; nothing is skipped to catch up.
3. The next packet is missing and not yet overdue: conceal, and keep its place. The delay grows by what was
   concealed, so a buffer that was too short for this network cures itself.
4. It is missing and overdue, and a later one is here: it is lost. Recover it from that one, or conceal.
5. After MAX_CONCEALED_MS in a row, guessing turns into noise: silence, and back to 1 with a new fastest path.
"""

from collections import deque
from dataclasses import dataclass

from ptthandset.audio.arrival import ArrivalMeter
from ptthandset.audio.opus_packet import CodecError, carries_fec, packet_duration_ms
from ptthandset.audio.wrapping import WrappingCounter
from pttserver.wire.rtp import OPUS_CLOCK_HZ, RtpPacket

INITIAL_DELAY_S = 0.06
MAX_DELAY_S = 0.4
CAPACITY_S = 3.0
MAX_PACKETS = 600  # 3 s of 5 ms packets: bounds memory whatever the timestamps say
MAX_CONCEALED_MS = 120
CONCEALMENT_STEP_MS = 20  # while waiting, so that a packet of 60 ms waits for at most this
_REMEMBERED_PACKETS = 1024


@dataclass(frozen=True, slots=True)
class Play:
    """Decode `packet`."""

    packet: RtpPacket
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Recover:
    """The frame is lost, but `next_packet` holds a coarse copy; the next step plays `next_packet` itself."""

    next_packet: RtpPacket
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Conceal:
    """There is nothing to decode: let the decoder guess."""

    duration_ms: float


@dataclass(frozen=True, slots=True)
class Pause:
    """The talker sent nothing on purpose (DTX, RFC 7587 §3.1.3): silence, then the next step."""

    duration_ms: float


Step = Play | Recover | Conceal | Pause


@dataclass(slots=True)
class JitterStatistics:
    """Counts packets since the start of the burst.

    Always: received = played + late + duplicated + overflowed + malformed + those still buffered. `lost`
    were given up at their time of playing (a few of them may then come, `late`); `recovered_by_fec` are the
    lost ones that a later packet brought back. `concealed` counts guessed frames, `restarts` the returns to
    buffering.
    """

    received: int = 0
    played: int = 0
    lost: int = 0
    late: int = 0
    duplicated: int = 0
    overflowed: int = 0
    malformed: int = 0
    recovered_by_fec: int = 0
    concealed: int = 0
    restarts: int = 0
    jitter_ms: float = 0.0
    delay_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class _Arrival:
    packet: RtpPacket
    duration_ms: float
    media_s: float
    transit_s: float

    @property
    def end_s(self) -> float:
        return self.media_s + self.duration_ms / 1000


class JitterBuffer:
    """The packets of one talk burst (one SSRC). A listener may enter late, at any sequence and timestamp.

    `initial_delay_s` is held until the network has been measured: best the last burst's `target_delay_s`.
    """

    def __init__(self, initial_delay_s: float = INITIAL_DELAY_S, max_delay_s: float = MAX_DELAY_S) -> None:
        self.statistics = JitterStatistics()
        self._meter = ArrivalMeter(initial_delay_s, max_delay_s)
        self._waiting: dict[int, _Arrival] = {}  # by sequence number, unwrapped
        self._played: deque[int] = deque(maxlen=_REMEMBERED_PACKETS)
        self._sequences = WrappingCounter(16)
        self._timestamps = WrappingCounter(32)
        self._next: int | None = None  # sequence number that is to be played, from the first start on
        self._next_media_s = 0.0
        self._frame_ms = float(CONCEALMENT_STEP_MS)
        self._concealed_ms = 0.0
        self._buffering = True
        self._ended = False

    def push(self, now: float, packet: RtpPacket) -> None:
        """Takes in a packet whose payload is plain Opus. Never raises: what it cannot use, it counts."""
        self.statistics.received += 1
        try:
            duration_ms = packet_duration_ms(packet.payload)
        except CodecError:
            self.statistics.malformed += 1
        else:
            self._take(now, packet, duration_ms)

    def pop(self, now: float) -> Step | None:
        """What to hear next; None is silence. Ask when the last sound is used up, or each tick of silence."""
        head = min(self._waiting, default=None)
        if self._buffering:
            if head is None or now < self._due_s(self._waiting[head].media_s):
                return None
            return self._play(now, head)
        if head is not None and head == self._next:
            return self._pause_before(head) or self._play(now, head)
        if head is None and self._ended:
            return None
        if self._concealed_ms >= MAX_CONCEALED_MS:
            return self._restart(now)
        if head is None or now < self._due_s(self._next_media_s):
            return self._conceal(min(self._frame_ms, CONCEALMENT_STEP_MS))
        return self._give_up()

    def end(self) -> None:
        """The talker has released the floor: conceal nothing after the last packet. Stragglers still play."""
        self._ended = True

    @property
    def drained(self) -> bool:
        """Whether the burst has ended and everything of it has been popped."""
        return self._ended and not self._waiting

    @property
    def highest_sequence(self) -> int | None:
        """The newest sequence number that came, without its wraps; None before the first packet."""
        return self._sequences.highest

    @property
    def buffered_packets(self) -> int:
        return len(self._waiting)

    @property
    def target_delay_s(self) -> float:
        """The delay that the jitter measured so far asks for."""
        return self._meter.delay_s(self._frame_ms / 1000)

    def _take(self, now: float, packet: RtpPacket, duration_ms: float) -> None:
        sequence = self._sequences.follow(packet.sequence)
        media_s = self._timestamps.follow(packet.timestamp) / OPUS_CLOCK_HZ
        overtaken = self._next is not None and sequence < self._next
        if sequence in self._waiting or (overtaken and sequence in self._played):
            self.statistics.duplicated += 1
            return
        self._meter.observe(now, media_s)  # late packets too: they are why the delay must grow
        self.statistics.jitter_ms = 1000 * self._meter.jitter_s
        if overtaken:
            self.statistics.late += 1
            return
        self._waiting[sequence] = _Arrival(packet, duration_ms, media_s, now - media_s)
        self._drop_overflow()

    def _play(self, now: float, sequence: int) -> Play:
        arrival = self._waiting.pop(sequence)
        self._skip_to(sequence)
        self._advance(sequence, arrival)
        self._played.append(sequence)
        self._buffering = False
        self._concealed_ms = 0.0
        self._frame_ms = arrival.duration_ms
        self.statistics.played += 1
        self.statistics.delay_ms = 1000 * self._meter.lag_s(now, arrival.media_s)
        return Play(arrival.packet, arrival.duration_ms)

    def _pause_before(self, sequence: int) -> Pause | None:
        """With DTX the timestamp jumps and the sequence number does not."""
        concealed_s = self._concealed_ms / 1000  # while waiting, part of the pause went by
        pause_s = self._waiting[sequence].media_s - self._next_media_s - concealed_s
        if pause_s < self._frame_ms / 2000:  # half a frame: no encoder pauses for less than one
            return None
        self._next_media_s += pause_s
        return Pause(1000 * min(pause_s, CAPACITY_S))

    def _give_up(self) -> Step:
        assert self._next is not None
        self.statistics.lost += 1
        self._next += 1
        self._next_media_s += self._frame_ms / 1000
        following = self._waiting.get(self._next)
        if following is None or not carries_fec(following.packet.payload):
            return self._conceal(self._frame_ms)
        self.statistics.recovered_by_fec += 1
        return Recover(following.packet, self._frame_ms)

    def _conceal(self, duration_ms: float) -> Conceal:
        self.statistics.concealed += 1
        self._concealed_ms += duration_ms
        return Conceal(duration_ms)

    def _restart(self, now: float) -> Step | None:
        self.statistics.restarts += 1
        self._buffering = True
        self._concealed_ms = 0.0
        self._meter.restart(arrival.transit_s for arrival in self._waiting.values())
        return self.pop(now)

    def _due_s(self, media_s: float) -> float:
        return self._meter.due_s(media_s, self._frame_ms / 1000)

    def _drop_overflow(self) -> None:
        while len(self._waiting) > MAX_PACKETS or self._span_s() > CAPACITY_S:
            oldest = min(self._waiting)
            self._skip_to(oldest)
            self._advance(oldest, self._waiting.pop(oldest))
            self.statistics.overflowed += 1

    def _span_s(self) -> float:
        return self._waiting[max(self._waiting)].end_s - self._waiting[min(self._waiting)].media_s

    def _skip_to(self, sequence: int) -> None:
        if self._next is not None:
            self.statistics.lost += sequence - self._next

    def _advance(self, sequence: int, arrival: _Arrival) -> None:
        self._next = sequence + 1
        self._next_media_s = arrival.end_s
