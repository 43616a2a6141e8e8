"""Authentication: enrolment of a device, log-in with two factors, resumption without the PIN.

Unknown device, wrong PIN, wrong signature and revoked device take the same steps, the same time, and get the same
answer.
"""

import hashlib
import hmac
from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import AuthenticationSettings
from pttserver.crypto import device_keys
from pttserver.crypto.enrolment_code import code_digest
from pttserver.errors import (
    AuthenticationFailed,
    Disabled,
    EnrolmentFailed,
    MalformedMessage,
    PolicyMissing,
    Throttled,
    WipedFromAfar,
)
from pttserver.ids import DeviceId, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Events
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.presets import DEFAULT, preset_text
from pttserver.privacy.purposes import Purpose
from pttserver.roles import Rights
from pttserver.services.pin_check import PinCheck
from pttserver.services.policy_book import PolicyBook
from pttserver.services.serving import as_served, still_a_member
from pttserver.sessions.attempts import AttemptLimiter
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments, NewKey
from pttserver.store.records import EnrolledDevice, LoginCandidate, Membership
from pttserver.store.resume import ResumeTokens
from pttserver.wire.signalling import PROTOCOL_VERSION, Enroll, Login, LoginConsole, Resume


@dataclass(frozen=True, slots=True)
class Challenged:
    """A connection that a proof is made for: its challenge, the bucket of its address, and what ties it to this server.

    `server_digest`: SHA-256 of the server's certificate, or of the origin if it is a browser's, which sees no
    certificate. `console`: whose console session its handshake had the cookie of.
    """

    challenge: bytes
    server_digest: bytes
    address_bucket: str
    console: SubscriberId | None = None

    def proof(self, purpose: device_keys.Purpose, credential: str) -> bytes:
        return device_keys.proof(purpose, PROTOCOL_VERSION, self.challenge, self.server_digest, credential)


class Authentication:
    """Decides who a connection is. Every refusal is charged to somebody (sessions/attempts.py says to whom)."""

    def __init__(
        self,
        *,
        devices: Devices,
        enrolments: Enrolments,
        resume_tokens: ResumeTokens,
        pins: PinCheck,
        policies: PolicyBook,
        settings: AuthenticationSettings,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._enrolments = enrolments
        self._resume_tokens = resume_tokens
        self._pins = pins
        self._policies = policies
        self._clock = clock
        self._nobodys_policy = parse_policy(preset_text(DEFAULT))
        self._by_address = AttemptLimiter(
            failures=settings.failures_per_address, refill_s=settings.failures_per_address_refill_s
        )
        self._by_device = AttemptLimiter(
            failures=settings.failures_per_subscriber, refill_s=settings.failures_per_subscriber_refill_s
        )
        self.failures = 0
        self.throttled = 0

    async def enroll(self, connection: Challenged, request: Enroll) -> EnrolledDevice:
        """Registers the device's key against its one-time code. Raises EnrolmentFailed, Throttled or PolicyMissing."""
        self._admit(self._by_address, connection.address_bucket)
        signed = connection.proof("enroll", request.code)
        enrolled = None
        if device_keys.verify(request.public_key, request.signature, signed):
            enrolled = await self._claim(request)
        if enrolled is None:
            self._charge(self._by_address, connection.address_bucket)
            raise EnrolmentFailed
        return enrolled

    async def _claim(self, request: Enroll) -> EnrolledDevice | None:
        try:
            code = code_digest(request.code)
        except MalformedMessage:
            return None

        def release(tenant_id: TenantId, subscriber_id: SubscriberId) -> NewKey:
            gate = self._policies.gate(tenant_id)
            return NewKey(
                gate.release(Category.CREDENTIAL, Purpose.SECURITY, subscriber_id, request.public_key),
                gate.release(Category.DEVICE_TYPE, Purpose.SERVICE, subscriber_id, request.device_type),
            )

        try:
            return await self._enrolments.claim(code, request.public_key, self._clock.utc_ms(), release)
        except PolicyMissing:  # of a tenant that was just added
            await self._policies.load()
            return await self._enrolments.claim(code, request.public_key, self._clock.utc_ms(), release)

    async def login(self, connection: Challenged, request: Login) -> LoginCandidate:
        """Device key and PIN. Raises AuthenticationFailed, Throttled, ServerBusy or PolicyMissing.

        Only the device's own key learns that the device was wiped (WipedFromAfar), and with the PIN that it is disabled
        (Disabled).
        """
        self._admit(self._by_address, connection.address_bucket)
        candidate = await self._candidate(request.device)
        genuine = self._is_genuine(candidate, request.signature, connection.proof("login", request.device))
        genuine = genuine and candidate is not None and not candidate.browser  # those come by `login_console`
        if genuine:
            self._admit(self._by_device, request.device)
        fits = await self._pins.verify(candidate.pin_hash if candidate else None, request.pin)
        # A PIN waits for its turn; what was taken away in the meantime must not come back by it.
        candidate = await self._candidate(request.device)
        if candidate is not None and candidate.wiped and genuine:
            raise WipedFromAfar
        if candidate is None or candidate.revoked or not genuine or not fits:
            self._charge(self._by_address, connection.address_bucket)
            if genuine:
                self._charge(self._by_device, request.device)
            raise AuthenticationFailed
        if candidate.stunned:
            raise Disabled
        await self._policies.require(candidate.tenant_id)
        return candidate

    async def login_console(self, connection: Challenged, request: LoginConsole) -> LoginCandidate:
        """The key of a browser, and the console session of the same account for the second factor.

        Raises AuthenticationFailed, Disabled, WipedFromAfar, Throttled or PolicyMissing. The caller looks whether the
        console session is still there when it opens the session.
        """
        self._admit(self._by_address, connection.address_bucket)
        candidate = await self._candidate(request.device)
        genuine = self._is_genuine(candidate, request.signature, connection.proof("login", request.device))
        if candidate is not None and candidate.wiped and genuine:
            raise WipedFromAfar
        known = candidate is not None and _has_its_console(candidate, connection) and candidate.browser
        if candidate is None or candidate.revoked or not genuine or not known:
            self._charge(self._by_address, connection.address_bucket)
            raise AuthenticationFailed
        if candidate.stunned:
            raise Disabled
        await self._policies.require(candidate.tenant_id)
        return candidate

    async def _candidate(self, device: str) -> LoginCandidate | None:
        return self._as_served(await self._devices.login_candidate(DeviceId(device)))

    def _as_served(self, candidate: LoginCandidate | None) -> LoginCandidate | None:
        """One whose account is over is as unknown as one that was never there."""
        if candidate is None:
            as_served(_NOBODY, self._nobodys_policy, self._clock.utc_ms())  # so that time does not tell who exists
            return None
        policy = self._policies.in_force(candidate.tenant_id)
        if policy is None:  # a tenant without a policy is refused in its own words
            return candidate
        return as_served(candidate, policy, self._clock.utc_ms())

    async def resume(self, connection: Challenged, request: Resume) -> tuple[LoginCandidate, list[Membership]]:
        """Device key and resume token, of a browser the console session too; gives who it is, and its groups.

        Raises AuthenticationFailed, Disabled, WipedFromAfar, Throttled or PolicyMissing.
        """
        self._admit(self._by_address, connection.address_bucket)
        returning = await self._resume_tokens.returning(DeviceId(request.device))
        candidate, token = self._as_served(returning.candidate), returning.token
        genuine = self._is_genuine(candidate, request.signature, connection.proof("resume", request.device))
        digest = device_keys.token_digest(request.token)
        known = hmac.compare_digest(token.token_hash if token else _NO_TOKEN, digest)
        if candidate is not None and candidate.wiped and genuine:
            raise WipedFromAfar
        known = known and candidate is not None and (not candidate.browser or _has_its_console(candidate, connection))
        if candidate is None or candidate.revoked or not genuine or token is None or not known:
            self._charge(self._by_address, connection.address_bucket)
            raise AuthenticationFailed
        end_ms = min(device_keys.token_end_ms(request.token), token.expires_ms)
        if token.device_id != candidate.device_id or end_ms <= self._clock.utc_ms():
            raise AuthenticationFailed
        if candidate.stunned:
            raise Disabled
        await self._policies.require(candidate.tenant_id)
        lasting = still_a_member(candidate, self._policies.policy(candidate.tenant_id), self._clock.utc_ms())
        return candidate, returning.memberships if lasting else []

    def _is_genuine(self, candidate: LoginCandidate | None, signature: bytes, signed: bytes) -> bool:
        public_key = candidate.public_key if candidate else device_keys.STAND_IN_PUBLIC_KEY
        return device_keys.verify(public_key, signature, signed) and candidate is not None

    def _admit(self, limiter: AttemptLimiter, key: str) -> None:
        wait_s = limiter.wait_s(key, self._clock.now())
        if wait_s > 0:
            self.throttled += 1
            raise Throttled(retry_after_s=round(wait_s, 1))

    def _charge(self, limiter: AttemptLimiter, key: str) -> None:
        self.failures += 1
        limiter.failed(key, self._clock.now())


def _has_its_console(candidate: LoginCandidate, connection: Challenged) -> bool:
    return connection.console == candidate.subscriber_id


_NO_TOKEN = hashlib.sha256(b"").digest()
_NOBODY = LoginCandidate(
    device_id=DeviceId(""),
    subscriber_id=SubscriberId(""),
    tenant_id=TenantId(""),
    display_name=None,
    device_type=None,
    public_key=b"",
    pin_hash="",
    revoked=True,
    rights=Rights(),
    created_ms=0,
    events=Events(),
    enrolled_ms=0,
)
