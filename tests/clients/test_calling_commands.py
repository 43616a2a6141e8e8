"""`ptt call`, `ptt callback` and `ptt dispatch` as people use them: real processes against a running server."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.test_ptt_command import RATE_HZ, Shell, enrolled
from ptthandset.audio.files import WavWriter, read_audio
from ptthandset.audio.similarity import similarity
from ptthandset.speech import sentence_pcm
from pttserver.roles import Role
from running_server import TENANT, Platform, until

WHY = ("--reason", "a test wants it")


class Kept(Shell):
    """A shell whose commands end with the test, whatever becomes of it."""

    def __init__(self, shell: Shell) -> None:
        self.file, self.environment = shell.file, shell.environment
        self.started: list[asyncio.subprocess.Process] = []

    async def start(self, *words: object, **variables: str) -> asyncio.subprocess.Process:
        process = await super().start(*words, **variables)
        self.started.append(process)
        return process

    async def stop(self) -> None:
        for process in self.started:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture
async def shells(platform: Platform, tmp_path: Path) -> AsyncIterator[dict[str, Kept]]:
    """Anna and Bert of Patrol, and Dora who dispatches and is in no group."""
    await platform.organise("Patrol", "Traffic")
    people = {"Anna": ("Patrol",), "Bert": ("Patrol",), "Dora": ()}
    made = {name: Kept(await enrolled(platform, tmp_path / name, name, *groups)) for name, groups in people.items()}
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    try:
        yield made
    finally:
        for shell in made.values():
            await shell.stop()


async def said(process: asyncio.subprocess.Process, words: str) -> None:
    """Waits for a line of the command that has these words."""
    async with asyncio.timeout(30):
        while words not in (line := (await process.stderr.readline()).decode()):
            assert line, f"the command ended without saying {words}"


async def last_words(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """Status and the rest of what it says, of a command that ends by itself or was told to."""
    async with asyncio.timeout(30):
        words = (await process.stderr.read()).decode()
        return await process.wait(), words


@pytest.mark.parametrize("duplex", [[], ["--duplex"]])
async def test_who_is_called_hears_what_is_said(shells: dict[str, Kept], tmp_path: Path, duplex: list[str]) -> None:
    speech, heard = tmp_path / "speech.wav", tmp_path / "heard.wav"
    with WavWriter(speech, RATE_HZ) as file:
        file.write(sentence_pcm(0, RATE_HZ))
    listening = await shells["Bert"].start("listen", "Patrol", "--answer", "--wav", heard)
    await said(listening, "Listening to Patrol")
    done = await shells["Anna"]("call", "Bert", *duplex, "--wav", speech)
    assert (done.status, "Connected with Bert." in done.err) == (0, True), done
    await said(listening, "The call with Anna is over")
    await asyncio.sleep(0.3)
    listening.send_signal(signal.SIGINT)
    assert (await last_words(listening))[0] == 0
    assert similarity(sentence_pcm(0, RATE_HZ), read_audio(heard, RATE_HZ), RATE_HZ) > 0.8


@pytest.mark.thorough
async def test_a_call_that_cannot_be_says_why(shells: dict[str, Kept]) -> None:
    assert await shells["Anna"].fails("call", "Nobody") == (
        "Error: No contact, group or colleague is called Nobody; a number (sub_...) does too."
    )
    assert await shells["Anna"].fails("call", "Bert") == "Error: Nobody who is called is logged in."
    twice = await shells["Anna"]("call", "Bert", "Carl")
    assert (twice.status, "name one person, or use --first" in twice.err) == (2, True)


async def test_who_was_away_learns_who_wants_to_be_called_back(shells: dict[str, Kept], tmp_path: Path) -> None:
    assert (await shells["Anna"]("callback", "Bert")).out == "Not logged in; told at the next log-in.\n"
    listening = await shells["Bert"].start("listen", "Patrol", "--wav", tmp_path / "heard.wav")
    await said(listening, "Anna asks you to call back.")
    listening.send_signal(signal.SIGINT)
    await last_words(listening)


async def test_a_dispatcher_sees_and_controls_devices(
    platform: Platform, shells: dict[str, Kept], tmp_path: Path
) -> None:
    dora, bert = shells["Dora"], shells["Bert"]
    listening = await bert.start("listen", "Patrol", "--wav", tmp_path / "heard.wav")
    await said(listening, "Listening to Patrol")
    overview = (await dora("dispatch", "overview")).out
    assert "Bert   subscriber   dev_" in overview
    assert "Patrol   1 there, nobody talks" in overview
    refused = await shells["Anna"].fails("dispatch", "revoke", "Patrol", *WHY)
    assert refused == "Error: Your role does not permit this."
    assert (await dora.fails("dispatch", "revoke", "Patrol", *WHY)) == "Error: Nobody talks in such a group."
    assert "Missing option" in (await dora("dispatch", "stun", "Bert")).err

    assert (await dora("dispatch", "stun", "Bert", *WHY)).status == 0
    assert "A dispatcher disabled this device" in (await last_words(listening))[1]
    assert "disabled this device" in await bert.fails("groups")
    assert (await dora("dispatch", "enable", "Bert", *WHY)).status == 0, "found by name, though it is not logged in"
    assert (await bert("groups")).out.startswith("Patrol")

    moved = await dora("dispatch", "regroup", "Bert", "--add", "Traffic", "--remove", "Patrol", *WHY)
    assert moved.status == 0, moved
    assert (await bert("groups")).out.startswith("Traffic")


async def test_a_wiped_device_has_no_file_of_keys_any_more(shells: dict[str, Kept], tmp_path: Path) -> None:
    dora, bert = shells["Dora"], shells["Bert"]
    listening = await bert.start("listen", "Patrol", "--wav", tmp_path / "heard.wav")
    await said(listening, "Listening to Patrol")
    assert (await dora("dispatch", "wipe", "Bert", *WHY)).status == 0
    status, words = await last_words(listening)
    assert (status, "wiped this device" in words) == (1, True)
    await until(lambda: not bert.file.exists())
    assert "not enrolled yet" in await bert.fails("login")


@pytest.mark.thorough
async def test_a_group_for_a_while_is_there_as_long_as_its_maker(platform: Platform, shells: dict[str, Kept]) -> None:
    making = await shells["Dora"].start("dispatch", "group", "make", "Search", "sub_" + 16 * "0", *WHY)
    assert "There is no such object." in (await last_words(making))[1]
    number = (await platform.provisioning.subscriber(TENANT, "Bert")).subscriber_id
    making = await shells["Dora"].start("dispatch", "group", "make", "Search", number, *WHY)
    group_id = (await asyncio.wait_for(making.stdout.readline(), 30)).decode().strip()
    assert "Search   priority 100" in (await shells["Bert"]("groups")).out
    making.send_signal(signal.SIGINT)
    await last_words(making)
    assert (await shells["Dora"]("dispatch", "stun", "Bert", *WHY)).status == 0, "a group without his name hides it not"
    assert (await shells["Dora"]("dispatch", "enable", "Bert", *WHY)).status == 0
    assert (await shells["Dora"]("dispatch", "group", "dissolve", group_id, *WHY)).status == 0
    assert "Search" not in (await shells["Bert"]("groups")).out
