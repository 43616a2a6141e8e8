"""Positions of somebody whose alert is open: they come at a short interval, until the alert is closed.

1. is the alert the sender's own, and open? A closed one takes no more positions; another's is not known to the sender
2. may an alert carry a position at this moment (privacy/location_admission.py)? If not: refused, counted, let go of
3. can it be true, and is it due (places/plausibility.py)? If not: dropped, counted under a name
4. it is rounded as the policy says, noted for the debriefing, and told to dispatchers and managers who are recipients,
   of whom each leaves an entry in the audit log, once for an alert
5. location goes off in the meantime, and alerts are not excepted: what recipients were told is taken back, and what
   waits for the disk is let go
"""

from collections.abc import Iterator

from pttserver.clock import Clock
from pttserver.errors import NotFound, PolicyForbids
from pttserver.ids import AlertId, SubscriberId, TenantId
from pttserver.places.plausibility import Demands, flaw
from pttserver.places.whereabouts import Past
from pttserver.roles import Role
from pttserver.services.alert_case import Case
from pttserver.services.alert_desk import AlertDesk, as_degrees
from pttserver.services.alert_log import AlertLog
from pttserver.services.desk import Handlers
from pttserver.services.locating import Locating
from pttserver.services.location_looks import LocationLooks, shown_to
from pttserver.services.policy_book import PolicyBook
from pttserver.services.telling import Telling
from pttserver.sessions.session import Session
from pttserver.store.looks import OPERATION
from pttserver.wire import signalling

OVER = "over"
"""Why a position is dropped: the alert is closed."""


class AlertPositions:
    """The handler of `alert.position`."""

    def __init__(
        self,
        *,
        desk: AlertDesk,
        telling: Telling,
        log: AlertLog,
        locating: Locating,
        looks: LocationLooks,
        policies: PolicyBook,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._telling = telling
        self._log = log
        self._locating = locating
        self._looks = looks
        self._policies = policies
        self._clock = clock
        locating.also_known = self._located
        locating.on_let_go = self._let_go

    def handlers(self) -> Handlers:
        return {signalling.ReportAlertPosition: self._report}

    async def _report(self, session: Session, request: signalling.ReportAlertPosition) -> signalling.LocationTaken:
        """Raises NotFound (not the sender's alert), PolicyForbids (alerts carry no position now)."""
        case = self._own(session, AlertId(request.alert))  # 1
        wrong = OVER if case is None else self._take(session, case, request.position)
        dropped = {wrong: 1} if wrong is not None else {}
        return signalling.LocationTaken(re=request.id, accepted=1 - len(dropped), dropped=dropped)

    def _own(self, session: Session, alert_id: AlertId) -> Case | None:
        """None: it is over."""
        alert = self._desk.board.known(alert_id)
        if alert is None or alert.raiser != session.identity.subscriber_id:
            raise NotFound("There is no such alert.")
        return self._desk.case(alert_id)

    def _take(self, session: Session, case: Case, position: signalling.Position) -> str | None:
        """Why it is dropped; None: it was taken."""
        admitted = self._locating.admit_for_alert(session, position)  # 2
        if admitted is None:
            raise PolicyForbids("Your organisation lets alerts carry no position now.")
        location = self._policies.policy(case.tenant_id).location
        wrong = flaw(position, self._past(session, case), Demands(self._clock.utc_ms(), location.sos_interval_s))  # 3
        if wrong is not None:
            self._locating.drops[wrong] += 1
            return wrong.value
        self._log.put_point(case.tenant_id, case.alert, as_degrees(admitted), admitted.at_ms)  # 4
        if case.position is None:
            self._desk.take_position(case, admitted)
        else:
            case.position = admitted
        self._tell(case, signalling.AlertMoved(alert=case.alert.alert_id, position=admitted))
        return None

    def _past(self, session: Session, case: Case) -> Past:
        """What was measured while location was off is not ours to know, unless alerts are excepted."""
        excepted = self._policies.policy(case.tenant_id).location.sos_exception
        since_ms = 0 if excepted else self._locating.since_ms(session)
        return Past(case.position, case.position.at_ms if case.position else None, since_ms)

    def _tell(self, case: Case, moved: signalling.AlertMoved) -> None:
        there = [session for session in self._desk.concerned(case) if session.link is not None]
        told = [session for session in there if self._follows(case, session)]
        for session in told:
            who = session.identity.subscriber_id
            if who not in case.followers:
                case.followers.add(who)
                self._log.put_note(self._looks.entry(session, OPERATION + "alert", case.alert.raiser))
        self._telling.tell_sessions(told, moved)

    def _follows(self, case: Case, session: Session) -> bool:
        """Members of a group know that there is an alert, and where it began; those who answer it see the way.

        That alerts are excepted says whether a position is taken, and not who sees it.
        """
        who = session.identity
        if who.subscriber_id == case.alert.raiser or who.rights.role is Role.SUBSCRIBER:
            return False
        return shown_to(self._policies.policy(case.tenant_id), who.rights)

    # Forgetting --------------------------------------------------------------------------------------------------

    def _located(self) -> Iterator[tuple[TenantId, SubscriberId]]:
        """Whose alert has a position, or has one that waits for the disk."""
        yield from ((case.tenant_id, case.alert.raiser) for case in self._desk.all_cases() if case.position is not None)
        yield from self._log.located()

    def _let_go(self, tenant_id: TenantId, who: SubscriberId) -> None:
        """5."""
        policy = self._policies.in_force(tenant_id)
        if policy is not None and policy.location.sos_exception:
            return
        self._log.forget_positions(who)
        alert = self._desk.board.open_of(who)
        case = self._desk.case(alert.alert_id) if alert is not None else None
        if case is not None and case.position is not None:
            self._desk.forget_position(case)
