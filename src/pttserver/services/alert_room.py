"""All that has to do with alerts, made once over one database."""

from dataclasses import dataclass
from typing import Self

from pttserver.alerts.emergency import EmergencyGroups
from pttserver.clock import Clock
from pttserver.media.relay import Relay
from pttserver.services.acts import Acts
from pttserver.services.alert_desk import AlertDesk
from pttserver.services.alert_history import AlertHistory
from pttserver.services.alert_log import AlertLog
from pttserver.services.alert_positions import AlertPositions
from pttserver.services.alert_routing import AlertRouting
from pttserver.services.alerts import AlertService
from pttserver.services.ambient_listening import AmbientListening
from pttserver.services.calling import Ground
from pttserver.services.desk import Handlers
from pttserver.services.location_room import LocationRoom
from pttserver.services.open_microphones import OpenMicrophones
from pttserver.store.alerts import Alerts
from pttserver.store.audit import AuditLog
from pttserver.store.database import Database
from pttserver.store.groups import Groups


@dataclass(frozen=True, slots=True)
class AlertRoom:
    """`log` has a `run`."""

    alerts: AlertService
    log: AlertLog
    listening: AmbientListening
    positions: AlertPositions
    history: AlertHistory

    @classmethod
    def over(
        cls,
        database: Database,
        on: Ground,
        relay: Relay,
        emergencies: EmergencyGroups,
        location: LocationRoom,
        clock: Clock,
    ) -> Self:
        """Nothing runs yet."""
        log = AlertLog(Alerts(database), on.policies, clock)
        routing = AlertRouting(on.policies, Groups(database), on.talk, on.sessions)
        microphones = OpenMicrophones(
            on.sessions,
            on.telling,
            on.memberships.temporary,
            on.attendance,
            on.talk,
            clock,
            lambda tenant_id: routing.section(tenant_id).shows_ambient_listening,
        )
        desk = AlertDesk(
            sessions=on.sessions,
            telling=on.telling,
            policies=on.policies,
            talk=on.talk,
            emergencies=emergencies,
            routing=routing,
            log=log,
            store=Alerts(database),
            clock=clock,
            microphones=microphones,
        )
        on.attendance.on_arrival.append(desk.arrived)
        alerts = AlertService(
            desk=desk,
            log=log,
            policies=on.policies,
            sessions=on.sessions,
            relay=relay,
            clock=clock,
            admit_position=location.locating.admit_with_alert,
        )
        listening = AmbientListening(
            desk=desk,
            microphones=microphones,
            sessions=on.sessions,
            attendance=on.attendance,
            log=log,
            acts=Acts(AuditLog(database), on.policies, clock),
            clock=clock,
        )
        positions = AlertPositions(
            desk=desk,
            telling=on.telling,
            log=log,
            locating=location.locating,
            looks=location.looks,
            policies=on.policies,
            clock=clock,
        )
        return cls(alerts, log, listening, positions, AlertHistory(database, location.looks, on.policies, clock))

    def handlers(self) -> tuple[Handlers, ...]:
        return tuple(each.handlers() for each in (self.alerts, self.listening, self.positions, self.history))
