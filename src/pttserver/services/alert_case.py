"""An alert with what the server knows around it: whose it is, who is to hear of it, what is told."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pttserver.alerts.alert import Alert
from pttserver.alerts.audience import Audience
from pttserver.alerts.states import Step, StepKind
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.sessions.session import Session
from pttserver.wire import signalling

NameOf = Callable[[SubscriberId], Personal]


@dataclass(slots=True)
class Case:
    """`audience`: of all stages that were reached. `told`: who has seen the alert since this process runs.

    `followers`: who was told positions since then. `name`: display name of the raiser as it was last known. `position`
    is held in memory while the alert is open.
    """

    alert: Alert
    tenant_id: TenantId
    name: Personal
    position: signalling.Position | None = None
    audience: Audience = Audience()  # noqa: RUF009 - frozen
    told: set[SubscriberId] = field(default_factory=set)
    followers: set[SubscriberId] = field(default_factory=set)

    def concerns(self, session: Session) -> bool:
        """Whether the person is to hear what happens: a recipient, or who raised it."""
        identity = session.identity
        if identity.tenant_id != self.tenant_id:
            return False
        mine = identity.subscriber_id == self.alert.raiser
        return mine or self.audience.includes(identity.subscriber_id, identity.rights.role)

    def info(self) -> signalling.AlertInfo:
        alert = self.alert
        return signalling.AlertInfo(
            alert=alert.alert_id,
            subscriber=alert.raiser,
            name=self.name.reveal(),
            raised_ms=alert.raised_ms,
            state=alert.state.value,
            drill=alert.drill,
            position=self.position,
            handler=alert.handler,
        )

    def detail(self, name_of: NameOf, is_told: Callable[[StepKind], bool]) -> signalling.AlertDetail:
        """`is_told`: which steps whoever asks is told."""
        told = [step for step in self.alert.timeline if is_told(step.kind)]
        steps = told[-signalling.MOST_STEPS_TOLD :]
        return signalling.AlertDetail(info=self.info(), steps=[step_told(step, name_of) for step in steps])

    def stepped(self, step: Step, name_of: NameOf) -> signalling.AlertStepped:
        alert = self.alert
        return signalling.AlertStepped(alert=alert.alert_id, state=alert.state.value, step=step_told(step, name_of))


def step_told(step: Step, name_of: NameOf) -> signalling.AlertStep:
    """A step as people are told of it."""
    return signalling.AlertStep(
        number=step.number,
        kind=step.kind.value,
        at_ms=step.at_ms,
        by=step.who,
        name=name_of(step.who).reveal() if step.who else "",
        note=step.note.reveal(),
    )
