"""One group that the handset takes part in: its floor, its talkers, its voice in and out."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass

from ptthandset import floor_effects
from ptthandset.alarm import Alarm
from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.jitter_buffer import JitterStatistics
from ptthandset.audio.playout import Played, PlayoutStream
from ptthandset.errors import FloorCancelled, FloorRefused, FloorUnanswered, NotConnected
from ptthandset.floor_effects import FloorEffect, FloorGranted, FloorLost, FloorTaken
from ptthandset.floor_participant import FloorParticipant
from ptthandset.floor_states import FloorState, ParticipantTimers
from ptthandset.group_keys import EpochKeys
from ptthandset.listeners import tell_all
from ptthandset.media_link import MediaLink
from ptthandset.reception import ReceptionReports
from ptthandset.voice_sender import VoiceSender
from pttserver.wire import rtcp, signalling
from pttserver.wire.floor_control import DenyCause, FloorIndicator, FloorMessage
from pttserver.wire.rtp import OPUS_CLOCK_HZ, RtpPacket

PREROLL_S = 3.0  # speech between the press and the grant that is kept
DOUBT_AFTER_UNANSWERED = 2
REMEMBERED_BURSTS = 32
KEPT_STREAMS = 1000  # with their statistics, for whoever asks after the burst
_DENIALS: Mapping[int, str] = {
    DenyCause.ANOTHER_HAS_PERMISSION: "Somebody else is talking.",
    DenyCause.ONLY_ONE_PARTICIPANT: "Nobody else is in the group.",
    DenyCause.RECEIVE_ONLY: "You may only listen in this group.",
    DenyCause.QUEUE_FULL: "Too many are waiting to talk.",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """The floor is ours: RTP goes out with `burst_ssrc`, for at most `duration_s`. `access_time_s` since the press."""

    burst_ssrc: int
    duration_s: int | None
    access_time_s: float


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """Who is in the group changed."""

    count: int


GroupEvent = FloorEffect | RosterChanged
Sent = Callable[[int, int, int, float], None]
"""ssrc, sequence number, RTP timestamp, monotonic second at which the microphone had the frame."""


@dataclass(slots=True)
class TalkReport:
    """What became of an utterance."""

    grant: Grant | None = None
    frames_sent: int = 0
    frames_dropped_before_grant: int = 0
    lost: FloorLost | None = None


class Talkgroup:
    """Made by `Handset.affiliate`. Frames are s16le mono PCM; times are monotonic seconds."""

    def __init__(
        self,
        affiliation: signalling.Affiliation,
        media: MediaLink,
        *,
        timers: ParticipantTimers,
        sample_rate_hz: int,
        on_played: Played | None = None,
        on_sent: Sent | None = None,
    ) -> None:
        self.group_id = affiliation.group
        self.name = affiliation.name
        self.participants: dict[str, str] | None = {}
        self.count = 0
        self.talker: FloorTaken | None = None
        self.queued: floor_effects.FloorQueued | None = None
        self.grant: Grant | None = None
        self.listeners: list[Callable[[GroupEvent], None]] = []
        self.finished_streams: deque[PlayoutStream] = deque(maxlen=KEPT_STREAMS)
        self._timers = timers
        self._sample_rate_hz = sample_rate_hz
        self._on_played = on_played
        self._on_sent = on_sent
        self._alarm = Alarm(self._expire)
        self._streams: dict[int, PlayoutStream] = {}
        self._reception = ReceptionReports()
        self._over: deque[int] = deque(maxlen=REMEMBERED_BURSTS)
        self._playout_delay_s: float | None = None
        self._granted: asyncio.Future[Grant] | None = None
        self._pressed_at = 0.0
        self._unanswered = 0
        self.bind(affiliation, media)

    def bind(self, affiliation: signalling.Affiliation, media: MediaLink) -> None:
        """(Re)starts with the SSRCs and keys of an affiliation; a floor of the one before is gone."""
        self._drop_floor()
        self.listen_only = affiliation.listen_only
        self.priority = affiliation.priority
        self.ssrc = affiliation.ssrc
        self.control_ssrc = affiliation.control_ssrc
        self.emergency = affiliation.emergency
        self.keys = EpochKeys(affiliation.epoch)
        self.imminent_peril = affiliation.imminent_peril
        self._media = media
        self._floor = FloorParticipant(affiliation.ssrc, self._timers)
        self.queued = self.talker = None
        self._end_streams(besides=None)
        media.groups[self.group_id] = self
        self.set_roster(affiliation.roster)

    def go_on(self, affiliation: signalling.Affiliation) -> None:
        """The session was resumed: keys, rights and roster may have changed meanwhile, the floor has not."""
        self.keys.renew(affiliation.epoch)
        self.imminent_peril = affiliation.imminent_peril
        self.listen_only = affiliation.listen_only
        self.priority = affiliation.priority
        self.emergency = affiliation.emergency
        self.set_roster(affiliation.roster)

    # Roster ------------------------------------------------------------------------------------------------------

    def set_roster(self, roster: signalling.Roster) -> None:
        self.count = roster.count
        listed = roster.participants
        self.participants = None if listed is None else {p.subscriber: p.name for p in listed}
        self._tell(RosterChanged(self.count))

    def change_roster(self, event: signalling.GroupRoster) -> None:
        self.count = event.count
        if event.participants is not None:
            self.participants = {p.subscriber: p.name for p in event.participants}
        elif event.joined is None and event.left is None:
            self.participants = None
        elif self.participants is not None:
            self.participants.update({p.subscriber: p.name for p in event.joined or ()})
            for subscriber in event.left or ():
                self.participants.pop(subscriber, None)
        self._tell(RosterChanged(self.count))

    # The floor ---------------------------------------------------------------------------------------------------

    @property
    def floor_state(self) -> FloorState:
        return self._floor.state

    @property
    def is_active(self) -> bool:
        """Somebody talks, or we do."""
        return self.talker is not None or self.grant is not None

    async def request_floor(self, *, priority: int | None = None, emergency: bool = False) -> Grant:
        """Presses the key and waits for the floor, in the queue if need be; cancel to give up.

        Raises FloorRefused, FloorUnanswered or NotConnected. `release_floor` must follow.
        """
        if self._media.groups.get(self.group_id) is not self:
            raise NotConnected("You do not take part in this group any more.")
        if self.grant is not None:  # the key is down already, and the floor is ours
            return self.grant
        indicator = FloorIndicator.EMERGENCY if emergency else FloorIndicator.NORMAL
        future = self.press_key(priority, indicator)
        try:
            return await future
        except asyncio.CancelledError:
            self.release_floor()
            raise

    def press_key(
        self, priority: int | None = None, indicator: FloorIndicator = FloorIndicator.NORMAL
    ) -> "asyncio.Future[Grant]":
        """Asks for the floor and waits for nothing; `request_floor` waits."""
        self._pressed_at = time.monotonic()
        self._granted = asyncio.get_running_loop().create_future()
        self._perform(self._floor.press(self._pressed_at, priority, indicator))
        return self._granted

    def release_floor(self, *, keep_place: bool = False) -> None:
        """Lets go of the key: gives the floor back, or the place in the queue.

        With `keep_place` a place in the queue stays; when its turn comes, listeners get FloorOffered, and
        `request_floor` takes it if it is called within T132.
        """
        if not keep_place:
            self.grant = self.queued = None
        self._perform(self._floor.release(time.monotonic(), keep_place=keep_place))

    def cancel_request(self) -> None:
        """The user let go before the floor came: whoever awaits `request_floor` or `talk` gets FloorCancelled."""
        self._fail(FloorCancelled())

    def receive_floor(self, now: float, message: FloorMessage) -> None:
        """A message of the floor control server."""
        self._unanswered = 0
        self._perform(self._floor.receive(now, message))

    def _expire(self, now: float) -> None:
        self._perform(self._floor.expire(now))

    def _perform(self, effects: list[FloorEffect]) -> None:
        for effect in effects:
            match effect:
                case floor_effects.Transmit(message):
                    self._transmit(message)
                    continue
                case FloorGranted(burst_ssrc, duration_s):
                    self._take_floor(burst_ssrc, duration_s)
                case FloorLost():
                    self.grant = None
                case floor_effects.FloorDenied(cause, phrase):
                    self.queued = None
                    self._fail(FloorRefused(cause, _DENIALS.get(cause) or phrase or "The floor was denied."))
                case floor_effects.FloorQueued():
                    if effect == self.queued:
                        continue
                    self.queued = effect
                case floor_effects.RequestTimedOut():
                    self._fail(FloorUnanswered())
                case FloorTaken(burst_ssrc=ssrc):
                    self.talker = effect
                    self._end_streams(besides=ssrc)
                case floor_effects.FloorIdle():
                    self.talker = None
                    self._end_streams(besides=None)
            self._tell(effect)
        self._media.watch_activity()
        self._alarm.set(self._floor.next_deadline())

    def _transmit(self, message: FloorMessage) -> None:
        self._unanswered += 1
        if self._unanswered > DOUBT_AFTER_UNANSWERED:
            self._media.doubt_path()
        self._media.send_control(message.encode())

    def _take_floor(self, burst_ssrc: int, duration_s: int | None) -> None:
        self.queued = None
        self.talker = None
        self._end_streams(besides=None)
        self.grant = Grant(burst_ssrc, duration_s, time.monotonic() - self._pressed_at)
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(self.grant)

    def _fail(self, error: Exception) -> None:
        if self._granted is not None and not self._granted.done():
            self._granted.set_exception(error)
        self._granted = None

    def _drop_floor(self) -> None:
        """The affiliation is over, and with it our burst, or our wait for one."""
        if self.grant is not None:
            lost, self.grant = FloorLost(self.grant.burst_ssrc, must_stop=False), None
            self._tell(lost)
        self._fail(NotConnected())

    def _tell(self, event: GroupEvent) -> None:
        tell_all(self.listeners, event)

    # Talking -----------------------------------------------------------------------------------------------------

    async def talk(
        self,
        frames: AsyncIterable[bytes],
        encoder: OpusEncoder,
        *,
        priority: int | None = None,
        emergency: bool = False,
    ) -> TalkReport:
        """Presses the key, sends the frames as they come, lets go after the last.

        Speech between the press and the grant is kept (PREROLL_S) and sent first. In the queue no frame is taken: a
        file waits, and a person who is told to wait says nothing. Ends early when the floor is lost (`report.lost`).
        Raises what `request_floor` raises.
        """
        report = TalkReport()
        waiting: deque[tuple[int, bytes, float]] = deque(maxlen=round(PREROLL_S * 1000 / encoder.frame_ms))
        voice: VoiceSender | None = None

        def on_lost(event: GroupEvent) -> None:
            if isinstance(event, FloorLost):
                report.lost = event

        self.listeners.append(on_lost)
        request = asyncio.create_task(self.request_floor(priority=priority, emergency=emergency))
        try:
            number = 0
            async for pcm in frames:
                if len(waiting) == waiting.maxlen:
                    report.frames_dropped_before_grant += 1
                waiting.append((number, encoder.encode(pcm), time.monotonic()))
                number += 1
                if self.queued is not None:
                    await asyncio.wait({request})
                    waiting = _held_over(waiting)
                if not request.done():
                    continue
                voice = voice or self._start(request.result(), encoder, report)
                if not self._holds(voice):
                    break
                self._send(voice, waiting, report)
            voice = voice or self._start(await request, encoder, report)
            if self._holds(voice):
                self._send(voice, waiting, report)
        finally:
            self.listeners.remove(on_lost)
            request.cancel()
            self.release_floor()
        return report

    def _start(self, grant: Grant, encoder: OpusEncoder, report: TalkReport) -> VoiceSender:
        report.grant = grant
        return VoiceSender(grant.burst_ssrc, round(encoder.frame_ms * OPUS_CLOCK_HZ / 1000))

    def _holds(self, voice: VoiceSender) -> bool:
        return self.grant is not None and self.grant.burst_ssrc == voice.ssrc

    def _send(self, voice: VoiceSender, waiting: deque[tuple[int, bytes, float]], report: TalkReport) -> None:
        while waiting:
            number, opus, captured_at = waiting.popleft()
            packet = voice.packet(number, opus)
            self._media.send_voice(packet.encode())
            report.frames_sent += 1
            if self._on_sent is not None:
                self._on_sent(packet.ssrc, packet.sequence, packet.timestamp, captured_at)

    # Listening ---------------------------------------------------------------------------------------------------

    def knows_burst(self, ssrc: int) -> bool:
        return ssrc in self._streams or ssrc == self._floor.talker_ssrc

    def receive_voice(self, now: float, packet: RtpPacket) -> None:
        """A voice packet of the group, already authenticated."""
        self._floor.media_received(now)
        stream = self._streams.get(packet.ssrc)
        if stream is None:
            if packet.ssrc in self._over:
                return
            stream = self._streams[packet.ssrc] = self._new_stream()
        stream.push(now, packet)

    def _new_stream(self) -> PlayoutStream:
        if self._playout_delay_s is None:
            return PlayoutStream(self._sample_rate_hz, on_played=self._on_played)
        return PlayoutStream(self._sample_rate_hz, self._playout_delay_s, self._on_played)

    @property
    def has_voice(self) -> bool:
        """Somebody is heard, or still in the jitter buffer."""
        return bool(self._streams)

    def pull(self, now: float, frame_ms: float = 20) -> bytes:
        """The next frame for the loudspeaker: the bursts of the group, one after the other; silence between."""
        frame = b""
        while self._streams:
            ssrc, stream = next(iter(self._streams.items()))
            frame = stream.pull(now, frame_ms)
            if not stream.finished:
                break
            self._playout_delay_s = stream.target_delay_s
            self.finished_streams.append(self._streams.pop(ssrc))
            self._over.append(ssrc)
            break
        return frame or bytes(round(self._sample_rate_hz * frame_ms / 1000) * 2)

    @property
    def statistics(self) -> JitterStatistics | None:
        """Of the burst that is heard, or of the last one; None before the first."""
        streams = [*self.finished_streams, *self._streams.values()]
        return streams[-1].statistics if streams else None

    def _end_streams(self, besides: int | None) -> None:
        for ssrc, stream in self._streams.items():
            if ssrc != besides:
                stream.end()

    def reports(self) -> list[rtcp.ReportBlock]:
        """What to tell the server of the bursts that are heard now (RFC 3550 §6.4.1)."""
        return self._reception.of(self._streams)

    def close(self) -> None:
        """Takes part no more: a burst of ours is lost (FloorLost), who waits for the floor gets NotConnected."""
        self._alarm.close()
        self._media.groups.pop(self.group_id, None)
        self._drop_floor()
        self._media.watch_activity()


def _held_over(waiting: deque[tuple[int, bytes, float]]) -> deque[tuple[int, bytes, float]]:
    """What was said before the queue is as old as the grant: the wait is the queue's delay, not the voice path's."""
    now = time.monotonic()
    return deque(((number, opus, now) for number, opus, _ in waiting), waiting.maxlen)
