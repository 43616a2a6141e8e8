"""Ambient listening: who may hear the microphone of a person whose alert is open, from the request to the end.

1. the table of operations says who may ask at all, and whether the organisation allows it (privacy/operations.py)
2. the request and its reason are in the audit log before the device is told; what cannot be written is not done
3. the alert's machine says what follows (alerts/listening.py); it ends with the alert, with the time box, with either
   device, and with the permission
"""

from typing import Final

from pttserver.alerts.listening import ListeningEnd
from pttserver.clock import Clock
from pttserver.errors import CallUnavailable, Forbidden, InvalidValue, NotFound
from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.privacy.operations import OPERATIONS, refusal
from pttserver.privacy.sections import AlertsSection
from pttserver.services.acts import Acts
from pttserver.services.alert_case import Case
from pttserver.services.alert_desk import AlertDesk
from pttserver.services.alert_log import AlertLog
from pttserver.services.attendance import Attendance
from pttserver.services.calls import take_allowance
from pttserver.services.desk import Handlers
from pttserver.services.open_microphones import OpenMicrophones
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.wire import signalling

OPERATION: Final = "alert.listen"


class AmbientListening:
    """Serves `alert.listen` and `alert.listen.end`."""

    def __init__(
        self,
        *,
        desk: AlertDesk,
        microphones: OpenMicrophones,
        sessions: SessionRegistry,
        attendance: Attendance,
        log: AlertLog,
        acts: Acts,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._microphones = microphones
        self._sessions = sessions
        self._log = log
        self._acts = acts
        self._clock = clock
        microphones.on_opened = self._opened
        microphones.on_left = self._left
        microphones.on_gone = self._gone
        attendance.on_over.append(self._is_over)
        attendance.on_superseded.append(self._is_over)
        attendance.on_rights_changed.append(self._review_listener)

    def handlers(self) -> Handlers:
        return {signalling.ListenToAlert: self._listen, signalling.StopListening: self._stop}

    # Requests ----------------------------------------------------------------------------------------------------

    async def _listen(self, session: Session, request: signalling.ListenToAlert) -> signalling.Reply:
        """Raises NotFound, Forbidden, InvalidValue, CallUnavailable, ServerBusy, PolicyMissing, StoreUnavailable."""
        alert_id, who = AlertId(request.alert), session.identity.subscriber_id
        take_allowance(session, self._clock)
        case = self._require(session, alert_id)
        section = self._section(session.identity.tenant_id)
        for_s = _bounded(request.for_s, section)
        if who not in case.alert.listening.listeners:
            await self._acts.record(
                session,
                OPERATION,
                request.reason,
                case.alert.raiser,
                alert=alert_id,
                for_s=for_s,
                hidden_because=section.ambient_listening_hidden_because or "-",
            )
            case = self._require(session, alert_id)  # the disk took its time
        effects = case.alert.listen(self._desk.at, who, Personal(request.reason), for_s)
        self._desk.carry_out(case, effects)
        left_s = round(case.alert.listening.left_s(self._clock.now()), 1)
        await self._log.flush()
        group_id = self._microphones.group_of(alert_id)
        if group_id is None or who not in case.alert.listening.listeners:
            raise NotFound("There is no such alert.")
        return signalling.AlertListening(re=request.id, alert=alert_id, group=group_id, at_most_s=left_s)

    def _require(self, session: Session, alert_id: AlertId) -> Case:
        """The open alert, if it may be listened to just now by this session."""
        case, identity = self._desk.case(alert_id), session.identity
        if case is None or case.tenant_id != identity.tenant_id or self._sessions.get(session.id) is not session:
            raise NotFound("There is no such alert.")
        if not self._may(session):
            raise Forbidden
        if case.alert.raiser == identity.subscriber_id:
            raise InvalidValue("You cannot listen to yourself.")
        raiser = self._sessions.of_subscriber(case.alert.raiser)
        if raiser is None or raiser.link is None:
            raise CallUnavailable("The device of the person in distress is not connected.", why="offline")
        return case

    async def _stop(self, session: Session, request: signalling.StopListening) -> signalling.Reply:
        """Also when it is over already."""
        case = self._desk.case(AlertId(request.alert))
        if case is not None and case.tenant_id == session.identity.tenant_id:
            self._leave(case, session.identity.subscriber_id, ListeningEnd.ENDED)
            await self._log.flush()
        return signalling.Done(re=request.id)

    # Who may -----------------------------------------------------------------------------------------------------

    def _section(self, tenant_id: TenantId) -> AlertsSection:
        return self._acts.policies.policy(tenant_id).alerts

    def _may(self, session: Session) -> bool:
        identity = session.identity
        policy = self._acts.policies.in_force(identity.tenant_id)
        return refusal(policy, identity.rights, OPERATIONS[OPERATION]) is None

    async def review(self) -> None:
        """Policies or rights changed: who may not listen any more does so no more."""
        for case in self._desk.all_cases():
            for who in list(case.alert.listening.listeners):
                session = self._sessions.of_subscriber(who)
                if session is not None:
                    self._review_listener(session)
            self._microphones.review_shown(case)

    def _review_listener(self, session: Session) -> None:
        if not self._may(session):
            for case in self._desk.cases(session.identity.tenant_id):
                self._leave(case, session.identity.subscriber_id, ListeningEnd.FORBIDDEN)

    # What happens ------------------------------------------------------------------------------------------------

    async def greet(self, session: Session) -> None:
        """Whose connection was lost for a while is told again that the microphone is open."""
        alert = self._desk.board.open_of(session.identity.subscriber_id)
        case = self._desk.case(alert.alert_id) if alert is not None else None
        if case is not None:
            self._microphones.tell(case)

    def _opened(self, alert_id: AlertId) -> None:
        case = self._desk.case(alert_id)
        if case is not None:
            self._desk.carry_out(case, case.alert.microphone_opened(self._desk.at))

    def _left(self, alert_id: AlertId, who: SubscriberId) -> None:
        case = self._desk.case(alert_id)
        if case is not None and who == case.alert.raiser:
            self._silence(case)
        elif case is not None:
            self._leave(case, who, ListeningEnd.DISPATCHER_GONE)

    def _gone(self, alert_id: AlertId) -> None:
        case = self._desk.case(alert_id)
        if case is not None:
            self._silence(case)

    def _is_over(self, session: Session) -> None:
        """Somebody's session is over, or goes on with a new log-in."""
        who = session.identity.subscriber_id
        for case in self._desk.cases(session.identity.tenant_id):
            if case.alert.raiser == who:
                self._silence(case)
            else:
                self._leave(case, who, ListeningEnd.DISPATCHER_GONE)

    def _silence(self, case: Case) -> None:
        self._desk.carry_out(case, case.alert.silence(self._desk.at, ListeningEnd.DEVICE_GONE))

    def _leave(self, case: Case, who: SubscriberId, why: ListeningEnd) -> None:
        self._desk.carry_out(case, case.alert.stop_listening(self._desk.at, who, why))


def _bounded(asked_s: int | None, section: AlertsSection) -> int:
    """Seconds of the time box. Raises InvalidValue: longer than the organisation allows."""
    longest_s = section.ambient_listening_at_most_s
    if asked_s is not None and asked_s > longest_s:
        raise InvalidValue(f"Your organisation allows {longest_s} s at a time.")
    return asked_s or longest_s
