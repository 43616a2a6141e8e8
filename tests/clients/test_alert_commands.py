"""`ptt sos` and `ptt dispatch alerts` as people use them: real processes against a running server."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.test_ptt_command import Shell, Terminal, ended, enrolled
from ptthandset.audio.files import WavWriter, read_audio
from ptthandset.audio.similarity import similarity
from ptthandset.cli.sos import step_text
from ptthandset.speech import sentence_pcm
from pttserver.roles import Role
from pttserver.services.provision import FIRST_INSTRUCTION
from pttserver.wire import signalling
from running_server import PLAIN_POLICY, TENANT, Platform, until
from sim.radio_traffic import Roll, roll_of

LISTENING = PLAIN_POLICY + "[alerts]\nambient_listening = true\n"
NOT_SHARED = "Your organisation lets alerts carry no position: none is sent.\n"


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
    assert (await dora("dispatch", "alerts", "note", alert.alert_id, "Fell from the ladder.")).out == "Noted.\n"
    closed = await dora(
        "dispatch", "alerts", "resolve", alert.alert_id, "--outcome", "false_alarm", "--note", "all well"
    )
    assert closed.out == "Closed.\n"
    assert calling.stdout is not None
    seen = (await asyncio.wait_for(calling.stdout.read(), 20)).decode()
    assert await calling.wait() == 0
    assert "Your organisation's server has your alert" in seen
    assert "Dora knows of it\nDora sees to it\nclosed by Dora: false alarm (all well)\n" in seen  # and of no note


def test_a_note_is_told_once() -> None:
    step = signalling.AlertStep(number=3, kind="noted", at_ms=1, by="sub_00000000000000a1", name="Dora", note="A fall.")
    event = signalling.AlertStepped(alert="alr_00000000000000a1", state="handling", step=step)
    assert step_text(event) == "Dora noted: A fall."


@pytest.mark.thorough
async def test_an_alert_is_taken_back(people: tuple[Shell, Shell], roll: Roll) -> None:
    anna, dora = people
    assert (await anna("sos", "--no-wait", "--drill")).status == 0
    assert "EXERCISE of Anna" in (await dora("dispatch", "alerts", "list")).out
    assert (await anna("sos", "--cancel", "pressed by mistake")).out == "Your alert is taken back.\n"
    assert len(roll.platform.server.services.alerts.desk.board) == 0
    assert (await dora("dispatch", "alerts", "list")).out == "No alert is open.\n"
    assert "no alert open" in await anna.fails("sos", "--cancel", "again")


async def test_where_somebody_is_who_calls_for_help_is_shown_until_the_end(
    people: tuple[Shell, Shell], roll: Roll
) -> None:
    anna, dora = people
    tenant = await roll.platform.provisioning.tenant(TENANT)
    carried = PLAIN_POLICY + "[location]\nsos_exception = true\nsos_interval_s = 1\n"
    await roll.platform.office.instructions.apply(tenant.tenant_id, carried, FIRST_INSTRUCTION)
    watching = await dora.start("dispatch", "alerts", "watch")
    assert watching.stdout is not None
    assert watching.stderr is not None
    await watching.stderr.readline()
    calling = await anna.start("sos", "--at", "55.676,12.568")
    assert calling.stdout is not None
    told = ""
    while told.count("is at 55.67600,12.56800 ±10 m") < 2:
        told += (await asyncio.wait_for(watching.stdout.readline(), 20)).decode()
    assert "SOS of Anna" in told
    assert (await anna("sos", "--cancel", "found")).status == 0
    seen = (await asyncio.wait_for(calling.stdout.read(), 20)).decode()
    assert "Your position is shared with your dispatchers, every 1 s until the alert is closed.\n" in seen
    watching.terminate()
    await ended(watching)


@pytest.mark.thorough
async def test_whose_position_is_not_shared_is_told_so(people: tuple[Shell, Shell]) -> None:
    anna, _ = people
    calling = await anna.start("sos", "--at", "55.676,12.568")
    assert calling.stdout is not None
    while (line := (await asyncio.wait_for(calling.stdout.readline(), 20)).decode()) != NOT_SHARED:
        assert line, "it ended without a word of the position"
    calling.terminate()
    await ended(calling)
    refused = await anna("sos", "--gpsd", "--at", "1,2")
    assert refused.status == 2
    assert "choose one of" in " ".join(refused.err.replace("│", " ").split())


@pytest.mark.thorough
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


# Ambient listening ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def watched(platform: Platform, tmp_path: Path) -> tuple[Shell, Shell, Platform]:
    """Anna, and the dispatcher Dora, in an organisation that allows ambient listening."""
    await platform.organise("Patrol", policy=LISTENING)
    anna = await enrolled(platform, tmp_path / "anna", "Anna", "Patrol")
    dora = await enrolled(platform, tmp_path / "dora", "Dora")
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    return anna, dora, platform


@pytest.fixture
async def terminal() -> AsyncIterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


@pytest.fixture
def surroundings(tmp_path: Path) -> Path:
    """What Anna's microphone hears: the same sentence again and again."""
    with WavWriter(tmp_path / "surroundings.wav", 16_000) as wav:
        for _ in range(20):
            wav.write(sentence_pcm(1, 16_000))
    return tmp_path / "surroundings.wav"


async def alert_on(platform: Platform) -> str:
    board = platform.server.services.alerts.desk.board
    await until(lambda: len(board) == 1, 20)
    (alert,) = board
    return alert.alert_id


async def test_a_dispatcher_records_what_the_microphone_hears_and_the_person_sees_it(
    watched: tuple[Shell, Shell, Platform], surroundings: Path, tmp_path: Path
) -> None:
    anna, dora, platform = watched
    calling = await anna.start("sos", "--wav", surroundings)
    alert = await alert_on(platform)
    assert calling.stdout is not None
    await calling.stdout.readline()
    heard = tmp_path / "heard.wav"
    listening = await dora.start(
        "dispatch", "alerts", "listen", alert, "--reason", "no answer", "--minutes", "0.2",
        "--no-speaker", "--record", heard,
    )  # fmt: skip
    done = await ended(listening)
    assert "The device was told; at most 12 s." in done.err
    assert "You hear it no more: the time is up." in done.err
    assert "Dora listens to the microphone" in done.out
    assert similarity(sentence_pcm(1, 16_000), read_audio(heard, 16_000), 16_000) > 0.7
    await dora("dispatch", "alerts", "resolve", alert)
    seen = (await asyncio.wait_for(calling.stdout.read(), 20)).decode()
    assert "Dora LISTENS TO YOUR MICROPHONE, for 12 s at most." in seen
    assert "Your microphone is closed; nobody listens." in seen
    assert "Dora asked to listen to the microphone (no answer)" in seen


async def test_without_an_alert_there_is_nothing_to_listen_to(watched: tuple[Shell, Shell, Platform]) -> None:
    _, dora, _ = watched
    words = ("dispatch", "alerts", "listen", "alr_00000000000000a1", "--reason", "curious", "--no-speaker")
    assert "There is no such alert." in await dora.fails(*words)


async def test_the_radio_shows_who_listens_as_long_as_it_lasts_and_talks_all_the_same(
    watched: tuple[Shell, Shell, Platform], surroundings: Path, terminal: Terminal
) -> None:
    anna, dora, platform = watched
    await terminal.run(anna, "radio", "--wav", surroundings, "--no-speaker")
    await terminal.shows("Patrol is free")
    bert = await platform.log_in(await platform.enrol("Bert", "Patrol"))
    await bert.affiliate("Patrol")
    terminal.press("ee")
    alert = await alert_on(platform)
    listening = await dora.start("dispatch", "alerts", "listen", alert, "--reason", "no answer", "--no-speaker")
    await terminal.shows("Dora LISTENS TO YOUR MICROPHONE")
    talk = platform.server.services.talk
    await until(lambda: talk.bursts_in_progress == 1)
    terminal.press(" ")
    await terminal.shows("YOU TALK in Patrol")
    await until(lambda: talk.bursts_in_progress == 2)
    terminal.press(" ")
    await until(lambda: talk.bursts_in_progress == 1)
    terminal.shown = ""
    listening.terminate()
    assert "You hear it no more: you ended it." in (await ended(listening)).err
    await terminal.shows("Dora listens no more (ended)")
    terminal.press("q")
    assert await terminal.ended() == 0
