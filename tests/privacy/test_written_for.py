"""A category is written for a purpose: the table says which, the writers ask for it, and policies are told by it."""

import ast

import pytest

from privacy.policy_texts import policy_of
from pttserver.ids import Personal
from pttserver.privacy.categories import Category, about
from pttserver.privacy.contradictions import NECESSARY
from pttserver.privacy.explain import explain
from pttserver.privacy.findings import findings
from pttserver.privacy.gate import Gate
from pttserver.privacy.notice import how_long, written
from pttserver.privacy.policy import Policy
from pttserver.privacy.purposes import WRITTEN_FOR, Purpose
from pttserver.privacy.retention import NO_TIME
from pttserver.store.inventory import personal
from repository import ROOT

LOCATED = "[location]\nenabled = true\nlive_only = false\n"
SOMETHING = [category for category, purposes in WRITTEN_FOR.items() if purposes]
NOTHING = [category for category, purposes in WRITTEN_FOR.items() if not purposes]


def asked_for() -> set[tuple[str, str]]:
    """Category and purpose of every call of `release` that names both."""
    found = set()
    for file in (ROOT / "src" / "pttserver").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            named = [arg for arg in node.args[:2] if isinstance(arg, ast.Attribute) and isinstance(arg.value, ast.Name)]
            kinds = [arg.value.id for arg in named if isinstance(arg.value, ast.Name)]
            if node.func.attr in ("release", "keeps") and kinds == ["Category", "Purpose"]:
                found.add((named[0].attr, named[1].attr))
    return found


def sentence_of(policy: Policy, category: Category) -> str:
    (sentence,) = (each for each in explain(policy) if each.startswith(f"{about(category).title}: "))
    return sentence


def test_the_writers_ask_for_what_the_table_says() -> None:
    necessary = {category.name for category in NECESSARY}
    asked = {(category, purpose) for category, purpose in asked_for() if category not in necessary}
    assert asked == {(category.name, one.name) for category, purposes in WRITTEN_FOR.items() for one in purposes}


@pytest.mark.parametrize("category", SOMETHING)
def test_a_policy_without_that_purpose_writes_nothing_and_is_told(category: Category) -> None:
    policy = policy_of(f"{LOCATED}[categories.{category}]\npurpose = ['billing']\n")
    assert policy.keeps(category)
    assert not policy.writes(category)
    assert policy.lasts(category) is NO_TIME
    for purpose in WRITTEN_FOR[category]:
        assert Gate(policy).release(category, purpose, "sub_1", Personal("x")) is None
    assert "nothing of it is written: the server writes it for" in sentence_of(policy, category)


@pytest.mark.parametrize("category", SOMETHING)
def test_a_policy_with_that_purpose_is_told_nothing(category: Category) -> None:
    policy = policy_of(f"{LOCATED}[categories.{category}]\npurpose = ['{min(WRITTEN_FOR[category])}', 'billing']\n")
    assert policy.writes(category)
    assert "nothing of it is written" not in sentence_of(policy, category)


@pytest.mark.parametrize("category", NOTHING)
def test_what_no_column_holds_is_told_wherever_a_policy_is_told(category: Category) -> None:
    """A rule for it is no promise that anything is there."""
    policy = policy_of()
    assert policy.keeps(category)
    assert not policy.writes(category)
    assert sentence_of(policy, category).endswith("But nothing of it is written: nothing in this version holds it.")
    assert written(policy, category) == "never: nothing in this version holds it"
    assert how_long(policy, category) == "not at all"
    assert not [finding for finding in findings(policy) if finding.category == category]


def test_exactly_what_no_column_holds_is_never_written() -> None:
    assert set(NOTHING) == set(Category) - {column.category for column in personal()}


def test_what_an_operator_enters_by_hand_is_written_for_whatever_it_is_declared_for() -> None:
    policy = policy_of("[categories.contact_data]\npurpose = ['safety']\n")
    assert policy.writes(Category.CONTACT_DATA)
    assert Purpose.SAFETY in policy.rule(Category.CONTACT_DATA).purposes
