"""`python -m bench.profile`: a flame graph of the server under voice (py-spy), and its system calls per relayed packet.

The two are taken in two runs, for strace slows a process down many times over; its counts hold all the same.
"""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.groups import formation
from bench.runs.relay import PttserverColumn
from bench.stage import Stage, opened_stage

RATE_HZ = 500
PACKETS_PER_S = 50
_COUNTED = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.MULTILINE)


def main(
    out: Annotated[Path, typer.Option(help="Folder for flame.svg and syscalls.txt.")] = Path("bench/results/profile"),
    members: int = 10,
    delivered_per_s: int = 50_000,
    seconds: float = 6.0,
) -> None:
    """Groups of `members` with one talker each."""
    machine.raise_descriptor_limit()
    console = Console()
    out.mkdir(parents=True, exist_ok=True)
    groups = formation(members, delivered_per_s, PACKETS_PER_S)
    with opened_stage(console) as stage, PttserverColumn(stage, [groups]) as column:
        pid = column.stand.server.pid
        watcher = _flame(pid, out / "flame.svg", seconds)
        column.measure(groups, PACKETS_PER_S, 1.0, seconds)
        watcher.wait(30)
        console.print(f"flame graph: {out / 'flame.svg'}")
        console.print(_syscalls(column, groups, stage, pid, out / "syscalls.txt"))


def _flame(pid: int, file: Path, seconds: float) -> subprocess.Popen[bytes]:
    """py-spy beside the server; threads that wait are left out."""
    py_spy = shutil.which("py-spy") or str(Path(sys.executable).with_name("py-spy"))
    return subprocess.Popen(
        [py_spy, "record", "--pid", str(pid), "--output", str(file), "--duration", str(round(seconds)),
         "--rate", str(RATE_HZ)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _syscalls(column: PttserverColumn, groups: Any, stage: Stage, pid: int, file: Path) -> Table:
    """strace counts calls while voice flows; the rate is low, so that the slowed server keeps up."""
    watcher = subprocess.Popen(["strace", "-c", "-f", "-p", str(pid), "-o", str(file)], stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    before = column.stand.scrape()["voice_packets_relayed"]
    column.measure(groups, PACKETS_PER_S / 5, 0.2, 3.0)
    relayed = column.stand.scrape()["voice_packets_relayed"] - before
    watcher.send_signal(signal.SIGINT)
    watcher.wait(20)
    table = Table("system call", "per relayed packet", title=f"{relayed:,.0f} packets relayed", title_justify="left")
    for count, name in sorted(((int(c), n) for c, n in _COUNTED.findall(file.read_text())), reverse=True):
        if name != "total" and count > relayed / 1000:
            table.add_row(name, f"{count / max(1, relayed):.3f}")
    stage.note("strace slows the server down: its times mean nothing, its counts do")
    return table


if __name__ == "__main__":
    typer.run(main)
