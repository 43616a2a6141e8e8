"""`ptt message` and `ptt contacts` as people use them: real processes against a running server."""

import re

import pytest

from clients.test_ptt_command import Shell
from ptthandset.audio.files import WavWriter
from ptthandset.message_lines import plain
from ptthandset.speech import sentence_pcm
from running_server import PIN, Platform, running_platform

MESSAGE = re.compile("msg_[0-9a-f]{16}")


@pytest.fixture
async def platform(tmp_path):
    async with running_platform(tmp_path / "server") as running:
        await running.organise("Patrol")
        yield running


async def shell(platform: Platform, tmp_path, name: str) -> Shell:
    await platform.provisioning.add_subscriber("ACME", name, display_name=name, pin=PIN)
    await platform.provisioning.set_member("ACME", "Patrol", name)
    ticket = await platform.devices.add("ACME", name)
    one = Shell(tmp_path / name)
    assert (await one("enroll", ticket.text)).status == 0
    assert (await one("message", "read")).status == 0  # publishes the device's key
    return one


async def test_people_write_read_look_back_and_delete(platform, tmp_path):
    anna, bert = await shell(platform, tmp_path, "Anna"), await shell(platform, tmp_path, "Bert")
    sent = await anna("message", "send", "Bert", "Møde kl. 9 🚒")
    assert (sent.status, MESSAGE.fullmatch(sent.out.strip()) is not None) == (0, True), sent
    read = await bert("message", "read")
    assert "Anna" in read.out
    assert "  Møde kl. 9 🚒" in read.out
    assert (await bert("message", "read")).out == ""
    assert ": read" in (await anna("message", "history", "Bert")).out
    await bert("message", "send", "Patrol", "to all")
    assert "  to all" in (await anna("message", "history", "Patrol")).out
    assert "not_found" not in (await anna("message", "delete", sent.out.strip())).err
    assert "was deleted by its author" in (await bert("message", "read")).out
    assert "Møde" not in (await bert("message", "history")).out
    for name in ("Anna", "Bert"):
        (memory,) = (tmp_path / name).glob("*.messages")
        assert memory.stat().st_mode & 0o777 == 0o600


async def test_files_and_voice_go_with_a_message(platform, tmp_path):
    anna, bert = await shell(platform, tmp_path, "Anna"), await shell(platform, tmp_path, "Bert")
    wav, back = tmp_path / "speech.wav", tmp_path / "back.ogg"
    with WavWriter(wav, 16_000) as recording:
        recording.write(sentence_pcm(0, 16_000)[:64_000])
    sent = await anna("message", "send", "Bert", "listen", "--voice", wav)
    assert sent.status == 0, sent
    assert "[voice: message.ogg]" in (await bert("message", "read")).out
    assert (await bert("message", "save", sent.out.strip(), back)).status == 0
    assert back.read_bytes()[:4] == b"OggS"
    assert "exist" in await bert.fails("message", "save", sent.out.strip(), back)


@pytest.mark.thorough
async def test_contacts_are_kept_and_used_as_names(platform, tmp_path):
    anna, _ = await shell(platform, tmp_path, "Anna"), await shell(platform, tmp_path, "Bert")
    assert (await anna("contacts", "add", "Bert", "--alias", "Bertie")).status == 0
    assert (await anna("contacts", "list")).out.startswith("Bertie\tBert\tsub_")
    assert (await anna("message", "send", "Bertie", "hello")).status == 0
    assert "called Nobody" in await anna.fails("message", "send", "Nobody", "hello")
    assert (await anna("contacts", "trust", "Bertie")).status == 0
    assert (await anna("contacts", "remove", "Bertie")).status == 0
    assert (await anna("contacts", "list")).out == ""


def test_a_text_moves_no_cursor_and_turns_no_line():
    assert plain("a\x1b[2Jb\r\n\u202egnp.exe\u200bx\x9b") == "a\ufffd[2Jb\ufffd\n\ufffdgnp.exe\ufffdx\ufffd"
    assert plain("Москва paypаl 🚒 é") == "Москва paypаl 🚒 é"
