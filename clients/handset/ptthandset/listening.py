"""Ambient listening: while an alert is open a dispatcher may hear the microphone of the device that raised it.

At the device, if the application gives it a microphone (and says so to its user whenever `listeners` are told):

    handset.listening.microphone = microphone
    handset.listening.listeners.append(show)

At the dispatcher's:

    ambient = await handset.listening.listen(alert, "no answer to our calls")
    ... ambient.group.pull(now) ...
    await handset.listening.stop(alert)

The device talks in a channel of its own: its groups go on as before, also when its user presses the key. An
application that lets its user talk meanwhile should share one microphone (audio/shared_microphone.py).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from ptthandset.audio.codec import OpusEncoder
from ptthandset.calls import Affiliate
from ptthandset.errors import HandsetError, NotConnected, Refused
from ptthandset.listeners import tell_all
from ptthandset.service import Ask, Service
from ptthandset.talkgroup import Talkgroup
from pttserver.wire import signalling

MicrophoneSource = Callable[[OpusEncoder], AbstractAsyncContextManager[AsyncIterable[bytes]]]
"""Opens the microphone: frames of the encoder's length, for as long as the block lasts."""


@dataclass(frozen=True, slots=True)
class MicrophoneOpened:
    """Somebody listens to our microphone: show it, and who. Told again when others do too, or some no more."""

    alert: str
    names: tuple[str, ...]
    at_most_s: float


@dataclass(frozen=True, slots=True)
class MicrophoneClosed:
    """Nobody listens any more."""

    alert: str


@dataclass(frozen=True, slots=True)
class MicrophoneFailed:
    """Somebody wanted to listen, and could not: we have no microphone, or it does not work."""

    alert: str
    problem: str


ListeningEvent = MicrophoneOpened | MicrophoneClosed | MicrophoneFailed


@dataclass(slots=True)
class Ambient:
    """What we hear. `over` is set when we hear it no more, and then `why` tells the cause (alerts.md)."""

    alert: str
    group: Talkgroup
    at_most_s: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    why: str | None = None


@dataclass(slots=True)
class _Opened:
    """Our microphone, as the server wants it."""

    wanted: signalling.AlertMicrophone
    speaking: asyncio.Task[None] | None = None


class Listening(Service):
    """Both sides. `microphone` None: a device that has none, or does not offer it."""

    def __init__(
        self,
        ask: Ask,
        affiliate: Affiliate,
        takes_part: Callable[[str], bool],
        me: str,
        sample_rate_hz: int,
    ) -> None:
        super().__init__(ask)
        self.microphone: MicrophoneSource | None = None
        self.listeners: list[Callable[[ListeningEvent], None]] = []
        self._affiliate = affiliate
        self._takes_part = takes_part
        self._me = me
        self._sample_rate_hz = sample_rate_hz
        self._opened: dict[str, _Opened] = {}
        self._heard: dict[str, Ambient] = {}
        self._closing: set[asyncio.Task[None]] = set()

    # For dispatchers ---------------------------------------------------------------------------------------------

    async def listen(self, alert: str, reason: str, for_s: int | None = None) -> Ambient:
        """Hears the microphone of who raised the alert, for `for_s` seconds at most (None: as long as is allowed).

        Raises Refused: `policy.forbids` (the organisation does not allow it), `auth.forbidden`, `not_found`,
        `call.unavailable` (the device is not connected), `invalid_value` (too long).
        """
        request = signalling.ListenToAlert(id=1, alert=alert, reason=reason, for_s=for_s)
        reply = await self._ask(request, signalling.AlertListening)
        ambient = Ambient(alert, await self._affiliate(reply.group), reply.at_most_s)
        self._heard[alert] = ambient
        return ambient

    async def stop(self, alert: str) -> None:
        """We have heard enough."""
        await self._ask(signalling.StopListening(id=1, alert=alert), signalling.Done)

    def _is_over(self, alert: str, why: str) -> None:
        ambient = self._heard.pop(alert, None)
        if ambient is not None:
            ambient.why = why
            ambient.over.set()

    # What the server says ----------------------------------------------------------------------------------------

    def take(self, event: signalling.Message) -> None:
        match event:
            case signalling.AlertMicrophone(open=True):
                self._open(event)
            case signalling.AlertMicrophone(alert=alert):
                self._close(alert)
            case signalling.AlertStepped(alert=alert, step=step):
                if step.kind == "listening_ended" and step.by == self._me:
                    self._is_over(alert, step.note)

    def _open(self, wanted: signalling.AlertMicrophone) -> None:
        known = self._opened.get(wanted.alert)
        if known is not None and known.wanted.group != wanted.group:  # its end was lost with a connection
            self._close(wanted.alert)
            known = None
        mine = self._opened.setdefault(wanted.alert, known or _Opened(wanted))
        mine.wanted = wanted
        if mine.speaking is None or (mine.speaking.done() and not self._takes_part(wanted.group)):
            mine.speaking = asyncio.create_task(self._speak(mine), name="ambient listening")
        elif wanted.shown:
            self._tell_open(wanted)

    def _tell_open(self, wanted: signalling.AlertMicrophone) -> None:
        names = tuple(party.name or party.subscriber for party in wanted.listeners)
        tell_all(self.listeners, MicrophoneOpened(wanted.alert, names, wanted.at_most_s))

    async def _speak(self, mine: _Opened) -> None:
        """Shows it first, then opens the microphone, then the channel: who has no microphone does not enter it."""
        alert = mine.wanted.alert
        if self.microphone is None:
            self._tell_failed(mine, "This device offers no microphone.")
            return
        if mine.wanted.shown:
            self._tell_open(mine.wanted)
        encoder = OpusEncoder(self._sample_rate_hz)
        try:
            async with self.microphone(encoder) as frames:
                await self._talk(mine, frames, encoder)
        except NotConnected:  # the next connection tells what is to be
            return
        except Refused:  # it is over by now
            if self._opened.get(alert) is mine:
                self._close(alert)
        except HandsetError as error:
            self._tell_failed(mine, str(error))

    async def _talk(self, mine: _Opened, frames: AsyncIterable[bytes], encoder: OpusEncoder) -> None:
        group = await self._affiliate(mine.wanted.group, press=True)
        rest = aiter(frames)
        while (await group.talk(rest, encoder)).lost is not None:
            pass  # a burst was over, and the channel is ours: the next one

    def _tell_failed(self, mine: _Opened, problem: str) -> None:
        if mine.wanted.shown:
            tell_all(self.listeners, MicrophoneFailed(mine.wanted.alert, problem))

    def _close(self, alert: str) -> None:
        mine = self._opened.pop(alert, None)
        if mine is None:
            return
        speaking = mine.speaking
        if speaking is not None and speaking is not asyncio.current_task():
            speaking.cancel()
            self._closing.add(speaking)  # a microphone takes a moment to close
            speaking.add_done_callback(self._closing.discard)
        if mine.wanted.shown:
            tell_all(self.listeners, MicrophoneClosed(alert))

    async def connected(self) -> None:
        """A session that did not go on has lost its channels; one that did enters what it could not enter before."""
        for alert, ambient in list(self._heard.items()):
            if not self._takes_part(ambient.group.group_id):
                self._is_over(alert, "dispatcher_gone")
        for mine in list(self._opened.values()):
            if mine.speaking is not None and not self._takes_part(mine.wanted.group):
                mine.speaking.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await mine.speaking
                mine.speaking = asyncio.create_task(self._speak(mine), name="ambient listening")

    def close(self) -> None:
        for alert in list(self._opened):
            self._close(alert)
        for alert in list(self._heard):
            self._is_over(alert, "dispatcher_gone")
