"""Tells people who are logged in what happened; who is not, hears of it when its service says so at the log-in.

Each is told what the policy lets the role see of others (privacy/sight.py): no service need ask.
"""

from collections.abc import Iterable
from typing import TypeVar

from pttserver.ids import SubscriberId, TenantId
from pttserver.privacy.sight import as_seen
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.wire import signalling

MessageT = TypeVar("MessageT", bound=signalling.Message)


class Telling:
    """Posts messages to live sessions. No call waits."""

    def __init__(self, sessions: SessionRegistry, policies: PolicyBook) -> None:
        self._sessions = sessions
        self._policies = policies

    def hears(self, subscriber_id: SubscriberId) -> bool:
        """Whether the subscriber is connected now."""
        session = self._sessions.of_subscriber(subscriber_id)
        return session is not None and session.link is not None

    def tell(self, subscriber_id: SubscriberId, event: signalling.Message) -> bool:
        """False: nobody was there to hear it."""
        return bool(self.tell_all([subscriber_id], event))

    def tell_all(self, subscriber_ids: Iterable[SubscriberId], event: signalling.Message) -> set[SubscriberId]:
        """Gives who was told."""
        found = [self._sessions.of_subscriber(subscriber_id) for subscriber_id in subscriber_ids]
        return self.tell_sessions((session for session in found if session is not None), event)

    def tell_dispatchers(self, tenant_id: TenantId, event: signalling.Message) -> set[SubscriberId]:
        """Dispatchers and managers of the tenant."""
        return self.tell_sessions(self._sessions.dispatchers(tenant_id), event)

    def tell_sessions(self, sessions: Iterable[Session], event: signalling.Message) -> set[SubscriberId]:
        """Gives who was told."""
        whole, told = event.to_json(), set()
        for session in sessions:
            if session.link is not None:
                seen = self.as_seen(session, event)
                session.link.post(whole if seen is event else seen.to_json())
                told.add(session.identity.subscriber_id)
        return told

    def as_seen(self, session: Session, message: MessageT) -> MessageT:
        """The message without what the session's role may not see."""
        who = session.identity
        return as_seen(message, self._policies.in_force(who.tenant_id), who.rights.role, who.subscriber_id)
