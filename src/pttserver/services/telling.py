"""Tells people who are logged in what happened; who is not, hears of it when its service says so at the log-in."""

from collections.abc import Iterable

from pttserver.ids import SubscriberId, TenantId
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.wire import signalling


class Telling:
    """Posts events to live sessions. No call waits."""

    def __init__(self, sessions: SessionRegistry) -> None:
        self._sessions = sessions

    def tell(self, subscriber_id: SubscriberId, event: signalling.Message) -> bool:
        """False: nobody was there to hear it."""
        return bool(self.tell_all([subscriber_id], event))

    def tell_all(self, subscriber_ids: Iterable[SubscriberId], event: signalling.Message) -> set[SubscriberId]:
        """Gives who was told."""
        found = [self._sessions.of_subscriber(subscriber_id) for subscriber_id in subscriber_ids]
        return self._post((session for session in found if session is not None), event)

    def tell_dispatchers(self, tenant_id: TenantId, event: signalling.Message) -> set[SubscriberId]:
        """Dispatchers and managers of the tenant."""
        return self._post(self._sessions.dispatchers(tenant_id), event)

    def _post(self, sessions: Iterable[Session], event: signalling.Message) -> set[SubscriberId]:
        text, told = event.to_json(), set()
        for session in sessions:
            if session.link is not None:
                session.link.post(text)
                told.add(session.identity.subscriber_id)
        return told
