"""The policy file of a tenant: read only if nobody else can have written it, and replaced as a whole."""

import errno
import os
import stat
from collections.abc import Collection
from pathlib import Path

from pttserver.errors import PolicyInvalid
from pttserver.ids import TenantId
from pttserver.store.private_files import make_private_folder, remove_leftovers, replace_private_file

MAX_BYTES = 262_144
SUFFIX = ".toml"


class PolicyFiles:
    """A folder with a file for each tenant, named by the tenant's identifier."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, tenant_id: TenantId) -> Path:
        return self.folder / f"{tenant_id}{SUFFIX}"

    def read(self, tenant_id: TenantId) -> str | None:
        """None: there is no file. Raises PolicyInvalid if it is a link, too large, no text, or others may write it."""
        path = self.path(tenant_id)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            why = "a policy is a regular file, no link" if error.errno == errno.ELOOP else error.strerror
            raise PolicyInvalid(f"{path}: {why}") from error
        try:
            _refuse_foreign(path, os.fstat(descriptor))
            octets = os.read(descriptor, MAX_BYTES + 1)
        except OSError as error:
            raise PolicyInvalid(f"{path}: {error.strerror}") from error
        finally:
            os.close(descriptor)
        return _text(path, octets)

    def changed_ms(self, tenant_id: TenantId) -> int | None:
        """When it was written, put in its place or given other rights, last; None: there is no file to be seen."""
        try:
            return self.path(tenant_id).lstat().st_ctime_ns // 1_000_000
        except OSError:
            return None

    def write(self, tenant_id: TenantId, text: str) -> None:
        """Raises StoreUnavailable."""
        make_private_folder(self.folder)
        replace_private_file(self.path(tenant_id), text.encode())

    def tenants(self) -> set[TenantId]:
        """Who has a file, or what a crash left of one on its way."""
        files = [path.name for path in self.folder.glob(f"ten_*{SUFFIX}")]
        files += [path.name[1:] for path in self.folder.glob(f".ten_*{SUFFIX}.*.new")]
        return {TenantId(name.partition(".")[0]) for name in files}

    def keep_only(self, tenants: Collection[TenantId]) -> None:
        """Nobody else's file stays: it names people to turn to."""
        for tenant_id in self.tenants() - set(tenants):
            self.remove(tenant_id)

    def remove(self, tenant_id: TenantId) -> None:
        """With what a crash left of it on its way."""
        path = self.path(tenant_id)
        path.unlink(missing_ok=True)
        remove_leftovers(path)


def _refuse_foreign(path: Path, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise PolicyInvalid(f"{path}: a policy is a regular file")
    if state.st_uid not in (0, os.geteuid()):
        raise PolicyInvalid(f"{path} belongs to another user; run: chown {os.geteuid()} {path}")
    if state.st_mode & 0o022:
        raise PolicyInvalid(f"{path} can be written by other users; run: chmod 600 {path}")


def _text(path: Path, octets: bytes) -> str:
    if len(octets) > MAX_BYTES:
        raise PolicyInvalid(f"{path} is larger than {MAX_BYTES} bytes")
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise PolicyInvalid(f"{path}: not UTF-8 at byte {error.start}") from None
