"""deploy/pttserver.service: systemd accepts it, and what it takes away is what a real server never asks for."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from typer.testing import CliRunner

from deploy.traced_server import Trace, traced_call
from pttserver.cli.main import app
from pttserver.config import Settings

UNIT = Path(__file__).parents[2] / "deploy" / "pttserver.service"
WORST_EXPOSURE = 15  # tenths of what `systemd-analyze security` prints: 0 to 100
ONLY_AS_ROOT = {"fchown"}  # SQLite gives its files to the owner of the database when it runs as root
OPENED_TO_WRITE = re.compile(r'open(?:at)?\(.*?"([^"]+)", [^)]*O_(?:WRONLY|RDWR|CREAT)')
CHANGED = re.compile(r'(?:mkdir|unlink|rename|rmdir)(?:at)?2?\([^"]*"([^"]+)"')


def values(key: str) -> list[str]:
    """All values of a key of the unit, in their order."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory, system_program: Callable[[str], str]) -> Trace:
    strace = system_program("strace")
    return uvloop.run(traced_call(tmp_path_factory.mktemp("traced"), strace))


def allowed_system_calls(systemd_analyze: str) -> set[str]:
    """What the filters of the unit leave, groups spelled out."""

    def spelled_out(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        listed = subprocess.run([systemd_analyze, "syscall-filter", name], capture_output=True, text=True, check=True)
        words = [line.strip() for line in listed.stdout.splitlines()[1:]]
        return {call for word in words if word and word[0] != "#" for call in spelled_out(word)}

    calls: set[str] = set()
    for line in values("SystemCallFilter"):
        named = {call for word in line.removeprefix("~").split() for call in spelled_out(word)}
        calls = calls - named if line.startswith("~") else calls | named
    return calls


@pytest.mark.system
def test_systemd_accepts_it(system_program: Callable[[str], str], tmp_path: Path) -> None:
    """With a program that is there; the one of the unit is installed elsewhere."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/pttserver/bin/pttserver", sys.executable))
    words = [system_program("systemd-analyze"), "verify", "--man=no", str(unit)]
    verified = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@pytest.mark.system
def test_its_exposure_is_small(system_program: Callable[[str], str]) -> None:
    words = [system_program("systemd-analyze"), "security", "--offline=true", f"--threshold={WORST_EXPOSURE}"]
    judged = subprocess.run([*words, str(UNIT)], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_its_command_and_ports_are_ours() -> None:
    (command,) = values("ExecStart")
    words = command.split()
    assert words[0].endswith("/pttserver")
    assert CliRunner().invoke(app, [*words[1:], "--help"]).exit_code == 0
    settings = Settings()
    ports = [f"tcp:{settings.signalling.port}", f"udp:{settings.media.port}", f"tcp:{settings.metrics.port}"]
    assert values("SocketBindAllow") == ports


@pytest.mark.system
def test_the_server_asks_for_no_system_call_that_is_taken_away(
    trace: Trace, system_program: Callable[[str], str]
) -> None:
    allowed = allowed_system_calls(system_program("systemd-analyze"))
    assert {"sendmmsg", "epoll_pwait", "fsync"} <= trace.calls
    assert "ptrace" not in allowed
    assert trace.calls - allowed - ONLY_AS_ROOT == set()


@pytest.mark.system
def test_the_server_makes_no_memory_that_can_be_written_and_run(trace: Trace) -> None:
    """MemoryDenyWriteExecute: neither mapped so, nor made executable later."""
    mapped = [line for line in trace.of("mmap") if "PROT_EXEC" in line]
    assert mapped
    assert not [line for line in mapped if "PROT_WRITE" in line]
    assert not [line for line in trace.of("mprotect", "pkey_mprotect", "shmat") if "EXEC" in line]


@pytest.mark.system
def test_the_server_opens_sockets_of_the_named_families_only(trace: Trace) -> None:
    families = {family for line in trace.of("socket") for family in re.findall(r"socket\((AF_\w+)", line)}
    (named,) = values("RestrictAddressFamilies")
    assert "AF_INET" in families
    assert families <= set(named.split())


@pytest.mark.system
def test_the_server_writes_in_its_own_folder_only(trace: Trace) -> None:
    patterns = (OPENED_TO_WRITE, CHANGED)
    found = [path for line in trace.lines for pattern in patterns for path in pattern.findall(line)]
    written = {path for path in found if "__pycache__" not in path}
    assert str(trace.data_dir / "pttserver.sqlite3") in written
    assert {path for path in written if not path.startswith(str(trace.data_dir))} <= {"/dev/null"}
