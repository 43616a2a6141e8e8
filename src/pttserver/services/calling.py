"""Calls and the work of dispatchers, put together: which service hears of what, and in which order.

A group that is dissolved ends its call first, so that the parties hear why; then nobody takes part in it any more.
"""

from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import CallSettings
from pttserver.services.acts import Acts
from pttserver.services.attendance import Attendance
from pttserver.services.broadcasts import Broadcasts
from pttserver.services.call_alerts import CallAlerts
from pttserver.services.calls import Calls
from pttserver.services.desk import Handlers
from pttserver.services.memberships import Memberships
from pttserver.services.oversight import Oversight
from pttserver.services.peril import Peril
from pttserver.services.policy_book import PolicyBook
from pttserver.services.regrouping import Regrouping
from pttserver.services.remote_control import RemoteControl
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Affiliation, Session
from pttserver.store.audit import AuditLog
from pttserver.store.database import Database
from pttserver.store.regrouping import MemberChanges
from pttserver.store.remote import RemoteDevices
from pttserver.store.subscribers import Subscribers


@dataclass(frozen=True, slots=True)
class Ground:
    """What calls, dispatchers and alerts stand on."""

    sessions: SessionRegistry
    telling: Telling
    talk: TalkService
    attendance: Attendance
    memberships: Memberships
    policies: PolicyBook


@dataclass(frozen=True, slots=True)
class Calling:
    """The services of calls and of dispatchers."""

    calls: Calls
    broadcasts: Broadcasts
    alerts: CallAlerts
    peril: Peril
    oversight: Oversight
    remote_control: RemoteControl
    regrouping: Regrouping

    def handlers(self) -> list[Handlers]:
        services = (
            self.calls,
            self.broadcasts,
            self.alerts,
            self.peril,
            self.oversight,
            self.remote_control,
            self.regrouping,
        )
        return [service.handlers() for service in services]


def build_calling(settings: CallSettings, clock: Clock, database: Database, on: Ground) -> Calling:
    """Every service once."""
    temporary, telling = on.memberships.temporary, on.telling
    subscribers = Subscribers(database)
    acts = Acts(AuditLog(database), on.policies, clock)
    calls = Calls(on.sessions, telling, temporary, subscribers, clock, settings)
    broadcasts = Broadcasts(telling, temporary, on.memberships, subscribers, clock)
    calls.end_other = broadcasts.end
    calling = Calling(
        calls=calls,
        broadcasts=broadcasts,
        alerts=CallAlerts(telling, subscribers, on.memberships.serving, clock, settings),
        peril=Peril(on.talk, telling, temporary),
        oversight=Oversight(on.sessions, on.talk, temporary, on.memberships, acts, telling, settings),
        remote_control=RemoteControl(RemoteDevices(database), on.sessions, on.attendance, telling, acts, clock),
        regrouping=Regrouping(
            MemberChanges(database), subscribers, on.sessions, temporary, on.attendance, telling, acts
        ),
    )
    _connect(calling, on)
    return calling


def _connect(calling: Calling, on: Ground) -> None:
    temporary, attendance = on.memberships.temporary, on.attendance

    def gone(session: Session) -> None:
        calling.calls.is_gone(session.identity.subscriber_id)
        temporary.is_gone(session.identity.subscriber_id)

    def superseded(session: Session) -> None:
        calling.calls.is_gone(session.identity.subscriber_id)

    def left(affiliation: Affiliation) -> None:
        calling.calls.has_left(affiliation)
        if on.talk.floor_of(affiliation.group_id) is None:
            temporary.is_empty(affiliation.group_id)

    attendance.on_over.append(gone)
    attendance.on_superseded.append(superseded)
    attendance.on_left.append(left)
    attendance.on_changed.append(calling.oversight.person_changed)
    temporary.on_dissolved.append(attendance.group_dissolved)
