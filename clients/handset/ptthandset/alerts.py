"""Push to Alert: calling for help, hearing of those who do, and answering them.

await handset.alerts.raise_alert()
await handset.alerts.cancel("pressed by mistake")
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Final

from ptthandset.alarm import Alarm
from ptthandset.alert_sender import AlertSender
from ptthandset.errors import HandsetError, NotConnected, Refused
from ptthandset.listeners import tell_all
from ptthandset.service import Ask, Service
from pttserver.wire import signalling
from pttserver.wire.alert_packet import AlertPacket, AlertPacketType, RefusalCause
from pttserver.wire.signalling import (
    AlertDetail,
    AlertInfo,
    AlertMoved,
    AlertOutcome,
    AlertRaised,
    AlertStepped,
    Position,
)

AlertEvent = AlertRaised | AlertMoved | AlertStepped | signalling.GroupEmergency
SWITCHED_OFF: Final = "Your organisation has switched alerts off for you."
_SERVERS_TROUBLE = ("internal", "busy", "store.unavailable")
_CLOSED = ("resolved", "false_alarm", "test", "cancelled")
_CAUSES = {
    RefusalCause.SWITCHED_OFF: ("policy.forbids", SWITCHED_OFF),
    RefusalCause.TOO_MANY: ("auth.throttled", "Too many alerts; wait, then try again."),
}
SendPacket = Callable[[str, bool], None]
"""Sends an alert packet by UDP, if there is a way: id, and whether it is an exercise."""


def draw_alert_id() -> str:
    return f"alr_{secrets.token_hex(8)}"


class Alerts(Service):
    """`open`: the alerts that this device knows of, by id. `listeners` hear each event."""

    def __init__(
        self, ask: Ask, send_packet: SendPacket, me: str, terms: Callable[[], signalling.Terms | None]
    ) -> None:
        super().__init__(ask)
        self.open: dict[str, AlertInfo] = {}
        self.listeners: list[Callable[[AlertEvent], None]] = []
        self._send_packet = send_packet
        self._me = me
        self._terms = terms
        self._alarm = Alarm(self._expire)
        self._sender: AlertSender | None = None
        self._request: signalling.RaiseAlert | None = None
        self._accepted: asyncio.Future[str] | None = None
        self._seen: dict[str, int] = {}
        self._unconfirmed: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def own(self) -> AlertInfo | None:
        """The alert that we have open, as far as the server has told us."""
        return next((info for info in self.open.values() if info.subscriber == self._me), None)

    # Calling for help --------------------------------------------------------------------------------------------

    async def raise_alert(self, *, drill: bool = False, position: Position | None = None) -> str:
        """Calls for help until the server has it, whatever happens to the connection; gives the alert's id.

        Raises Refused (`policy.forbids`: switched off for us, and then nothing is sent). Cancel to give up.
        """
        terms = self._terms()
        if terms is not None and not terms.alerts:
            raise Refused("policy.forbids", SWITCHED_OFF)
        if self._accepted is None or self._accepted.done():
            self._start(drill, position)
        assert self._accepted is not None
        try:
            return await asyncio.shield(self._accepted)
        except asyncio.CancelledError:
            self._settle()
            raise

    def _start(self, drill: bool, position: Position | None) -> None:
        own = self.own
        alert = own.alert if own is not None and own.drill == drill else draw_alert_id()
        self._accepted = asyncio.get_running_loop().create_future()
        self._request = signalling.RaiseAlert(id=1, alert=alert, drill=drill, position=position)
        self._sender = AlertSender(alert, drill)
        self._sender.start(time.monotonic())
        self._send()

    def _send(self) -> None:
        """Both ways; by the WebSocket unless a request is under way there."""
        assert self._sender is not None
        self._send_packet(self._sender.alert, self._sender.drill)
        if self._request is not None:
            request, self._request = self._request, None
            self._run(self._ask_for_help(request))
        self._alarm.set(self._sender.next_deadline())

    async def _ask_for_help(self, request: signalling.RaiseAlert) -> None:
        """The answer to an alert that was settled by UDP meanwhile is the answer to no other one."""
        outcome: str | Refused | None
        try:
            outcome = (await self._ask(request, signalling.AlertAccepted)).alert
        except Refused as error:
            outcome = None if error.code in _SERVERS_TROUBLE else error
        except NotConnected:
            outcome = None
        if self._sender is None or self._sender.alert != request.alert:
            return
        if outcome is None:
            self._request = request  # it is sent again
        else:
            self._settle(outcome)

    def _expire(self, now: float) -> None:
        if self._sender is not None and self._sender.expire(now):
            self._send()

    def receive(self, packet: AlertPacket) -> None:
        """The server's answer by UDP or in a binary frame."""
        if self._sender is None or packet.alert != self._sender.alert:
            return
        if packet.type is AlertPacketType.ACCEPTED:
            self._settle(packet.alert)
        elif packet.type is AlertPacketType.REFUSED:
            self._settle(Refused(*_CAUSES.get(packet.cause, ("internal", "The alert was refused."))))

    def _settle(self, outcome: str | HandsetError | None = None) -> None:
        """It is sent no more. None: given up."""
        if self._sender is not None:
            self._sender.answered()
        self._sender = self._request = None
        self._alarm.set(None)
        future, self._accepted = self._accepted, None
        if future is None or future.done():
            return
        if isinstance(outcome, str):
            future.set_result(outcome)
        elif outcome is None:
            future.cancel()
        else:
            future.set_exception(outcome)

    async def cancel(self, reason: str) -> None:
        """Takes our alert back. Raises Refused (`not_found`: there is none)."""
        own = self.own
        if own is None:
            raise Refused("not_found", "You have no alert open.")
        await self._ask(signalling.CancelAlert(id=1, alert=own.alert, reason=reason), signalling.Done)

    # Answering ---------------------------------------------------------------------------------------------------

    async def list(self) -> list[AlertDetail]:
        """Open alerts with their timelines; all of the organisation's for a dispatcher."""
        found = (await self._ask(signalling.ListAlerts(id=1), signalling.Alerts)).alerts
        known, self.open = self.open, {detail.info.alert: detail.info for detail in found}
        for detail in found:
            self._seen[detail.info.alert] = detail.steps[-1].number
            if detail.info.alert not in known:
                self._confirm_if_asked(detail.info)
        return found

    async def acknowledge(self, alert: str) -> None:
        """For dispatchers: we know of it."""
        await self._ask(signalling.AcknowledgeAlert(id=1, alert=alert), signalling.Done)

    async def handle(self, alert: str) -> None:
        """For dispatchers: we see to it."""
        await self._ask(signalling.HandleAlert(id=1, alert=alert), signalling.Done)

    async def note(self, alert: str, note: str) -> None:
        """For the other dispatchers and the debriefing. Raises Refused also if the alert is closed (`not_found`)."""
        await self._ask(signalling.NoteAlert(id=1, alert=alert, note=note), signalling.Done)

    async def resolve(self, alert: str, outcome: AlertOutcome = "resolved", note: str = "") -> None:
        """For dispatchers: it is over."""
        await self._ask(signalling.ResolveAlert(id=1, alert=alert, outcome=outcome, note=note), signalling.Done)

    async def take_back(self, alert: str, reason: str) -> None:
        """For dispatchers: it should not have been raised."""
        await self._ask(signalling.CancelAlert(id=1, alert=alert, reason=reason), signalling.Done)

    # What the server says ----------------------------------------------------------------------------------------

    def take(self, event: signalling.Message) -> None:
        match event:
            case AlertRaised(info=info):
                self._hear(info)
            case AlertMoved(alert=alert, position=position):
                if alert in self.open:
                    self.open[alert] = self.open[alert].model_copy(update={"position": position})
            case AlertStepped(alert=alert, step=step):
                if self._seen.get(alert, 0) >= step.number:
                    return
                self._seen[alert] = step.number
                self._follow(event)
            case signalling.GroupEmergency():
                pass
            case _:
                return
        tell_all(self.listeners, event)

    def _hear(self, info: AlertInfo) -> None:
        is_new = info.alert not in self.open
        self.open[info.alert] = info
        if is_new or info.state == "raised":
            self._confirm_if_asked(info)

    def _confirm_if_asked(self, info: AlertInfo) -> None:
        if info.subscriber != self._me:
            self._unconfirmed.add(info.alert)
            self._run(self._confirm(info.alert))

    def _follow(self, event: AlertStepped) -> None:
        info = self.open.get(event.alert)
        if event.state in _CLOSED:
            self.open.pop(event.alert, None)
            self._seen.pop(event.alert, None)
        elif info is not None:
            handler = event.step.by if event.step.kind == "handling" else info.handler
            self.open[event.alert] = info.model_copy(update={"state": event.state, "handler": handler})

    async def _confirm(self, alert: str) -> None:
        """What is not confirmed for want of a connection is confirmed with the next one."""
        with contextlib.suppress(Refused):  # it is over by now
            await self._ask(signalling.ConfirmAlert(id=1, alert=alert), signalling.Done)
        self._unconfirmed.discard(alert)

    async def connected(self) -> None:
        """An alert on its way goes both ways anew; and what was closed while we were away is open no more."""
        if self._sender is not None and self._sender.connected(time.monotonic()):
            self._send()
        if self.open:
            await self.list()
        for alert in list(self._unconfirmed):
            await self._confirm(alert)

    def close(self) -> None:
        self._settle(NotConnected("The session is over."))
        self._alarm.close()
        for task in self._tasks:
            task.cancel()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        async def until_disconnected() -> None:
            with contextlib.suppress(HandsetError):
                await work

        task = asyncio.get_running_loop().create_task(until_disconnected())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
