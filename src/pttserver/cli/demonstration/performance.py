"""What is performed in the demonstration.

1. a server is started on free ports of loopback; a tenant, groups, subscribers and devices are provisioned
2. handset processes enrol, log in with device key and PIN, and join; the last of each group stays on the WebSocket
3. in each group one after the other presses its key and says its sentence; now and then one presses while another talks
4. one walks into a fence and calls for help; a dispatcher sees it, answers, and closes the alert
5. each handset reports when it sent and played each frame, and how alike is what it heard to what was said
"""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from pttserver.cli.demonstration.figures import Report, make_report
from pttserver.cli.demonstration.screen import Screen
from pttserver.cli.demonstration.stage import ServerProcess, Worker, stop_all
from pttserver.config import load_settings
from pttserver.roles import Role
from pttserver.services.office import open_office

PIN = "4711"
TENANT = "Demonstration"
GROUPS = ("Patrol", "Logistics", "Gate", "Control", "Medical", "Fire", "Harbour", "Night shift")
NAMES = (
    "Anna", "Bert", "Carla", "David", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kim", "Lena",
    "Malik", "Nora", "Omar", "Paula",
)  # fmt: skip
MAX_PROCESSES = 16
FENCE = "Quay"
BREATH_S = 0.3  # between two bursts of a group
INTERRUPTION_EVERY = 3  # every third burst somebody presses while it lasts, and waits in the queue

POLICY = """
[policy]
title = "Demonstration"
version = "1"

[location]
enabled = true
interval_s = 5

[categories.location]
legal_basis = "vital_interests"
"""

Job = dict[str, Any]


class Performance:
    """One demonstration, from the start of the server to the report."""

    def __init__(self, seconds: float, handsets: int, groups: int, out: Path, keep: bool) -> None:
        self._seconds = seconds
        self._out = out
        self._keep = keep
        self._jobs = [_job(number, handsets, groups, out) for number in range(handsets)]
        self._group_of = {job["name"]: job["group"] for job in self._jobs}
        self._members = {
            group: [job["name"] for job in self._jobs if job["group"] == group] for group in GROUPS[:groups]
        }
        self._worker_of: dict[str, Worker] = {}
        self._talking: dict[str, Any] = {}
        self._done: list[Job] = []
        self._told: list[Job] = []
        self._screen = Screen(self._members, seconds)

    async def run(self) -> Report:
        self._out.mkdir(parents=True, exist_ok=True)
        data_dir = self._out / "server"
        shutil.rmtree(data_dir, ignore_errors=True)
        try:
            with self._screen:
                heard = await self._perform(data_dir)
        finally:
            if not self._keep:
                shutil.rmtree(data_dir, ignore_errors=True)
        self._screen.summary(heard, str(self._out / "*.wav"), str(data_dir) if self._keep else None)
        return heard

    async def _perform(self, data_dir: Path) -> Report:
        settings_file = _write_settings(data_dir)
        self._screen.note("Starting the server ...")
        server = await ServerProcess.start(settings_file, data_dir / "server.log")
        workers: list[Worker] = []
        try:
            self._screen.note(f"Provisioning {len(self._jobs)} handsets in {len(self._members)} groups ...")
            await self._provision(settings_file, server.ports["signalling_port"])
            self._screen.note("Handsets enrol, log in and join ...")
            workers = await self._start_workers()
            seconds = await self._talk()
            await self._call_for_help()
            return await self._collect(workers, seconds)
        finally:
            await stop_all(workers)
            await server.stop()

    async def _provision(self, settings_file: Path, port: int) -> None:
        settings = load_settings(settings_file)
        served = settings.signalling.model_copy(update={"port": port})
        async with open_office(settings.model_copy(update={"signalling": served})) as office:
            await office.provisioning.add_tenant(TENANT, POLICY)
            for group in self._members:
                await office.provisioning.add_group(TENANT, group)
            for job in self._jobs:
                name = job["name"]
                await office.provisioning.add_subscriber(TENANT, name, display_name=name, pin=PIN)
                await office.provisioning.set_member(TENANT, job["group"], name)
                job["enrolment"] = (await office.devices.add(TENANT, name)).text
            await office.roles.set_role(TENANT, self._jobs[-1]["name"], Role.DISPATCHER)

    async def _start_workers(self) -> list[Worker]:
        shares = [self._jobs[start::MAX_PROCESSES] for start in range(min(MAX_PROCESSES, len(self._jobs)))]
        workers = [await Worker.start(self._on_message) for _ in shares]
        for worker, share in zip(workers, shares, strict=True):
            self._worker_of |= {job["name"]: worker for job in share}
        await asyncio.gather(
            *(worker.ask("ready", do="start", handsets=share) for worker, share in zip(workers, shares, strict=True))
        )
        return workers

    def _on_message(self, message: Job) -> None:
        if "event" in message:
            self._screen.event(message)
        elif "told" in message:
            self._told.append(message)
            self._screen.told(message, self._told[0])
        elif "done" in message:
            self._done.append(message)
            self._screen.done(self._group_of[message["done"]], message)
            self._talking.pop(message["done"]).set_result(None)

    async def _talk(self) -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._screen.start_clock()
        await asyncio.gather(*(self._take_turns(group, started + self._seconds) for group in self._members))
        return loop.time() - started

    async def _take_turns(self, group: str, until: float) -> None:
        members, turn = self._members[group], 0
        while not turn or asyncio.get_running_loop().time() < until:
            turns = [self._say(group, members[turn % len(members)])]
            turn += 1
            if turn % INTERRUPTION_EVERY == 0:
                turns.append(self._say(group, members[turn % len(members)], after_s=1.0))
                turn += 1
            await asyncio.gather(*turns)
            await asyncio.sleep(BREATH_S)

    async def _say(self, group: str, handset: str, after_s: float = 0.0) -> None:
        await asyncio.sleep(after_s)
        self._talking[handset] = asyncio.get_running_loop().create_future()
        self._screen.pressed(group, handset)
        self._worker_of[handset].tell(do="talk", handset=handset)
        await self._talking[handset]

    async def _call_for_help(self) -> None:
        """The last of the handsets is the dispatcher's, the first is in need."""
        dispatcher, in_need = self._jobs[-1]["name"], self._jobs[0]["name"]
        self._screen.note(f"{dispatcher} dispatches; {in_need} walks and calls for help ...")
        await self._worker_of[dispatcher].ask("overseen", do="oversee", handset=dispatcher, fence=FENCE)
        await self._worker_of[in_need].ask("helped", do="alarm", handset=in_need)

    async def _collect(self, workers: list[Worker], seconds: float) -> Report:
        await asyncio.sleep(1)  # the last frames are still on their way to the ears
        sentences = {job["name"]: job["sentence"] for job in self._jobs}
        spoken = {message["ssrc"]: sentences[message["done"]] for message in self._done if "ssrc" in message}
        answers = await asyncio.gather(*(worker.ask("reports", do="finish", spoken=spoken) for worker in workers))
        reports = [report for answer in answers for report in answer]
        return make_report(jobs=self._jobs, done=self._done, reports=reports, seconds=seconds, told=self._told)


def _job(number: int, handsets: int, groups: int, out: Path) -> Job:
    group = GROUPS[number % groups]
    name = NAMES[number % len(NAMES)] + (f" {number // len(NAMES) + 1}" if number >= len(NAMES) else "")
    last_of_group = number >= handsets - groups
    return {
        "name": name,
        "pin": PIN,
        "group": group,
        "sentence": number % 8,
        "use_udp": not last_of_group,
        "recording": str(out / f"{group}-{name}.wav".replace(" ", "-")),
    }


def _write_settings(data_dir: Path) -> Path:
    """Free ports on loopback; everything else as a new server has it."""
    data_dir.mkdir(mode=0o700, parents=True)
    file = data_dir / "pttserver.toml"
    file.write_text(
        f"data_dir = {json.dumps(str(data_dir / 'data'))}\n"
        '[signalling]\naddress = "127.0.0.1"\nport = 0\npublic_host = "127.0.0.1"\n'
        '[media]\naddress = "127.0.0.1"\nport = 0\n'
        "[metrics]\nport = 0\n"
    )
    return file
