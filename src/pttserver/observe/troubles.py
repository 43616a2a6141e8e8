"""What of the background work fails just now: told once in the log, by /health, and as a metric.

Work that goes on by itself fails before nobody's eyes, and fails again at every round. So a failure is logged when it
begins, when it becomes another one, and when it ends. One round that fails is no trouble yet, unless it is certain that
the next ones will.
"""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from pttserver.errors import PttError
from pttserver.observe.log import get_logger

_log = get_logger("troubles")


class Work(Enum):
    """Its name in the metric, what /health says of it, and how many rounds in a row may fail before that."""

    MASTER_KEYS = ("master_keys", "the server does not have the master key that its database needs", 0)
    STANDING = ("standing", "changes of rights and policies are not taken up, or in part only", 2)

    def __init__(self, label: str, reason: str, rounds_forgiven: int) -> None:
        self.label = label
        self.reason = reason
        self.rounds_forgiven = rounds_forgiven


@dataclass(slots=True)
class _Trouble:
    kind: object
    rounds: int = 0


class Troubles:
    """Whoever works in the background tells of each round how it went."""

    def __init__(self) -> None:
        self._now: dict[Work, _Trouble] = {}

    def failed(self, work: Work, error: Exception) -> None:
        """An error of ours is logged with its message, a bug with its traceback."""
        trouble, kind = self._now.get(work), _kind(error)
        if trouble is None or trouble.kind != kind:
            if isinstance(error, PttError):
                _log.error("background_work_fails", work=work.label, error=error.message)
            else:
                _log.error("background_work_fails", work=work.label, exc_info=error)
        rounds = 0 if trouble is None else trouble.rounds
        self._now[work] = _Trouble(kind, rounds + 1)

    def went_well(self, work: Work) -> None:
        if self._now.pop(work, None) is not None:
            _log.info("background_work_goes_on", work=work.label)

    def reasons(self) -> list[str]:
        """Of everything that keeps failing; nothing of it is secret or personal."""
        return [work.reason for work in Work if self._is_told(work)]

    def items(self) -> Iterator[tuple[str, float]]:
        """1 for what keeps failing."""
        return ((work.label, float(self._is_told(work))) for work in Work)

    def _is_told(self, work: Work) -> bool:
        trouble = self._now.get(work)
        return trouble is not None and trouble.rounds > work.rounds_forgiven


def _kind(error: Exception) -> object:
    """The same of what would be logged alike: the message of a bug may be another each time."""
    if isinstance(error, PttError):
        return type(error), error.message
    where = traceback.extract_tb(error.__traceback__)
    return type(error), (where[-1].filename, where[-1].lineno) if where else None
