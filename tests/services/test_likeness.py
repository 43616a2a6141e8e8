"""Whoever adds a person is told of the others whom the name could be taken for (T-091)."""

import pytest

from pttserver.services.likeness import skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "Аnnа"),  # Cyrillic A and a
        ("Anna", "ANNA"),
        ("Anna", "Ａｎｎａ"),
        ("Anna", "Ánnà"),
        ("Control 1", "Controll"),
        ("Control", "Contro1"),
        ("O'Neil", "0'NeiI"),
        ("Arnim", "Amim"),
        ("Wanda", "VVanda"),
        ("Unit 5", "UnitS"),
        ("Ρaul", "Paul"),  # Greek Rho
    ],
)
def test_what_the_eye_cannot_tell_apart_is_the_same(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("Anna", "Hanna"), ("Bert", "Carl"), ("Лев", "Лен"), ("山田", "山口")])
def test_other_names_are_other_names(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)
