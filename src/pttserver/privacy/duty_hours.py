"""Duty hours: spans of the week in a time zone, in which positions may be taken."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pttserver.privacy.periods import shown

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(_DAYS)
_SPAN = re.compile(rf"({_DAY})(?:-({_DAY}))? ([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class DutySpan:
    """`mon-fri 08:00-18:00`; `sat 22:00-06:00` lasts into Sunday. `days`: 0 is Monday. Minutes since midnight."""

    days: frozenset[int]
    begin_minutes: int
    end_minutes: int

    @classmethod
    def parse(cls, text: str) -> "DutySpan":
        """Raises ValueError."""
        found = _SPAN.fullmatch(text)
        if found is None:
            raise ValueError(f"{shown(text)} is no span such as 'mon-fri 08:00-18:00' or 'sat 22:00-06:00'")
        first, last = _DAYS.index(found[1]), _DAYS.index(found[2] or found[1])
        begin, end = int(found[3]) * 60 + int(found[4]), int(found[5]) * 60 + int(found[6])
        if begin == end or end > _DAY_MINUTES:
            raise ValueError(f"{shown(text)}: the span is empty" if begin == end else f"{shown(text)}: after 24:00")
        days = frozenset((first + day) % 7 for day in range((last - first) % 7 + 1))
        return cls(days, begin, end if end > begin else end + _DAY_MINUTES)

    def covers(self, local: datetime) -> bool:
        """By the clock on the wall: today's span, or yesterday's that lasts past midnight."""
        minutes = local.hour * 60 + local.minute
        today = local.weekday() in self.days and self.begin_minutes <= minutes < self.end_minutes
        return today or ((local.weekday() - 1) % 7 in self.days and minutes + _DAY_MINUTES < self.end_minutes)


@dataclass(frozen=True, slots=True)
class DutyHours:
    """Without spans: always on duty."""

    spans: tuple[DutySpan, ...]
    time_zone: str

    def cover(self, now_ms: int) -> bool:
        """Whether a position may be taken at `now_ms` (UTC)."""
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)).astimezone(zone(self.time_zone))
        return not self.spans or any(span.covers(local) for span in self.spans)


@cache
def zone(name: str) -> ZoneInfo:
    """Raises ValueError if the machine knows no such time zone."""
    if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}", name, re.ASCII):
        raise ValueError(f"{shown(name)} is no time zone such as 'Europe/Copenhagen'")
    try:
        return ZoneInfo(name)
    except (KeyError, OSError):
        raise ValueError(f"{shown(name)} is a time zone that this machine does not know") from None
