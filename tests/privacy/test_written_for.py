"""A category is written for a purpose: the table says which, the writers ask for it, and policies are told by it."""

import ast

import pytest

from privacy.policy_texts import policy_of
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.contradictions import NECESSARY
from pttserver.privacy.explain import explain
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import WRITTEN_FOR, Purpose
from repository import ROOT

LOCATED = "[location]\nenabled = true\nlive_only = false\n"
BY_ITS_OWN_RULE = {"CONTACT_DATA", "EXTRA"}


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


def test_the_writers_ask_for_what_the_table_says() -> None:
    necessary = {category.name for category in NECESSARY}
    asked = {(category, purpose) for category, purpose in asked_for() if category not in necessary}
    assert asked == {(category.name, one.name) for category, purposes in WRITTEN_FOR.items() for one in purposes}


@pytest.mark.parametrize("category", WRITTEN_FOR)
def test_a_policy_without_that_purpose_writes_nothing_and_is_told(category: Category) -> None:
    policy = policy_of(f"{LOCATED}[categories.{category}]\npurpose = ['billing']\n")
    assert policy.keeps(category)
    assert not policy.writes(category)
    for purpose in WRITTEN_FOR[category]:
        assert Gate(policy).release(category, purpose, "sub_1", Personal("x")) is None
    assert any("nothing of it is written" in sentence for sentence in explain(policy))


@pytest.mark.parametrize("category", WRITTEN_FOR)
def test_a_policy_with_that_purpose_is_told_nothing(category: Category) -> None:
    policy = policy_of(f"{LOCATED}[categories.{category}]\npurpose = ['{min(WRITTEN_FOR[category])}', 'billing']\n")
    assert policy.writes(category)
    assert not any("nothing of it is written" in sentence for sentence in explain(policy))


def test_what_an_operator_enters_by_hand_is_written_for_whatever_it_is_declared_for() -> None:
    policy = policy_of("[categories.contact_data]\npurpose = ['safety']\n")
    assert policy.writes(Category.CONTACT_DATA)
    assert Purpose.SAFETY in policy.rule(Category.CONTACT_DATA).purposes
