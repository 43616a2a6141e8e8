"""The key that the server signs its audit log and certificates with: in `data_dir`, made at the first need."""

from pathlib import Path

from pttserver.crypto.signing import SigningKey
from pttserver.errors import ConfigError
from pttserver.store.private_files import make_private_file, make_private_folder, refuse_exposed

SIGNING_KEY_FILE = "signing.key"


def signing_key(data_dir: Path) -> SigningKey:
    """Raises ConfigError if the file is no key, StoreUnavailable if it cannot be made or is open to others."""
    file = data_dir / SIGNING_KEY_FILE
    if not file.exists():
        make_private_folder(file.parent)
        make_private_file(file, SigningKey.draw().private.hex().encode() + b"\n")
    refuse_exposed(file)
    try:
        return SigningKey(bytes.fromhex(file.read_text()))
    except ValueError:
        raise ConfigError(f"{file}: a signing key is 64 hexadecimal digits") from None
