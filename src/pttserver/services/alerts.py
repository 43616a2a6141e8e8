"""Push to Alert: what people ask of the alert desk, by WebSocket and, for raising, by UDP.

Whichever of the two comes first raises the alert; it is known by the id that the client drew, so the other one, and
every repetition, is the same alert. It is answered once what is to be recorded is on the disk, or cannot be written.
"""

import asyncio
from collections.abc import Callable

from pttserver.alerts.alert import MOST_NOTES, Alert
from pttserver.alerts.states import FOR_STAFF, StepKind
from pttserver.clock import Clock
from pttserver.errors import Forbidden, InvalidValue, NotFound, PttError, Throttled
from pttserver.ids import AlertId, Personal
from pttserver.media.relay import Relay
from pttserver.privacy.operations import OPERATIONS, refusal
from pttserver.services.alert_case import Case
from pttserver.services.alert_desk import AlertDesk
from pttserver.services.alert_log import AlertLog
from pttserver.services.desk import Handlers
from pttserver.services.policy_book import PolicyBook
from pttserver.sessions.attempts import AttemptLimiter
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.store.audit_chain import AuditNote
from pttserver.wire import signalling
from pttserver.wire.alert_packet import AlertPacket, AlertPacketType, RefusalCause

ALERTS_AT_ONCE = 10  # new ones of a subscriber; repetitions are not counted
ONE_MORE_AFTER_S = 10.0
AdmitPosition = Callable[[Session, signalling.Position], signalling.Position | None]
"""What of a position an alert may carry; None: nothing."""


class AlertService:
    """The handlers of the `alert.` requests and of alert packets."""

    def __init__(
        self,
        *,
        desk: AlertDesk,
        log: AlertLog,
        policies: PolicyBook,
        sessions: SessionRegistry,
        relay: Relay,
        clock: Clock,
        admit_position: AdmitPosition,
    ) -> None:
        self.desk = desk
        self._log = log
        self._policies = policies
        self._sessions = sessions
        self._relay = relay
        self._clock = clock
        self._admit_position = admit_position
        self._new_alerts = AttemptLimiter(failures=ALERTS_AT_ONCE, refill_s=ONE_MORE_AFTER_S)
        self._answers: set[asyncio.Task[None]] = set()
        relay.control.on_alert_packet = self.receive

    def handlers(self) -> Handlers:
        return {
            signalling.RaiseAlert: self._raise,
            signalling.ConfirmAlert: self._confirm,
            signalling.AcknowledgeAlert: self._acknowledge,
            signalling.HandleAlert: self._handle,
            signalling.NoteAlert: self._write_note,
            signalling.ResolveAlert: self._resolve,
            signalling.CancelAlert: self._cancel,
            signalling.ListAlerts: self._list,
        }

    # Raising -----------------------------------------------------------------------------------------------------

    async def _raise(self, session: Session, request: signalling.RaiseAlert) -> signalling.AlertAccepted:
        position = request.position and self._admit_position(session, request.position)
        alert = self._raised(session, AlertId(request.alert), request.drill, position)
        await self._log.flush()
        return signalling.AlertAccepted(re=request.id, alert=alert.alert_id, state=alert.state.value)

    def _raised(
        self, session: Session, alert_id: AlertId, drill: bool, position: signalling.Position | None = None
    ) -> Alert:
        """The alert that this is: a new one, or one that came before. Raises InvalidValue, Throttled."""
        raiser, board = session.identity.subscriber_id, self.desk.board
        known = board.known(alert_id)
        if known is not None and known.raiser != raiser:
            raise InvalidValue("This alert id is taken; draw another.")
        alert = known or board.open_of(raiser)
        if alert is not None and alert.drill and not drill and known is None:
            self._end_exercise(alert)
            alert = None
        if alert is None:
            self._bound(raiser)
            return self.desk.open(session.identity, alert_id, drill=drill, position=position)
        case = self.desk.case(alert.alert_id)
        if case is not None and position is not None:
            self.desk.take_position(case, position)
        return alert

    def _end_exercise(self, alert: Alert) -> None:
        """An alert in earnest is never taken for a repetition of an exercise."""
        case = self.desk.case(alert.alert_id)
        if case is not None:
            self.desk.carry_out(case, alert.end(self.desk.at, alert.raiser, StepKind.TEST, Personal("")))

    def _bound(self, raiser: str) -> None:
        now = self._clock.now()
        wait_s = self._new_alerts.wait_s(raiser, now)
        if wait_s > 0:
            raise Throttled("Too many alerts; wait, then try again.", retry_after_s=round(wait_s, 1))
        self._new_alerts.failed(raiser, now)

    # By UDP ------------------------------------------------------------------------------------------------------

    def receive(self, session: Session, packet: AlertPacket, address: bytes | None) -> None:
        """An alert packet of an authenticated client; answered by the way that it came."""
        if packet.type is not AlertPacketType.RAISE:
            return
        cause = self._cause_to_refuse(session)
        if cause is not None:
            self._answer(session, packet, address, AlertPacketType.REFUSED, cause)
            return
        try:
            self._raised(session, AlertId(packet.alert), packet.drill)
        except PttError as error:
            cause = RefusalCause.TOO_MANY if isinstance(error, Throttled) else RefusalCause.OTHER
            self._answer(session, packet, address, AlertPacketType.REFUSED, cause)
            return
        task = asyncio.get_running_loop().create_task(self._accept(session, packet, address), name="alert accepted")
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    def _cause_to_refuse(self, session: Session) -> RefusalCause | None:
        identity = session.identity
        policy = self._policies.in_force(identity.tenant_id)
        refused = refusal(policy, identity.rights, OPERATIONS["alert.raise"])
        if refused is None:
            return None
        return RefusalCause.SWITCHED_OFF if refused == "switch" else RefusalCause.OTHER

    async def _accept(self, session: Session, packet: AlertPacket, address: bytes | None) -> None:
        await self._log.flush()
        if self._sessions.get(session.id) is session:
            self._answer(session, packet, address, AlertPacketType.ACCEPTED)

    def _answer(
        self,
        session: Session,
        packet: AlertPacket,
        address: bytes | None,
        kind: AlertPacketType,
        cause: RefusalCause = RefusalCause.NONE,
    ) -> None:
        answer = AlertPacket(kind, self._relay.server_ssrc, packet.alert, packet.drill, cause)
        self._relay.control.answer(session, answer.encode(), address)

    # Answering ---------------------------------------------------------------------------------------------------

    async def _confirm(self, session: Session, request: signalling.ConfirmAlert) -> signalling.Done:
        case = self._case(session, request.alert)
        who = session.identity.subscriber_id
        if case is not None and who != case.alert.raiser:
            self.desk.carry_out(case, case.alert.deliver(self.desk.at, who))
        return signalling.Done(re=request.id)

    async def _acknowledge(self, session: Session, request: signalling.AcknowledgeAlert) -> signalling.Done:
        case = self._case(session, request.alert)
        if case is not None:
            self.desk.carry_out(case, case.alert.acknowledge(self.desk.at, session.identity.subscriber_id))
        return await self._done(request)

    async def _handle(self, session: Session, request: signalling.HandleAlert) -> signalling.Done:
        case = self._case(session, request.alert)
        if case is not None:
            self.desk.carry_out(case, case.alert.handle(self.desk.at, session.identity.subscriber_id))
        return await self._done(request)

    async def _write_note(self, session: Session, request: signalling.NoteAlert) -> signalling.Done:
        """Raises NotFound if the alert is over too: what was written must not seem to be kept. And InvalidValue."""
        case = self._case(session, request.alert)
        if case is None:
            raise NotFound("The alert is closed; it takes no more notes.")
        if case.alert.is_full_of_notes:
            raise InvalidValue(f"An alert takes no more than {MOST_NOTES} notes.")
        note = Personal(request.note)
        self.desk.carry_out(case, case.alert.write_note(self.desk.at, session.identity.subscriber_id, note))
        return await self._done(request)

    async def _resolve(self, session: Session, request: signalling.ResolveAlert) -> signalling.Done:
        case = self._case(session, request.alert)
        if case is not None:
            outcome, note = StepKind(request.outcome), Personal(request.note)
            self.desk.carry_out(case, case.alert.end(self.desk.at, session.identity.subscriber_id, outcome, note))
        return await self._done(request)

    async def _cancel(self, session: Session, request: signalling.CancelAlert) -> signalling.Done:
        """The person who raised it, or whoever may answer it."""
        case = self._case(session, request.alert)
        who = session.identity.subscriber_id
        if case is not None:
            if who != case.alert.raiser and not self._answers_alerts(session):
                raise Forbidden("Only who raised an alert, or a dispatcher, takes it back.")
            note = Personal(request.reason)
            self.desk.carry_out(case, case.alert.end(self.desk.at, who, StepKind.CANCELLED, note))
        return await self._done(request)

    async def _done(self, request: signalling.Request) -> signalling.Done:
        """A step that somebody took is on the disk when it is answered, unless the disk fails."""
        await self._log.flush()
        return signalling.Done(re=request.id)

    async def _list(self, session: Session, request: signalling.ListAlerts) -> signalling.Alerts:
        """Whoever answers alerts sees those of the organisation, and that is noted."""
        cases = self.desk.cases(session.identity.tenant_id)
        if self._answers_alerts(session):
            self._note_look(session)
        else:
            cases = [case for case in cases if self.desk.concerns(case, session)]
        return signalling.Alerts(re=request.id, alerts=[self._detail(session, case) for case in cases])

    def _detail(self, session: Session, case: Case) -> signalling.AlertDetail:
        """Listed are all steps, but those for dispatchers and managers only to who follows them."""

        def is_told(kind: StepKind) -> bool:
            return kind not in FOR_STAFF or self.desk.follows(case, session, kind)

        return case.detail(self.desk.name_of, is_told)

    def _note_look(self, session: Session) -> None:
        identity = session.identity
        self._log.put_note(
            AuditNote(
                gate=self._policies.gate(identity.tenant_id),
                operation="alert.list",
                tenant_id=identity.tenant_id,
                actor=Personal(identity.subscriber_id),
                at_ms=self._clock.utc_ms(),
            )
        )

    def _answers_alerts(self, session: Session) -> bool:
        identity = session.identity
        policy = self._policies.in_force(identity.tenant_id)
        answers = refusal(policy, identity.rights, OPERATIONS["alert.acknowledge"]) is None
        return answers and self.desk.may_see(session)

    def _case(self, session: Session, alert_id: str) -> Case | None:
        """The open alert, if the person may know of it; None: it is over, and whatever comes now does nothing.

        Raises NotFound: of another organisation, of no concern, or never raised; which one is not told.
        """
        case = self.desk.case(AlertId(alert_id))
        if case is not None and (self.desk.concerns(case, session) or self._is_ours(session, case)):
            return case
        over = self.desk.closed_case(AlertId(alert_id))
        if case is None and over is not None and (self.desk.concerns(over, session) or self._is_ours(session, over)):
            return None
        raise NotFound("There is no such alert.")

    def _is_ours(self, session: Session, case: Case) -> bool:
        return session.identity.tenant_id == case.tenant_id and self._answers_alerts(session)
