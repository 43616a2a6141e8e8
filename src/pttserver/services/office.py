"""The operator's office: the use cases of provisioning, with the database open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.passwords import PinHasher
from pttserver.ids import Personal
from pttserver.privacy.purposes import Tier
from pttserver.privacy.sight import ORGANISATION
from pttserver.services.alert_debrief import AlertDebrief
from pttserver.services.audit import Audit
from pttserver.services.call_lookup import CallLookup
from pttserver.services.console_provision import ConsoleProvisioning
from pttserver.services.erasure import Erasure, open_erasures
from pttserver.services.fence_provision import FenceProvisioning
from pttserver.services.instructions import Instructions
from pttserver.services.keyring import open_database
from pttserver.services.periods import Periods
from pttserver.services.policy_book import PolicyBook
from pttserver.services.policy_watch import PolicyDesk, PolicyWatch
from pttserver.services.provision import Provisioning
from pttserver.services.provision_devices import DeviceProvisioning
from pttserver.services.retention import Retention
from pttserver.services.rights import Rights
from pttserver.services.roles import Roles
from pttserver.services.serving import Serving
from pttserver.services.signing_key import signing_key
from pttserver.services.staff_sight import StaffSight
from pttserver.services.subject_export import SubjectExports
from pttserver.services.subject_import import SubjectImports
from pttserver.services.subject_requests import SubjectRequests
from pttserver.services.support import Support
from pttserver.services.views import Views
from pttserver.store.audit import AuditLog
from pttserver.store.database import Database
from pttserver.store.erasures import Erasures
from pttserver.store.policies import Policies

OPERATOR = Personal("operator")


@dataclass(frozen=True, slots=True)
class Office:
    """What an operator can do."""

    provisioning: Provisioning
    devices: DeviceProvisioning
    policies: Policies
    instructions: Instructions
    book: PolicyBook
    watch: PolicyWatch
    audit: Audit
    erasure: Erasure
    retention: Retention
    periods: Periods
    calls: CallLookup
    alerts: AlertDebrief
    rights: Rights
    roles: Roles
    console: ConsoleProvisioning
    support: Support
    sight: StaffSight
    views: Views
    fences: FenceProvisioning
    requests: SubjectRequests
    exports: SubjectExports
    imports: SubjectImports


@asynccontextmanager
async def open_office(
    settings: Settings, actor: Personal = OPERATOR, *, technician: bool = False
) -> AsyncIterator[Office]:
    """For one command of `actor`; a server that runs beside it notices what changes. Raises StoreUnavailable."""
    database = await open_database(settings)
    try:
        yield await furnish(database, settings, actor=actor, technician=technician)
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Premises:
    """What all offices of a process share. `settings`: with the port that devices reach the server at."""

    database: Database
    settings: Settings
    clock: Clock
    desk: PolicyDesk
    audit: Audit
    retention: Retention
    erasures: Erasures


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits in an office. `technician`: of the operator's staff, else of the organisation's, of these `tiers`.

    `reason`: why something is done, if that was said; it stands in the audit log.
    """

    actor: Personal
    technician: bool = False
    tiers: frozenset[Tier] = ORGANISATION
    reason: Personal | None = None


async def furnish(
    database: Database,
    settings: Settings,
    clock: Clock | None = None,
    actor: Personal = OPERATOR,
    *,
    technician: bool = False,
) -> Office:
    """The use cases over an open database, by the policies in force now."""
    clock = clock or Clock()
    desk = PolicyDesk.over(database, settings, clock)
    await desk.book.load()
    erasures, key = open_erasures(database, settings, clock), signing_key(settings.data_dir)
    premises = Premises(
        database=database,
        settings=settings,
        clock=clock,
        desk=desk,
        audit=Audit(database, desk.book, key, settings.data_dir, clock),
        retention=Retention(database, clock, settings.privacy, erasures, key.sign),
        erasures=erasures,
    )
    return seated(premises, Seat(actor, technician))


def seated(at: Premises, seat: Seat) -> Office:
    """An office for one piece of work; the policies of the premises were loaded before."""
    database, settings, clock, book = at.database, at.settings, at.clock, at.desk.book
    own = settings.authentication
    hasher = PinHasher(own.pin_hash_memory_kib, own.pin_hash_passes)
    provisioning = Provisioning(
        database, book, at.desk.instructions, hasher, clock, seat.actor, at.erasures, at.retention, seat.reason
    )
    rights, log = Rights(database, book, at.erasures, clock), AuditLog(database)
    roles = Roles(database, provisioning, clock)
    devices = DeviceProvisioning(database, book, provisioning, settings, clock)
    requests = SubjectRequests(log, book, rights, clock)
    support = Support(log, book, seat.actor, clock)
    sight = StaffSight(book, support, technician=seat.technician, tiers=seat.tiers)
    serving = Serving(database, book, clock)
    periods = Periods(database, book, provisioning, at.erasures, clock)
    console = ConsoleProvisioning(database, provisioning, roles, settings, clock)
    views = Views(provisioning, devices, rights, at.audit, log, sight, serving, periods, console)
    return Office(
        provisioning=provisioning,
        devices=devices,
        policies=at.desk.policies,
        instructions=at.desk.instructions,
        book=book,
        watch=at.desk.watch,
        audit=at.audit,
        erasure=Erasure(database, settings, book, at.erasures, clock, at.retention.trust_time),
        retention=at.retention,
        periods=periods,
        calls=CallLookup(database, book, provisioning, views, sight, clock),
        alerts=AlertDebrief(database, book, provisioning, sight, clock),
        rights=rights,
        roles=roles,
        console=console,
        support=support,
        sight=sight,
        views=views,
        fences=FenceProvisioning(database, provisioning, clock),
        requests=requests,
        exports=SubjectExports(database, book, rights, requests, clock),
        imports=SubjectImports(database, book, rights, hasher, clock),
    )
