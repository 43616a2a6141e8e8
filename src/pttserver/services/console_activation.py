"""An invited person sets a password and a second factor; with both, and not before, the account is active.

Until then nothing is written: what was begun waits in memory under a ticket, and the code stays good for another try.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pttserver.clock import Clock
from pttserver.crypto import passkeys, totp
from pttserver.crypto.device_keys import draw_challenge
from pttserver.crypto.enrolment_code import code_digest
from pttserver.errors import AuthenticationFailed, EnrolmentFailed, MalformedMessage
from pttserver.ids import Personal, new_passkey_id
from pttserver.privacy.categories import Category
from pttserver.privacy.operations import DISPATCHERS
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released, Value
from pttserver.services import naming
from pttserver.services.console_limits import ConsoleLimits
from pttserver.services.console_login import CODES_PER_TICKET, ConsoleLogin, Visitor
from pttserver.services.pin_check import PinCheck
from pttserver.services.policy_book import PolicyBook
from pttserver.services.serving import as_served
from pttserver.sessions.tickets import Tickets
from pttserver.store.audit_chain import AuditNote
from pttserver.store.console_accounts import ConsoleAccount, ConsoleAccounts
from pttserver.store.console_credentials import ConsoleCredentials, NewCredentials, NewPasskey

TICKET_LIFETIME_S: Final = 900  # somebody may have to find an app first


@dataclass(frozen=True, slots=True)
class Offered:
    """What a second factor is made of. `uri` is for the QR code; `passkey`: PublicKeyCredentialCreationOptionsJSON."""

    ticket: str = field(repr=False)
    totp_secret: str = field(repr=False)
    totp_uri: str = field(repr=False)
    passkey: dict[str, Any] | None


@dataclass(slots=True)
class _Begun:
    account: ConsoleAccount
    code_hash: bytes
    password_hash: str
    origin: str
    secret: bytes
    challenge: bytes
    codes_left: int = CODES_PER_TICKET


class ConsoleActivation:
    """Every method raises Throttled, ServerBusy, PolicyMissing or StoreUnavailable; refusals are charged."""

    def __init__(
        self,
        *,
        accounts: ConsoleAccounts,
        credentials: ConsoleCredentials,
        login: ConsoleLogin,
        limits: ConsoleLimits,
        pins: PinCheck,
        policies: PolicyBook,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._credentials = credentials
        self._login = login
        self._limits = limits
        self._pins = pins
        self._policies = policies
        self._clock = clock
        self._begun: Tickets[_Begun] = Tickets(TICKET_LIFETIME_S)

    async def begin(self, visitor: Visitor, code: str, password: str) -> Offered:
        """Raises EnrolmentFailed (the code), InvalidValue (the password)."""
        self._limits.admit(visitor.address_bucket, None, self._clock.now())
        code_hash, account = await self._invited(code)
        if account is None:
            self._limits.charge(visitor.address_bucket, None, self._clock.now())
            raise EnrolmentFailed("The code is unknown, used or expired; ask for a new one.")
        chosen = naming.password(password, account.identifier, account.display_name)
        begun = _Begun(
            account=account,
            code_hash=code_hash,
            password_hash=await self._pins.hash(chosen),
            origin=visitor.origin,
            secret=totp.draw_secret(),
            challenge=draw_challenge(),
        )
        return _offered(self._begun.issue(begun, self._clock.now()), begun)

    async def _invited(self, code: str) -> tuple[bytes, ConsoleAccount | None]:
        try:
            code_hash = code_digest(code)
        except MalformedMessage:
            return b"", None
        who = await self._credentials.invited(code_hash, self._clock.utc_ms())
        account = await self._accounts.of(who) if who is not None else None
        if account is None or account.rights.role not in DISPATCHERS:
            return code_hash, None
        await self._policies.require(account.tenant_id)
        return code_hash, as_served(account, self._policies.policy(account.tenant_id), self._clock.utc_ms())

    async def by_totp(self, visitor: Visitor, ticket: str, code: str) -> str:
        """The token of the first console session. Raises AuthenticationFailed, EnrolmentFailed."""
        begun = self._take(visitor, ticket)
        step = totp.matching_step(begun.secret, code, self._clock.utc_ms())
        if step is None:
            begun.codes_left -= 1
            if begun.codes_left:
                self._begun.put_back(ticket, begun, self._clock.now())
            raise self._refusal(visitor)
        new = NewCredentials(
            subscriber_id=begun.account.subscriber_id,
            password_hash=self._released(begun, begun.password_hash),
            totp_secret=self._released(begun, begun.secret),
            totp_step=self._released(begun, step),
        )
        return await self._activate(visitor, begun, new, "totp")

    async def by_passkey(self, visitor: Visitor, ticket: str, credential: Mapping[str, Any]) -> str:
        """The same; the challenge is used up either way."""
        begun, relying_party = self._take(visitor, ticket), passkeys.relying_party(visitor.origin)
        if relying_party is None:
            raise self._refusal(visitor)
        made = passkeys.registered(credential, begun.challenge, visitor.origin, relying_party)
        if made is None:
            raise self._refusal(visitor)
        passkey = NewPasskey(
            number=new_passkey_id(),
            relying_party=relying_party,
            credential_id=self._released(begun, made.credential_id),
            public_key=self._released(begun, made.public_key),
            sign_count=self._released(begun, made.sign_count),
        )
        new = NewCredentials(
            subscriber_id=begun.account.subscriber_id,
            password_hash=self._released(begun, begun.password_hash),
            passkey=passkey,
        )
        return await self._activate(visitor, begun, new, "passkey")

    def _take(self, visitor: Visitor, ticket: str) -> _Begun:
        now = self._clock.now()
        self._limits.admit(visitor.address_bucket, None, now)
        begun = self._begun.take(ticket, now)
        if begun is None or begun.origin != visitor.origin:
            raise self._refusal(visitor)
        return begun

    def _refusal(self, visitor: Visitor) -> AuthenticationFailed:
        self._limits.charge(visitor.address_bucket, None, self._clock.now())
        return AuthenticationFailed()

    def _released(self, begun: _Begun, value: Value) -> Released | None:
        gate = self._policies.gate(begun.account.tenant_id)
        return gate.release(Category.CREDENTIAL, Purpose.SECURITY, begun.account.subscriber_id, value)

    async def _activate(self, visitor: Visitor, begun: _Begun, new: NewCredentials, factor: str) -> str:
        tenant_id, who, now_ms = begun.account.tenant_id, begun.account.subscriber_id, self._clock.utc_ms()
        note = AuditNote(
            gate=self._policies.gate(tenant_id),
            operation="console.activate",
            tenant_id=tenant_id,
            actor=Personal(who),
            at_ms=now_ms,
            subject_id=who,
            details={"factor": factor},
        )
        activated = await self._credentials.activate(begun.code_hash, now_ms, new, note)
        account = await self._accounts.of(who) if activated else None
        if account is None:
            raise EnrolmentFailed("The code was used or replaced in the meantime; ask for a new one.")
        return await self._login.admit(visitor, account)


def _offered(ticket: str, begun: _Begun) -> Offered:
    account = begun.account
    known_as = account.identifier or account.display_name or Personal(account.subscriber_id)
    name = known_as.reveal()
    relying_party, passkey = passkeys.relying_party(begun.origin), None
    if relying_party is not None:
        handle = account.subscriber_id.encode()
        passkey = passkeys.creation_options(relying_party, handle, name, begun.challenge)
    uri = totp.provisioning_uri(begun.secret, name, account.tenant_name)
    return Offered(ticket, totp.secret_text(begun.secret), uri, passkey)
