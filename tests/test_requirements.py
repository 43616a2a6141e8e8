"""The register of requirements is whole and honest: each has its row, and what a row names is there."""

import tomllib

import pytest

from pttserver.cli.register import Requirement, Status, requirements
from repository import ROOT, known_tests

REGISTER = ROOT / "tests" / "requirements.toml"
COUNT = 209
LONGEST_TITLE = 120


def exists(node: str) -> bool:
    """`path::name`, `path::Class::name`, or either with the parameters of one case."""
    path, _, name = node.partition("[")[0].partition("::")
    return name in known_tests().get(path, ())


def test_each_requirement_has_one_row_in_order() -> None:
    """A second row of the same number is not TOML."""
    assert list(tomllib.loads(REGISTER.read_text(encoding="utf-8"))) == [f"S-{n:03}" for n in range(1, COUNT + 1)]


def test_the_package_carries_this_register() -> None:
    carried = ROOT / "src" / "pttserver" / REGISTER.name
    assert carried.resolve() == REGISTER
    assert [row.number for row in requirements()][-1] == f"S-{COUNT}"


@pytest.mark.parametrize("row", requirements(), ids=lambda row: row.number)
def test_a_row_keeps_its_word(row: Requirement) -> None:
    assert row.title.endswith(".")
    assert len(row.title) <= LONGEST_TITLE
    assert [test for test in row.tests if not exists(test)] == []
    assert [file for file in row.files if not (ROOT / file).is_file()] == []
    assert len(set(row.tests)) == len(row.tests)
    match row.status:
        case Status.TESTED:
            assert row.tests
        case Status.DOCUMENTED:
            assert row.files
        case Status.ORGANISATIONAL | Status.OPEN:
            assert row.reason.endswith(".")


def test_no_title_is_there_twice() -> None:
    titles = [row.title for row in requirements()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("node", "is_there"),
    [
        ("tests/test_requirements.py::test_no_title_is_there_twice", True),
        ("tests/test_requirements.py::test_a_row_keeps_its_word[S-001]", True),
        ("tests/test_requirements.py::test_no_title", False),
        ("tests/test_requirements.py", False),
        ("tests/test_nothing.py::test_no_title_is_there_twice", False),
        ("tests/floor/test_invariants.py::TestFloorLife", True),
    ],
)
def test_what_is_named_is_looked_for_by_its_whole_name(node: str, is_there: bool) -> None:
    assert exists(node) == is_there
