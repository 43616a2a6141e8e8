"""The console's services, put together over one database."""

from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.services.attendance import Attendance
from pttserver.services.console_access import ConsoleAccess
from pttserver.services.console_activation import ConsoleActivation
from pttserver.services.console_browsers import ConsoleBrowsers
from pttserver.services.console_limits import ConsoleLimits
from pttserver.services.console_login import ConsoleLogin
from pttserver.services.console_room import ConsoleRoom
from pttserver.services.pin_check import PinCheck
from pttserver.services.policy_book import PolicyBook
from pttserver.services.remote_control import RemoteControl
from pttserver.sessions.registry import SessionRegistry
from pttserver.store.audit import AuditLog
from pttserver.store.console_accounts import ConsoleAccounts
from pttserver.store.console_credentials import ConsoleCredentials
from pttserver.store.console_devices import ConsoleDevices
from pttserver.store.database import Database
from pttserver.store.subscribers import Subscribers


@dataclass(frozen=True, slots=True)
class Console:
    """What a browser can do before and beside the radio."""

    activation: ConsoleActivation
    login: ConsoleLogin
    room: ConsoleRoom
    browsers: ConsoleBrowsers
    limits: ConsoleLimits


def build_console(
    settings: Settings,
    clock: Clock,
    database: Database,
    *,
    sessions: SessionRegistry,
    attendance: Attendance,
    remote_control: RemoteControl,
    policies: PolicyBook,
    pins: PinCheck,
) -> Console:
    """Every service once."""
    accounts, credentials, audit = ConsoleAccounts(database), ConsoleCredentials(database), AuditLog(database)
    room = ConsoleRoom(accounts, sessions, attendance, policies, clock, settings.console)
    remote_control.on_controlled.append(room.device_controlled)
    limits = ConsoleLimits(settings.authentication, settings.console)
    login = ConsoleLogin(
        accounts=accounts,
        credentials=credentials,
        subscribers=Subscribers(database),
        audit=audit,
        access=ConsoleAccess(audit, policies, clock),
        room=room,
        limits=limits,
        pins=pins,
        policies=policies,
        clock=clock,
    )
    activation = ConsoleActivation(
        accounts=accounts,
        credentials=credentials,
        login=login,
        limits=limits,
        pins=pins,
        policies=policies,
        clock=clock,
    )
    browsers = ConsoleBrowsers(ConsoleDevices(database), room, policies, clock)
    return Console(activation, login, room, browsers, limits)
