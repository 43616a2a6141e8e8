"""Terms: what a subscriber may do here just now, told at the log-in and again whenever policy or rights change it."""

from pttserver.clock import Clock
from pttserver.errors import PolicyMissing
from pttserver.ids import SessionId
from pttserver.privacy.location_admission import Admission
from pttserver.privacy.operations import OPERATIONS, alerts_allowed, may_record, refusal
from pttserver.privacy.policy import Policy
from pttserver.roles import Rights
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.wire import signalling

_DAY_S = 86_400
_LISTEN_IN = OPERATIONS["alert.listen"]


class TermsTeller:
    """Knows what each session was told."""

    def __init__(self, sessions: SessionRegistry, policies: PolicyBook, clock: Clock) -> None:
        self._clock = clock
        self._sessions = sessions
        self._policies = policies
        self._told: dict[SessionId, signalling.Terms] = {}
        self._kinds: dict[signalling.Terms, signalling.Terms] = {}  # one of each kind, for few differ

    def told_now(self, session: Session) -> signalling.Terms:
        """The terms, for the answer to a log-in. Raises PolicyMissing."""
        terms = self._told[session.id] = self._of(session)
        return terms

    def review(self) -> None:
        """Tells every session whose terms are others now."""
        living = {session.id for session in self._sessions}
        for gone in self._told.keys() - living:
            del self._told[gone]
        self._kinds = {terms: terms for terms in self._told.values()}
        for session in self._sessions:
            self._review(session)

    def _review(self, session: Session) -> None:
        told = self._told.get(session.id)
        if told is None:
            return  # the answer to its log-in, which comes first, tells
        try:
            terms = self._of(session)
        except PolicyMissing:
            return  # a tenant that is refused hears nothing new
        if session.link is not None and told != terms:
            self._told[session.id] = terms
            session.link.post(signalling.TermsChanged(terms=terms).to_json())

    def _of(self, session: Session) -> signalling.Terms:
        identity = session.identity
        policy = self._policies.policy(identity.tenant_id)
        may = may_record(policy, identity.rights)
        recording = policy.recording
        since_ms = self._policies.located_since_ms(identity.tenant_id, identity.rights)
        terms = signalling.Terms(
            role=identity.rights.role.value,
            alerts=alerts_allowed(policy, identity.rights),
            listen_in_s=_listen_in_s(policy, identity.rights),
            location=Admission(policy, identity.rights).terms(self._clock.utc_ms(), since_ms),
            recording=signalling.RecordingTerms(
                allowed=may, on_alert=may and recording.on_alert, keep_s=recording.keep_days * _DAY_S
            ),
        )
        return self._kinds.setdefault(terms, terms)


def _listen_in_s(policy: Policy, rights: Rights) -> int:
    return policy.alerts.ambient_listening_at_most_s if refusal(policy, rights, _LISTEN_IN) is None else 0
