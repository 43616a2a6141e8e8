"""Calls that come while a radio listens: told to the user, answered if the user wishes, heard before all groups."""

import asyncio
from collections.abc import Awaitable, Callable

from ptthandset.calls import CallbackSeen, CallbackWanted, CallEvent, HungUp, Ringing, Talking, VoiceCall
from ptthandset.errors import HandsetError
from ptthandset.handset import Handset
from ptthandset.scan import Scan


class Incoming:
    """`ringing`: waits for `answer` or `reject`; `call`: is on. `tell` shows a line to the user.

    `on_talking` and `on_over` are called with the call, for whoever talks in it.
    """

    def __init__(self, handset: Handset, scan: Scan, tell: Callable[[str], None], *, auto_answer: bool) -> None:
        self.ringing: VoiceCall | None = None
        self.call: VoiceCall | None = None
        self.on_talking: Callable[[VoiceCall], None] = lambda _: None
        self.on_over: Callable[[VoiceCall], None] = lambda _: None
        self._handset = handset
        self._scan = scan
        self._show = tell
        self._tasks: set[asyncio.Task[None]] = set()
        handset.calls.auto_answer = auto_answer
        handset.calls.listeners.append(self._on_event)
        for wanted in list(handset.calls.callbacks.values()):  # they came right behind the log-in
            self._on_event(wanted)

    def answer(self) -> None:
        if self.ringing is not None:
            self._start(self.ringing.answer())

    def hang_up(self) -> None:
        """Rejects what rings, else ends the call that is on."""
        if self.ringing is not None:
            self._start(self.ringing.reject())
        elif self.call is not None:
            self._start(self.call.end())

    def _on_event(self, event: CallEvent) -> None:
        match event:
            case Ringing(call):
                self.ringing = call
                self._show(f"{_name(call)} calls.")
            case Talking(call):
                self._begin(call)
            case HungUp(call):
                self._end(call)
            case CallbackWanted(by):
                self._show(f"{by.name or by.subscriber} asks you to call back.")
                self._start(self._handset.calls.callback_seen(by.subscriber))
            case CallbackSeen(by):
                self._show(f"{by.name or by.subscriber} has read that you want a call back.")

    def _begin(self, call: VoiceCall) -> None:
        self.ringing, self.call = None, call
        if call.listen_group is not None:
            self._scan.groups.insert(0, call.listen_group)
        self._show(f"In a call with {_name(call)}.")
        self.on_talking(call)

    def _end(self, call: VoiceCall) -> None:
        if call is self.ringing:
            self.ringing = None
        if call is self.call:
            self.call = None
            self._scan.groups = [group for group in self._scan.groups if group is not call.listen_group]
        self._show(f"The call with {_name(call)} is over.")
        self.on_over(call)

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except HandsetError as error:
                self._show(str(error))

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _name(call: VoiceCall) -> str:
    return (call.party and (call.party.name or call.party.subscriber)) or "somebody"
