"""A server without its ports, over one SQLite file that every schedule finds as it was organised.

All is as the composition root makes it: the store, the services, the watch over what administrators change. The clock
stands until a schedule turns it, and nothing runs in the background: the schedule says when. What takes time and is
not tried here is done once: to open, migrate and fill the database (SQLite's backup brings it back), to read a policy.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from sqlcipher3 import dbapi2

from pttserver.app import build_services
from pttserver.config import PrivacySettings, Settings
from pttserver.ids import DeviceId, Personal, SubscriberId, TenantId
from pttserver.media.batch_socket import BatchSocket
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.location_admission import locating
from pttserver.privacy.purposes import Purpose
from pttserver.roles import Rights, Role
from pttserver.services.erasure import open_erasures
from pttserver.services.keyring import open_database
from pttserver.services.standing_watch import StandingWatch
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments, NewKey
from pttserver.store.erasure_ledger import LEDGER_FILE
from pttserver.store.policies import PolicyVersion
from pttserver.store.records import IdentifierKind, LoginCandidate, NewDevice, NewSubscriber, Tenant
from pttserver.store.rights import SubscriberRights
from pttserver.store.subscribers import Subscribers
from pttserver.store.tenants import Tenants
from running_server import loopback_settings
from services.schedules.model import DORA, PEOPLE, START_MS
from services.schedules.texts import TEXTS, Text

SMALL_BATCHES = PrivacySettings(sweep_batch_rows=2)


class TurnedClock:
    """Both clocks of a machine, which only a schedule turns."""

    def __init__(self) -> None:
        self.wall_ms = START_MS

    def now(self) -> float:
        return self.wall_ms / 1000

    def utc_ms(self) -> int:
        return self.wall_ms


class SilentLink:
    """The connection of a device that nobody listens to."""

    closed = False

    def post(self, text: str) -> None:
        pass

    def offer_voice(self, packet: bytes) -> None:
        pass

    def post_control(self, packet: bytes) -> None:
        pass

    def close(self, code: int, reason: str) -> None:
        self.closed = True


class Ground:
    """`open` makes it, `close` must be called. `services`: of the schedule that is played."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.database = database
        self.clock = TurnedClock()
        self.erasures = open_erasures(database, settings)
        self.tenant = Tenant(TenantId(f"ten_{1:016x}"), "ACME", 0)
        self.ids = {who: SubscriberId(f"sub_{place:016x}") for place, who in enumerate((*PEOPLE, DORA), 1)}
        self._settings = settings
        self._ledger = settings.data_dir / LEDGER_FILE
        self._socket = BatchSocket(settings.media.address, 0, settings.media.socket_buffer_bytes)
        self._file = dbapi2.connect(str(settings.database_file), isolation_level=None)
        self._as_organised = dbapi2.connect(":memory:")
        self._schema_version = 0
        self._logged_in: list[LoginCandidate] = []

    @classmethod
    async def open(cls, folder: Path) -> Self:
        settings = loopback_settings(folder, privacy=SMALL_BATCHES)
        ground = cls(settings, await open_database(settings))
        await ground._organise()
        ground._file.backup(ground._as_organised)
        (ground._schema_version,) = ground._file.execute("PRAGMA schema_version").fetchone()
        return ground

    async def close(self) -> None:
        await self.database.close()
        self._file.close()
        self._as_organised.close()
        self._socket.close()

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[None]:
        """The organisation as it was made, and a server that just started, with everybody logged in."""
        self._as_organised.backup(self._file)
        self._file.execute(f"PRAGMA schema_version = {self._schema_version}")  # it is the same: nobody reads it anew
        self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._ledger.unlink(missing_ok=True)
        self.clock.wall_ms = START_MS
        self._serve()
        await self.services.policies.load()
        for candidate in self._logged_in:
            self.services.attendance.open(candidate, SilentLink(), Personal("203.0.113.7"))
        await self.notice()
        try:
            yield
        finally:
            self.services.pins.close()

    def _serve(self) -> None:
        clock: Any = self.clock
        self.services = services = build_services(self._settings, clock, self.database, self._socket)
        self._standing = StandingWatch(
            self.database,
            services.sessions,
            services.attendance,
            services.policies,
            services.terms,
            services.memberships.temporary,
            services.alerts.desk,
            clock,
            services.troubles,
            services.location.review,
        )

    async def notice(self) -> None:
        """What the server does twice a second; the devices are there."""
        for session in self.services.sessions:
            session.last_seen = self.clock.now()
        await self._standing.look()

    # The organisation --------------------------------------------------------------------------------------------

    async def _organise(self) -> None:
        first, tenant_id = TEXTS[0], self.tenant.tenant_id
        await Tenants(self.database).add(self.tenant, version_of(tenant_id, first, 1))
        for who, subscriber_id in self.ids.items():
            await self._subscriber(tenant_id, who, subscriber_id)
        await SubscriberRights(self.database).put(self.ids[DORA], Rights(Role.DISPATCHER), 1)
        for subscriber_id in self.ids.values():
            candidate = await Devices(self.database).login_candidate(device_of(subscriber_id))
            assert candidate is not None
            self._logged_in.append(candidate)

    async def _subscriber(self, tenant_id: TenantId, who: str, subscriber_id: SubscriberId) -> None:
        gate = Gate(TEXTS[0].policy)
        identifier = gate.release(Category.IDENTIFIER, Purpose.SERVICE, subscriber_id, Personal(who))
        pin = gate.release(Category.CREDENTIAL, Purpose.SECURITY, subscriber_id, "hash")
        name = gate.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, subscriber_id, Personal(f"Name of {who}"))
        new = NewSubscriber(subscriber_id, tenant_id, identifier, IdentifierKind.CUSTOM, name, pin, 0)
        await Subscribers(self.database).add(new)
        radio, code = device_of(subscriber_id), subscriber_id.encode()
        await Devices(self.database).add(NewDevice(radio, tenant_id, subscriber_id, None, 0), code, 9)

        def keys(_tenant: str, owner: str) -> NewKey:
            key = gate.release(Category.CREDENTIAL, Purpose.SECURITY, owner, bytes(32))
            return NewKey(key, None)

        assert await Enrolments(self.database).claim(code, bytes(32), 1, keys)


def version_of(tenant_id: TenantId, text: Text, at_ms: int) -> PolicyVersion:
    """A policy that was applied then."""
    return PolicyVersion(
        tenant_id=tenant_id,
        text=text.toml,
        digest=text.policy.digest,
        acknowledged=(),
        actor=None,
        reason=None,
        at_ms=at_ms,
        published=True,
        locating=locating(text.policy),
    )


def device_of(subscriber_id: SubscriberId) -> DeviceId:
    return DeviceId(subscriber_id.replace("sub_", "dev_"))
