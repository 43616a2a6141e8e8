"""The console room: who is logged in with a browser, and the session on the radio that each may have.

A console session ends by idleness, by its age, by a log-out, and when what it was opened with is taken away: the
account, its password, the role, the subscriber, or the device that the browser is. The radio session that was opened
with it ends in the same step.
"""

import asyncio
from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import ConsoleSettings
from pttserver.ids import DeviceId
from pttserver.observe.log import get_logger
from pttserver.privacy.operations import DISPATCHERS, granted
from pttserver.roles import Scope
from pttserver.services.attendance import Attendance
from pttserver.services.policy_book import PolicyBook
from pttserver.services.serving import as_served
from pttserver.sessions.console import MAX_PER_SUBSCRIBER, ConsoleSession, ConsoleSessions
from pttserver.sessions.registry import SessionRegistry
from pttserver.store.console_accounts import ConsoleAccount, ConsoleAccounts
from pttserver.wire import signalling

POLL_INTERVAL_S = 0.5
_BY_ITSELF = (
    signalling.Ping,
    signalling.SetMediaPath,
    signalling.FetchMessages,
    signalling.ConfirmMessages,
    signalling.ConfirmAlert,
    signalling.LocationReport,
)
"""What a program sends though nobody touches it."""
_log = get_logger("console")


@dataclass(frozen=True, slots=True)
class Standing:
    """Who a console session is of, as things stand. Times are UTC milliseconds."""

    account: ConsoleAccount
    scopes: frozenset[Scope]
    idle_expires_ms: int
    absolute_expires_ms: int


class ConsoleRoom:
    """`run` goes on until cancelled."""

    def __init__(
        self,
        accounts: ConsoleAccounts,
        sessions: SessionRegistry,
        attendance: Attendance,
        policies: PolicyBook,
        clock: Clock,
        settings: ConsoleSettings,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._attendance = attendance
        self._policies = policies
        self._clock = clock
        self._console = ConsoleSessions(idle_s=settings.idle_s, absolute_s=settings.absolute_s)

    def __len__(self) -> int:
        return len(self._console)

    def open(self, account: ConsoleAccount) -> str:
        """The token of a new session. An account has few at once: the oldest makes room."""
        assert account.activated_ms is not None
        mine = self._console.of_subscriber(account.subscriber_id)
        for session in mine[: 1 - MAX_PER_SUBSCRIBER]:
            self.end(session)
        _, token = self._console.open(account.tenant_id, account.subscriber_id, account.activated_ms, self._clock.now())
        return token

    def find(self, token: str | None) -> ConsoleSession | None:
        """None: there is no token, or its session is over."""
        return None if token is None else self._console.find(token, self._clock.now())

    def admits(self, token: str | None) -> bool:
        """Whether it is the token of a session."""
        return self.find(token) is not None

    def lives(self, session: ConsoleSession) -> bool:
        return self._console.lives(session, self._clock.now())

    def use(self, session: ConsoleSession) -> None:
        """Somebody did something with it."""
        if self.lives(session):
            session.used_at = self._clock.now()

    def claim(self, session: ConsoleSession, device_id: DeviceId) -> bool:
        """The browser logs in on the radio with its key. False: the session is over, or has another key already."""
        if not self.lives(session) or session.device_id not in (None, device_id):
            return False
        session.device_id = device_id
        return True

    def used_by_request(self, session: ConsoleSession, request: signalling.Request) -> None:
        """On the radio: what a person does counts, what a program sends by itself does not."""
        if not isinstance(request, _BY_ITSELF):
            self.use(session)

    def end(self, session: ConsoleSession) -> None:
        """With the session on the radio that it was opened for; one whose device is being wiped may still say so."""
        self._console.close(session)
        radio = self._sessions.of_subscriber(session.subscriber_id)
        if radio is not None and radio.console is session and not radio.wiping:
            self._attendance.end(radio, "console_ended")

    def device_controlled(self, device_id: DeviceId) -> None:
        """A dispatcher logged a device out, disabled or wiped it: if it is a browser, its log-in is over too."""
        for session in self._console:
            if session.device_id == device_id:
                self.end(session)

    async def standing(self, session: ConsoleSession) -> Standing | None:
        """None: the session is over, now at the latest. Raises StoreUnavailable."""
        account = await self._accounts.of(session.subscriber_id)
        policy = self._policies.in_force(session.tenant_id)
        now, now_ms = self._clock.now(), self._clock.utc_ms()
        if account is not None and policy is not None:
            account = as_served(account, policy, now_ms)
        if account is None or policy is None or not _still_holds(session, account) or not self.lives(session):
            self.end(session)
            return None
        return Standing(
            account=account,
            scopes=granted(policy, account.rights),
            idle_expires_ms=now_ms + round(self._console.left_s(session, now) * 1000),
            absolute_expires_ms=now_ms + round(self._console.absolute_left_s(session, now) * 1000),
        )

    async def review(self) -> None:
        """Rights or devices changed: ends what no longer holds. Raises StoreUnavailable."""
        browsers = [session.device_id for session in self._console if session.device_id is not None]
        out_of_use = await self._accounts.out_of_use(browsers)
        for session in self._console:
            if session.device_id in out_of_use:
                self.end(session)
            else:
                await self.standing(session)

    async def run(self) -> None:
        while True:
            self.end_expired()
            await asyncio.sleep(POLL_INTERVAL_S)

    def end_expired(self) -> None:
        for session in self._console.expired(self._clock.now()):
            _log.info("console_session_expired", tenant=session.tenant_id)
            self.end(session)


def may_use(account: ConsoleAccount) -> bool:
    """Whether the account is one that a log-in is possible to; whose role was taken away has none."""
    return account.activated_ms is not None and account.locked_ms is None and account.rights.role in DISPATCHERS


def _still_holds(session: ConsoleSession, account: ConsoleAccount) -> bool:
    return may_use(account) and account.activated_ms == session.activated_ms and not account.disabled
