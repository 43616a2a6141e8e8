"""The operator's bounds: what the law of the land lets a policy choose. A policy beyond them is refused.

`at_most` counts from the making of a record; for what lasts while somebody is subscribed, from the end of that. So a
record must have an age that never exceeds it: an event may never come. `at_least` counts from the same moments, and
no clause may end earlier, whatever happens.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pttserver.errors import ConfigError
from pttserver.privacy.categories import Category, about
from pttserver.privacy.periods import Period, shown
from pttserver.privacy.policy import Policy
from pttserver.privacy.retention import NO_TIME, Clause, EventKind, Retention


class BoundTexts(Protocol):
    """A bound as the server's settings say it: periods as texts."""

    @property
    def at_least(self) -> str | None: ...
    @property
    def at_most(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Bound:
    at_least: Period | None
    at_most: Period | None


def parse_bounds(texts: Mapping[str, BoundTexts]) -> dict[Category, Bound]:
    """By category. Raises ConfigError that names the setting that is wrong."""
    bounds = {}
    for name, bound in texts.items():
        if name not in list(Category):
            raise ConfigError(f"privacy.bounds: there is no category {shown(name)}")
        least, most = _period(name, "at_least", bound.at_least), _period(name, "at_most", bound.at_most)
        if least and most and not least.never_outlasts(most):
            raise ConfigError(f"privacy.bounds.{name}: at_least = {least} can outlast at_most = {most}")
        bounds[Category(name)] = Bound(least, most)
    return bounds


def violations(policy: Policy, bounds: Mapping[str, BoundTexts]) -> list[str]:
    """What is beyond the bounds, a sentence each with the reason. Raises ConfigError for bounds that are wrong."""
    found: list[str] = []
    for category, bound in parse_bounds(bounds).items():
        for name, extra in _names(policy, category):
            found += (f"{name} is kept {reason}" for reason in _beyond(policy, category, extra, bound))
    return found


def _names(policy: Policy, category: Category) -> Iterator[tuple[str, str]]:
    yield category.value, ""
    if category is Category.EXTRA:
        yield from ((f"extra.{name}", name) for name in policy.extra)


def _beyond(policy: Policy, category: Category, extra: str, bound: Bound) -> Iterator[str]:
    """A part is kept as long as all of it is there: no longer than what it belongs to."""
    if bound.at_least is not None:
        yield from _too_short(policy.rule(category, extra).lasts_in_full, bound.at_least)
    if bound.at_most is not None and not policy.rule(category, extra).over_at_once:
        yield from _too_long(category, policy.lasts(category, extra), bound.at_most)


def _too_short(lasts: Retention, least: Period) -> Iterator[str]:
    if lasts is NO_TIME:
        yield f"not at all: it must be kept for at least {least}"
        return
    for clause in lasts.clauses:
        if not least.never_outlasts(clause.period):
            yield f'"{clause}": that can be less than {least}, which it must be kept for at least'


def _too_long(category: Category, lasts: Retention, most: Period) -> Iterator[str]:
    ends = _ends(category, lasts)
    if not ends:
        start = "after the end of the subscription" if about(category).nature == "standing" else "by age"
        yield f"without an end {start}: it may be kept for at most {most}"
    elif not any(clause.period.never_outlasts(most) for clause in ends):
        yield f'"{ends[0]}": that can be more than {most}, which it may be kept for at most'


def _ends(category: Category, lasts: Retention) -> list[Clause]:
    """The clauses that end it for certain."""
    certain = EventKind.UNSUBSCRIBED if about(category).nature == "standing" else None
    return [clause for clause in lasts.clauses if clause.event is certain]


def _period(name: str, key: str, text: str | None) -> Period | None:
    try:
        return None if text is None else Period.parse(text)
    except ValueError as error:
        raise ConfigError(f"privacy.bounds.{name}.{key}: {error}") from None
