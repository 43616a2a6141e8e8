"""Microphones that dispatchers listen to: each has a channel of its own, in which the device talks and nobody else.

The channel is a temporary group with a key epoch of its own. Its members are the person in distress, who has its floor
without asking as in a full-duplex call, and the dispatchers who asked, who only hear. It is confidential: no other
dispatcher may enter it, nor sees that it is there. Nothing else changes for the device: its groups, their floors and
what it plays are those of before, and a press of its key talks in its group while the dispatcher goes on to hear.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pttserver.alerts.effects import AdmitListener, CloseMicrophone, DismissListener, ListeningEffect, OpenMicrophone
from pttserver.clock import Clock
from pttserver.ids import AlertId, GroupId, SubscriberId, TenantId
from pttserver.services.alert_case import Case
from pttserver.services.attendance import Attendance
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.services.temporary_groups import Dissolution, GroupKind, TemporaryGroup, TemporaryGroups
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Affiliation
from pttserver.wire import signalling

GROUP_NAME: Final = "Ambient listening"
IsShown = Callable[[TenantId], bool]
"""Whether devices of the organisation show that somebody listens."""


@dataclass(slots=True)
class OpenMicrophones:
    """Carries out what alerts ask for, and tells `on_opened`, `on_left`, `on_gone` what happens in the channels."""

    sessions: SessionRegistry
    telling: Telling
    temporary: TemporaryGroups
    attendance: Attendance
    talk: TalkService
    clock: Clock
    is_shown: IsShown
    on_opened: Callable[[AlertId], object] = lambda _alert: None
    """The device talks in the channel."""
    on_left: Callable[[AlertId, SubscriberId], object] = lambda _alert, _who: None
    """Somebody took part in the channel and does so no more."""
    on_gone: Callable[[AlertId], object] = lambda _alert: None
    """The channel was dissolved by others."""
    _groups: dict[AlertId, GroupId] = field(default_factory=dict)
    _alerts: dict[GroupId, AlertId] = field(default_factory=dict)
    _shown: dict[AlertId, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.talk.on_changed.append(self._group_changed)
        self.attendance.on_left.append(self._has_left)
        self.temporary.on_dissolved.append(self._is_dissolved)

    def __len__(self) -> int:
        return len(self._groups)

    def group_of(self, alert_id: AlertId) -> GroupId | None:
        """The channel, while somebody listens."""
        return self._groups.get(alert_id)

    # What alerts ask for -----------------------------------------------------------------------------------------

    def carry_out(self, case: Case, effect: ListeningEffect) -> None:
        match effect:
            case OpenMicrophone(listener):
                self._open(case, listener)
            case AdmitListener(listener):
                self.temporary.admit(self._groups[case.alert.alert_id], listener)
                self.tell(case)
            case DismissListener(listener):
                self._dismiss(self._groups[case.alert.alert_id], listener)
                self.tell(case)
            case CloseMicrophone():
                self._close(case)

    def _open(self, case: Case, listener: SubscriberId) -> None:
        raiser, alert_id = case.alert.raiser, case.alert.alert_id
        shown = self._shown[alert_id] = self.is_shown(case.tenant_id)
        group_id = self.temporary.make(
            case.tenant_id,
            raiser,
            [listener],
            GROUP_NAME,
            GroupKind.AMBIENT,
            talker=raiser,
            duplex=True,
            unlisted=not shown,
        )
        self._groups[alert_id], self._alerts[group_id] = group_id, alert_id
        self.tell(case)

    def _dismiss(self, group_id: GroupId, listener: SubscriberId) -> None:
        self.temporary.expel(group_id, listener)
        session = self.sessions.of_subscriber(listener)
        affiliation = session.affiliations.get(group_id) if session else None
        if affiliation is not None:
            self.attendance.remove(affiliation)

    def _close(self, case: Case) -> None:
        alert_id = case.alert.alert_id
        group_id = self._groups.pop(alert_id)
        shown = self._shown.pop(alert_id)
        del self._alerts[group_id]  # from now on nothing that happens there is news
        closed = signalling.AlertMicrophone(alert=alert_id, group=group_id, open=False, shown=shown, at_most_s=0)
        self.telling.tell(case.alert.raiser, closed)
        self.temporary.dissolve(group_id)

    # Telling the device ------------------------------------------------------------------------------------------

    def tell(self, case: Case) -> None:
        """The device of who raised the alert learns who listens, or only that its microphone is to be open."""
        alert = case.alert
        group_id = self._groups.get(alert.alert_id)
        if group_id is None:
            return
        shown = self._shown[alert.alert_id]
        event = signalling.AlertMicrophone(
            alert=alert.alert_id,
            group=group_id,
            open=True,
            shown=shown,
            listeners=[self._party(who) for who in alert.listening.listeners] if shown else [],
            at_most_s=round(alert.listening.left_s(self.clock.now()), 1),
        )
        self.telling.tell(alert.raiser, event)

    def review_shown(self, case: Case) -> None:
        """The organisation may want it shown from now on. What a device shows already, it shows to its end."""
        alert_id = case.alert.alert_id
        if not self._shown.get(alert_id, True) and self.is_shown(case.tenant_id):
            self._shown[alert_id] = True
            self.tell(case)

    def _party(self, who: SubscriberId) -> signalling.Party:
        session = self.sessions.of_subscriber(who)
        return signalling.Party(subscriber=who, name=session.identity.display_name.reveal() if session else "")

    # What happens in the channels --------------------------------------------------------------------------------

    def _group_changed(self, _tenant_id: TenantId, group_id: GroupId) -> None:
        alert_id = self._alerts.get(group_id)
        floor = self.talk.floor_of(group_id) if alert_id is not None else None
        if alert_id is not None and floor is not None and floor.talker is not None:
            self.on_opened(alert_id)

    def _has_left(self, affiliation: Affiliation) -> None:
        alert_id = self._alerts.get(affiliation.group_id)
        if alert_id is not None:
            self.on_left(alert_id, affiliation.session.identity.subscriber_id)

    def _is_dissolved(self, group: TemporaryGroup, _reason: Dissolution) -> None:
        alert_id = self._alerts.get(group.group_id)
        if alert_id is not None:
            self.on_gone(alert_id)
