"""Console sessions: who is logged in with a browser, until when. In memory only, found by the digest of a token."""

import secrets
from collections.abc import Iterator

from pttserver.crypto.device_keys import token_digest
from pttserver.ids import DeviceId, SubscriberId, TenantId

MAX_PER_SUBSCRIBER = 10


class ConsoleSession:
    """`activated_ms`: which password and factors it was opened with. Times are monotonic seconds.

    `device_id`: the browser's key; the first that registers or logs in is the only one, so that a stolen cookie cannot
    bring a key of its own.
    """

    __slots__ = ("activated_ms", "device_id", "opened_at", "subscriber_id", "tenant_id", "token_digest", "used_at")

    def __init__(
        self, digest: bytes, tenant_id: TenantId, subscriber_id: SubscriberId, activated_ms: int, now: float
    ) -> None:
        self.token_digest = digest
        self.tenant_id = tenant_id
        self.subscriber_id = subscriber_id
        self.activated_ms = activated_ms
        self.device_id: DeviceId | None = None
        self.opened_at = now
        self.used_at = now


class ConsoleSessions:
    """A token is drawn here and never adopted from a browser."""

    def __init__(self, *, idle_s: float, absolute_s: float) -> None:
        self._idle_s = idle_s
        self._absolute_s = absolute_s
        self._by_digest: dict[bytes, ConsoleSession] = {}

    def __len__(self) -> int:
        return len(self._by_digest)

    def __iter__(self) -> Iterator[ConsoleSession]:
        return iter(list(self._by_digest.values()))

    def open(
        self, tenant_id: TenantId, subscriber_id: SubscriberId, activated_ms: int, now: float
    ) -> tuple[ConsoleSession, str]:
        """A new session and its token, which is told once."""
        token = secrets.token_urlsafe(32)
        session = ConsoleSession(token_digest(token.encode()), tenant_id, subscriber_id, activated_ms, now)
        self._by_digest[session.token_digest] = session
        return session, token

    def find(self, token: str, now: float) -> ConsoleSession | None:
        """None: there is none, or it is over."""
        session = self._by_digest.get(token_digest(token.encode()))
        return None if session is None or self.left_s(session, now) <= 0 else session

    def lives(self, session: ConsoleSession, now: float) -> bool:
        return self._by_digest.get(session.token_digest) is session and self.left_s(session, now) > 0

    def idle_left_s(self, session: ConsoleSession, now: float) -> float:
        return session.used_at + self._idle_s - now

    def absolute_left_s(self, session: ConsoleSession, now: float) -> float:
        return session.opened_at + self._absolute_s - now

    def left_s(self, session: ConsoleSession, now: float) -> float:
        return min(self.idle_left_s(session, now), self.absolute_left_s(session, now))

    def expired(self, now: float) -> list[ConsoleSession]:
        return [session for session in self._by_digest.values() if self.left_s(session, now) <= 0]

    def of_subscriber(self, subscriber_id: SubscriberId) -> list[ConsoleSession]:
        """Oldest first."""
        return [session for session in self._by_digest.values() if session.subscriber_id == subscriber_id]

    def close(self, session: ConsoleSession) -> None:
        """Idempotent."""
        self._by_digest.pop(session.token_digest, None)
