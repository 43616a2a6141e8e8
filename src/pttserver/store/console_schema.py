"""The tables of console accounts: who logs in with a browser, with which secrets, and with which keys.

An account is a subscriber's: its user name is the subscriber's identifier, its contact data are the subscriber's. All
that is secret is sealed under the subscriber's key, the digest of the password too.
"""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from pttserver.privacy.categories import Category
from pttserver.store import reasons
from pttserver.store.columns import Lasting, identity, lifecycle, lifecycle_moment, linking, part_of, sealed
from pttserver.store.schema import metadata


def _of_subscriber(*, primary_key: bool = False) -> Column[str]:
    owner = ForeignKey("subscribers.id", ondelete="CASCADE")
    return linking("subscriber_id", Category.CREDENTIAL, owner, primary_key=primary_key)


def _moment(name: str, *, nullable: bool = False) -> Column[int]:
    return lifecycle_moment(name, Category.CREDENTIAL, reasons.CONSOLE, nullable=nullable)


# `totp_step`: the last time step whose code was used. Not activated: invited, and has neither password nor factor.
console_accounts = Table(
    "console_accounts",
    metadata,
    _of_subscriber(primary_key=True),
    part_of("tenants"),
    sealed("password_hash", Category.CREDENTIAL),
    sealed("totp_secret", Category.CREDENTIAL),
    sealed("totp_step", Category.CREDENTIAL),
    _moment("created"),
    _moment("activated", nullable=True),
    _moment("locked", nullable=True),
    Index(None, "tenant_id"),
    info={"lasting": Lasting("subscriber_id", Category.CREDENTIAL, since="created_ms")},
)

# `relying_party`: host of the pages that the passkey was made for; it works nowhere else.
console_passkeys = Table(
    "console_passkeys",
    metadata,
    identity(),
    _of_subscriber(),
    lifecycle("relying_party", Text(), Category.CREDENTIAL, reasons.CONSOLE),
    sealed("credential_id", Category.CREDENTIAL),
    sealed("public_key", Category.CREDENTIAL),
    sealed("sign_count", Category.CREDENTIAL),
    _moment("created"),
    Index(None, "subscriber_id"),
    info={"lasting": Lasting("subscriber_id", Category.CREDENTIAL, since="created_ms")},
)

console_invitations = Table(
    "console_invitations",
    metadata,
    linking("code_hash", Category.CREDENTIAL, kind=LargeBinary(), because=reasons.DIGEST, primary_key=True),
    _of_subscriber(),
    _moment("issued"),
    lifecycle_moment("expires", Category.CREDENTIAL, reasons.CODE),
    Index(None, "subscriber_id"),
    info={"lasting": Lasting("subscriber_id", Category.CREDENTIAL, since="issued_ms")},
)

# Devices that are browsers of a console account: they log in with a console session and never with a PIN.
console_devices = Table("console_devices", metadata, part_of("devices", primary_key=True))

CONSOLE_TABLES: Final = (console_invitations, console_passkeys, console_accounts)
"""They go with the subscriber, by `subscriber_id`."""
