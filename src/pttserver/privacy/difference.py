"""What would change from one policy to the next, and whether each change is stricter, laxer, or neither."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy, Rule, Storage
from pttserver.privacy.retention import NO_TIME, Retention

_LEVELS = {Storage.PLAIN: 2, Storage.TRUNCATED: 1, Storage.PSEUDONYMISED: 1, Storage.NONE: 0}  # how much it tells

# How each switch becomes stricter: by growing (+1) or by shrinking (-1). The others are neither.
_DIRECTIONS = {
    "policy.regions": -1,
    "roles.dispatcher": -1,
    "roles.manager": -1,
    "roster.names_up_to": -1,
    "location.enabled": -1,
    "location.duty_hours": -1,
    "location.subscriber_may_switch_off": +1,
    "location.live_only": +1,
    "location.interval_s": +1,
    "location.precision_m": +1,
    "location.sos_exception": -1,
    "location.sos_interval_s": +1,
    "alerts.enabled": -1,
    "alerts.allowed_by_default": -1,
    "alerts.ambient_listening": -1,
    "alerts.ambient_listening_at_most_s": -1,
    "alerts.ambient_listening_hidden_because": -1,
    "messages.enabled": -1,
    "messages.store_for_s": -1,
    "messages.queue_limit": -1,
    "messages.attachment_limit_kib": -1,
    "recording.at_consoles": -1,
    "recording.on_alert": -1,
    "recording.keep_days": -1,
    "support.first_tier": -1,
    "support.longest_minutes": -1,
    "logging.records": -1,
}
_UNBOUNDED = frozenset({"policy.regions", "location.duty_hours"})
"""Naming none of these leaves everything open."""
SECTIONS = ("policy", "roles", "roster", "location", "alerts", "messages", "recording", "support", "logging")


@dataclass(frozen=True, slots=True)
class Change:
    """`category`: of the file, `extra.NAME`, or the section in brackets. `stricter`: None if it cannot be said."""

    category: str
    what: str
    before: str
    after: str
    stricter: bool | None


def difference(old: Policy, new: Policy) -> list[Change]:
    """Sections first, then categories, then the organisation's own fields."""
    changes = [change for section in SECTIONS for change in _of_section(section, old, new)]
    for category in Category:
        changes += _of_rule(category.value, old.rule(category), new.rule(category))
    for name in sorted(old.extra.keys() | new.extra.keys()):
        changes += _of_rule(f"extra.{name}", old.rule(Category.EXTRA, name), new.rule(Category.EXTRA, name))
    return changes


def _of_section(section: str, old: Policy, new: Policy) -> Iterator[Change]:
    before, after = getattr(old, section), getattr(new, section)
    for key in type(before).model_fields:
        one, other = getattr(before, key), getattr(after, key)
        if one != other:
            stricter = _by_direction(f"{section}.{key}", one, other)
            yield Change(f"[{section}]", key, _text(one), _text(other), stricter)


def _by_direction(key: str, before: Any, after: Any) -> bool | None:
    direction = _DIRECTIONS.get(key, 0)
    if not direction:
        return None
    if isinstance(before, str):  # a reason for an exception: stricter without
        return bool(before and not after) if bool(before) != bool(after) else None
    if isinstance(before, tuple):
        if key in _UNBOUNDED and not (before and after):
            return bool(after)
        return _by_set(frozenset(before), frozenset(after))
    return bool((after > before) == (direction > 0))


def _of_rule(name: str, old: Rule, new: Rule) -> Iterator[Change]:
    if old.collect != new.collect:
        yield Change(name, "collect", _text(old.collect), _text(new.collect), old.collect)
    if (old.storage, old.truncate) != (new.storage, new.truncate):
        yield Change(name, "store", _stored(old), _stored(new), _by_storage(old, new))
    if old.retention != new.retention:
        yield Change(
            name, "keep", _kept(old.retention), _kept(new.retention), _by_retention(old.retention, new.retention)
        )
    for what, key in (("purpose", "purposes"), ("visible_to", "visible_to")):
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            yield Change(name, what, _text(sorted(before)), _text(sorted(after)), _by_set(before, after))
    if old.legal_basis != new.legal_basis:
        yield Change(name, "legal_basis", _text(old.legal_basis), _text(new.legal_basis), None)


def _by_storage(old: Rule, new: Rule) -> bool | None:
    before, after = _LEVELS[old.storage], _LEVELS[new.storage]
    return after < before if before != after else None


def _by_set(before: frozenset[Any], after: frozenset[Any]) -> bool | None:
    return True if after < before else False if after > before else None


def _by_retention(old: Retention, new: Retention) -> bool | None:
    if _ends_no_later(new, old):
        return True
    return False if _ends_no_later(old, new) else None


def _ends_no_later(one: Retention, other: Retention) -> bool:
    """Whether `one` always ends first: to each clause of `other` it has one of the same start that is no longer."""
    return one is NO_TIME or all(
        any(mine.event is clause.event and mine.period.never_outlasts(clause.period) for mine in one.clauses)
        for clause in other.clauses
    )


def _kept(retention: Retention) -> str:
    return "-" if retention is NO_TIME else ", ".join(retention.texts)


def _stored(rule: Rule) -> str:
    if rule.truncate is None:
        return rule.storage.value
    measures = rule.truncate.model_dump(exclude_none=True)
    return f"{rule.storage.value} ({', '.join(f'{key} = {value}' for key, value in measures.items())})"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)
