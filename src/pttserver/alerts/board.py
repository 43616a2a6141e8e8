"""The board: all open alerts, one a subscriber, and the ids of those that are over, which may still come again."""

from collections import OrderedDict
from collections.abc import Iterator

from pttserver.alerts.alert import Alert
from pttserver.ids import AlertId, SubscriberId

REMEMBERED_CLOSED = 10_000


class Board:
    """Knows what an alert that comes in is: new, one that is open, or one that was closed before."""

    def __init__(self) -> None:
        self._open: dict[AlertId, Alert] = {}
        self._of: dict[SubscriberId, Alert] = {}
        self._closed: OrderedDict[AlertId, Alert] = OrderedDict()

    def __iter__(self) -> Iterator[Alert]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def known(self, alert_id: AlertId) -> Alert | None:
        """The alert of this id, whether it is open or over."""
        return self._open.get(alert_id) or self._closed.get(alert_id)

    def open_of(self, subscriber_id: SubscriberId) -> Alert | None:
        """The alert that the subscriber has open."""
        return self._of.get(subscriber_id)

    def put(self, alert: Alert) -> None:
        """A new or restored alert; its raiser must have no other one open."""
        if not alert.state.is_open:
            self._remember(alert)
            return
        assert alert.raiser not in self._of, "one open alert a subscriber"
        self._open[alert.alert_id] = self._of[alert.raiser] = alert

    def close(self, alert: Alert) -> None:
        """It is over; its id stays known."""
        if self._open.pop(alert.alert_id, None) is not None:
            del self._of[alert.raiser]
        self._remember(alert)

    def _remember(self, alert: Alert) -> None:
        self._closed[alert.alert_id] = alert
        if len(self._closed) > REMEMBERED_CLOSED:
            self._closed.popitem(last=False)

    def next_deadline(self) -> float | None:
        """The earliest of all open alerts (monotonic seconds)."""
        running = [deadline for alert in self._open.values() if (deadline := alert.next_deadline()) is not None]
        return min(running, default=None)
