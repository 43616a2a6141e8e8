"""A server in a process of its own, for tests that kill it, starve it, or need its whole core."""

import asyncio
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pttserver.services.keyring import open_database
from pttserver.services.office import furnish
from running_server import Platform, loopback_settings, reachable_at

SCRIPT = Path(__file__).with_name("serve_apart.py")


@dataclass
class ServerApart:
    """The process and an administrator's access to its database."""

    process: asyncio.subprocess.Process
    platform: Platform
    media_port: int
    metrics_port: int

    async def metrics(self) -> dict[str, float]:
        """All samples that a scrape gives, with their labels in the name."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.metrics_port)
        writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = (await reader.read()).decode().partition("\r\n\r\n")[2]
        writer.close()
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(number) for name, _, number in lines}

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def server_apart(
    data_dir: Path, open_files: int | None = None, under: Sequence[str | Path] = (), **sections: Any
) -> AsyncIterator[ServerApart]:
    """`sections` as in `loopback_settings`; `open_files` is the limit of the process (RLIMIT_NOFILE).

    `under`: a command that runs the server and lets it be its own process, such as `strace -D`.
    """

    def limit() -> None:
        if open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

    settings = loopback_settings(data_dir, **sections)
    process = await asyncio.create_subprocess_exec(
        *under, sys.executable, str(SCRIPT), settings.model_dump_json(), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, preexec_fn=limit, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    line = await process.stdout.readline()
    if not line:
        raise AssertionError((await process.stderr.read()).decode())
    ports = json.loads(line)
    database = await open_database(settings)
    reachable = reachable_at(settings, ports["signalling_port"])
    server = SimpleNamespace(signalling_port=ports["signalling_port"])
    platform = Platform(server, reachable, database, await furnish(database, reachable))  # type: ignore[arg-type]
    try:
        yield ServerApart(process, platform, ports["media_port"], ports["metrics_port"])
    finally:
        await platform.close()
        await database.close()
        if process.returncode is None:
            process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.communicate(), 5)
        if process.returncode is None:
            process.kill()
            await process.wait()
