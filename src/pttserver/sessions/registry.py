"""All live sessions: one for each subscriber, found by identifier, subscriber, tenant, or SSRC of an RTCP packet."""

from collections.abc import Iterator

from pttserver.ids import GroupId, SessionId, Ssrc, SsrcSequence, SubscriberId, TenantId, new_session_id
from pttserver.roles import Rights, Role
from pttserver.sessions.session import Affiliation, Identity, Session

RtcpSender = tuple[Session, Affiliation | None]


class SessionRegistry:
    """Holds the sessions; a second log-in of a subscriber takes the place of the first in one step."""

    def __init__(self, ssrcs: SsrcSequence) -> None:
        self._ssrcs = ssrcs
        self._by_id: dict[SessionId, Session] = {}
        self._by_subscriber: dict[SubscriberId, Session] = {}
        self._by_tenant: dict[TenantId, set[Session]] = {}
        self._dispatchers: dict[TenantId, set[Session]] = {}
        self.rtcp_senders: dict[int, RtcpSender] = {}
        """SSRC -> session, and the affiliation if the SSRC is one's. Read by the voice path."""
        self._seen_by_all = float("-inf")

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(SessionId(session_id))

    def of_subscriber(self, subscriber_id: SubscriberId) -> Session | None:
        return self._by_subscriber.get(subscriber_id)

    def of_tenant(self, tenant_id: TenantId) -> list[Session]:
        return list(self._by_tenant.get(tenant_id, ()))

    def dispatchers(self, tenant_id: TenantId) -> list[Session]:
        """Sessions of the tenant's dispatchers and managers."""
        return list(self._dispatchers.get(tenant_id, ()))

    def change_rights(self, session: Session, rights: Rights) -> None:
        """From now on the session has these rights."""
        tenant_id = session.identity.tenant_id
        _take(self._dispatchers, tenant_id, session)
        session.identity.rights = rights
        if rights.role is not Role.SUBSCRIBER:
            self._dispatchers.setdefault(tenant_id, set()).add(session)

    def open(self, identity: Identity, now: float) -> Session:
        """A new session with new keys. The subscriber's earlier session must have been closed in the same step."""
        assert identity.subscriber_id not in self._by_subscriber
        session = Session(new_session_id(), self._ssrcs.draw(), identity, now)
        self._by_id[session.id] = session
        self._by_subscriber[identity.subscriber_id] = session
        self._by_tenant.setdefault(identity.tenant_id, set()).add(session)
        self.change_rights(session, identity.rights)
        self.rtcp_senders[session.ssrc] = (session, None)
        return session

    def close(self, session: Session) -> None:
        """Forgets a session without affiliations: from now on its packets have unknown SSRCs. Idempotent."""
        assert not session.affiliations
        if self._by_id.pop(session.id, None) is None:
            return
        self._by_subscriber.pop(session.identity.subscriber_id, None)
        _take(self._by_tenant, session.identity.tenant_id, session)
        _take(self._dispatchers, session.identity.tenant_id, session)
        self.rtcp_senders.pop(session.ssrc, None)

    def affiliate(
        self, session: Session, group_id: GroupId, name: str, priority: int, listen_only: bool
    ) -> Affiliation:
        """A new affiliation with an SSRC of its own."""
        affiliation = Affiliation(session, group_id, name, self._ssrcs.draw(), priority, listen_only)
        session.affiliations[group_id] = affiliation
        self.rtcp_senders[affiliation.ssrc] = (session, affiliation)
        return affiliation

    def deaffiliate(self, affiliation: Affiliation) -> None:
        """Forgets an affiliation and its SSRC. Idempotent."""
        affiliation.session.affiliations.pop(affiliation.group_id, None)
        self.rtcp_senders.pop(affiliation.ssrc, None)
        affiliation.session.srtcp_index.pop(affiliation.ssrc, None)
        affiliation.session.uplink.forget(Ssrc(affiliation.ssrc))

    def unseen_since(self, time: float) -> list[Session]:
        """Sessions whose last sign of life is older than `time` (monotonic seconds).

        Signs of life only become newer: none is too old before the oldest of the last look can be, so most looks are
        at nobody.
        """
        if time <= self._seen_by_all:
            return []
        self._seen_by_all = min((session.last_seen for session in self._by_id.values()), default=time)
        return [session for session in self._by_id.values() if session.last_seen < time]


def _take(index: dict[TenantId, set[Session]], tenant_id: TenantId, session: Session) -> None:
    sessions = index.get(tenant_id, set())
    sessions.discard(session)
    if not sessions:
        index.pop(tenant_id, None)
