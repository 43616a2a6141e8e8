"""`pttserver register --requirements`: the whole register for people and for machines."""

import json

from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.cli.register import Status, requirements


def register(*options: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["register", *options], env={"COLUMNS": "80"})
    assert result.exit_code == status, result.output
    return result.output


def test_people_read_statement_status_reason_and_what_shows_it() -> None:
    printed = register("--requirements")
    unwrapped = " ".join(printed.split())
    for row in requirements():
        assert f"{row.number} {row.status} {row.title}" in unwrapped
        assert " ".join(row.reason.split()) in unwrapped
        for name in (*row.files, *row.tests):
            assert f"       {name}\n" in printed  # whole, to be given to pytest
    assert max(len(line) for line in printed.splitlines() if "::" not in line) <= 80
    assert printed.splitlines()[-1].startswith("209 requirements: ")


def test_machines_read_json() -> None:
    rows = json.loads(register("--requirements", "--json"))
    assert [row["number"] for row in rows] == [row.number for row in requirements()]
    assert set(rows[0]) == {"number", "title", "status", "tests", "files", "reason"}


def test_one_status_is_chosen() -> None:
    for status in Status:
        rows = json.loads(register("--requirements", "--json", "--status", status))
        assert [row["number"] for row in rows] == [row.number for row in requirements() if row.status is status]
    assert register("--requirements", "--status", "tested").splitlines()[-1].endswith(" tested")


def test_wrong_options_are_named() -> None:
    assert "nonsense" in register("--requirements", "--status", "nonsense", status=2)
