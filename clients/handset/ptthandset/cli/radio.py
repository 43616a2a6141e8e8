"""`ptt radio`: a radio on the terminal, with push-to-talk on the space bar.

A terminal tells when a key goes down and not when it comes up, so the space bar is pressed once to talk and once to
stop.
"""

import asyncio
import contextlib
import os
import sys
import termios
import time
import tty
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.live import Live

from ptthandset.alerts import AlertEvent
from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.devices import Microphone
from ptthandset.audio.pacing import spoken
from ptthandset.audio.shared_microphone import SharedMicrophone
from ptthandset.calls import VoiceCall
from ptthandset.cli.connecting import until_stopped
from ptthandset.cli.incoming import Incoming
from ptthandset.cli.listening import Ears
from ptthandset.cli.radio_face import Face
from ptthandset.cli.sos import listening_text, step_text
from ptthandset.errors import FloorCancelled, FloorRefused, HandsetError
from ptthandset.floor_effects import FloorLost
from ptthandset.handset import Connected, Disconnected, GroupGone, GroupNew, Handset, HandsetEvent
from ptthandset.listening import ListeningEvent, MicrophoneClosed, MicrophoneOpened
from ptthandset.message_events import MessageEvent, MessageReceived
from ptthandset.message_lines import message_lines
from ptthandset.scan import Scan
from ptthandset.talkgroup import GroupEvent
from pttserver.errors import PttError
from pttserver.wire.floor_control import RevokeCause
from pttserver.wire.signalling import AlertRaised, AlertStepped

SAMPLE_RATE_HZ = 16_000
FRAME_MS = 20
REFRESHES_PER_S = 8
KEYS_AT_ONCE = 64
_REVOKED = {
    RevokeCause.BURST_TOO_LONG: "you talked too long",
    RevokeCause.PREEMPTED: "an emergency has the floor",
    RevokeCause.NO_PERMISSION_TO_SEND: "a dispatcher took the floor back",
}
ALARM_CONFIRM_S = 2.0


class Radio:
    """Keys in, sound in and out, the face redrawn. `speech` stands for the microphone."""

    def __init__(
        self, handset: Handset, speech: bytes | None, record: Path | None, speaker: bool, *, auto_answer: bool = False
    ) -> None:
        self._handset = handset
        self._speech = speech
        self._record = record
        self._speaker = speaker
        self._auto_answer = auto_answer
        self._microphone = SharedMicrophone(lambda: Microphone(SAMPLE_RATE_HZ, FRAME_MS))
        self._incoming: Incoming
        self._stop_talking = asyncio.Event()
        self._talking: asyncio.Task[None] | None = None
        self._joining: asyncio.Task[None] | None = None
        self._calling: asyncio.Task[None] | None = None
        self._alarm_pressed_at = float("-inf")
        self._quit = asyncio.Event()
        self._scan: Scan
        self._face: Face

    async def operate(self, names: Sequence[str]) -> None:
        """Until `q`, Ctrl+C or the end of the session (raises why)."""
        if not names:
            raise HandsetError("You are not a member of any group yet; ask your dispatcher.")
        if not sys.stdin.isatty():
            raise HandsetError("ptt radio needs a terminal; use ptt talk and ptt listen in scripts.")
        groups = [await self._handset.affiliate(name) for name in names]
        self._scan = Scan(groups)
        self._face = Face(self._handset, groups)
        self._incoming = Incoming(self._handset, self._scan, self._show, auto_answer=self._auto_answer)
        self._incoming.on_talking, self._incoming.on_over = self._on_call, self._on_call_over
        self._handset.listeners.append(self._on_handset_event)
        self._handset.alerts.listeners.append(self._on_alert)
        self._handset.listening.microphone = self._voice
        self._handset.listening.listeners.append(self._on_listening)
        self._handset.messages.listeners.append(self._on_message_event)
        for group in groups:
            group.listeners.append(self._on_group_event)
        with ExitStack() as stack:
            ears = Ears(stack, self._record, self._speaker)
            stack.enter_context(_single_keys(self._on_key))
            stack.enter_context(
                Live(get_renderable=self._face.draw, refresh_per_second=REFRESHES_PER_S, console=Console(), screen=True)
            )
            hearing = asyncio.create_task(ears.hear(self._scan))
            quitting = asyncio.create_task(self._quit.wait())
            await until_stopped(self._handset, hearing, quitting)

    # Keys --------------------------------------------------------------------------------------------------------

    def _on_key(self, key: str) -> None:
        match key:
            case " ":
                own = self._handset.alerts.own
                self._toggle(emergency=own is not None and not own.drill)
            case "e":
                self._press_alarm()
            case "\t" if not self._is_talking:
                self._face.select_next()
            case "a":
                self._incoming.answer()
            case "x":
                self._incoming.hang_up()
            case "q" | "\x03":
                self._quit.set()

    def _press_alarm(self) -> None:
        """Once is a mistake, twice within a moment is an emergency; from then on the space bar talks as one."""
        now = time.monotonic()
        if now - self._alarm_pressed_at > ALARM_CONFIRM_S:
            self._alarm_pressed_at = now
            self._face.note = "Press e again to call for help."
        elif self._calling is None or self._calling.done():
            self._calling = asyncio.create_task(self._call_for_help())

    async def _call_for_help(self) -> None:
        self._face.note = "Calling for help ..."
        try:
            await self._handset.alerts.raise_alert()
        except HandsetError as error:
            self._face.note = str(error)
        else:
            self._face.note = "Your organisation has your call for help."

    def _on_alert(self, event: AlertEvent) -> None:
        if isinstance(event, AlertRaised) and event.info.subscriber != self._handset.credentials.subscriber:
            kind = "Exercise" if event.info.drill else "SOS"
            self._face.note = f"{kind}: {event.info.name or event.info.subscriber} calls for help."
        elif isinstance(event, AlertStepped):
            self._face.note = step_text(event)

    def _on_listening(self, event: ListeningEvent) -> None:
        """Shown as long as it lasts, whatever else there is to tell."""
        if isinstance(event, MicrophoneOpened):
            self._face.listened = listening_text(event)
        elif isinstance(event, MicrophoneClosed):
            self._face.listened = ""
        self._face.note = listening_text(event)

    @property
    def _is_talking(self) -> bool:
        return self._talking is not None and not self._talking.done()

    def _toggle(self, emergency: bool) -> None:
        if self._is_talking:
            self._stop_talking.set()
            if self._face.selected.grant is None:
                self._face.selected.cancel_request()
            return
        self._stop_talking.clear()
        group = self._face.selected
        self._talking = asyncio.create_task(self._speak(lambda *voice: group.talk(*voice, emergency=emergency)))

    async def _speak(self, into: Callable[[AsyncIterator[bytes], OpusEncoder], Awaitable[object]]) -> None:
        self._face.note = ""
        encoder = OpusEncoder(SAMPLE_RATE_HZ)
        try:
            async with self._voice(encoder) as frames:
                await into(self._until_stopped(frames), encoder)
        except FloorCancelled:
            self._face.note = ""
        except FloorRefused as error:
            self._face.note = f"Denied: {error}"
        except (HandsetError, PttError) as error:
            self._face.note = str(error)

    @contextlib.asynccontextmanager
    async def _voice(self, encoder: OpusEncoder) -> AsyncIterator[AsyncIterable[bytes]]:
        if self._speech is not None:
            yield spoken(self._speech, encoder.frame_bytes, encoder.frame_ms)
            return
        async with self._microphone.frames() as microphone:  # somebody may listen to it while the user talks
            yield microphone

    async def _until_stopped(self, frames: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for frame in frames:
            if self._stop_talking.is_set():
                return
            yield frame

    async def _join(self, group_id: str, name: str) -> None:
        """A dispatcher put the user into a group: it is heard at once, after those that were chosen."""
        try:
            group = await self._handset.affiliate(group_id)
        except HandsetError as error:
            self._show(f"{name}: {error}")
            return
        group.listeners.append(self._on_group_event)
        self._scan.groups.append(group)
        self._face.add(group, select=False)
        self._show(f"You are a member of {name} now.")

    # Calls -------------------------------------------------------------------------------------------------------

    def _show(self, line: str) -> None:
        self._face.note = line

    def _on_call(self, call: VoiceCall) -> None:
        """The space bar talks in the call; in a full-duplex call it is as if it were held from the start."""
        group = call.talk_group or call.listen_group
        if group is not None:
            group.listeners.append(self._on_group_event)
            self._face.add(group)
        if call.duplex and not self._is_talking:
            self._stop_talking.clear()
            self._talking = asyncio.create_task(self._speak(call.talk))

    def _on_call_over(self, call: VoiceCall) -> None:
        if call.duplex:
            self._stop_talking.set()
        for group in (call.talk_group, call.listen_group):
            if group is not None:
                self._face.forget(group.group_id)

    # Events ------------------------------------------------------------------------------------------------------

    def _on_group_event(self, event: GroupEvent) -> None:
        if isinstance(event, FloorLost) and event.must_stop:
            why = _REVOKED.get(RevokeCause(event.cause or RevokeCause.OTHER), "the server took it back")
            self._face.note = f"Stop talking: {why}."

    def _on_message_event(self, event: MessageEvent) -> None:
        if isinstance(event, MessageReceived):
            self._face.note = message_lines(event.message)

    def _on_handset_event(self, event: HandsetEvent) -> None:
        match event:
            case Disconnected():
                self._face.note = "Connection lost; trying to get it back ..."
            case Connected():
                self._face.note = "Connected again."
            case GroupNew(group_id, name):
                self._joining = asyncio.create_task(self._join(group_id, name))
            case GroupGone(group_id):
                if self._face.forget(group_id):
                    self._face.note = "You are no longer a member of a group."
                self._scan.groups = [group for group in self._scan.groups if group.group_id != group_id]
                if not self._scan.groups:
                    self._quit.set()


@contextlib.contextmanager
def _single_keys(on_key: object) -> Iterator[None]:
    """The terminal gives each key at once and shows none; it is put back as it was, whatever happens."""
    assert callable(on_key)
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    loop = asyncio.get_running_loop()
    tty.setcbreak(fd)

    def read() -> None:
        for key in os.read(fd, KEYS_AT_ONCE).decode(errors="ignore"):  # sys.stdin would keep what it read ahead
            on_key(key)

    loop.add_reader(fd, read)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
