"""`ptt sos` and `ptt dispatch alerts` as people use them: real processes against a running server."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.test_ptt_command import Shell, ended, enrolled
from pttserver.roles import Role
from running_server import TENANT, Platform, until
from sim.radio_traffic import Roll, roll_of


@pytest.fixture
async def roll(platform: Platform) -> AsyncIterator[Roll]:
    await platform.organise("Patrol")
    async with roll_of(platform) as kept:
        yield kept


@pytest.fixture
async def people(roll: Roll, tmp_path: Path) -> tuple[Shell, Shell]:
    anna = await enrolled(roll.platform, tmp_path / "anna", "Anna", "Patrol")
    dora = await enrolled(roll.platform, tmp_path / "dora", "Dora")
    await roll.platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    return anna, dora


async def test_a_call_for_help_from_one_terminal_is_answered_at_another(
    people: tuple[Shell, Shell], roll: Roll
) -> None:
    anna, dora = people
    calling = await anna.start("sos")
    board = roll.platform.server.services.alerts.desk.board
    await until(lambda: len(board) == 1, 20)
    (alert,) = board
    listed = await dora("dispatch", "alerts", "list")
    assert re.search(rf"{alert.alert_id}  SOS of Anna  [\d:]+ UTC  (raised|delivered)", listed.out)
    assert (await dora("dispatch", "alerts", "acknowledge", alert.alert_id)).out == "Acknowledged.\n"
    assert (await dora("dispatch", "alerts", "handle", alert.alert_id)).out == "You see to it.\n"
    closed = await dora(
        "dispatch", "alerts", "resolve", alert.alert_id, "--outcome", "false_alarm", "--note", "all well"
    )
    assert closed.out == "Closed.\n"
    assert calling.stdout is not None
    seen = (await asyncio.wait_for(calling.stdout.read(), 20)).decode()
    assert await calling.wait() == 0
    assert "Your organisation's server has your alert" in seen
    assert "Dora knows of it\nDora sees to it\nclosed by Dora: false alarm (all well)\n" in seen


async def test_an_alert_is_taken_back(people: tuple[Shell, Shell], roll: Roll) -> None:
    anna, dora = people
    assert (await anna("sos", "--no-wait", "--drill")).status == 0
    assert "EXERCISE of Anna" in (await dora("dispatch", "alerts", "list")).out
    assert (await anna("sos", "--cancel", "pressed by mistake")).out == "Your alert is taken back.\n"
    assert len(roll.platform.server.services.alerts.desk.board) == 0
    assert (await dora("dispatch", "alerts", "list")).out == "No alert is open.\n"
    assert "no alert open" in await anna.fails("sos", "--cancel", "again")


async def test_who_may_not_is_told_why(people: tuple[Shell, Shell], roll: Roll) -> None:
    anna, _ = people
    await roll.platform.office.roles.allow(TENANT, "Anna", "alerts", False)
    assert "switched alerts off for you" in await anna.fails("sos")
    assert "role does not permit" in await anna.fails("dispatch", "alerts", "acknowledge", "alr_00000000000000a1")


async def test_a_dispatcher_watches(people: tuple[Shell, Shell], roll: Roll) -> None:
    anna, dora = people
    watching = await dora.start("dispatch", "alerts", "watch")
    assert watching.stdout is not None
    assert watching.stderr is not None
    await watching.stderr.readline()
    await asyncio.sleep(0.5)
    await anna("sos", "--no-wait")
    await anna("sos", "--cancel", "over")
    lines = [(await asyncio.wait_for(watching.stdout.readline(), 20)).decode() for _ in range(3)]
    assert "SOS of Anna" in lines[0]
    assert "taken back by Anna (over)" in "".join(lines)
    watching.terminate()
    await ended(watching)
