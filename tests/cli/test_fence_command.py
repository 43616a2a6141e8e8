"""`pttserver fence`: fences are imported from a drawing, listed and removed; a drawing with a mistake adds none."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from locating import LOCATED, NOT_LOCATED
from pttserver.cli.main import app

RING = [[12.0, 55.0], [12.1, 55.0], [12.1, 55.1], [12.0, 55.0]]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PTTSERVER_DATA_DIR", str(tmp_path / "data"))

    def run(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, [str(word) for word in words])
        return done.exit_code, done.output

    (tmp_path / "located.toml").write_text(LOCATED)
    assert run("tenant", "add", "ACME", "--policy", tmp_path / "located.toml")[0] == 0
    return run


def drawing(folder: Path, *names: str, ring: list = RING) -> Path:
    file = folder / "fences.geojson"
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for name in names
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def test_added_listed_removed(shell, tmp_path) -> None:
    assert shell("fence", "add", "ACME", drawing(tmp_path, "Yard", "Gate"))[0] == 0
    listed = json.loads(shell("fence", "list", "ACME", "--json")[1])
    assert [fence["name"] for fence in listed] == ["Gate", "Yard"]
    assert json.loads(listed[0]["shape"])["kind"] == "polygon"
    assert shell("fence", "remove", "ACME", "Yard", "--yes")[0] == 0
    assert [fence["name"] for fence in json.loads(shell("fence", "list", "ACME", "--json")[1])] == ["Gate"]


def test_a_mistake_adds_none(shell, tmp_path) -> None:
    crossing = [[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]
    status, said = shell("fence", "add", "ACME", drawing(tmp_path, "Eight", ring=crossing))
    assert (status, "crosses itself" in said) == (1, True)
    status, said = shell("fence", "add", "ACME", drawing(tmp_path, "Yard", "Yard"))
    assert (status, "exists already" in said) == (1, True)
    assert shell("fence", "add", "ACME", tmp_path / "none")[0] == 1
    assert shell("fence", "remove", "ACME", "Yard", "--yes")[0] == 1
    assert json.loads(shell("fence", "list", "ACME", "--json")[1]) == []


def test_where_nobody_is_located_none_is_added_and_those_of_before_stay(shell, tmp_path) -> None:
    assert shell("fence", "add", "ACME", drawing(tmp_path, "Yard", "Gate"))[0] == 0
    (tmp_path / "off.toml").write_text(NOT_LOCATED)
    assert shell("policy", "apply", "ACME", tmp_path / "off.toml", "--reason", "a week off")[0] == 0
    status, said = shell("fence", "add", "ACME", drawing(tmp_path, "Depot"))
    assert (status, "fences are added once location is on" in " ".join(said.split())) == (1, True)
    assert "Fences that were drawn before stay" in " ".join(shell("policy", "explain", "ACME")[1].split())
    assert shell("fence", "remove", "ACME", "Gate", "--yes")[0] == 0
    assert [fence["name"] for fence in json.loads(shell("fence", "list", "ACME", "--json")[1])] == ["Yard"]
    assert shell("policy", "apply", "ACME", tmp_path / "located.toml", "--reason", "back again")[0] == 0
    assert shell("fence", "add", "ACME", drawing(tmp_path, "Depot"))[0] == 0
    assert [fence["name"] for fence in json.loads(shell("fence", "list", "ACME", "--json")[1])] == ["Depot", "Yard"]
