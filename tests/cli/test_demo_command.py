"""`pttserver demo` with real processes: exit status, report, recordings; nothing is left running or lying about."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ptthandset.audio.files import read_audio

PTTSERVER = Path(sys.executable).with_name("pttserver")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo")
    command = [PTTSERVER, "demo", "--seconds", "2", "--handsets", "4", "--groups", "2", "--report", "r.json", "--keep"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False), folder


def test_everything_was_heard(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    finished, folder = demo
    report = json.loads((folder / "r.json").read_text())
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Everything was heard." in finished.stdout
    assert report["problems"] == []
    assert report["frames_delivered"] >= 0.999 * report["frames_expected"] > 0
    assert report["floor_denied"] == 0
    assert report["bursts"] == 2
    for figures in (report["access_time_ms"], report["mouth_to_ear_ms"]):
        assert 0 < figures["p50"] <= figures["p95"] <= figures["max"]
    assert {listener["via"] for listener in report["listeners"]} == {"udp", "websocket"}


def test_the_recordings_hold_sound(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = demo
    recordings = json.loads((folder / "r.json").read_text())["recordings"]
    assert len(recordings) == 4
    assert all(len(read_audio(folder / recording, 16_000)) > 16_000 for recording in recordings)


def test_what_is_kept_is_kept(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = demo
    log = [json.loads(line)["event"] for line in (folder / "demo-out/server/server.log").read_text().splitlines()]
    assert log == ["serving", "policy_in_force", "stopping", "stopped"]
    assert (folder / "demo-out/server/data/pttserver.sqlite3").is_file()


def test_too_few_handsets_are_refused() -> None:
    finished = subprocess.run(
        [PTTSERVER, "demo", "--handsets", "3", "--groups", "2"], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert "at least 4 handsets" in finished.stderr
