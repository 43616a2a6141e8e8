"""`ptt locate` and `ptt dispatch`: what a person and a dispatcher type, as processes against a running server."""

import asyncio
from pathlib import Path

import pytest

from clients.test_ptt_command import Shell, ended
from locating import LATITUDE, LOCATED, LONGITUDE
from pttserver.roles import Role
from running_server import TENANT, Platform

AT = f"{LATITUDE},{LONGITUDE}"


@pytest.fixture
async def shells(platform: Platform, tmp_path: Path) -> tuple[Shell, Shell]:
    """Anna's and Dora's; Dora dispatches."""
    await platform.organise("Patrol", policy=LOCATED)
    shells = []
    for name in ("Anna", "Dora"):
        shell = Shell(tmp_path / name)
        (await platform.enrol(name, "Patrol")).save(shell.file)
        shells.append(shell)
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    return shells[0], shells[1]


async def test_a_person_reports_switches_off_and_sees_who_looked(shells) -> None:
    anna, dora = shells
    assert "Location is on: every 5 s, as exact as your device tells" in (await anna("locate", "status")).out
    assert "Taken: 1. Dropped: none." in (await anna("locate", "report", "--at", AT, "--once")).out
    assert f"{LATITUDE:.6f},{LONGITUDE:.6f}   ± 10 m" in (await dora("dispatch", "locate", "Anna", "--last")).out
    assert f"{LATITUDE:.6f},{LONGITUDE:.6f}" in (await dora("dispatch", "history", "Anna")).out
    seen = (await anna("locate", "looks")).out.splitlines()
    assert [line.split()[2:] for line in seen] == [["history", "Dora"], ["last", "Dora"]]
    assert "You switched location off." in (await anna("locate", "off")).out
    assert "You switched location off: nothing is sent" in await anna.fails("locate", "report", "--at", AT)
    assert "switched location off" in await dora.fails("dispatch", "locate", "Anna", "--last")
    assert "Location is on" in (await anna("locate", "on")).out


async def test_a_dispatcher_watches_a_fence_and_asks_a_device(shells) -> None:
    anna, dora = shells
    fence = (await dora("dispatch", "fence", "circle", "Yard", "--at", AT, "--radius", "150")).out.strip()
    assert fence in (await dora("dispatch", "fence", "list")).out
    watching = await dora.start("dispatch", "follow", "--fence", "Yard")
    while b"Watching" not in await watching.stderr.readline():
        pass
    reporting = await anna.start("locate", "report", "--at", AT)
    async with asyncio.timeout(20):
        lines = [(await watching.stdout.readline()).decode() for _ in range(2)]
    assert lines[0].startswith("Anna   entered Yard")
    assert f"{LATITUDE:.6f},{LONGITUDE:.6f}" in lines[1]
    watching.terminate()
    assert (await ended(watching)).status == 0
    assert f"{LATITUDE:.6f},{LONGITUDE:.6f}" in (await dora("dispatch", "locate", "Anna")).out
    reporting.terminate()
    assert (await ended(reporting)).status == 0
    await dora("dispatch", "fence", "remove", "Yard")
    assert "There is no fence Yard" in await dora.fails("dispatch", "fence", "remove", "Yard")


async def test_mistakes_are_told(shells) -> None:
    anna, dora = shells
    assert "Your role does not permit this" in await anna.fails("dispatch", "locate", "Dora", "--last")
    assert "Nobody in your groups is called Nemo" in await dora.fails("dispatch", "locate", "Nemo")
    for words in (("--at", "1,2", "--gpsd"), (), ("--at", "north"), ("--at", "91,0")):
        assert (await anna("locate", "report", *words)).status == 2
