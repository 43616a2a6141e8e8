"""The browser of a console session as a device: its key is registered once, with the session for a warrant."""

from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.errors import AuthenticationRequired, Disabled, Forbidden, ServerBusy
from pttserver.ids import DeviceId, Personal, new_device_id
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services.console_room import ConsoleRoom
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.console import ConsoleSession
from pttserver.store.audit_chain import AuditNote
from pttserver.store.console_accounts import ConsoleAccount
from pttserver.store.console_devices import ConsoleDevices, NewBrowser


@dataclass(frozen=True, slots=True)
class RegisteredBrowser:
    """A browser that is a device, and whose."""

    device_id: DeviceId
    account: ConsoleAccount


class ConsoleBrowsers:
    """Every method raises PolicyMissing, StoreUnavailable."""

    def __init__(self, devices: ConsoleDevices, room: ConsoleRoom, policies: PolicyBook, clock: Clock) -> None:
        self._devices = devices
        self._room = room
        self._policies = policies
        self._clock = clock
        self._registering: set[bytes] = set()

    async def register(self, session: ConsoleSession, public_key: bytes, device_type: str) -> RegisteredBrowser:
        """Idempotent for the same key.

        Raises AuthenticationRequired (the session is over), Disabled, Forbidden (it has another key already: a stolen
        cookie must not bring a key of its own), ServerBusy (a key of the session is being registered).
        """
        if session.token_digest in self._registering:
            raise ServerBusy(retry_after_s=1)
        self._registering.add(session.token_digest)
        try:
            return await self._register(session, public_key, device_type)
        finally:
            self._registering.discard(session.token_digest)

    async def _register(self, session: ConsoleSession, public_key: bytes, device_type: str) -> RegisteredBrowser:
        standing = await self._room.standing(session)
        if standing is None:
            raise AuthenticationRequired
        account = standing.account
        if account.disabled:
            raise Disabled
        gate, who = self._policies.gate(account.tenant_id), account.subscriber_id
        now_ms = self._clock.utc_ms()
        new = NewBrowser(
            device_id=new_device_id(),
            tenant_id=account.tenant_id,
            subscriber_id=who,
            key=public_key,
            public_key=gate.release(Category.CREDENTIAL, Purpose.SECURITY, who, public_key),
            device_type=gate.release(Category.DEVICE_TYPE, Purpose.SERVICE, who, Personal(device_type)),
            now_ms=now_ms,
        )
        known = await self._devices.known(new)
        if session.device_id is not None and session.device_id != known:
            raise Forbidden("This log-in belongs to another key already; log in anew.")
        if known is None:
            note = AuditNote(
                gate=gate,
                operation="console.device",
                tenant_id=account.tenant_id,
                actor=Personal(who),
                at_ms=now_ms,
                subject_id=who,
                details={"device": new.device_id},
            )
            await self._devices.add(new, note)
        device_id = known or new.device_id
        if not self._room.claim(session, device_id):  # it ended, or logged in with another key, in the meantime
            raise AuthenticationRequired
        return RegisteredBrowser(device_id, account)
