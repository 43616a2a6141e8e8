"""Handsets of the demonstration, in a process of their own: commands come as JSON lines, reports go out likewise.

In:  {"do": "start", "handsets": [...]}   {"do": "talk", "handset": NAME}   {"do": "finish", "spoken": {ssrc: sentence}}
     {"do": "oversee", "handset": NAME, "fence": NAME}   {"do": "alarm", "handset": NAME}
Out: {"ready": NAMES}  {"event": ..., "handset": NAME, ...}  {"done": NAME, ...}  {"reports": [...]}  {"failed": TEXT}
     {"overseen": NAME}  {"told": WHAT, "by": NAME, "at_ns": ...}  {"helped": NAME}
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import uvloop

from ptthandset.audio.codec import FrameMs, OpusEncoder
from ptthandset.audio.files import WavWriter
from ptthandset.audio.pacing import spoken, ticks
from ptthandset.audio.similarity import similarity
from ptthandset.demo_emergency import Dispatcher, call_for_help
from ptthandset.errors import HandsetError
from ptthandset.floor_effects import FloorQueued, FloorTaken
from ptthandset.handset import Handset, Options, enroll
from ptthandset.media_path import Via
from ptthandset.speech import sentence_pcm
from ptthandset.talkgroup import GroupEvent, Talkgroup
from pttserver.errors import PttError

SAMPLE_RATE_HZ = 16_000
FRAME_MS: FrameMs = 20
UDP_PATIENCE_S = 5.0

Job = dict[str, Any]


def _say(**members: Any) -> None:
    sys.stdout.write(json.dumps(members) + "\n")
    sys.stdout.flush()


def _tell(*, what: str, by: str) -> None:
    _say(told=what, by=by, at_ns=time.monotonic_ns())


class Actor:
    """One handset of the demonstration: says its sentence when told to, records what it hears."""

    def __init__(self, job: Job) -> None:
        self.name: str = job["name"]
        self._job = job
        self._sent: dict[int, dict[int, float]] = defaultdict(dict)
        self._played: dict[int, dict[int, float]] = defaultdict(dict)
        self._heard: dict[int, bytearray] = defaultdict(bytearray)
        self._hearing: int | None = None
        self._queued = False
        self._handset: Handset
        self._dispatcher: Dispatcher | None = None
        self._group: Talkgroup
        self._listening: asyncio.Task[None]

    async def start(self) -> None:
        """Enrols, logs in with the PIN, joins the group, and listens from then on."""
        credentials = await enroll(self._job["enrolment"], "demonstration")
        options = Options(
            sample_rate_hz=SAMPLE_RATE_HZ,
            use_udp=self._job["use_udp"],
            on_sent=self._on_sent,
            on_played=self._on_played,
        )
        self._handset = await Handset.connect(credentials, pin=self._job["pin"], options=options)
        self._group = await self._handset.affiliate(self._job["group"])
        self._group.listeners.append(self._on_event)
        self._listening = asyncio.create_task(self._listen())
        await self._wait_for_udp()

    async def _wait_for_udp(self) -> None:
        media = self._handset.media
        if not self._job["use_udp"] or media is None:
            return
        async with asyncio.timeout(UDP_PATIENCE_S):
            while media.via is not Via.UDP:
                await asyncio.sleep(0.02)

    async def talk(self) -> None:
        """Presses the key, says the sentence at its natural pace, lets go."""
        encoder = OpusEncoder(SAMPLE_RATE_HZ, FRAME_MS)
        pcm = sentence_pcm(self._job["sentence"], SAMPLE_RATE_HZ)
        self._queued = False
        try:
            report = await self._group.talk(spoken(pcm, encoder.frame_bytes, FRAME_MS), encoder)
        except HandsetError as error:
            _say(done=self.name, denied=str(error))
            return
        assert report.grant is not None
        _say(
            done=self.name,
            ssrc=report.grant.burst_ssrc,
            access_time_s=report.grant.access_time_s,
            queued=self._queued,
            frames=report.frames_sent,
            lost=report.lost is not None,
        )

    def _on_event(self, event: GroupEvent) -> None:
        if isinstance(event, FloorQueued):
            self._queued = True
            _say(event="queued", handset=self.name, group=self._job["group"], position=event.position)
        elif isinstance(event, FloorTaken):
            _say(event="hears", handset=self.name, group=self._job["group"], talker=event.name)

    def _on_sent(self, ssrc: int, sequence: int, _timestamp: int, captured_at: float) -> None:
        self._sent[ssrc][sequence] = captured_at - FRAME_MS / 1000  # when its first sample was spoken

    def _on_played(self, ssrc: int, sequence: int, _timestamp: int, heard_at: float) -> None:
        self._played[ssrc][sequence] = heard_at
        self._hearing = ssrc

    async def _listen(self) -> None:
        with WavWriter(Path(self._job["recording"]), SAMPLE_RATE_HZ) as recording:
            async for now in ticks(FRAME_MS):
                frame = self._group.pull(now, FRAME_MS)
                recording.write(frame)
                if self._hearing is not None and self._group.has_voice:
                    self._heard[self._hearing] += frame

    async def oversee(self, fence: str) -> None:
        """Dispatches from now on."""
        self._dispatcher = Dispatcher(self._handset, _tell)
        await self._dispatcher.start(fence)
        _say(overseen=self.name)

    async def alarm(self) -> None:
        """Walks into the fence and calls for help."""
        await call_for_help(self._handset, _tell)
        _say(helped=self.name)

    async def finish(self, sentences: dict[int, int]) -> Job:
        """Logs out and reports; `sentences` says what was said in each burst."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        media = self._handset.media
        report = {
            "handset": self.name,
            "group": self._job["group"],
            "via": media.via.value if media else "",
            "sent": self._sent,
            "played": self._played,
            "similarity": {
                ssrc: similarity(sentence_pcm(sentences[ssrc], SAMPLE_RATE_HZ), bytes(sound), SAMPLE_RATE_HZ)
                for ssrc, sound in self._heard.items()
                if ssrc in sentences
            },
            "statistics": [_counts(stream.statistics) for stream in self._group.finished_streams],
        }
        await self._handset.log_out()
        return report


def _counts(statistics: Any) -> Job:
    names = ("received", "played", "lost", "late", "duplicated", "recovered_by_fec", "concealed")
    return {name: getattr(statistics, name) for name in names}


async def _commands() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main() -> None:
    """Serves commands until `finish` or the end of standard input."""
    actors: dict[str, Actor] = {}
    talking: set[asyncio.Task[None]] = set()
    commands = await _commands()
    while line := await commands.readline():
        command: Job = json.loads(line)
        match command["do"]:
            case "start":
                actors = {job["name"]: Actor(job) for job in command["handsets"]}
                for actor in actors.values():
                    await actor.start()
                _say(ready=list(actors))
            case "talk":
                task = asyncio.create_task(actors[command["handset"]].talk())
                talking.add(task)
                task.add_done_callback(talking.discard)
            case "oversee":
                await actors[command["handset"]].oversee(command["fence"])
            case "alarm":
                await actors[command["handset"]].alarm()
            case "finish":
                sentences = {int(ssrc): index for ssrc, index in command["spoken"].items()}
                _say(reports=[await actor.finish(sentences) for actor in actors.values()])
                return


def run() -> None:
    try:
        uvloop.run(main())
    except (HandsetError, PttError, TimeoutError) as error:
        _say(failed=str(error) or type(error).__name__)
        raise SystemExit(1) from None


if __name__ == "__main__":
    run()
