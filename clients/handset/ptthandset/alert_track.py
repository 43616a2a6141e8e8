"""Where the device is while its own alert is open: told to dispatchers at the interval of the terms, then no more."""

from collections.abc import Callable

from ptthandset.errors import NotConnected, Refused
from ptthandset.service import Ask
from pttserver.wire import signalling
from pttserver.wire.signalling import AlertInfo, Position


class AlertTrack:
    """`take` each fix of the device; `Location.follow` does. What must not be sent is let go of, and never kept."""

    def __init__(
        self, ask: Ask, own: Callable[[], AlertInfo | None], terms: Callable[[], signalling.LocationTerms | None]
    ) -> None:
        self._ask = ask
        self._own = own
        self._terms = terms
        self._sent_ms = 0

    @property
    def interval_s(self) -> int | None:
        """Between two positions of an open alert; None: the organisation lets alerts carry none at this moment."""
        terms = self._terms()
        if terms is None or not (terms.state == "on" or terms.sos):
            return None
        return terms.sos_interval_s

    async def take(self, position: Position) -> None:
        """Sends it if an own alert is open and it is due. What cannot be sent now is not sent later."""
        own, interval_s = self._own(), self.interval_s
        if own is None or interval_s is None or position.at_ms - self._sent_ms < 1000 * interval_s:
            return
        before, self._sent_ms = self._sent_ms, position.at_ms
        try:
            await self._ask(
                signalling.ReportAlertPosition(id=1, alert=own.alert, position=position), signalling.LocationTaken
            )
        except NotConnected:
            self._sent_ms = before  # the first one after the connection is back goes out at once
        except Refused:
            return  # switched off on its way
