"""The `ptt` command as people use it: real processes against a running server."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import sys
import termios
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ptthandset.audio.files import WavWriter, read_audio
from ptthandset.audio.similarity import similarity
from ptthandset.floor_effects import FloorIdle, FloorTaken
from ptthandset.speech import sentence_pcm
from running_server import PIN, TENANT, Platform, until
from sim.radio_traffic import Roll, roll_of

RATE_HZ = 16_000
PTT = str(Path(sys.executable).parent / "ptt")
PATIENCE_S = 30.0
COMMANDS = [
    "enroll", "login", "logout", "groups", "who", "talk", "listen", "radio", "call", "callback", "sos", "dispatch",
]  # fmt: skip


@dataclass
class Done:
    status: int
    out: str
    err: str


class Shell:
    """A terminal of one person: the credentials file and the environment of its commands."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.file = folder / "device.json"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PTT")},
            "PTT_CREDENTIALS": str(self.file),
            "PTT_PIN": PIN,
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }

    async def start(self, *words: object, **variables: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            PTT,
            *map(str, words),
            env={**self.environment, **variables},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *words: object, stdin: str = "", **variables: str) -> Done:
        return await ended(await self.start(*words, **variables), stdin)

    async def fails(self, *words: object, **variables: str) -> str:
        """The message of a command that must fail in a way that people understand."""
        done = await self(*words, **variables)
        assert done.status == 1, done
        assert "Traceback" not in done.err
        message = done.err.splitlines()[-1]
        assert message.startswith("Error: ")
        return message


async def ended(process: asyncio.subprocess.Process, stdin: str = "") -> Done:
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate(stdin.encode())
    return Done(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def roll(platform: Platform) -> AsyncIterator[Roll]:
    await platform.organise("Patrol", "Chat")
    async with roll_of(platform) as kept:
        yield kept


async def enrolled(platform: Platform, folder: Path, name: str, *groups: str) -> Shell:
    """A new subscriber's shell whose device is enrolled by `ptt enroll`."""
    await platform.provisioning.add_subscriber(TENANT, name, display_name=name, pin=PIN)
    for group in groups:
        await platform.provisioning.set_member(TENANT, group, name)
    shell = Shell(folder)
    done = await shell("enroll", (await platform.devices.add(TENANT, name)).text)
    assert done.status == 0, done
    return shell


@pytest.fixture
async def anna(roll: Roll, tmp_path: Path) -> Shell:
    return await enrolled(roll.platform, tmp_path / "anna", "Anna", "Patrol")


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A sentence as a WAV file."""
    path = tmp_path / "speech.wav"
    with WavWriter(path, RATE_HZ) as file:
        file.write(sentence_pcm(0, RATE_HZ))
    return path


# Help --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["-h"], *([command, "--help"] for command in COMMANDS)], ids=" ".join)
async def test_help_is_there_for_every_command(words: list[str], tmp_path: Path) -> None:
    done = await Shell(tmp_path)(*words)
    assert done.status == 0
    assert "Usage: ptt" in done.out
    assert "--help" in done.out


async def test_help_names_every_command(tmp_path: Path) -> None:
    out = (await Shell(tmp_path)("--help")).out
    assert all(re.search(rf"^\W*{command} ", out, re.MULTILINE) for command in COMMANDS)


async def test_without_a_command_help_is_shown(tmp_path: Path) -> None:
    done = await Shell(tmp_path)()
    assert "Usage: ptt" in done.out + done.err


# The device --------------------------------------------------------------------------------------------------------


async def test_a_device_from_enrolment_to_log_out(roll: Roll, tmp_path: Path) -> None:
    anna = await enrolled(roll.platform, tmp_path / "anna", "Anna", "Patrol", "Chat")
    assert anna.file.stat().st_mode & 0o777 == 0o600
    login = await anna("login", "--pin-stdin", stdin=f"{PIN}\n", PTT_PIN="")
    assert (login.status, "Logged in to ACME as Anna." in login.err) == (0, True), login
    groups = await anna("groups", PTT_PIN="wrong")  # the resume token does without
    assert (groups.status, groups.out.splitlines()) == (0, ["Chat   priority 100", "Patrol   priority 100"]), groups
    who = await anna("who", "Patrol")
    assert who.out.splitlines() == ["0 in the group now, 1 online, 1 members", "Anna   online"], who
    assert (await anna("logout")).out == "Logged out.\n"
    assert "PIN" in await anna.fails("groups", PTT_PIN="0000")


async def test_an_enrolment_code_works_once(anna: Shell, roll: Roll, tmp_path: Path) -> None:
    text = (await roll.platform.devices.add(TENANT, "Anna")).text
    first, second = Shell(tmp_path), Shell(tmp_path / "thief")
    assert (await first("enroll", text)).status == 0
    message = await second.fails("enroll", text)
    assert "code" in message
    assert not second.file.exists()


async def test_keys_are_not_replaced_by_mistake(anna: Shell, roll: Roll) -> None:
    text = (await roll.platform.devices.add(TENANT, "Anna")).text
    before = anna.file.read_text()
    assert "--force" in await anna.fails("enroll", text)
    assert anna.file.read_text() == before
    assert (await anna("enroll", "--force", text)).status == 0
    assert anna.file.read_text() != before


@pytest.mark.parametrize("text", ["", "hello", "ptt:enroll?", "https://ptt.example"])
async def test_what_is_no_enrolment_text_is_refused(text: str, tmp_path: Path) -> None:
    assert "enrol" in await Shell(tmp_path).fails("enroll", text)


async def test_a_wrong_pin_is_refused(anna: Shell) -> None:
    message = await anna.fails("login", PTT_PIN="0000")
    assert "PIN" in message


@pytest.mark.parametrize("words", [["login"], ["groups"], ["who", "Patrol"], ["listen", "Patrol", "--speaker"]])
async def test_a_device_that_is_not_enrolled_is_told_what_to_do(words: list[str], tmp_path: Path) -> None:
    assert "ptt enroll" in await Shell(tmp_path).fails(*words)


async def test_a_server_that_is_not_there_is_named(anna: Shell, platform: Platform) -> None:
    anna.file.write_text(anna.file.read_text().replace(str(platform.server.signalling_port), "1"))
    assert "127.0.0.1:1" in await anna.fails("login")


# Talking and listening ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("udp", ["--udp", "--no-udp"])
async def test_what_one_terminal_says_another_records(
    anna: Shell, roll: Roll, speech: Path, tmp_path: Path, udp: str
) -> None:
    bert = await enrolled(roll.platform, tmp_path / "bert", "Bert", "Patrol")
    heard = tmp_path / "heard.wav"
    listening = await bert.start("listen", "Patrol", "--wav", heard, "--seconds", "6", udp)
    await until(lambda: len(roll.platform.server.services.talk), PATIENCE_S)
    talked = await anna("talk", "Patrol", "--wav", speech, udp)
    assert talked.status == 0, talked
    assert "You have the floor." in talked.err
    assert re.search(r"Said \d+ frames; floor after \d+ ms", talked.err)
    listened = await ended(listening)
    assert (listened.status, "Patrol: Anna talks" in listened.err) == (0, True), listened
    assert similarity(read_audio(speech, RATE_HZ), read_audio(heard, RATE_HZ), RATE_HZ) > 0.8


async def test_listening_ends_with_ctrl_c_and_leaves_a_whole_file(anna: Shell, roll: Roll, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    listening = await anna.start("listen", "Patrol", "--wav", heard)
    await until(lambda: len(roll.platform.server.services.talk), PATIENCE_S)
    await asyncio.sleep(0.3)
    listening.send_signal(signal.SIGINT)
    done = await ended(listening)
    assert (done.status, "Traceback" in done.err) == (0, False), done
    assert read_audio(heard, RATE_HZ)
    await until(lambda: not len(roll.platform.server.services.talk))


async def test_a_talker_who_must_wait_is_shown_the_position(anna: Shell, roll: Roll, speech: Path) -> None:
    bert = await roll.on_duty("Bert")
    await roll.on_duty("Carl")
    talking = asyncio.create_task(bert.says(6.0))
    done = await anna("talk", "Patrol", "--wav", speech, "--frame-ms", "60")
    assert (done.status, "Waiting at position 1 ..." in done.err) == (0, True), done
    await talking


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["talk", "Nowhere", "--wav", "{speech}"], "Your groups: Patrol."),
        (["listen", "Nowhere", "--wav", "{folder}/new.wav"], "Your groups: Patrol."),
        (["who", "Nowhere"], "Your groups: Patrol."),
        (["talk", "Patrol", "--wav", "{folder}/missing.wav"], "missing.wav"),
        (["talk", "Patrol", "--wav", "{folder}/anna/device.json"], "device.json"),
        (["listen", "Patrol", "--wav", "{folder}/no/such/folder.wav"], "folder.wav"),
        (["talk", "Patrol", "--wav", "{speech}"], "Nobody else is in the group."),
        (["radio", "--no-speaker"], "needs a terminal"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
async def test_mistakes_get_a_clear_answer(
    anna: Shell, speech: Path, tmp_path: Path, words: list[str], expected: str
) -> None:
    assert expected in await anna.fails(*(word.format(speech=speech, folder=tmp_path) for word in words))


@pytest.mark.parametrize(
    "words",
    [
        ["talk", "Patrol"],
        ["talk", "Patrol", "--mic", "--wav", "x"],
        ["talk", "Patrol", "--wav", "x", "--frame-ms", "30"],
        ["listen", "Patrol"],
        ["listen", "Patrol", "--wav", "x", "--seconds", "0"],
        ["shout"],
    ],
    ids=" ".join,
)
async def test_wrong_words_show_the_usage(words: list[str], tmp_path: Path) -> None:
    done = await Shell(tmp_path)(*words)
    assert (done.status, "Usage: ptt" in done.err) == (2, True), done


# The radio ---------------------------------------------------------------------------------------------------------


class Terminal:
    """A pseudo-terminal in which a command runs: `shown` is everything that it has drawn."""

    def __init__(self) -> None:
        self.shown = ""
        self._ours, self._its = pty.openpty()
        termios.tcsetwinsize(self._its, (30, 100))
        self.settings = termios.tcgetattr(self._its)
        self._process: asyncio.subprocess.Process

    async def run(self, shell: Shell, *words: object) -> None:
        environment = {**shell.environment, "TERM": "xterm"}
        self._process = await asyncio.create_subprocess_exec(
            PTT, *map(str, words), env=environment, stdin=self._its, stdout=self._its, stderr=self._its
        )
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def _read(self) -> None:
        self.shown += os.read(self._ours, 65_536).decode(errors="replace")

    def press(self, keys: str) -> None:
        """Forgets what was shown before."""
        self.shown = ""
        os.write(self._ours, keys.encode())

    async def shows(self, text: str) -> None:
        await until(lambda: text in self.shown, PATIENCE_S)

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.wait()

    @property
    def is_restored(self) -> bool:
        return termios.tcgetattr(self._its) == self.settings

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        os.close(self._ours)
        os.close(self._its)


@pytest.fixture
async def terminal() -> AsyncIterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


async def test_the_radio_shows_the_group_talks_with_space_and_restores_the_terminal(
    anna: Shell, roll: Roll, speech: Path, terminal: Terminal
) -> None:
    bert = await roll.on_duty("Bert")
    await terminal.run(anna, "radio", "--wav", speech, "--no-speaker")
    await terminal.shows("Patrol is free")
    await terminal.shows("Bert")
    assert not terminal.is_restored, "keys come one by one now"
    terminal.press(" ")
    await terminal.shows("YOU TALK in Patrol")
    assert (await bert.saw(FloorTaken)).name == "Anna"
    await until(lambda: sum(map(len, bert.played.values())) > 10)
    terminal.press(" ")
    await terminal.shows("Patrol is free")
    await until(lambda: isinstance(bert.events[-1], FloorIdle))
    talking = asyncio.create_task(bert.says(1.5))
    await terminal.shows("Bert talks in Patrol")
    await talking
    terminal.press("q")
    assert await terminal.ended() == 0
    assert terminal.is_restored


async def test_keys_that_come_together_are_all_obeyed(
    anna: Shell, roll: Roll, speech: Path, terminal: Terminal
) -> None:
    bert = await roll.on_duty("Bert")
    await terminal.run(anna, "radio", "--wav", speech, "--no-speaker")
    await terminal.shows("Patrol is free")
    terminal.press(" \tq")
    assert await terminal.ended() == 0
    assert terminal.is_restored
    await until(lambda: bert.group.count == 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_restores_the_terminal_too(
    anna: Shell, terminal: Terminal, speech: Path, number: signal.Signals
) -> None:
    await terminal.run(anna, "radio", "--wav", speech, "--no-speaker")
    await terminal.shows("Patrol is free")
    terminal._process.send_signal(number)
    assert await terminal.ended() == 0
    assert terminal.is_restored


async def test_being_superseded_ends_the_radio_and_says_why(
    anna: Shell, roll: Roll, terminal: Terminal, speech: Path
) -> None:
    await terminal.run(anna, "radio", "--wav", speech, "--no-speaker")
    await terminal.shows("Patrol is free")
    await roll.platform.log_in(await roll.platform.another_device("Anna"))
    await terminal.shows("another device")
    assert await terminal.ended() == 1
    assert terminal.is_restored
