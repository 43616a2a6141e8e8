"""The harness measures a real server from outside, in seconds, and its figures are there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT_S = 90


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Two groups of four, 150 datagrams/s each, for a second and a half."""
    folder = tmp_path_factory.mktemp("bench")
    changes = {"sizes": [4], "delivered_per_s": 300, "warm_s": 0.2, "seconds": 1.5, "columns": ["pttserver", "bare"]}
    settings = [part for key, value in changes.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    command = [sys.executable, "-m", "bench", "relay", "--json", str(folder / "relay.json"), *settings]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "relay.json").read_text())


def test_voice_was_delivered_and_is_what_was_said(result: dict) -> None:
    step = result["figures"]["steps"][0]
    assert step["column"] == "pttserver"
    assert step["delivery"]["delivered"] == step["delivery"]["expected"] >= 6 * 50
    assert step["delivery"]["lost"] == step["delivery"]["duplicated"] == step["delivery"]["unknown"] == 0
    assert step["verified"] == step["listeners"] == 6


def test_figures_are_there(result: dict) -> None:
    for step in result["figures"]["steps"]:
        assert 0 < step["cpu_us_per_datagram"] < 5000
        assert 0 < step["delivery"]["delay_ms"]["p50"] <= step["delivery"]["delay_ms"]["max"]
    pttserver = result["figures"]["steps"][0]
    assert pttserver["access_ms"]["max"] > 0
    assert pttserver["lag_ms"]["probes"] > 0


def test_it_says_on_what_it_ran(result: dict) -> None:
    assert {"cpu", "cores", "kernel", "python", "versions", "commit"} <= result["machine"].keys()
