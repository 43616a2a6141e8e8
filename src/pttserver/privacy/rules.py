"""What a policy says of a category, and what that comes to.

1. what it does not keep, or keeps for nothing that the server writes it for, is not written
2. a part is written with its whole only; one that is in the row of its whole goes with it
3. what is not written is over at once: what was written under an earlier policy goes with the next sweep
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Final

from pttserver.privacy.categories import Category
from pttserver.privacy.contradictions import ONLY_WHOLE
from pttserver.privacy.purposes import WRITTEN_FOR, LegalBasis, Purpose, Tier
from pttserver.privacy.retention import NO_TIME, Retention
from pttserver.privacy.sections import CategoryRule, Storage, Truncation

WHOLE: Final[Mapping[Category, Category]] = {
    Category.PARTICIPANTS: Category.CALL_RECORD,
    Category.IP_ADDRESS: Category.PARTICIPANTS,
    Category.MESSAGE_CONTENT: Category.MESSAGE_METADATA,
    Category.ATTACHMENT: Category.MESSAGE_CONTENT,
}
"""What each part belongs to. An address is that of who started a call; the key of an attachment is that of the text."""

ENDS_WITH_ITS_WHOLE: Final = frozenset({Category.IP_ADDRESS, Category.MESSAGE_CONTENT})
"""They are in its row. Who took part in a call is listed beside it, as an attachment is: both have their own time."""


class Unwritten(StrEnum):
    """Why nothing of a category is written."""

    NOT_KEPT = auto()
    """The policy does not keep it."""
    OTHER_PURPOSE = auto()
    """None of its purposes is one that the server writes it for."""
    NOT_TAKEN = auto()
    """Nothing takes it for the purposes that it has."""
    ONLY_WHOLE = auto()
    """The policy wants it in a form in which it would be good for nothing."""
    WITHOUT_WHOLE = auto()
    """Nothing is written of what it is part of."""
    HELD_BY_NOTHING = auto()
    """This version of the server has no place for it. A rule for it is for the day when one has."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to a category: nothing is left open. `truncate` is there if storage is TRUNCATED.

    `retention`: as the policy says, NO_TIME if storage is NONE. `lasts`: what that comes to, by `in_fact`.
    `lasts_in_full`: until then nothing of it is gone. What is beside its whole loses earlier what is in it.
    """

    collect: bool
    storage: Storage
    retention: Retention
    purposes: frozenset[Purpose]
    legal_basis: LegalBasis | None
    visible_to: frozenset[Tier]
    truncate: Truncation | None = None
    unwritten: Unwritten | None = Unwritten.NOT_KEPT
    lasts: Retention = NO_TIME
    lasts_in_full: Retention = NO_TIME

    @property
    def over_at_once(self) -> bool:
        """Whether nothing of it may be there."""
        return self.lasts is NO_TIME


NOT_COLLECTED: Final = Rule(False, Storage.NONE, NO_TIME, frozenset(), None, frozenset())


def as_said(rule: CategoryRule) -> Rule:
    """By its own words. `in_fact` tells what it comes to."""
    if rule.keep is None or rule.purpose is None:
        raise AssertionError("the default preset has both for every category")
    collect = rule.collect is not False
    storage = (rule.store or Storage.PLAIN) if collect else Storage.NONE
    return Rule(
        collect=collect,
        storage=storage,
        retention=NO_TIME if storage is Storage.NONE else rule.keep,
        purposes=frozenset(rule.purpose),
        legal_basis=rule.legal_basis,
        visible_to=frozenset(rule.visible_to or ()),
        truncate=rule.truncate,
    )


def in_fact(
    category: Category, rule: Rule, whole: Rule | None = None, taken_for: frozenset[Purpose] = frozenset(Purpose)
) -> Rule:
    """`whole`: the rule, in fact, of what it is part of.

    `taken_for`: the purposes that it is taken for at all, as far as what else the policy says bounds them.
    """
    why = _unwritten(category, rule, whole, taken_for)
    if why not in (None, Unwritten.HELD_BY_NOTHING):
        return replace(rule, unwritten=why, lasts=NO_TIME, lasts_in_full=NO_TIME)
    in_full = rule.retention.within(whole.lasts_in_full) if whole is not None else rule.retention
    lasts = in_full if category in ENDS_WITH_ITS_WHOLE else rule.retention
    return replace(rule, unwritten=why, lasts=lasts, lasts_in_full=in_full)


def _unwritten(category: Category, rule: Rule, whole: Rule | None, taken_for: frozenset[Purpose]) -> Unwritten | None:
    wanted = WRITTEN_FOR.get(category)
    if rule.storage is Storage.NONE:
        return Unwritten.NOT_KEPT
    if wanted is not None and not wanted & rule.purposes:
        return Unwritten.OTHER_PURPOSE if wanted else Unwritten.HELD_BY_NOTHING
    if wanted is not None and not wanted & rule.purposes & taken_for:
        return Unwritten.NOT_TAKEN
    if category in ONLY_WHOLE and rule.storage is not Storage.PLAIN:
        return Unwritten.ONLY_WHOLE
    return Unwritten.WITHOUT_WHOLE if whole is not None and whole.unwritten is not None else None
