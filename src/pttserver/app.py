"""The composition root: builds every object once, runs them in one task group, stops them in reverse order."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack

from pttserver import __version__
from pttserver.alerts.emergency import EmergencyGroups
from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.certificate import certificate_der_digest
from pttserver.crypto.tls import server_context
from pttserver.errors import ConfigError, PttError
from pttserver.ids import SsrcSequence
from pttserver.media.batch_socket import BatchSocket
from pttserver.media.relay import Relay
from pttserver.net.bounded_body import BoundedBody
from pttserver.net.console import serve_console
from pttserver.net.manage.door import serve_management
from pttserver.net.origins import Origins
from pttserver.net.pages import Pages
from pttserver.net.site import Site, http_application
from pttserver.net.tiles import Tiles, serve_tiles
from pttserver.net.tls_port import TlsPort
from pttserver.net.web_socket import Pings
from pttserver.observe.log import get_logger
from pttserver.observe.metrics import Metrics
from pttserver.observe.troubles import Troubles
from pttserver.readings import offer_readings
from pttserver.running import Server, Services
from pttserver.services.alert_room import AlertRoom
from pttserver.services.area_groups import AreaGroups
from pttserver.services.attendance import Attendance
from pttserver.services.audit import Audit
from pttserver.services.authentication import Authentication
from pttserver.services.call_log import CallLog
from pttserver.services.calling import Ground, build_calling
from pttserver.services.certificate import CertificateFiles, ensure_certificate
from pttserver.services.connection import Door
from pttserver.services.console import build_console
from pttserver.services.contacts import ContactLists
from pttserver.services.desk import Desk
from pttserver.services.erasure import open_erasures
from pttserver.services.key_epochs import KeyEpochs
from pttserver.services.key_marks import key_mark
from pttserver.services.keyring import open_database
from pttserver.services.keys_watch import watch_keys
from pttserver.services.location_room import LocationRoom
from pttserver.services.management import Management
from pttserver.services.memberships import Memberships
from pttserver.services.message_addresses import MessageAddresses
from pttserver.services.message_expiry import MessageExpiry
from pttserver.services.messages import Messaging
from pttserver.services.office import Premises
from pttserver.services.pin_check import PinCheck
from pttserver.services.policy_watch import PolicyDesk
from pttserver.services.refused_attempts import RefusedAttempts
from pttserver.services.replies import Offer
from pttserver.services.retention import Retention
from pttserver.services.rosters import Rosters
from pttserver.services.serving import Serving
from pttserver.services.signing_key import signing_key
from pttserver.services.standing_watch import StandingWatch
from pttserver.services.subject_keys import keep_subject_keys
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.services.temporary_groups import TemporaryGroups
from pttserver.services.terms import TermsTeller
from pttserver.services.unfinished_erasures import finish_at_once
from pttserver.sessions.registry import SessionRegistry
from pttserver.store.audit import AuditLog
from pttserver.store.calls import CallHistory
from pttserver.store.contacts import Contacts
from pttserver.store.database import Database
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments
from pttserver.store.groups import Groups
from pttserver.store.message_directory import MessageDirectory
from pttserver.store.message_history import MessageHistory
from pttserver.store.message_queue import MessageQueue
from pttserver.store.resume import ResumeTokens
from pttserver.store.subscribers import Subscribers
from pttserver.wire.signalling import MediaEndpoint, build_models

GARBAGE_THRESHOLDS = (20_000, 10, 10)  # Python's (700, 10, 10) takes a tenth of the time while a herd logs in
_log = get_logger("app")


class Application:
    """`async with Application(settings) as server:` serves until the block is left."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or Clock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Server:
        """Raises ConfigError or StoreUnavailable; then nothing is left open."""
        try:
            return await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> Server:
        """Opens from the inside out, so that the stack closes from the outside in."""
        settings, stack = self._settings, self._stack
        await asyncio.to_thread(build_models)
        database = await open_database(settings)  # first: it finishes a restore that was killed
        stack.push_async_callback(database.close)
        stack.enter_context(key_mark(settings, database.vault.configured))
        files = ensure_certificate(settings, self._clock)
        await _finish_erasures(database, settings)
        socket = _open_media_socket(settings)
        stack.callback(socket.close)
        services = build_services(settings, self._clock, database, socket)
        stack.push_async_callback(services.call_log.flush)
        stack.push_async_callback(services.alert_log.flush)
        stack.callback(services.alerts.desk.close)
        stack.push_async_callback(services.location.log.flush)
        stack.callback(services.pins.close)
        await services.policy_watch.start()
        await services.alerts.desk.restore()
        loop = asyncio.get_running_loop()
        loop.add_reader(socket.fileno(), services.relay.on_readable)
        stack.callback(loop.remove_reader, socket.fileno())
        await self._start_background(services, database)
        door, origins = self._door(services, files, socket.port), Origins(settings.console.origins)
        pages = await asyncio.to_thread(Pages.load)
        admits = services.console.room.admits
        http = http_application(lambda: _troubles(services), pages)
        serve_tiles(http.state, Tiles(settings.console.map_tiles, settings.console.map_attribution, admits))
        serve_console(http.state, services.console, origins)
        serve_management(http.state, services.management)
        site = Site(door, settings.signalling, origins)
        tls = server_context(files.certificate, files.private_key)
        dead_after_s = settings.sessions.dead_after_s
        port = await TlsPort.open(site, BoundedBody(http), tls, Pings(dead_after_s / 2, dead_after_s / 3))
        stack.push_async_callback(port.close)
        services.management.reached_at(port.port)
        stack.callback(services.attendance.end_all)
        server = Server(port.port, socket.port, self._serve_metrics(services.metrics), socket, site, services)
        offer_readings(server, self._clock)
        return server

    async def _start_background(self, services: Services, database: Database) -> None:
        background = _Background()
        self._stack.push_async_callback(background.stop)
        background.start(services.call_log.run(), "call log")
        background.start(services.alert_log.run(), "alert log")
        location = services.location
        standing = StandingWatch(
            database,
            services.sessions,
            services.attendance,
            services.policies,
            services.terms,
            services.memberships.temporary,
            services.alerts.desk,
            self._clock,
            services.troubles,
            location.review,
            services.console.room.review,
            services.listening.review,
        )
        await standing.look()  # names of alerts that were open: not one that is hidden by now is told
        background.start(services.memberships.temporary.run(), "temporary groups")
        background.start(services.calling.alerts.run(), "call alerts")
        background.start(standing.run(), "standing watch")
        background.start(services.console.room.run(), "console sessions")
        background.start(services.policy_watch.run(), "policy watch")
        background.start(watch_keys(database, services.troubles), "master keys")
        background.start(keep_subject_keys(database, self._settings), "subject keys")
        background.start(services.audit.run(services.policies.tenants), "audit checkpoints")
        background.start(services.retention.run(services.policies.changed), "retention")
        background.start(finish_at_once(services.retention, services.policy_watch), "unfinished erasures")
        background.start(services.message_expiry.run(), "messages")
        background.start(location.locating.run(), "locating")
        background.start(location.log.run(), "position log")
        background.start(location.watchers.run(), "watchers")
        background.start(services.metrics.watch_loop(), "loop lag")

    def _door(self, services: Services, files: CertificateFiles, media_port: int) -> Door:
        return Door(
            authentication=services.authentication,
            attendance=services.attendance,
            talk=services.talk,
            rosters=services.rosters,
            memberships=services.memberships,
            terms=services.terms,
            desk=services.desk,
            console=services.console.room,
            telling=services.telling,
            relay=services.relay,
            clock=self._clock,
            certificate_digest=certificate_der_digest(files.certificate.read_bytes()),
            offer=_offer(self._settings, services.relay, media_port),
            greetings=[services.calling.calls.greet, services.calling.alerts.greet, services.listening.greet],
        )

    def _serve_metrics(self, metrics: Metrics) -> int:
        if not self._settings.metrics.enabled:
            return 0
        port = metrics.serve(self._settings.metrics.address, self._settings.metrics.port)
        self._stack.callback(port.close)
        return port.port


def build_services(settings: Settings, clock: Clock, database: Database, socket: BatchSocket) -> Services:
    """Every object once, each with what it needs."""
    ssrcs, metrics = SsrcSequence(), Metrics()
    sessions, groups = SessionRegistry(ssrcs), Groups(database)
    history, resume_tokens = CallHistory(database), ResumeTokens(database)
    desk = PolicyDesk.over(database, settings, clock)
    policies, erasures = desk.book, open_erasures(database, settings, clock)
    key = signing_key(settings.data_dir)
    premises = Premises(
        database=database,
        settings=settings,
        clock=clock,
        desk=desk,
        audit=Audit(database, policies, key, settings.data_dir, clock),
        retention=Retention(database, clock, settings.privacy, erasures, key.sign),
        erasures=erasures,
    )
    attempts = RefusedAttempts(AuditLog(database), policies, clock)
    call_log = CallLog(history, policies, clock, settings.call_log)
    relay = Relay(socket, sessions, clock, settings.media, ssrcs.draw())
    telling = Telling(sessions, policies)
    temporary = TemporaryGroups(telling, clock, settings.calls)
    memberships = Memberships(groups, temporary, sessions, policies, Serving(database, policies, clock))
    emergencies = EmergencyGroups()
    talk = TalkService(
        relay=relay,
        socket=socket,
        timers=settings.floor,
        ssrcs=ssrcs,
        clock=clock,
        epochs=KeyEpochs(),
        call_log=call_log,
        temporary=temporary,
        on_grant_delay=metrics.grant_delay_s.observe,
        emergencies=emergencies,
        policies=policies,
    )
    rosters = Rosters(talk, sessions, memberships, settings.sessions, policies.names_up_to, telling)
    attendance = Attendance(
        sessions=sessions,
        talk=talk,
        rosters=rosters,
        memberships=memberships,
        subscribers=Subscribers(database),
        resume_tokens=resume_tokens,
        history=history,
        policies=policies,
        clock=clock,
        settings=settings.sessions,
    )
    ground = Ground(sessions, telling, talk, attendance, memberships, policies)
    calling = build_calling(settings.calls, clock, database, ground)
    terms = TermsTeller(sessions, policies, clock)
    location = LocationRoom.over(database, sessions, attendance, telling, policies, terms, clock, settings.location)
    alerts = AlertRoom.over(database, ground, relay, emergencies, location, clock)
    pins = PinCheck(settings.authentication)
    authentication = Authentication(
        devices=Devices(database),
        enrolments=Enrolments(database),
        resume_tokens=resume_tokens,
        pins=pins,
        policies=policies,
        settings=settings.authentication,
        clock=clock,
    )
    queue, message_history = MessageQueue(database), MessageHistory(database)
    messaging = Messaging(
        addresses=MessageAddresses(MessageDirectory(database), temporary, policies, clock),
        queue=queue,
        history=message_history,
        sessions=sessions,
        telling=telling,
        policies=policies,
        clock=clock,
    )
    contacts = ContactLists(Contacts(database), policies, clock)
    console = build_console(
        settings,
        clock,
        database,
        sessions=sessions,
        attendance=attendance,
        remote_control=calling.remote_control,
        policies=policies,
        pins=pins,
    )
    return Services(
        sessions=sessions,
        relay=relay,
        talk=talk,
        rosters=rosters,
        memberships=memberships,
        calling=calling,
        messaging=messaging,
        message_expiry=MessageExpiry(queue, message_history, sessions, telling, policies, clock),
        terms=terms,
        telling=telling,
        desk=Desk(
            policies,
            *calling.handlers(),
            *alerts.handlers(),
            messaging.handlers(),
            contacts.handlers(),
            location.desk.handlers(),
            AreaGroups(location.desk, calling.regrouping).handlers(),
            attempts=attempts,
            refusals=location.desk.refusals(),
        ),
        location=location,
        attendance=attendance,
        alerts=alerts.alerts,
        alert_log=alerts.log,
        listening=alerts.listening,
        authentication=authentication,
        console=console,
        management=Management(premises, console.room, attempts),
        pins=pins,
        call_log=call_log,
        policies=policies,
        policy_watch=desk.watch,
        audit=premises.audit,
        retention=premises.retention,
        metrics=metrics,
        troubles=Troubles(),
    )


def _troubles(services: Services) -> list[str]:
    records = ["records cannot be written to the database"] if services.call_log.is_failing else []
    return records + services.troubles.reasons()


def _open_media_socket(settings: Settings) -> BatchSocket:
    media = settings.media
    try:
        return BatchSocket(media.address, media.port, media.socket_buffer_bytes)
    except OSError as error:
        raise ConfigError(f"media.address {media.address}, media.port {media.port}: {error.strerror}") from None


def _offer(settings: Settings, relay: Relay, media_port: int) -> Offer:
    return Offer(
        media=MediaEndpoint(host=settings.media.public_host or "", port=media_port),
        server_ssrc=relay.server_ssrc,
        keepalive_interval_s=settings.sessions.keepalive_interval_s,
        dead_after_s=settings.sessions.dead_after_s,
        resume_lifetime_s=settings.sessions.resume_lifetime_s,
    )


async def _finish_erasures(database: Database, settings: Settings) -> None:
    """Whoever was erased is not served, whatever backup the database comes from."""
    erasures = open_erasures(database, settings)
    erased = await erasures.replay()
    if erased:
        _log.warning("erasures_replayed", erased=erased)
    try:
        await erasures.settle()
    except PttError as error:  # every proof tries again
        _log.error("copies_of_keys_not_cleared", error=error.message)


class _Background:
    """Tasks that run as long as the server; a failure in one is logged, it stops no voice."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.error("background_task_failed", task=task.get_name(), exc_info=task.exception())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def serve(settings: Settings) -> None:
    """Runs a server until SIGINT or SIGTERM."""
    async with Application(settings) as server:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        gc.collect()
        gc.freeze()  # what lives as long as the server need not be looked at again
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        _log.info(
            "serving",
            version=__version__,
            signalling_port=server.signalling_port,
            media_port=server.media_port,
            metrics_port=server.metrics_port,
        )
        await stop.wait()
        _log.info("stopping", sessions=len(server.services.sessions))
    _log.info("stopped")
