"""The emergency of the demonstration, at both ends: who walks into a fence and calls for help, and who answers."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ptthandset.alerts import AlertEvent
from ptthandset.handset import Handset
from ptthandset.location import LocationEvent
from pttserver.wire import signalling

OUTSIDE = signalling.Point(latitude=55.6900, longitude=12.5990)
INSIDE = signalling.Point(latitude=55.6930, longitude=12.5990)
FENCE = signalling.CircleShape(center=INSIDE, radius_m=150)
ACCURACY_M = 5.0
WALKED_S = 300  # the way from one to the other, so that nobody runs absurdly fast
THINKING_S = 0.3  # between two steps of a dispatcher

Tell = Callable[..., None]
"""Says what happened: `what`, `by`, and `at_ns` of the monotonic clock that all processes share."""


def _position(point: signalling.Point, ago_s: float = 0) -> signalling.Position:
    at_ms = time.time_ns() // 1_000_000 - round(1000 * ago_s)
    return signalling.Position(latitude=point.latitude, longitude=point.longitude, accuracy_m=ACCURACY_M, at_ms=at_ms)


class Dispatcher:
    """Draws a fence, watches, and takes an alert from its coming in to its end."""

    def __init__(self, handset: Handset, tell: Tell) -> None:
        self._handset = handset
        self._tell = tell
        self._answering: asyncio.Task[None] | None = None

    async def start(self, fence: str) -> None:
        """From now on fence events and alerts are told, and alerts answered."""
        location = self._handset.location
        location.listeners.append(self._on_location)
        self._handset.alerts.listeners.append(self._on_alert)
        await location.watch(fence=await location.put_fence(fence, FENCE))

    def _on_location(self, event: LocationEvent) -> None:
        if isinstance(event, signalling.FenceEvent):
            self._tell(what=f"{event.event} {event.fence_name}", by=event.name)

    def _on_alert(self, event: AlertEvent) -> None:
        if isinstance(event, signalling.AlertRaised) and self._answering is None:
            self._tell(what="shown to the dispatcher", by=event.info.name)
            self._answering = asyncio.create_task(self._answer(event.info.alert))
        elif isinstance(event, signalling.AlertStepped) and event.step.kind not in ("raised", "delivered"):
            self._tell(what=event.step.kind, by=event.step.name)

    async def _answer(self, alert: str) -> None:
        alerts = self._handset.alerts
        for step in (alerts.acknowledge, alerts.handle):
            await asyncio.sleep(THINKING_S)
            await step(alert)
        await asyncio.sleep(THINKING_S)
        await alerts.resolve(alert, "resolved", "help is there")


async def call_for_help(handset: Handset, tell: Tell) -> None:
    """Reports a walk into the fence, then presses the alarm; returns when the alert is closed."""
    closed = asyncio.Event()

    def hear(event: Any) -> None:
        if isinstance(event, signalling.AlertStepped) and event.state == "resolved":
            closed.set()

    handset.alerts.listeners.append(hear)
    await handset.location.report(_position(OUTSIDE, WALKED_S), _position(INSIDE))
    await asyncio.sleep(THINKING_S)
    tell(what="pressed the alarm", by=handset.name)
    await handset.alerts.raise_alert(position=_position(INSIDE))
    tell(what="accepted by the server", by=handset.name)
    await closed.wait()
    tell(what="knows that it is resolved", by=handset.name)
