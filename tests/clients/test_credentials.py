"""The file with the device's keys: private, whole or not there at all, and clear about what is wrong with it."""

import json
import stat
from pathlib import Path

import pytest

from ptthandset.credentials import Credentials, default_file
from ptthandset.errors import CredentialsError

KEYS = Credentials(
    server_url="wss://ptt.example/v1/ptt",
    certificate_pin="pin",
    device="dev_1",
    subscriber="sub_1",
    tenant_name="ACME",
    name="Anna",
    private_key=bytes(range(32)),
    resume_token=b"token",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ptt" / "device.json"


def test_what_is_saved_is_loaded(file: Path) -> None:
    for kept in (KEYS, KEYS.with_token(None)):
        kept.save(file)
        assert Credentials.load(file) == kept


def test_only_the_owner_can_read_file_and_folder(file: Path) -> None:
    KEYS.save(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    KEYS.save(file)
    file.chmod(mode)
    with pytest.raises(CredentialsError, match="chmod 600"):
        Credentials.load(file)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"format": 1}', '{"format": 1, "private_key": "?", "resume_token": null}', "\0" * 40],
)
def test_a_damaged_file_says_so(file: Path, content: str) -> None:
    KEYS.save(file)
    file.write_text(content)
    with pytest.raises(CredentialsError, match="damaged"):
        Credentials.load(file)


def test_a_file_of_another_version_says_so(file: Path) -> None:
    KEYS.save(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
    with pytest.raises(CredentialsError, match="another version"):
        Credentials.load(file)


def test_a_missing_file_says_what_to_do(file: Path) -> None:
    with pytest.raises(CredentialsError, match="ptt enroll"):
        Credentials.load(file)


def test_a_failed_save_leaves_the_old_file_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KEYS.save(file)

    def disk_full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ptthandset.credentials.os.fsync", disk_full)
    with pytest.raises(CredentialsError, match="No space left"):
        KEYS.with_token(b"new").save(file)
    assert Credentials.load(file) == KEYS
    assert list(file.parent.iterdir()) == [file], "nothing secret stays behind"


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    with pytest.raises(CredentialsError, match="in the way"):
        KEYS.save(tmp_path / "in the way" / "device.json")


def test_keys_do_not_show_when_printed() -> None:
    assert "token" not in repr(KEYS).replace("resume_token", "")
    assert repr(KEYS.private_key) not in repr(KEYS)


def test_the_file_is_named_by_the_environment_or_by_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PTT_CREDENTIALS", str(tmp_path / "mine.json"))
    assert default_file() == tmp_path / "mine.json"
    monkeypatch.delenv("PTT_CREDENTIALS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_file() == tmp_path / "ptt" / "device.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_file() == tmp_path / ".config" / "ptt" / "device.json"
