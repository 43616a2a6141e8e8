"""Operators with handsets, whose loudspeakers run, so that a test reads like radio traffic."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ptthandset.audio.codec import FrameMs, OpusEncoder
from ptthandset.audio.pacing import spoken, ticks
from ptthandset.handset import Handset, HandsetEvent
from ptthandset.media_path import Via
from ptthandset.speech import sentence_pcm
from ptthandset.talkgroup import GroupEvent, Talkgroup, TalkReport
from running_server import Platform, until

RATE_HZ = 16_000
PULL_MS = 20


class Operator:
    """Somebody with a handset. `sent` and `played` are sequence numbers by burst, `events` and `told` what was said."""

    handset: Handset
    group: Talkgroup

    def __init__(self, name: str) -> None:
        self.name = name
        self.groups: list[Talkgroup] = []
        self.sent: dict[int, list[int]] = defaultdict(list)
        self.played: dict[int, list[int]] = defaultdict(list)
        self.events: list[GroupEvent] = []
        self.told: list[HandsetEvent] = []

    def on_sent(self, ssrc: int, sequence: int, _timestamp: int, _captured_at: float) -> None:
        self.sent[ssrc].append(sequence)

    def on_played(self, ssrc: int, sequence: int, _timestamp: int, _heard_at: float) -> None:
        self.played[ssrc].append(sequence)

    async def says(
        self, seconds: float = 1.0, frame_ms: FrameMs = 20, *, emergency: bool = False, group: Talkgroup | None = None
    ) -> TalkReport:
        """Presses the key, says the beginning of a sentence at its natural pace, lets go."""
        encoder = OpusEncoder(RATE_HZ, frame_ms)
        pcm = b"".join(sentence_pcm(number, RATE_HZ) for number in range(3))[: 2 * round(RATE_HZ * seconds)]
        frames = spoken(pcm, encoder.frame_bytes, frame_ms)
        return await (group or self.group).talk(frames, encoder, emergency=emergency)

    async def hears_all(self, talker: "Operator", report: TalkReport) -> None:
        """Plays every frame of the burst, in order; fails if one is missing."""
        assert report.grant is not None
        assert report.frames_sent > 0
        burst = report.grant.burst_ssrc
        await until(lambda: burst in self.played)
        await until(lambda: not self.group.has_voice)
        assert self.played[burst] == talker.sent[burst]

    async def saw(self, kind: type[Any]) -> Any:
        """Waits for an event of this kind, of the group or the handset."""
        await until(lambda: any(isinstance(event, kind) for event in (*self.events, *self.told)))
        return next(event for event in (*self.events, *self.told) if isinstance(event, kind))


class Roll:
    """Puts operators on duty; those whom `UDP` is open to have it when they come on."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._ears: list[asyncio.Task[None]] = []

    async def on_duty(self, name: str, *groups: str, **options: Any) -> Operator:
        """A new subscriber, member of `groups` (default: Patrol), logged in and affiliated to them."""
        names = groups or ("Patrol",)
        credentials = await self.platform.enrol(name, *names, listen_only=options.pop("listen_only", False))
        return await self.logged_in(name, credentials, *names, **options)

    async def logged_in(self, name: str, credentials: Any, *groups: str, **options: Any) -> Operator:
        operator = Operator(name)
        operator.handset = await self.platform.log_in(
            credentials, on_sent=operator.on_sent, on_played=operator.on_played, **options
        )
        operator.handset.listeners.append(operator.told.append)
        operator.groups = [await operator.handset.affiliate(group) for group in groups]
        for group in operator.groups:
            group.listeners.append(operator.events.append)
        operator.group = operator.groups[0]
        self._ears.append(asyncio.create_task(_listen(operator)))
        if options.get("use_udp", True):
            await until(lambda: operator.handset.media.via is Via.UDP)
        return operator

    async def dismiss(self) -> None:
        for ear in self._ears:
            ear.cancel()
        for outcome in await asyncio.gather(*self._ears, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome


async def _listen(operator: Operator) -> None:
    async for now in ticks(PULL_MS):
        for group in operator.groups:
            group.pull(now, PULL_MS)


@asynccontextmanager
async def roll_of(platform: Platform) -> AsyncIterator[Roll]:
    """The platform must have the groups."""
    roll = Roll(platform)
    try:
        yield roll
    finally:
        await roll.dismiss()
