"""Log-in at the console: a password, then a second factor; only then is there a session.

1. `login` answers an unknown account, a wrong password, a locked account and one without a role at the console alike,
   after the same time
2. the second factor is for a ticket that the right password gave, for a short time; a challenge is answered once
3. a TOTP code opens once; a passkey whose count does not follow was copied: it is refused, and the audit log says so
4. the access log has the log-in before there is a session
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pttserver.clock import Clock
from pttserver.crypto import passkeys, totp
from pttserver.crypto.device_keys import draw_challenge
from pttserver.errors import AuthenticationFailed, Disabled, NotFound
from pttserver.ids import Personal
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.services import naming
from pttserver.services.console_access import ConsoleAccess
from pttserver.services.console_limits import ConsoleLimits
from pttserver.services.console_room import ConsoleRoom, may_use
from pttserver.services.pin_check import PinCheck
from pttserver.services.policy_book import PolicyBook
from pttserver.services.serving import as_served
from pttserver.sessions.tickets import Tickets
from pttserver.store.audit import AuditLog
from pttserver.store.audit_chain import AuditNote
from pttserver.store.console_accounts import ConsoleAccount, ConsoleAccounts, KeptPasskey
from pttserver.store.console_credentials import ConsoleCredentials
from pttserver.store.subscribers import Subscribers

TICKET_LIFETIME_S: Final = 300
CODES_PER_TICKET: Final = 3
Factor = Literal["totp", "passkey"]
_log = get_logger("console")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser at the door: the origin of its page, which is one of the server's own, and the bucket of its address.

    `token`: of the console session that it has already, if it has one.
    """

    origin: str
    address_bucket: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SecondStep:
    """What the right password gives. `passkey`: PublicKeyCredentialRequestOptionsJSON, if there is a passkey here."""

    ticket: str = field(repr=False)
    factors: tuple[Factor, ...]
    passkey: dict[str, Any] | None


@dataclass(slots=True)
class _Waiting:
    account: ConsoleAccount
    origin: str
    challenge: bytes
    codes_left: int = CODES_PER_TICKET


class ConsoleLogin:
    """Every method raises Throttled, ServerBusy, PolicyMissing or StoreUnavailable; refusals are charged."""

    def __init__(
        self,
        *,
        accounts: ConsoleAccounts,
        credentials: ConsoleCredentials,
        subscribers: Subscribers,
        audit: AuditLog,
        access: ConsoleAccess,
        room: ConsoleRoom,
        limits: ConsoleLimits,
        pins: PinCheck,
        policies: PolicyBook,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._credentials = credentials
        self._subscribers = subscribers
        self._audit = audit
        self._access = access
        self._room = room
        self._limits = limits
        self._pins = pins
        self._policies = policies
        self._clock = clock
        self._waiting: Tickets[_Waiting] = Tickets(TICKET_LIFETIME_S)

    async def login(self, visitor: Visitor, tenant: str, name: str, password: str) -> SecondStep:
        """Raises AuthenticationFailed."""
        now = self._clock.now()
        self._limits.admit(visitor.address_bucket, None, now)
        account = await self._account(tenant, name)
        charged_to = account.subscriber_id if account is not None else f"{tenant}\0{name}"
        self._limits.admit(visitor.address_bucket, charged_to, now)
        usable = account is not None and may_use(account)
        fits = await self._pins.verify(account.password_hash if account is not None and usable else None, password)
        if account is None or not usable or not fits:
            self._limits.charge(visitor.address_bucket, charged_to, self._clock.now())
            if account is not None and usable:
                self._access.wrong_password(account.subscriber_id)
            raise AuthenticationFailed
        await self._policies.require(account.tenant_id)
        return self._second_step(visitor, account)

    async def _account(self, tenant: str, name: str) -> ConsoleAccount | None:
        found = await self._accounts.find(naming.name_or_id(tenant), naming.identifier_or_id(name))
        if found is None:
            return None
        policy = self._policies.in_force(found.tenant_id)
        return found if policy is None else as_served(found, policy, self._clock.utc_ms())

    def _second_step(self, visitor: Visitor, account: ConsoleAccount) -> SecondStep:
        waiting = _Waiting(account, visitor.origin, draw_challenge())
        here = _passkeys_of(account, visitor.origin)
        relying_party = passkeys.relying_party(visitor.origin)
        options = None
        if here and relying_party is not None:
            ids = [kept.passkey.credential_id for kept in here]
            options = passkeys.request_options(relying_party, waiting.challenge, ids)
        factors: list[Factor] = ["totp"] if account.totp_secret is not None else []
        if options is not None:
            factors.append("passkey")
        return SecondStep(self._waiting.issue(waiting, self._clock.now()), tuple(factors), options)

    async def by_totp(self, visitor: Visitor, ticket: str, code: str) -> str:
        """The token of a new console session. Raises AuthenticationFailed; a ticket is good for a few codes."""
        waiting = self._take(visitor, ticket)
        account, now_ms = waiting.account, self._clock.utc_ms()
        secret = account.totp_secret
        step = None if secret is None else totp.matching_step(secret, code, now_ms)
        if step is None:
            waiting.codes_left -= 1
            if waiting.codes_left:
                self._waiting.put_back(ticket, waiting, self._clock.now())
            raise await self._refusal(visitor, account, "totp")
        try:
            fresh = await self._credentials.use_totp(account.subscriber_id, step, self._released(account, step))
        except NotFound:  # erased in the meantime
            fresh = False
        if not fresh:
            raise await self._refusal(visitor, account, "totp")
        return await self._opened(visitor, account, "totp")

    async def by_passkey(self, visitor: Visitor, ticket: str, credential: Mapping[str, Any]) -> str:
        """The token of a new console session. Raises AuthenticationFailed; the challenge is used up either way."""
        waiting = self._take(visitor, ticket)
        account, relying_party = waiting.account, passkeys.relying_party(visitor.origin)
        named = passkeys.credential_id_of(credential)
        kept = next(
            (each for each in _passkeys_of(account, visitor.origin) if each.passkey.credential_id == named), None
        )
        if kept is None or relying_party is None:
            raise await self._refusal(visitor, account, "passkey")
        count = passkeys.asserted(credential, kept.passkey, waiting.challenge, visitor.origin, relying_party)
        if count is None:
            raise await self._refusal(visitor, account, "passkey")
        released = self._released(account, count)
        try:
            follows = await self._credentials.use_passkey(account.subscriber_id, kept.number, count, released)
        except NotFound:  # reset or erased in the meantime
            raise await self._refusal(visitor, account, "passkey") from None
        if not follows:
            await self._suspect(account)
            raise await self._refusal(visitor, account, "passkey")
        return await self._opened(visitor, account, "passkey")

    def _take(self, visitor: Visitor, ticket: str) -> _Waiting:
        """Raises AuthenticationFailed: an unknown or used ticket, or one of another origin."""
        now = self._clock.now()
        self._limits.admit(visitor.address_bucket, None, now)
        waiting = self._waiting.take(ticket, now)
        if waiting is None or waiting.origin != visitor.origin:
            self._limits.charge(visitor.address_bucket, None, now)
            raise AuthenticationFailed
        try:
            self._limits.admit(visitor.address_bucket, waiting.account.subscriber_id, now)
        except BaseException:
            self._waiting.put_back(ticket, waiting, now)
            raise
        return waiting

    async def _refusal(self, visitor: Visitor, account: ConsoleAccount, factor: Factor) -> AuthenticationFailed:
        self._limits.charge(visitor.address_bucket, account.subscriber_id, self._clock.now())
        await self._access.refused(account.tenant_id, account.subscriber_id, factor)
        return AuthenticationFailed()

    async def _opened(self, visitor: Visitor, before: ConsoleAccount, factor: Factor) -> str:
        """What was taken away since the password was checked must not come back by the second factor."""
        account = await self._accounts.of(before.subscriber_id)
        same = account is not None and account.activated_ms == before.activated_ms
        if account is None or not same or not may_use(account):
            raise AuthenticationFailed
        if account.disabled:
            raise Disabled("A dispatcher of your organisation disabled your devices.")
        await self._access.logged_in(account.tenant_id, account.subscriber_id, factor)  # 4
        return await self.admit(visitor, account)

    async def admit(self, visitor: Visitor, account: ConsoleAccount) -> str:
        """The token of a new session of somebody who has shown both factors; the browser's earlier session ends."""
        earlier = self._room.find(visitor.token)
        if earlier is not None:
            self._room.end(earlier)
        token = self._room.open(account)
        self._limits.trust(visitor.address_bucket, account.subscriber_id)
        gate, who = self._policies.gate(account.tenant_id), account.subscriber_id
        at_ms = gate.release(Category.LAST_LOGIN, Purpose.SECURITY, who, self._clock.utc_ms())
        await self._subscribers.record_login(who, at_ms)
        return token

    async def logout(self, visitor: Visitor) -> None:
        """Ends the browser's session, and the one on the radio; nothing happens if there is none."""
        session = self._room.find(visitor.token)
        if session is not None:
            self._room.end(session)
            await self._access.logged_out(session.tenant_id, session.subscriber_id)

    def _released(self, account: ConsoleAccount, value: int) -> Released | None:
        gate = self._policies.gate(account.tenant_id)
        return gate.release(Category.CREDENTIAL, Purpose.SECURITY, account.subscriber_id, value)

    async def _suspect(self, account: ConsoleAccount) -> None:
        _log.warning("passkey_count_refused", tenant=account.tenant_id)
        note = AuditNote(
            gate=self._policies.gate(account.tenant_id),
            operation="console.passkey_refused",
            tenant_id=account.tenant_id,
            actor=Personal(account.subscriber_id),
            at_ms=self._clock.utc_ms(),
            subject_id=account.subscriber_id,
            details={"reason": "its counter does not follow: there may be a copy of the passkey"},
        )
        await self._audit.add(note)


def _passkeys_of(account: ConsoleAccount, origin: str) -> list[KeptPasskey]:
    """Those that work on pages of this origin."""
    relying_party = passkeys.relying_party(origin)
    return [kept for kept in account.passkeys if kept.relying_party == relying_party]
