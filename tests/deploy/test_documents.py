"""deploy/*.md say what is so: the tests, settings, metrics and files that they name are there."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from pttserver.config import Settings, load_settings
from repository import ROOT, known_tests

DEPLOY = ROOT / "deploy"
THREATS = (DEPLOY / "threats.md").read_text(encoding="utf-8")
README = (DEPLOY / "README.md").read_text(encoding="utf-8")
ROWS = [line for line in THREATS.splitlines() if line.startswith("| ") and not line.startswith(("| attack", "| fault"))]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0][2:])
def test_each_threat_names_tests_that_exist(row: str) -> None:
    known = {name for names in known_tests().values() for name in names}
    named = re.findall(r"`(test_\w+)`", row)
    assert named
    assert set(named) <= known


def test_each_setting_has_the_default_that_is_told() -> None:
    told = re.findall(r"`(\w+)\.(\w+)` = ([\d.]+)", THREATS)
    assert len(told) > 20
    settings = Settings()
    for section, key, value in told:
        assert getattr(getattr(settings, section), key) == json.loads(value), f"{section}.{key}"


def test_settings_that_are_named_exist() -> None:
    for section, key in re.findall(r"`(signalling|media|authentication|sessions|keys)\.(\w+)`", README + THREATS):
        assert hasattr(getattr(Settings(), section), key), f"{section}.{key}"


def test_the_example_of_the_settings_is_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "pttserver.toml").write_text(example)
    settings = load_settings(tmp_path / "pttserver.toml")
    unit = (DEPLOY / "pttserver.service").read_text()
    assert str(settings.data_dir) == "/var/lib/" + re.findall(r"^StateDirectory=(.*)$", unit, re.MULTILINE)[0]
    assert settings.signalling.public_host == tomllib.loads(example)["signalling"]["public_host"]


def test_metrics_that_are_named_exist() -> None:
    source = (ROOT / "src/pttserver/readings.py").read_text()
    named = re.findall(r"`pttserver_(\w+?)(?:_total)?`", README)
    assert len(named) == 5
    for name in named:
        assert f'"{name}"' in source


def test_files_that_are_named_exist() -> None:
    for name in re.findall(r"\]\(([\w./-]+)\)", README + THREATS):
        assert (DEPLOY / name).is_file(), name
    for name in re.findall(r"`((?:tests|deploy)/[\w./-]+)`", README + THREATS):
        assert (ROOT / name).exists(), name
