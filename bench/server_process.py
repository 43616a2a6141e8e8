"""A real `pttserver serve` on loopback in a process of its own, pinned to the server's core."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pttserver.config import Settings

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 8.0


_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Called in a child before exec: the kernel ends it when the harness is gone, however that ended."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerFailed(RuntimeError):
    """The server did not start; the message holds the end of its log."""


class ServerProcess:
    """`start` returns when it serves; `stop` ends it. `extra` are tables of its configuration file."""

    def __init__(self, folder: Path, extra: dict[str, dict[str, Any]], cores: set[int]) -> None:
        self.folder = folder
        self.settings = Settings(data_dir=folder / "data")
        self._cores = cores
        self._config = folder / "pttserver.toml"
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.ports: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config.write_text(_toml(folder / "data", extra))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, ports: dict[str, int] | None = None) -> None:
        """Raises ServerFailed. `ports` asks for the ports of an earlier life."""
        environment = dict(os.environ)
        for table, port in (ports or {}).items():
            environment[f"PTTSERVER_{table.upper()}__PORT"] = str(port)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pttserver", "--config", str(self._config), "serve"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - no other thread lives
            )  # fmt: skip
        os.sched_setaffinity(self._process.pid, self._cores)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._serving():
                return
            time.sleep(0.05)
        raise ServerFailed(self._log.read_text()[-2000:])

    def _serving(self) -> bool:
        for line in self._log.read_text().splitlines():
            if '"serving"' in line:
                entry = json.loads(line)
                self.ports = {name: entry[f"{name}_port"] for name in ("signalling", "media", "metrics")}
                return True
        return False

    def stop(self, *, kill: bool = False) -> None:
        """As an operator would, or as a power cut would."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def complaints(self) -> list[str]:
        """Warnings and errors of its log."""
        lines = self._log.read_text().splitlines()
        return [line[:300] for line in lines if '"warning"' in line or '"error"' in line or "Traceback" in line]


def _toml(data_dir: Path, extra: dict[str, dict[str, Any]]) -> str:
    tables: dict[str, dict[str, Any]] = {
        "signalling": {"address": "127.0.0.1", "port": 0, "public_host": "127.0.0.1"},
        "media": {"address": "127.0.0.1", "port": 0},
        "metrics": {"port": 0},
    }
    for name, keys in extra.items():
        tables[name] = {**tables.get(name, {}), **keys}
    lines = [f"data_dir = {json.dumps(str(data_dir))}"]
    for name, keys in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"
