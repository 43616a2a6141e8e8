"""The alert desk: holds the open alerts of all organisations, tells everybody concerned, and wakes at their deadlines.

1. who can be told without a look at the database (dispatchers, managers) is told in the step that the alert came in
2. the disk has each step next; a restart finds the open alerts there, and their timers go on
3. members of groups are looked up and told; if nobody of a stage is there, the next stage is told at once
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Sequence

from pttserver.alerts.alert import Alert
from pttserver.alerts.audience import Audience
from pttserver.alerts.board import REMEMBERED_CLOSED, Board
from pttserver.alerts.effects import Closed, Effect, Record, Route
from pttserver.alerts.emergency import EmergencyGroups
from pttserver.alerts.states import FOR_STAFF, At, Step, StepKind
from pttserver.clock import Clock
from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category
from pttserver.privacy.location_admission import no_finer
from pttserver.privacy.sections import AlertTarget
from pttserver.roles import Role
from pttserver.services.alert_case import Case
from pttserver.services.alert_log import AlertLog
from pttserver.services.alert_routing import AlertRouting
from pttserver.services.open_microphones import OpenMicrophones
from pttserver.services.policy_book import PolicyBook
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Identity, Session
from pttserver.store.alert_reading import StoredAlert, StoredStep
from pttserver.store.alerts import Alerts
from pttserver.wire import signalling

REMEMBERED_MS = 86_400_000  # a closed alert of the last day that comes again is known after a restart too
_log = get_logger("alerts")


class AlertDesk:
    """Times are those of the clock. Nothing here waits for a person or, before telling, for the disk."""

    def __init__(
        self,
        *,
        sessions: SessionRegistry,
        telling: Telling,
        policies: PolicyBook,
        talk: TalkService,
        emergencies: EmergencyGroups,
        routing: AlertRouting,
        log: AlertLog,
        store: Alerts,
        clock: Clock,
        microphones: OpenMicrophones,
    ) -> None:
        self._sessions = sessions
        self._telling = telling
        self._policies = policies
        self._talk = talk
        self._emergencies = emergencies
        self._routing = routing
        self._log = log
        self._store = store
        self._clock = clock
        self._microphones = microphones
        self._cases: dict[AlertId, Case] = {}
        self._over: OrderedDict[AlertId, Case] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._lookups: set[asyncio.Task[None]] = set()
        self.board = Board()
        self.raised = 0

    @property
    def at(self) -> At:
        return At(self._clock.now(), self._clock.utc_ms())

    def cases(self, tenant_id: TenantId) -> list[Case]:
        """Open ones of the organisation, oldest first."""
        mine = [self._coarsened(case) for case in self._cases.values() if case.tenant_id == tenant_id]
        return sorted(mine, key=lambda case: case.alert.raised_ms)

    def all_cases(self) -> list[Case]:
        """Open ones of all organisations."""
        return [self._coarsened(case) for case in self._cases.values()]

    def _coarsened(self, case: Case) -> Case:
        """A policy may let be known less exactly where the raiser was."""
        policy = self._policies.in_force(case.tenant_id)
        if case.position is not None and policy is not None:
            case.position = no_finer(case.position, policy.location.precision_m)
        return case

    def case(self, alert_id: AlertId) -> Case | None:
        """An open alert."""
        return self._cases.get(alert_id)

    def closed_case(self, alert_id: AlertId) -> Case | None:
        """One that is over, if that was not long ago."""
        return self._over.get(alert_id)

    # What happens ------------------------------------------------------------------------------------------------

    def open(
        self, identity: Identity, alert_id: AlertId, *, drill: bool, position: signalling.Position | None
    ) -> Alert:
        """A new alert of somebody who has none open."""
        alert = Alert(alert_id, identity.subscriber_id, self._routing.rules(identity.tenant_id), drill)
        case = Case(alert, identity.tenant_id, identity.display_name, position)
        effects = alert.open(self.at)
        self._cases[alert_id] = case
        self.board.put(alert)
        self.raised += 1
        self.carry_out(case, effects)
        self._begin_emergency(case)
        return alert

    def take_position(self, case: Case, position: signalling.Position) -> None:
        """It came after the alert: everybody who knows of it is told."""
        if case.position is not None and case.position.at_ms >= position.at_ms:
            return
        case.position = position
        self._log.put_position(case.tenant_id, case.alert, as_degrees(position))
        self._tell_again(case)

    def forget_position(self, case: Case) -> None:
        """Location went off: everybody who knows of the alert is told it without a position."""
        case.position = None
        self._tell_again(case)

    def raisers(self) -> dict[SubscriberId, TenantId]:
        """Who raised an alert that is open: its name is held here, whether or not that person is there."""
        return {case.alert.raiser: case.tenant_id for case in self._cases.values()}

    def rename(self, raiser: SubscriberId, name: Personal) -> None:
        """The organisation changed or hid the name: everybody who knows of the alert is told it so."""
        alert = self.board.open_of(raiser)
        case = self.case(alert.alert_id) if alert is not None else None
        if case is not None and case.name != name:
            case.name = name
            self._tell_again(case)

    def _tell_again(self, case: Case) -> None:
        self._telling.tell_sessions(self.concerned(case), signalling.AlertRaised(info=case.info()))

    def carry_out(self, case: Case, effects: Sequence[Effect]) -> None:
        """In their order; then the timer is set anew."""
        try:
            for effect in effects:
                match effect:
                    case Record(step):
                        self._record(case, step)
                    case Route(stage):
                        self._route(case, stage)
                    case Closed():
                        self._close(case)
                    case listening:
                        self._microphones.carry_out(case, listening)
        finally:  # a bug in an effect must not stop the timers of the other alerts
            self._arm()

    def _record(self, case: Case, step: Step) -> None:
        first = step.kind is StepKind.RAISED
        position = as_degrees(case.position) if first and case.position else None
        self._log.put(case.tenant_id, case.alert, step, position)
        if first:
            self._tell_raiser(case)
            return
        sessions = self._sessions.of_tenant(case.tenant_id)
        told = [session for session in sessions if self._hears_of(case, session, step)]
        self._telling.tell_sessions(told, case.stepped(step, self.name_of))

    def _hears_of(self, case: Case, session: Session, step: Step) -> bool:
        own = step.kind in FOR_STAFF and step.who == session.identity.subscriber_id
        return own or (self.concerns(case, session) and self.follows(case, session, step.kind))

    def follows(self, case: Case, session: Session, kind: StepKind) -> bool:
        """Whether somebody whom the alert concerns is told such a step.

        Deliveries: told by each recipient to each other they would be a storm in a large group. Ambient listening: of
        no use to other recipients, and what they show or say of it could harm; who raised the alert, if it is shown.
        Notes: what those who act write for each other.
        """
        identity = session.identity
        if kind is not StepKind.DELIVERED and kind not in FOR_STAFF:
            return True
        if identity.subscriber_id == case.alert.raiser and kind is not StepKind.NOTED:
            return kind is StepKind.DELIVERED or self._routing.section(case.tenant_id).shows_ambient_listening
        return identity.rights.role is not Role.SUBSCRIBER

    def _close(self, case: Case) -> None:
        alert = case.alert
        del self._cases[alert.alert_id]
        self.board.close(alert)
        self._remember(case)
        for group_id in self._emergencies.end(alert.raiser):
            self._talk.show_emergency(group_id)
        self._renew_floor_rights(alert.raiser)

    def _remember(self, case: Case) -> None:
        case.position, case.name = None, Personal("")  # of what is over nobody is told them any more
        self._over[case.alert.alert_id] = case
        if len(self._over) > REMEMBERED_CLOSED:
            self._over.popitem(last=False)

    def _begin_emergency(self, case: Case) -> None:
        """An exercise breaks into nobody's talk."""
        if not case.alert.drill:
            shown = self._routing.section(case.tenant_id).group_emergency
            self._emergencies.begin(case.alert.raiser, shown=shown)
            self._renew_floor_rights(case.alert.raiser)

    def _renew_floor_rights(self, raiser: SubscriberId) -> None:
        session = self._sessions.of_subscriber(raiser)
        for affiliation in list(session.affiliations.values()) if session else ():
            self._talk.greet(affiliation)

    # Telling -----------------------------------------------------------------------------------------------------

    def arrived(self, session: Session) -> None:
        """Somebody logged in or came back: what is open and concerns that person is told."""
        for case in self.cases(session.identity.tenant_id):
            if self.concerns(case, session):
                case.told.add(session.identity.subscriber_id)
                self._telling.tell_sessions([session], signalling.AlertRaised(info=case.info()))

    def concerned(self, case: Case) -> list[Session]:
        """Sessions of the recipients who may see it, and of who raised it."""
        return [session for session in self._sessions.of_tenant(case.tenant_id) if self.concerns(case, session)]

    def concerns(self, case: Case, session: Session) -> bool:
        """Whether the person is to hear of it: who raised it, or a recipient whom the policy lets see alerts."""
        mine = session.identity.subscriber_id == case.alert.raiser
        return case.concerns(session) and (mine or self.may_see(session))

    def may_see(self, session: Session) -> bool:
        """Whether people of this role are shown alerts of others."""
        return self._policies.shows(session.identity, Category.ALERT)

    def _tell_raiser(self, case: Case) -> None:
        session = self._sessions.of_subscriber(case.alert.raiser)
        if session is not None:
            self._telling.tell_sessions([session], signalling.AlertRaised(info=case.info()))

    def _tell(self, case: Case) -> None:
        """Whoever is there and does not know of it yet."""
        known = case.told | {case.alert.raiser}
        told = (session for session in self.concerned(case) if session.identity.subscriber_id not in known)
        case.told |= self._telling.tell_sessions(told, signalling.AlertRaised(info=case.info()))

    def name_of(self, subscriber_id: SubscriberId) -> Personal:
        """Display name of somebody who is there."""
        session = self._sessions.of_subscriber(subscriber_id)
        return session.identity.display_name if session else Personal("")

    # Routing -----------------------------------------------------------------------------------------------------

    def _route(self, case: Case, stage: int) -> None:
        targets = self._routing.targets(case.tenant_id, stage)
        audience = self._routing.at_once(targets)
        case.audience |= audience
        self._tell(case)
        if AlertTarget.GROUP in targets:
            self._start(self._route_to_members(case, audience))
        else:
            self._look_who_is_there(case, audience)

    async def _route_to_members(self, case: Case, others: Audience) -> None:
        members = await self._routing.members(case.tenant_id, case.alert.raiser)
        case.audience |= members
        if case.alert.state.is_open:
            self._tell(case)
            self._look_who_is_there(case, others | members)

    def _look_who_is_there(self, case: Case, stage: Audience) -> None:
        for session in self._sessions.of_tenant(case.tenant_id):
            identity = session.identity
            there = session.link is not None and identity.subscriber_id != case.alert.raiser
            recipient = stage.includes(identity.subscriber_id, identity.rights.role) and self.may_see(session)
            if there and recipient:
                return
        case.alert.nobody_reached(self.at)
        self._arm()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="alert recipients")
        self._lookups.add(task)
        task.add_done_callback(self._looked_up)

    def _looked_up(self, task: asyncio.Task[None]) -> None:
        self._lookups.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("alert_not_routed", exc_info=task.exception())

    # Time --------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.board.next_deadline()
        if deadline is not None:
            wait_s = max(0.0, deadline - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self.expire)

    def expire(self) -> None:
        """Lets the timers of all alerts expire that are due."""
        self._timer = None
        for case in list(self._cases.values()):
            self.carry_out(case, case.alert.expire(self.at))
        self._arm()

    def close(self) -> None:
        """The server stops. Open alerts stay open; the next start finds them."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._lookups:
            task.cancel()

    # After a restart ---------------------------------------------------------------------------------------------

    async def restore(self) -> int:
        """Open alerts go on; gives how many. Raises StoreUnavailable."""
        for stored in await self._store.closed_since(self._clock.utc_ms() - REMEMBERED_MS):
            case, _ = self._restored(stored)
            self.board.put(case.alert)
            self._remember(case)
        for stored in await self._store.open_alerts():
            if stored.steps and self.board.open_of(stored.raiser_id) is None:
                await self._go_on(stored)
        self._arm()
        return len(self.board)

    def _restored(self, stored: StoredAlert) -> tuple[Case, list[Effect]]:
        """And what must be recorded of it now."""
        tenant_id = stored.tenant_id
        alert = Alert(stored.alert_id, stored.raiser_id, self._routing.rules(tenant_id), stored.drill)
        effects = alert.restore(self.at, map(_step, stored.steps))
        audience = self._routing.at_once(self._routing.targets(tenant_id, 0))
        return Case(alert, tenant_id, stored.raiser_name or Personal(""), audience=audience), effects

    async def _go_on(self, stored: StoredAlert) -> None:
        case, effects = self._restored(stored)
        alert = case.alert
        self._cases[alert.alert_id] = case
        self.board.put(alert)
        self._begin_emergency(case)
        self.carry_out(case, effects)
        for stage in range(alert.stage + 1):
            targets = self._routing.targets(case.tenant_id, stage)
            case.audience |= self._routing.at_once(targets)
            if AlertTarget.GROUP in targets:
                case.audience |= await self._routing.members(case.tenant_id, alert.raiser)


def as_degrees(position: signalling.Position) -> Personal:
    """As it is stored: `55.6760000,12.5680000`."""
    return Personal(f"{position.latitude:.7f},{position.longitude:.7f}")


def _step(stored: StoredStep) -> Step:
    return Step(stored.number, StepKind(stored.kind), stored.at_ms, stored.who, stored.note or Personal(""))
