"""When to send an alert, until the server has it. Pure: time is an argument.

It goes both ways at once, for nobody knows which of them works just now: TCP may be stuck in a retransmission, UDP
blocked. The server knows the alert by its id, so it may come any number of times.
"""

from dataclasses import dataclass

FIRST_REPEAT_S = 0.1
LONGEST_REPEAT_S = 2.0


@dataclass(slots=True)
class AlertSender:
    """One alert on its way out: send it whenever a call says so, then ask `next_deadline`."""

    alert: str
    drill: bool = False
    _due: float | None = None
    _pause_s: float = FIRST_REPEAT_S

    @property
    def is_done(self) -> bool:
        """It was accepted, refused or given up."""
        return self._due is None

    def start(self, now: float) -> None:
        """The key was pressed: send it."""
        self._pause_s = FIRST_REPEAT_S
        self._due = now + self._pause_s

    def connected(self, now: float) -> bool:
        """There is a new connection to the server. Whether to send it, soon again as after the press."""
        if self.is_done:
            return False
        self.start(now)
        return True

    def answered(self) -> None:
        """The server said something final, by whichever way."""
        self._due = None

    def next_deadline(self) -> float | None:
        """When `expire` is due; None: nothing is sent any more."""
        return self._due

    def expire(self, now: float) -> bool:
        """Whether to send it again. Too early a call does nothing."""
        if self._due is None or now < self._due:
            return False
        self._pause_s = min(2 * self._pause_s, LONGEST_REPEAT_S)
        self._due = now + self._pause_s
        return True
