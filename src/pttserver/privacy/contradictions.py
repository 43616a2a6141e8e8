"""What a policy file says that cannot all be true. Each is told with the path of the key that is wrong."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from pttserver.privacy.categories import Category, about
from pttserver.privacy.sections import CategoryRule, LocationSection, Storage, Truncation

Contradiction = tuple[tuple[str, ...], str]

NECESSARY = frozenset({Category.CREDENTIAL, Category.MEMBERSHIP})
"""Nobody could log in or talk without them, so they are always kept, as they are."""

PSEUDONYMISABLE = frozenset(
    {
        Category.SUBSCRIBER_NAME,
        Category.NICKNAME,
        Category.IDENTIFIER,
        Category.CONTACT_DATA,
        Category.DEVICE_TYPE,
        Category.IP_ADDRESS,
        Category.PARTICIPANTS,
        Category.MESSAGE_METADATA,
        Category.ALERT,
        Category.ACTIVITY_LOG,
        Category.EXTRA,
    }
)
"""Whose values are worth telling equal from equal; a pseudonym of a time or of a text is only noise."""


ONLY_WHOLE = frozenset({Category.MESSAGE_METADATA, Category.MESSAGE_CONTENT, Category.ATTACHMENT})
"""Kept as they are or not at all: devices seal them for each other, and nothing is delivered under a pseudonym."""


class Measure(NamedTuple):
    """Keys of `truncate` that suit a category: all of one of the groups."""

    groups: tuple[frozenset[str], ...]

    def __str__(self) -> str:
        return " or ".join(" and ".join(sorted(group)) for group in self.groups)


_TEXT = Measure((frozenset({"characters"}),))
MEASURES: Mapping[Category, Measure] = {
    Category.SUBSCRIBER_NAME: _TEXT,
    Category.NICKNAME: _TEXT,
    Category.IDENTIFIER: _TEXT,
    Category.CONTACT_DATA: _TEXT,
    Category.DEVICE_TYPE: _TEXT,
    Category.MESSAGE_CONTENT: _TEXT,
    Category.EXTRA: _TEXT,
    Category.IP_ADDRESS: Measure((frozenset({"ipv4_bits", "ipv6_bits"}),)),
    Category.LOCATION: Measure((frozenset({"metres"}), frozenset({"decimals"}))),
}


def of_rule(category: Category, rule: CategoryRule, path: tuple[str, ...]) -> Iterator[Contradiction]:
    """What a rule says against itself, or against the nature of its category."""
    nothing = "collect = false" if rule.collect is False else 'store = "none"' if rule.store is Storage.NONE else None
    if nothing and rule.keep is not None:
        yield (*path, "keep"), f"{nothing} keeps nothing, so it cannot be kept for a time"
    if rule.collect is False and rule.store not in (None, Storage.NONE):
        yield (*path, "store"), f'collect = false drops it, so it cannot be stored "{rule.store}"'
    if category in NECESSARY and (nothing or rule.store not in (None, Storage.PLAIN)):
        yield path, 'nobody could log in and talk without it: collect = true and store = "plain", or say nothing'
    if rule.store is Storage.PSEUDONYMISED and category not in PSEUDONYMISABLE:
        yield (*path, "store"), f"there are no pseudonyms of {about(category).title}"
    if rule.keep is not None and rule.keep.clause(None) and about(category).nature == "standing":
        yield (*path, "keep"), "lasts while somebody is subscribed and has no age; name an event: while_subscribed"
    yield from _of_truncation(category, rule, path)


def _of_truncation(category: Category, rule: CategoryRule, path: tuple[str, ...]) -> Iterator[Contradiction]:
    measure = MEASURES.get(category)
    if rule.store is Storage.TRUNCATED and measure is None:
        yield (*path, "store"), f"there is nothing to truncate in {about(category).title}"
    elif rule.store is Storage.TRUNCATED and rule.truncate is None:
        yield (*path, "store"), f"truncated to what? Name {measure} in truncate"
    elif rule.truncate is not None and rule.store is not Storage.TRUNCATED:
        yield (*path, "truncate"), 'has no meaning without store = "truncated"'
    elif measure is not None and rule.truncate is not None and _named(rule.truncate) not in measure.groups:
        yield (*path, "truncate"), f"{about(category).title} is truncated to {measure}"


def _named(truncation: Truncation) -> frozenset[str]:
    measures: dict[str, Any] = truncation.model_dump(exclude_none=True)
    return frozenset(measures)


def of_section(
    enabled: bool, key: str, categories: Mapping[Category, CategoryRule], needed: Collection[Category]
) -> Iterator[Contradiction]:
    """What a section has the server carry, it cannot drop where it comes in."""
    for category in needed:
        rule = categories.get(category)
        if enabled and rule is not None and rule.collect is False:
            yield (
                ("categories", category.value, "collect"),
                f'{key} is true, and nothing is carried without it: {key} = false, or store = "none" to write nothing',
            )


def of_location(location: LocationSection, rule: CategoryRule | None) -> Iterator[Contradiction]:
    """Location has a section and a category; both must agree."""
    path = ("categories", Category.LOCATION.value)
    if rule is None:
        return
    if rule.collect is False and location.sos_exception:
        yield (*path, "collect"), "location.sos_exception is true: alerts carry positions"
    if rule.collect and not location.enabled:
        yield (*path, "collect"), "location.enabled is false: no positions are processed"
    if rule.store not in (None, Storage.NONE) and (location.live_only or not location.enabled):
        says = "location.live_only is true" if location.enabled else "location.enabled is false"
        yield (*path, "store"), f"{says}: no positions are written"
