"""Two machines on a wire, as network namespaces: `inside` has the firewall and the server, `outside` is the world."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIREWALL = Path(__file__).parents[2] / "deploy" / "firewall.nft"
INSIDE, OUTSIDE, MANAGEMENT = "198.51.100.1", "198.51.100.2", "192.0.2.10"
SERVER_UID = 65_534
# Modules first: another user may not be allowed to read where Python is installed.
AS_USER = "import json, os, socket, time; os.setgroups([]); os.setgid({uid}); os.setuid({uid})\n"


class Machine:
    """A network namespace, held open by a process that sleeps."""

    def __init__(self) -> None:
        sleeper = subprocess.Popen(["unshare", "-n", "sleep", "600"])
        self.pid = str(sleeper.pid)
        self._started: list[subprocess.Popen[Any]] = [sleeper]
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self.pid}/ns/net").readlink() == own:
            time.sleep(0.005)

    def run(self, *command: str) -> str:
        """Runs a command on this machine to its end and gives its output."""
        words = ["nsenter", "-t", self.pid, "-n", *command]
        ran = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, ran.stdout
        return ran.stdout.strip()

    def python(self, script: str, uid: int = 0) -> str:
        """Runs a script as a user of this machine."""
        return self.run(sys.executable, "-c", AS_USER.format(uid=uid) + script)

    def listen(self, script: str, uid: int = 0) -> None:
        """Starts a script and waits until it says that it is ready; it ends with the machine."""
        words = ["nsenter", "-t", self.pid, "-n", sys.executable, "-c", AS_USER.format(uid=uid) + script]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self._started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    def close(self) -> None:
        for process in reversed(self._started):
            process.kill()
            process.communicate()


@contextmanager
def two_machines(firewall: Path) -> Iterator[tuple[Machine, Machine]]:
    """`inside` has loaded `firewall`; `outside` has an address of the management and one of anybody."""
    inside, outside = Machine(), Machine()
    try:
        inside.run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", outside.pid)
        for machine, addresses in ((inside, [INSIDE]), (outside, [OUTSIDE, MANAGEMENT])):
            for address in addresses:
                machine.run("ip", "address", "add", f"{address}/24", "dev", "wire")
            for device in ("lo", "wire"):
                machine.run("ip", "link", "set", device, "up")
        inside.run("ip", "route", "add", f"{MANAGEMENT}/32", "dev", "wire")
        inside.run("nft", "-f", str(firewall))
        yield inside, outside
    finally:
        inside.close()
        outside.close()
