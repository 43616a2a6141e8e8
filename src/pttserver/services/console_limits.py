"""How often somebody may try to log in to the console: by address, and by account.

An account has no device key that would tell its owner from a stranger, so a stranger's guesses are charged to it too.
Lest strangers lock dispatchers out of their desk, an address that an account was logged in from before has an allowance
of its own. Accounts and addresses are known here by keyed digests only; the key dies with the process.
"""

import hashlib
import secrets
from collections import OrderedDict

from pttserver.config import AuthenticationSettings, ConsoleSettings
from pttserver.errors import Throttled
from pttserver.sessions.attempts import AttemptLimiter

REMEMBERED = 10_000


class ConsoleLimits:
    """Times are monotonic seconds. Every refusal is charged; what was charged refills by itself."""

    def __init__(self, authentication: AuthenticationSettings, console: ConsoleSettings) -> None:
        self._by_address = AttemptLimiter(
            failures=authentication.failures_per_address, refill_s=authentication.failures_per_address_refill_s
        )
        self._by_account = AttemptLimiter(
            failures=console.failures_per_account, refill_s=console.failures_per_account_refill_s
        )
        self._key = secrets.token_bytes(32)
        self._trusted: OrderedDict[str, None] = OrderedDict()
        self.failures = 0
        self.throttled = 0

    def admit(self, address: str, account: str | None, now: float) -> None:
        """Raises Throttled."""
        wait_s = self._by_address.wait_s(address, now)
        if account is not None:
            wait_s = max(wait_s, self._by_account.wait_s(self._bucket(account, address), now))
        if wait_s > 0:
            self.throttled += 1
            raise Throttled(retry_after_s=round(wait_s, 1))

    def charge(self, address: str, account: str | None, now: float) -> None:
        """A failure."""
        self.failures += 1
        self._by_address.failed(address, now)
        if account is not None:
            self._by_account.failed(self._bucket(account, address), now)

    def trust(self, address: str, account: str) -> None:
        """The account was logged in from the address, with both factors."""
        pair = self._digest(account, address)
        self._trusted[pair] = None
        self._trusted.move_to_end(pair)
        if len(self._trusted) > REMEMBERED:
            self._trusted.popitem(last=False)

    def _bucket(self, account: str, address: str) -> str:
        pair = self._digest(account, address)
        return pair if pair in self._trusted else self._digest(account)

    def _digest(self, *parts: str) -> str:
        octets = b"".join(len(part).to_bytes(4, "big") + part.encode("utf-8", "surrogatepass") for part in parts)
        return hashlib.blake2b(octets, key=self._key, digest_size=16).hexdigest()
