"""What a device remembers of messages is sealed in a private file."""

import os

import pytest

from ptthandset.credentials import Credentials
from ptthandset.errors import CredentialsError
from ptthandset.message_chain import Verdict
from ptthandset.message_memory import MessageMemory, Pin


def credentials(private_key: bytes = bytes(range(32)), device: str = "dev_00000000000000d1") -> Credentials:
    return Credentials(
        server_url="wss://ptt.example/v1/ptt",
        certificate_pin="pin",
        device=device,
        subscriber="sub_00000000000000c1",
        tenant_name="ACME",
        name="Anna",
        private_key=private_key,
    )


def test_all_is_there_again_and_nobody_else_reads_it(tmp_path):
    file = tmp_path / "device.messages"
    memory = MessageMemory(credentials(), file)
    memory.content.pins["dev_00000000000000d2"] = Pin(subscriber="sub_00000000000000c2", signing_key="ab" * 32)
    assert memory.chain("dev_00000000000000d2", "here").judge(1, bytes(32), bytes(32)) is Verdict.GENUINE
    memory.save()
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"sub_00000000000000c2" not in file.read_bytes()
    again = MessageMemory(credentials(), file)
    assert again.content == memory.content
    assert again.public_key == memory.public_key


@pytest.mark.parametrize("spoil", [lambda o: o[:-1], lambda o: b"", lambda o: o[:20] + bytes([o[20] ^ 1]) + o[21:]])
def test_a_damaged_file_is_refused(tmp_path, spoil):
    file = tmp_path / "device.messages"
    MessageMemory(credentials(), file).save()
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(CredentialsError, match="damaged"):
        MessageMemory(credentials(), file)


def test_the_file_of_another_device_is_refused(tmp_path):
    file = tmp_path / "device.messages"
    MessageMemory(credentials(), file).save()
    for other in (credentials(os.urandom(32)), credentials(device="dev_00000000000000d9")):
        with pytest.raises(CredentialsError, match="another device"):
            MessageMemory(other, file)


def test_a_file_that_others_can_read_is_refused(tmp_path):
    file = tmp_path / "device.messages"
    MessageMemory(credentials(), file).save()
    file.chmod(0o644)
    with pytest.raises(CredentialsError, match="chmod 600"):
        MessageMemory(credentials(), file)


def test_a_memory_that_was_closed_writes_nothing_any_more(tmp_path):
    """A wiped device's file stays away."""
    file = tmp_path / "device.messages"
    memory = MessageMemory(credentials(), file)
    memory.close()
    memory.save()
    assert not file.exists()
