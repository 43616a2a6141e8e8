"""The device's credentials in a file that only its owner can read: server, identity, private key, resume token."""

import base64
import contextlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ptthandset.errors import CredentialsError

FORMAT = 1


def default_file() -> Path:
    """`$PTT_CREDENTIALS`, else `device.json` in the user's configuration folder (XDG)."""
    named = os.environ.get("PTT_CREDENTIALS")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "ptt" / "device.json"


def destroy(file: Path) -> None:
    """Overwrites the file, as far as the file system lets it, and removes it. One that is not there is no error."""
    with contextlib.suppress(OSError), file.open("r+b") as target:
        target.write(bytes(file.stat().st_size))
        target.flush()
        os.fsync(target.fileno())
    with contextlib.suppress(FileNotFoundError):
        file.unlink()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device needs to log in; `private_key` is a raw Ed25519 key (32 octets)."""

    server_url: str
    certificate_pin: str
    device: str
    subscriber: str
    tenant_name: str
    name: str
    private_key: bytes = field(repr=False)
    resume_token: bytes | None = field(default=None, repr=False)

    def sign(self, octets: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.private_key).sign(octets)

    def with_token(self, token: bytes | None) -> "Credentials":
        return replace(self, resume_token=token)

    def save(self, file: Path) -> None:
        """Writes the file in one step, mode 0600, in a folder of mode 0700. Raises CredentialsError."""
        content = {"format": FORMAT, **asdict(self)}
        for name in ("private_key", "resume_token"):
            value = content[name]
            content[name] = base64.b64encode(value).decode() if value is not None else None
        unfinished = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w") as target:
                json.dump(content, target, indent=1)
                target.flush()
                os.fsync(target.fileno())
            unfinished.replace(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise CredentialsError(f"{file}: {error.strerror}") from None

    @classmethod
    def load(cls, file: Path) -> "Credentials":
        """Raises CredentialsError that says what to do."""
        try:
            if file.stat().st_mode & 0o077:
                raise CredentialsError(f"{file} can be read by others; run: chmod 600 {file}")
            content = json.loads(file.read_text())
            if content.pop("format") != FORMAT:
                raise CredentialsError(f"{file} was written by another version; enrol the device again")
            for name in ("private_key", "resume_token"):
                value = content[name]
                content[name] = base64.b64decode(value) if value is not None else None
            return cls(**content)
        except FileNotFoundError:
            raise CredentialsError(f"{file}: this device is not enrolled yet; run: ptt enroll CODE") from None
        except OSError as error:
            raise CredentialsError(f"{file}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CredentialsError(f"{file} is damaged; enrol the device again") from None
