"""Call alerts: "call me back". Told at once, or at the next log-in of the person; acknowledged by the person.

They wait in memory, as identifiers and a time: for a while, one of each asker for each person, and not beyond the life
of the process. Nothing of them is written, and a name is looked up when it is told.
"""

import asyncio
from typing import Final, NamedTuple

from pttserver.clock import Clock
from pttserver.config import CallSettings
from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import SubscriberId, TenantId
from pttserver.services.calls import take_allowance
from pttserver.services.desk import Handlers
from pttserver.services.serving import Serving
from pttserver.services.telling import Telling
from pttserver.sessions.session import Session
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling

CHECK_INTERVAL_S: Final = 60.0
WAITING_LIMIT: Final = 32  # for one person; the oldest give way


class _Asked(NamedTuple):
    """`at`: monotonic seconds."""

    at: float
    at_ms: int


class CallAlerts:
    """Serves `call.alert` and `call.alert.acknowledge`."""

    def __init__(
        self, telling: Telling, subscribers: Subscribers, serving: Serving, clock: Clock, settings: CallSettings
    ) -> None:
        self._serving = serving
        self._telling = telling
        self._subscribers = subscribers
        self._clock = clock
        self._lifetime_s = settings.alert_lifetime_s
        self._waiting: dict[SubscriberId, dict[SubscriberId, _Asked]] = {}

    def handlers(self) -> Handlers:
        return {
            signalling.CallAlert: self._alert,
            signalling.AcknowledgeCallAlert: self._acknowledge,
        }

    async def _alert(self, session: Session, request: signalling.CallAlert) -> signalling.Reply:
        """Raises NotFound (not of the organisation), InvalidValue, ServerBusy."""
        take_allowance(session, self._clock)
        asker, whom = session.identity, SubscriberId(request.to)
        if whom == asker.subscriber_id:
            raise InvalidValue("You cannot ask yourself to call back.")
        if not await self._subscribers.all_present(asker.tenant_id, [whom]):
            raise NotFound
        asked = _Asked(self._clock.now(), self._clock.utc_ms())
        self._keep(whom, asker.subscriber_id, asked)
        delivered = self._tell(whom, asker.subscriber_id, asker.display_name.reveal(), asked)
        return signalling.CallAlertSent(re=request.id, delivered=delivered)

    def _keep(self, whom: SubscriberId, asker: SubscriberId, asked: _Asked) -> None:
        waiting = self._waiting.setdefault(whom, {})
        waiting.pop(asker, None)
        waiting[asker] = asked
        if len(waiting) > WAITING_LIMIT:
            del waiting[next(iter(waiting))]

    def _tell(self, whom: SubscriberId, asker: SubscriberId, name: str, asked: _Asked) -> bool:
        by = signalling.Party(subscriber=asker, name=name)
        return self._telling.tell(whom, signalling.CallAlerted(by=by, at_ms=asked.at_ms))

    async def _acknowledge(self, session: Session, request: signalling.AcknowledgeCallAlert) -> signalling.Reply:
        """Raises NotFound: that person has not asked, or too long ago."""
        who, asker = session.identity, SubscriberId(request.of)
        if not self._take(who.subscriber_id, asker):
            raise NotFound
        by = signalling.Party(subscriber=who.subscriber_id, name=who.display_name.reveal())
        self._telling.tell(asker, signalling.CallAlertAcknowledged(by=by))
        return signalling.Done(re=request.id)

    def _take(self, whom: SubscriberId, asker: SubscriberId) -> bool:
        waiting = self._waiting.get(whom, {})
        taken = waiting.pop(asker, None)
        if not waiting:
            self._waiting.pop(whom, None)
        return taken is not None

    async def greet(self, session: Session) -> None:
        """Tells who has just logged in, or come back, what waits. Raises StoreUnavailable, PolicyMissing."""
        whom, tenant_id = session.identity.subscriber_id, session.identity.tenant_id
        for asker, asked in list(self._waiting.get(whom, {}).items()):
            await self._tell_late(tenant_id, whom, asker, asked)

    async def _tell_late(self, tenant_id: TenantId, whom: SubscriberId, asker: SubscriberId, asked: _Asked) -> None:
        found = await self._subscribers.find(tenant_id, asker)
        shown = await self._serving.subscribers(tenant_id, [found]) if found else []
        if not shown:  # removed or erased meanwhile
            self._take(whom, asker)
            return
        if self._waiting.get(whom, {}).get(asker) is not asked:  # seen meanwhile, or asked again and told of that
            return
        name = shown[0].display_name
        self._tell(whom, asker, name.reveal() if name else "", asked)

    async def run(self) -> None:
        """Lets wishes lapse, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            self.expire()

    def expire(self) -> None:
        """Forgets what has waited for too long."""
        before = self._clock.now() - self._lifetime_s
        over = [(whom, asker) for whom, them in self._waiting.items() for asker, at in them.items() if at.at <= before]
        for whom, asker in over:
            self._take(whom, asker)
