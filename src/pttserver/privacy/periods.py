"""Calendar periods, in UTC, on integer milliseconds since 1970: exact to the millisecond, forwards and backwards.

The law that everything rests on: what was recorded at `t` is over at `now`

    <=>  period.after(t) <= now  <=>  t <= period.cutoff(now)

so one cut-off, computed once, decides over all rows. It needs `after` to be monotone, and that is why a day that the
last month lacks is not simply moved: "where the day on which it should expire does not occur in the last month, the
period shall end with the expiry of the last hour of the last day of that month" (Regulation (EEC, Euratom) 1182/71
Art. 3(2)(c)). 31 January 12:00 + 1 month = 1 March 00:00.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
LONGEST_YEARS = 100  # who wants to keep a thing longer means for ever, and must say so

_LONGEST_TEXT = 100
_PART = r"(0|[1-9][0-9]*) (year|month|week|day|hour|minute)s?"
_PARTS = re.compile(rf"{_PART}( {_PART})*", re.ASCII)
_EPOCH = date(1970, 1, 1)
_DAYS_OF_WEEK = 7
_CYCLE = range(2000, 2401)  # years; the Gregorian calendar repeats after 400 of them


@dataclass(frozen=True, slots=True)
class Period:
    """Months and years by the calendar first, then days and smaller units by the clock; UTC has no summer time."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0

    @classmethod
    def parse(cls, text: str) -> "Period":
        """`3 months`, `1 year 6 months`, `36 hours`: from the greatest unit to the smallest, in ASCII.

        Raises ValueError for anything else, for nothing at all, and for more than 100 years.
        """
        if len(text) > _LONGEST_TEXT or not _PARTS.fullmatch(text):
            raise ValueError(f"{shown(text)} is not a period such as '90 days', '3 months' or '1 year 6 months'")
        parts = [(f"{unit}s", int(number)) for number, unit in re.findall(_PART, text)]
        numbers = dict(parts)
        if [unit for unit, _ in parts] != [field.name for field in fields(cls) if field.name in numbers]:
            raise ValueError(f"{shown(text)} does not name each unit once, the greatest first")
        return cls(**numbers)._checked(text)

    def _checked(self, text: str) -> "Period":
        if not self.calendar_months and not self.clock_ms:
            raise ValueError(f'{shown(text)} is no time at all; to keep nothing, write store = "none"')
        longest_months, longest_ms = 12 * LONGEST_YEARS, 366 * LONGEST_YEARS * DAY_MS
        if self.calendar_months * longest_ms + self.clock_ms * longest_months > longest_months * longest_ms:
            raise ValueError(f"{shown(text)} is longer than {LONGEST_YEARS} years")
        return self

    def __str__(self) -> str:
        """As `parse` reads it; an empty period is `0 days`."""
        return " ".join(_named_parts(self)) or "0 days"

    def __add__(self, other: "Period") -> "Period":
        return Period(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def calendar_months(self) -> int:
        return 12 * self.years + self.months

    @property
    def clock_ms(self) -> int:
        days = _DAYS_OF_WEEK * self.weeks + self.days
        return days * DAY_MS + self.hours * HOUR_MS + self.minutes * MINUTE_MS

    def after(self, moment_ms: int) -> int:
        """When the period that begins at `moment_ms` is over. Both lie in the years 1 to 9999, else ValueError."""
        return _moved(moment_ms, self.calendar_months, lacking_day_ms=0) + self.clock_ms

    def cutoff(self, now_ms: int) -> int:
        """The latest moment from which the period is over at `now_ms`; the same range."""
        return _moved(now_ms - self.clock_ms, -self.calendar_months, lacking_day_ms=-1)

    def never_outlasts(self, other: "Period") -> bool:
        """Whether it ends no later than `other`, whenever both begin: "89 days" within "3 months", not 90."""
        if self.calendar_months <= other.calendar_months and self.clock_ms <= other.clock_ms:
            return True
        if self.calendar_months >= other.calendar_months and self.clock_ms >= other.clock_ms:
            return False
        return _greatest_lead_ms(self.calendar_months, other.calendar_months) <= other.clock_ms - self.clock_ms


def shown(text: str) -> str:
    """A text of a stranger, for an error message: shortened, and with all that is not ASCII made visible."""
    return ascii(text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}...")


def _named_parts(period: Period) -> Iterator[str]:
    for field in fields(period):
        number = getattr(period, field.name)
        if number:
            yield f"{number} {field.name.removesuffix('s') if number == 1 else field.name}"


def _moved(moment_ms: int, months: int, lacking_day_ms: int) -> int:
    """The same day and time in another month; if it lacks that day: where the next month begins, + lacking_day_ms."""
    days, time_ms = divmod(moment_ms, DAY_MS)
    day = _date(days)
    first = _first_of_month(day.year, day.month - 1 + months)
    next_first = _first_of_month(day.year, day.month + months)
    if first + day.day - 1 >= next_first:
        return next_first * DAY_MS + lacking_day_ms
    return (first + day.day - 1) * DAY_MS + time_ms


def _date(days: int) -> date:
    try:
        return _EPOCH + timedelta(days=days)
    except OverflowError:
        raise ValueError("the moment is outside of the years 1 to 9999") from None


def _first_of_month(year: int, month_from_0: int) -> int:
    """Days since 1970. Months count on over the year's end, and back over its beginning."""
    return (date(year + month_from_0 // 12, month_from_0 % 12 + 1, 1) - _EPOCH).days


@cache
def _greatest_lead_ms(months: int, other_months: int) -> int:
    """How much later the first can end than the other, over all beginnings.

    Other days of a month are like its first. Of a day the first moment tells all, or the last: a period ends at the
    time at which it begins, or with the last month, which forgets the time.
    """
    starts, latest_ms = _firsts_of_months(), DAY_MS - 1
    leads = []
    for month in range(12 * (_CYCLE[-1] - _CYCLE[0])):
        end, next_end = starts[month + months], starts[month + months + 1]
        other, next_other = starts[month + other_months], starts[month + other_months + 1]
        for day in (0, *range(28, starts[month + 1] - starts[month])):
            lacks, other_lacks = end + day >= next_end, other + day >= next_other
            lead_days = (next_end if lacks else end + day) - (next_other if other_lacks else other + day)
            leads.append(lead_days * DAY_MS + (latest_ms if other_lacks and not lacks else 0))
    return max(leads)


@cache
def _firsts_of_months() -> tuple[int, ...]:
    """Days since 1970, month after month, as far as a period that begins in the cycle can reach."""
    beyond_months = 12 * LONGEST_YEARS + 1
    return tuple(_first_of_month(_CYCLE[0], month) for month in range(12 * len(_CYCLE) + beyond_months))
