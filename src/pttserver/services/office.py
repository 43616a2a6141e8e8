"""The operator's office: the use cases of provisioning, with the database open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.passwords import PinHasher
from pttserver.ids import Personal
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
from pttserver.services.signing_key import signing_key
from pttserver.services.staff_sight import StaffSight
from pttserver.services.subject_export import SubjectExports
from pttserver.services.subject_import import SubjectImports
from pttserver.services.subject_requests import SubjectRequests
from pttserver.services.support import Support
from pttserver.services.views import Views
from pttserver.store.audit import AuditLog
from pttserver.store.database import Database
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


async def furnish(
    database: Database,
    settings: Settings,
    clock: Clock | None = None,
    actor: Personal = OPERATOR,
    *,
    technician: bool = False,
) -> Office:
    """The use cases over an open database, by the policies in force now. `technician`: of the operator's staff."""
    own, clock = settings.authentication, clock or Clock()
    desk = PolicyDesk.over(database, settings, clock)
    book = desk.book
    await book.load()
    hasher = PinHasher(own.pin_hash_memory_kib, own.pin_hash_passes)
    erasures = open_erasures(database, settings)
    retention = Retention(database, clock, settings.privacy, erasures)
    provisioning = Provisioning(database, book, desk.instructions, hasher, clock, actor, erasures, retention)
    rights = Rights(database, book, clock)
    roles = Roles(database, provisioning)
    log = AuditLog(database)
    audit = Audit(log, book, signing_key(settings), settings.data_dir, clock)
    devices = DeviceProvisioning(database, book, provisioning, settings, clock)
    requests = SubjectRequests(log, book, rights, clock)
    support = Support(log, book, actor, clock)
    sight = StaffSight(book, support, technician=technician)
    views = Views(provisioning, devices, rights, audit, log, sight)
    return Office(
        provisioning=provisioning,
        devices=devices,
        policies=desk.policies,
        instructions=desk.instructions,
        book=book,
        watch=desk.watch,
        audit=audit,
        erasure=Erasure(database, settings, book, clock),
        retention=retention,
        periods=Periods(database, book, provisioning, clock),
        calls=CallLookup(database, book, provisioning, views, sight, clock),
        alerts=AlertDebrief(database, book, provisioning, sight, clock),
        rights=rights,
        roles=roles,
        console=ConsoleProvisioning(database, provisioning, roles, settings, clock),
        support=support,
        sight=sight,
        views=views,
        fences=FenceProvisioning(database, provisioning, clock),
        requests=requests,
        exports=SubjectExports(database, book, rights, requests, clock),
        imports=SubjectImports(database, book, rights, hasher, clock),
    )
