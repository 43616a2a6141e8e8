"""What waits for too long is given up: the policy says how long, and the senders are told."""

import asyncio

from pttserver.clock import Clock
from pttserver.errors import PttError
from pttserver.ids import TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.policy import Policy
from pttserver.services.message_views import state_event
from pttserver.services.policy_book import PolicyBook
from pttserver.services.telling import Telling
from pttserver.sessions.registry import SessionRegistry
from pttserver.store.message_history import MessageHistory
from pttserver.store.message_people import Reader
from pttserver.store.message_queue import MessageQueue

INTERVAL_S = 60.0
_log = get_logger("messages")


class MessageExpiry:
    """`run` does a round at an interval. Meanwhile nobody gets what is over: fetching looks at the time itself."""

    def __init__(
        self,
        queue: MessageQueue,
        history: MessageHistory,
        sessions: SessionRegistry,
        telling: Telling,
        policies: PolicyBook,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._history = history
        self._sessions = sessions
        self._telling = telling
        self._policies = policies
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.give_up()

    async def give_up(self) -> None:
        """One round over all tenants."""
        for tenant_id, gate in self._policies.gates():
            try:
                await self._give_up(tenant_id, gate.policy)
            except PttError as error:
                _log.error("messages_not_given_up", tenant=tenant_id, error=error.message)

    async def _give_up(self, tenant_id: TenantId, policy: Policy) -> None:
        now_ms = self._clock.utc_ms()
        online = [session.identity.subscriber_id for session in self._sessions.of_tenant(tenant_id)]
        until_ms = now_ms - policy.messages.store_for_s * 1000
        for sender_id in await self._queue.expire(tenant_id, until_ms, now_ms, online):
            outcomes = await self._history.untold(Reader(policy, tenant_id, sender_id, now_ms))
            told = [one for one in outcomes if self._telling.tell(sender_id, state_event(one))]
            await self._queue.mark(told, untold=False)
