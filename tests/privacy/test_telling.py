"""A reason that outlives a person must not say who it was."""

import pytest

from pttserver.privacy.telling import telling

NAMES, OTHERS = ["Anna Żauber", "7"], ["+45 12 34 56 78", "K-17", "anna@example.org", "Radio 7"]


@pytest.mark.parametrize(
    "text",
    [
        "Anna asked",
        "letter of Ms ZAUBER",
        "asked by ŻAUBER, A.",
        "phone +4512345678",
        "phone 12345678 of DK (45)12-34-56-78",
        "the one of k-17",
        "wrote from Anna@Example.org",
        "gave radio 7 back",
        "n\u0061\u0301 anna",
    ],
)
def test_a_text_that_tells_who_it_was_is_found(text: str) -> None:
    assert telling(text, NAMES, OTHERS) is not None


@pytest.mark.parametrize(
    "text", ["request 7 of 2026", "asked by letter", "case 17", "Annabel wrote", "radio given back", "1234", "", "k 18"]
)
def test_a_text_that_does_not_is_not(text: str) -> None:
    assert telling(text, NAMES, OTHERS) is None


def test_nothing_is_told_of_nobody() -> None:
    assert telling("Anna asked", [], []) is None
    assert telling("Anna asked", [""], ["", "-"]) is None
