"""A running server: the objects that serve it, built by the composition root, looked at by readings and tests."""

from dataclasses import dataclass

from pttserver.media.batch_socket import BatchSocket
from pttserver.media.relay import Relay
from pttserver.net.site import Site
from pttserver.observe.metrics import Metrics
from pttserver.observe.troubles import Troubles
from pttserver.services.alert_log import AlertLog
from pttserver.services.alerts import AlertService
from pttserver.services.ambient_listening import AmbientListening
from pttserver.services.attendance import Attendance
from pttserver.services.audit import Audit
from pttserver.services.authentication import Authentication
from pttserver.services.call_log import CallLog
from pttserver.services.calling import Calling
from pttserver.services.console import Console
from pttserver.services.desk import Desk
from pttserver.services.location_room import LocationRoom
from pttserver.services.management import Management
from pttserver.services.memberships import Memberships
from pttserver.services.message_expiry import MessageExpiry
from pttserver.services.messages import Messaging
from pttserver.services.pin_check import PinCheck
from pttserver.services.policy_book import PolicyBook
from pttserver.services.policy_watch import PolicyWatch
from pttserver.services.retention import Retention
from pttserver.services.rosters import Rosters
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.services.terms import TermsTeller
from pttserver.sessions.registry import SessionRegistry


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, built over one database and one media socket."""

    sessions: SessionRegistry
    relay: Relay
    talk: TalkService
    rosters: Rosters
    memberships: Memberships
    calling: Calling
    terms: TermsTeller
    telling: Telling
    desk: Desk
    messaging: Messaging
    message_expiry: MessageExpiry
    location: LocationRoom
    attendance: Attendance
    alerts: AlertService
    alert_log: AlertLog
    listening: AmbientListening
    authentication: Authentication
    console: Console
    management: Management
    pins: PinCheck
    call_log: CallLog
    policies: PolicyBook
    policy_watch: PolicyWatch
    audit: Audit
    retention: Retention
    metrics: Metrics
    troubles: Troubles


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, with the parts that tests and metrics look at."""

    signalling_port: int
    media_port: int
    metrics_port: int
    socket: BatchSocket
    site: Site
    services: Services
