"""The scenario files are whole: each can be loaded, performed by a module and shown in a report."""

import importlib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from bench import scenario
from bench.report.kinds import KINDS
from sim.profiles import PROFILES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("name", scenario.names())
def test_each_is_performed_and_shown(name: str, quick: bool) -> None:
    loaded = scenario.load(name, quick=quick)
    assert loaded.about.endswith(".")
    assert callable(importlib.import_module(f"bench.runs.{loaded.kind}").run)
    assert loaded.kind in KINDS


@pytest.mark.parametrize("name", scenario.names())
def test_the_quick_form_replaces_keys_that_there_are(name: str) -> None:
    full, quick = scenario.load(name), scenario.load(name, quick=True)
    assert quick.keys.keys() == full.keys.keys()
    assert quick.keys != full.keys


def test_each_has_a_place_of_its_own_in_reports() -> None:
    orders = [scenario.load(name)["order"] for name in scenario.names()]
    assert orders == sorted(set(orders))


def test_a_change_replaces_a_key() -> None:
    assert scenario.load("relay", quick=True, changes={"sizes": [7]})["sizes"] == [7]


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(scenario.ScenarioError, match=r"no scenario raly; there are: .*relay"):
        scenario.load("raly")
    with pytest.raises(scenario.ScenarioError, match=r"relay.toml has no key colour"):
        scenario.load("relay")["colour"]


def test_the_help_lists_them() -> None:
    command = [sys.executable, "-m", "bench", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert all(name in told for name in scenario.names())


def test_the_makefile_measures_them_all() -> None:
    text = (ROOT / "Makefile").read_text().partition("bench-full:")[2].partition("; do")[0]
    assert sorted(text.partition(" in ")[2].split()) == sorted(scenario.names())


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
def test_bad_links_are_those_of_the_simulated_network(quick: bool) -> None:
    known = {profile.name: asdict(profile) for profile in PROFILES}
    for profile in scenario.load("lossy", quick=quick)["profiles"]:
        same = {key: known[profile["name"]][key] for key in ("loss_percent", "jitter_ms", "delay_ms")}
        assert {key: profile[key] for key in same} == same
        assert (
            profile.get("doubling_percent", 0) == known[profile["name"]]["doubling_percent"]
            or "loss" in profile["name"]
        )
