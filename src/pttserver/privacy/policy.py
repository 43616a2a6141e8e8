"""The policy of an organisation: its documented instruction, read from a TOML file and asked at every datum.

A file names what differs from the `default` preset, which is privacy-friendly and keeps nothing without an end.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated

from pydantic import Field, PrivateAttr, ValidationError

from pttserver.privacy.categories import Category, about
from pttserver.privacy.contradictions import Contradiction, of_location, of_rule, of_section
from pttserver.privacy.document import Document, Path, Problem
from pttserver.privacy.misspelling import Homes, unknown_key
from pttserver.privacy.presets import DEFAULT, preset_text
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import NO_TIME, Retention
from pttserver.privacy.rules import NOT_COLLECTED, WHOLE, Rule, as_said, in_fact
from pttserver.privacy.sections import (
    EXTRA_NAME_PATTERN,
    PATTERNS,
    AlertsSection,
    CategoryRule,
    LocationSection,
    LoggingSection,
    MessagesSection,
    PolicySection,
    RecordingSection,
    RolesSection,
    RosterSection,
    Section,
    Storage,
    SupportSection,
    Truncation,
)

__all__ = ["Policy", "Rule", "Storage", "parse_policy"]

ExtraName = Annotated[str, Field(pattern=EXTRA_NAME_PATTERN)]
CategoryName = Annotated[Category, Field(strict=False)]
_Key = tuple[Category, str]


class Policy(Section):
    """A policy file. Made by `parse_policy` only."""

    policy: PolicySection
    roles: RolesSection = RolesSection()
    roster: RosterSection = RosterSection()
    location: LocationSection = LocationSection()
    alerts: AlertsSection = AlertsSection()
    messages: MessagesSection = MessagesSection()
    recording: RecordingSection = RecordingSection()
    support: SupportSection = SupportSection()
    logging: LoggingSection = LoggingSection()
    categories: dict[CategoryName, CategoryRule] = Field(default_factory=dict)
    """Rules by category."""
    extra: Annotated[dict[ExtraName, CategoryRule], Field(max_length=64)] = Field(default_factory=dict)
    """Fields that the organisation defines itself, by name; what is not named here is not collected."""

    _rules: dict[_Key, Rule] = PrivateAttr(default_factory=dict)
    _located_for: frozenset[Purpose] = PrivateAttr(frozenset())
    _digest: str = PrivateAttr("")

    @property
    def digest(self) -> str:
        """SHA-256 of the file's text in UTF-8, hexadecimal."""
        return self._digest

    def rule(self, category: Category, extra: str = "") -> Rule:
        """`extra`: name of a field of the organisation's own; one that it has not defined is not collected."""
        return self._rules.get((category, extra)) or NOT_COLLECTED

    def keeps(self, category: Category, extra: str = "") -> bool:
        """Whether it is to be written down, in any form."""
        return self.rule(category, extra).storage is not Storage.NONE

    def writes(self, category: Category, extra: str = "") -> bool:
        """Whether anything of it is written in fact: the policy keeps it, for what the server writes it for."""
        return self.rule(category, extra).unwritten is None

    def keeps_for(self, category: Category, purpose: Purpose, extra: str = "") -> bool:
        """Whether anything of it may be there for this purpose."""
        rule = self.rule(category, extra)
        is_taken = category is not Category.LOCATION or purpose in self._located_for
        return is_taken and not rule.over_at_once and purpose in rule.purposes

    def lasts(self, category: Category, extra: str = "", purpose: Purpose | None = None) -> Retention:
        """How long it is there in fact. `purpose`: what it is there for, of what is written for several."""
        if purpose is not None and not self.keeps_for(category, purpose, extra):
            return NO_TIME
        return self.rule(category, extra).lasts

    @property
    def account(self) -> Category:
        """Whose end is the end of a subscriber as a whole: of the identifier, or without one of what logs it in."""
        return Category.IDENTIFIER if self.writes(Category.IDENTIFIER) else Category.CREDENTIAL

    @property
    def locates(self) -> bool:
        """Whether positions are processed at all outside of alerts."""
        rule = self.rule(Category.LOCATION)
        return self.location.enabled and rule.collect and Purpose.OPERATIONS in rule.purposes

    @property
    def locates_in_need(self) -> bool:
        """Whether an alert carries a position while location is on; also while it is off by `sos_exception`."""
        return self.locates and Purpose.SAFETY in self.rule(Category.LOCATION).purposes

    @property
    def locates_alerts(self) -> bool:
        """Whether an alert may carry a position at all, of whomever, at any moment."""
        return self._excepts_alerts or (self.alerts.enabled and self.locates_in_need)

    @property
    def _excepts_alerts(self) -> bool:
        return self.alerts.enabled and self.location.sos_exception

    @property
    def holds_messages(self) -> bool:
        """Whether a message waits for who is not there, and is found again: its record and its content are written."""
        return self.writes(Category.MESSAGE_METADATA) and self.writes(Category.MESSAGE_CONTENT)

    @property
    def takes_attachments(self) -> bool:
        """Whether one can be sent: it is fetched later than its message, so both must be held."""
        return self.holds_messages and self.writes(Category.ATTACHMENT)

    def _finish(self, text: str, base: Mapping[Category, CategoryRule]) -> None:
        """Fills in the rules, and the digest."""
        self._digest = hashlib.sha256(text.encode()).hexdigest()
        for category in Category:
            rule = _over(base.get(category), self.categories.get(category))
            self._rules[category, ""] = as_said(self._switched(category, rule))
        self._rules |= {(category, ""): self._in_fact(category) for category in Category}
        self._locate()
        further = _over(base.get(Category.EXTRA), self.categories.get(Category.EXTRA))
        for name, named in self.extra.items():
            self._rules[Category.EXTRA, name] = in_fact(Category.EXTRA, as_said(_over(further, named)))

    def _in_fact(self, category: Category) -> Rule:
        whole = WHOLE.get(category)
        return in_fact(category, self.rule(category), self._in_fact(whole) if whole else None)

    def _locate(self) -> None:
        """A position is written for what it is taken for, as part of an alert if the alert is written too."""
        of_alerts = self.locates_alerts and self.writes(Category.ALERT)
        taken = {Purpose.OPERATIONS: self.locates, Purpose.SAFETY: of_alerts}
        self._located_for = frozenset(purpose for purpose, is_so in taken.items() if is_so)
        located = in_fact(Category.LOCATION, self.rule(Category.LOCATION), taken_for=self._located_for)
        self._rules[Category.LOCATION, ""] = located

    def _switched(self, category: Category, rule: CategoryRule) -> CategoryRule:
        """The switches of the sections outweigh the rule of a category."""
        sections = {
            Category.LOCATION: self.location.enabled or self._excepts_alerts,
            Category.ALERT: self.alerts.enabled,
            **dict.fromkeys((*_SEALED, Category.ATTACHMENT), self.messages.enabled),
        }
        if not sections.get(category, True):
            return rule.model_copy(update={"collect": False})
        if not self.logging.records and about(category).nature == "happening":
            rule = rule.model_copy(update={"store": Storage.NONE})
        return self._located(rule) if category is Category.LOCATION else rule

    def _located(self, rule: CategoryRule) -> CategoryRule:
        """What alerts alone carry, since they are excepted, is never written."""
        is_live = self.location.live_only or not self.location.enabled
        return rule.model_copy(update={"store": Storage.NONE}) if is_live else rule

    def contradictions(self) -> Iterator[Contradiction]:
        """What cannot all be true; `parse_policy` makes no policy that has any."""
        for category, rule in self.categories.items():
            yield from of_rule(category, rule, ("categories", category.value))
        for name, rule in self.extra.items():
            yield from of_rule(Category.EXTRA, rule, ("extra", name))
        yield from of_section(self.messages.enabled, "messages.enabled", self.categories, _SEALED)
        yield from of_section(self.alerts.enabled, "alerts.enabled", self.categories, (Category.ALERT,))
        yield from of_location(self.location, self.categories.get(Category.LOCATION))


_SEALED = (Category.MESSAGE_METADATA, Category.MESSAGE_CONTENT)
"""Of a message. One without an attachment is a message too."""


def parse_policy(text: str) -> Policy:
    """Reads a policy file. Raises PolicyFileInvalid (a PolicyInvalid) that names each wrong key with its line."""
    policy = _validated(text)
    policy._finish(text, _defaults())
    return policy


def _validated(text: str) -> Policy:
    document = Document(text)
    try:
        policy = Policy.model_validate(document.data)
    except ValidationError as error:
        document.refuse_if(_problems(error, document))
        raise AssertionError("an error names what is wrong") from error
    document.refuse_if(document.problem(path, reason) for path, reason in policy.contradictions())
    return policy


@cache
def _defaults() -> Mapping[Category, CategoryRule]:
    return _validated(preset_text(DEFAULT)).categories


def _over(base: CategoryRule | None, named: CategoryRule | None) -> CategoryRule:
    """`named` where it says something, else `base`. Truncation belongs to the storage that it was named with."""
    if base is None or named is None:
        return base or named or CategoryRule()
    said = {key: getattr(named, key) for key in named.model_fields_set}
    return base.model_copy(update={"truncate": None, **said} if named.store else said)


def _problems(error: ValidationError, document: Document) -> Iterator[Problem]:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    paths = [tuple(part for part in one["loc"] if part != "[key]") for one in found]
    for one, path in zip(found, paths, strict=True):
        if one["type"] == "too_short" and any(other[: len(path)] == path != other for other in paths):
            continue  # the item that is wrong is told already
        yield document.problem(path, _reason(one["type"], one["msg"], path))


def _reason(kind: str, message: str, path: Path) -> str:
    if kind == "extra_forbidden" or (path[0] == "categories" and len(path) == 2 and kind == "enum"):
        return unknown_key(str(path[-1]), _known_keys())
    if kind == "string_pattern_mismatch":
        return PATTERNS[message.partition("'")[2].removesuffix("'")]
    if kind == "too_short":
        return "the list may not be empty: name at least one, or leave the key out"
    plain = message.removeprefix("Value error, ").replace("Input should", "should").replace("Field required", "missing")
    return (
        plain.replace("valid tuple", "list")
        .replace("Tuple", "the list")
        .replace("valid dictionary", "table")
        .partition(" or instance of")[0]
    )


@cache
def _known_keys() -> Homes:
    tables: dict[str, Iterable[str]] = {
        "": Policy.model_fields,
        **{f"[{name}]": section.model_fields for name, section in _sections()},
        "[categories.NAME]": CategoryRule.model_fields,
        "[categories]": map(str, Category),
        "truncate": Truncation.model_fields,
    }
    homes: dict[str, list[str]] = {}
    for table, keys in tables.items():
        for key in keys:
            homes.setdefault(key, []).append(table)
    return homes


def _sections() -> Iterator[tuple[str, type[Section]]]:
    for name, field in Policy.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield name, field.annotation
