"""The processes of the demonstration: the server, and workers with handsets that talk JSON lines."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pttserver.errors import PttError

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
LINE_LIMIT_BYTES = 1 << 26
WORKER_MODULE = "ptthandset.demo_worker"

Message = dict[str, Any]


class DemonstrationFailed(PttError):
    """The demonstration could not be carried out."""

    code = "demo"


class ServerProcess:
    """`pttserver serve` with the given settings file; its log goes to `log_file`."""

    def __init__(self, process: asyncio.subprocess.Process, log_file: Path) -> None:
        self._process = process
        self._log_file = log_file
        self._log: asyncio.Task[None] | None = None
        self.ports: Message = {}

    @classmethod
    async def start(cls, settings_file: Path, log_file: Path) -> "ServerProcess":
        """Returns once the server serves. Raises DemonstrationFailed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pttserver", "--config", str(settings_file), "serve",
            stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL, limit=LINE_LIMIT_BYTES,
        )  # fmt: skip
        server = cls(process, log_file)
        serving = asyncio.Event()
        server._log = asyncio.create_task(server._copy_log(serving))
        waiting = asyncio.create_task(serving.wait())
        await asyncio.wait({waiting, server._log}, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not serving.is_set():
            await server.stop()
            raise DemonstrationFailed(f"The server did not start; see {log_file}.")
        return server

    async def _copy_log(self, serving: asyncio.Event) -> None:
        assert self._process.stderr is not None
        with self._log_file.open("wb") as log:
            async for line in self._process.stderr:
                log.write(line)
                log.flush()
                with contextlib.suppress(ValueError, AttributeError):
                    entry = json.loads(line)
                    if entry.get("event") == "serving":
                        self.ports = entry
                        serving.set()

    async def stop(self) -> int:
        """Stops the server as an operator would, and gives its exit status."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._log is not None:
            await self._log
        return self._process.returncode or 0


class Worker:
    """A process with some of the handsets."""

    def __init__(self, process: asyncio.subprocess.Process, on_message: Callable[[Message], None]) -> None:
        self._process = process
        self._on_message = on_message
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, on_message: Callable[[Message], None]) -> "Worker":
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", WORKER_MODULE, stdin=pipe, stdout=pipe, limit=LINE_LIMIT_BYTES, env=os.environ
        )
        return cls(process, on_message)

    def tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def ask(self, answer: str, **command: Any) -> Any:
        """Sends a command and waits for the message that has the member `answer`. Raises DemonstrationFailed."""
        future = self._waiting[answer] = asyncio.get_running_loop().create_future()
        self.tell(**command)
        try:
            return (await asyncio.wait_for(future, START_TIMEOUT_S))[answer]
        except TimeoutError:
            raise DemonstrationFailed("A handset process does not answer.") from None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            for name in self._waiting.keys() & message.keys():
                self._waiting.pop(name).set_result(message)
                break
            else:
                self._take(message)
        self._fail("A handset process ended.")

    def _take(self, message: Message) -> None:
        if "failed" in message:
            self._fail(f"A handset failed: {message['failed']}")
        else:
            self._on_message(message)

    def _fail(self, text: str) -> None:
        for future in self._waiting.values():
            future.set_exception(DemonstrationFailed(text))
        self._waiting.clear()

    async def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader


async def stop_all(workers: Sequence[Worker]) -> None:
    await asyncio.gather(*(worker.stop() for worker in workers))
