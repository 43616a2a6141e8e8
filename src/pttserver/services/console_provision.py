"""Console accounts as an operator sees to them: invited, listed, locked, reset. Living sessions follow at once."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.enrolment_code import code_digest, draw_code
from pttserver.errors import AlreadyExists, InvalidValue, NotFound
from pttserver.ids import Personal, SubscriberId
from pttserver.privacy.operations import DISPATCHERS
from pttserver.roles import Role
from pttserver.services.certificate import device_url
from pttserver.services.provision import Provisioning
from pttserver.services.roles import Roles
from pttserver.store.console_accounts import ConsoleAccount, ConsoleAccounts
from pttserver.store.console_credentials import ConsoleCredentials
from pttserver.store.database import Database
from pttserver.store.records import Subscriber

DEFAULT_EXPIRES_H = 24.0
MAX_EXPIRES_H = 168.0
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Invitation:
    """What somebody activates an account with, once, until `expires_ms`: shown now or never."""

    subscriber_id: SubscriberId
    code: str = field(repr=False)
    link: str = field(repr=False)
    expires_ms: int


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """`state`: invited, active or locked. `factors`: totp, passkey, or both."""

    subscriber_id: SubscriberId
    identifier: Personal | None
    display_name: Personal | None
    role: Role
    state: str
    factors: str
    invited_ms: int
    activated_ms: int | None


class ConsoleProvisioning:
    """Every method raises NotFound for what does not exist, PolicyMissing and StoreUnavailable."""

    def __init__(
        self, database: Database, provisioning: Provisioning, roles: Roles, settings: Settings, clock: Clock
    ) -> None:
        self._accounts = ConsoleAccounts(database)
        self._credentials = ConsoleCredentials(database)
        self._provisioning = provisioning
        self._roles = roles
        self._settings = settings
        self._clock = clock

    async def invite(self, tenant: str, subscriber: str, *, expires_h: float = DEFAULT_EXPIRES_H) -> Invitation:
        """For a dispatcher or manager without a password; an earlier code is worth nothing then.

        Raises InvalidValue, ConfigError, AlreadyExists (the account is active or locked: it can be reset).
        """
        who = await self._provisioning.subscriber(tenant, subscriber)
        account = await self._accounts.of(who.subscriber_id)
        if account is not None and (account.activated_ms is not None or account.locked_ms is not None):
            raise AlreadyExists("the account is active or locked; console reset gives it a new code")
        return await self._issue(who, "console.invite", expires_h)

    async def reset(self, tenant: str, subscriber: str, *, expires_h: float = DEFAULT_EXPIRES_H) -> Invitation:
        """Takes password and factors away, ends its sessions, lifts a lock, and gives a new code. Raises likewise."""
        who = await self._provisioning.subscriber(tenant, subscriber)
        if await self._accounts.of(who.subscriber_id) is None:
            raise NotFound("the subscriber has no console account")
        return await self._issue(who, "console.reset", expires_h)

    async def _issue(self, who: Subscriber, operation: str, expires_h: float) -> Invitation:
        if (await self._roles.rights(who)).role not in DISPATCHERS:
            raise InvalidValue("only dispatchers and managers have console accounts; set the role first")
        if not 0 < expires_h <= MAX_EXPIRES_H:
            raise InvalidValue(f"a code is valid for more than 0 and at most {MAX_EXPIRES_H:.0f} hours")
        code, now_ms = draw_code(), self._clock.utc_ms()
        link = f"{page_origin(self._settings)}/#activate={code}"
        expires_ms = now_ms + round(expires_h * _HOUR_MS)
        note = self._provisioning.note(operation, who)
        await self._credentials.invite(who.tenant_id, who.subscriber_id, code_digest(code), now_ms, expires_ms, note)
        return Invitation(who.subscriber_id, code, link, expires_ms)

    async def lock(self, tenant: str, subscriber: str) -> None:
        """Nobody logs in to it until it is reset; its sessions end. Raises InvalidValue: it is locked already."""
        who = await self._provisioning.subscriber(tenant, subscriber)
        note = self._provisioning.note("console.lock", who)
        if not await self._credentials.lock(who.subscriber_id, note.at_ms, note):
            raise InvalidValue("the account is locked already")

    async def accounts(self, tenant: str) -> list[ListedAccount]:
        """In the order in which they were invited; of subscribers whose account is over, none."""
        owner = await self._provisioning.tenant(tenant)
        served = {each.subscriber_id: each for each in await self._provisioning.subscribers(tenant)}
        found = await self._accounts.of_tenant(owner.tenant_id)
        return [_listed(account, served[account.subscriber_id]) for account in found if account.subscriber_id in served]


def page_origin(settings: Settings) -> str:
    """Where browsers reach the pages. Raises ConfigError."""
    if settings.console.origins:
        return settings.console.origins[0]
    return f"https://{urlsplit(device_url(settings)).netloc}"


def _listed(account: ConsoleAccount, subscriber: Subscriber) -> ListedAccount:
    state = "locked" if account.locked_ms is not None else "invited" if account.activated_ms is None else "active"
    factors = ["totp"] * (account.totp_secret is not None) + ["passkey"] * bool(account.passkeys)
    return ListedAccount(
        subscriber_id=account.subscriber_id,
        identifier=subscriber.identifier,
        display_name=subscriber.display_name,
        role=account.rights.role,
        state=state,
        factors=", ".join(factors),
        invited_ms=account.invited_ms,
        activated_ms=account.activated_ms,
    )
