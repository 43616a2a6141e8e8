"""The composition root: builds every object once, runs them in one task group, stops them in reverse order."""

import asyncio
import gc
import signal
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pttserver import __version__
from pttserver.alerts.emergency import EmergencyGroups
from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.certificate import certificate_der_digest
from pttserver.crypto.tls import server_context
from pttserver.errors import ConfigError
from pttserver.ids import SsrcSequence
from pttserver.media.batch_socket import BatchSocket
from pttserver.media.relay import Relay
from pttserver.net.site import Site
from pttserver.net.tls_port import TlsPort
from pttserver.observe.log import get_logger
from pttserver.observe.metrics import Metrics
from pttserver.services.alert_desk import AlertDesk
from pttserver.services.alert_log import AlertLog
from pttserver.services.alert_routing import AlertRouting
from pttserver.services.alerts import AlertService
from pttserver.services.area_groups import AreaGroups
from pttserver.services.attendance import Attendance
from pttserver.services.audit import Audit
from pttserver.services.authentication import Authentication
from pttserver.services.call_log import CallLog
from pttserver.services.calling import Calling, Ground, build_calling
from pttserver.services.certificate import CertificateFiles, ensure_certificate
from pttserver.services.connection import Door
from pttserver.services.contacts import ContactLists
from pttserver.services.desk import Desk
from pttserver.services.erasure import open_erasures
from pttserver.services.key_epochs import KeyEpochs
from pttserver.services.keyring import open_database
from pttserver.services.location_room import LocationRoom
from pttserver.services.memberships import Memberships
from pttserver.services.message_addresses import MessageAddresses
from pttserver.services.message_expiry import MessageExpiry
from pttserver.services.messages import Messaging
from pttserver.services.pin_check import PinCheck
from pttserver.services.policy_book import PolicyBook
from pttserver.services.policy_watch import PolicyDesk, PolicyWatch
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
from pttserver.sessions.registry import SessionRegistry
from pttserver.store.alerts import Alerts
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
from pttserver.store.sweeps import HAPPENING_CATEGORIES
from pttserver.wire.signalling import MediaEndpoint

GARBAGE_THRESHOLDS = (20_000, 10, 10)  # Python's (700, 10, 10) takes a tenth of the time while a herd logs in
_log = get_logger("app")


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
    desk: Desk
    messaging: Messaging
    message_expiry: MessageExpiry
    location: LocationRoom
    attendance: Attendance
    alerts: AlertService
    alert_log: AlertLog
    authentication: Authentication
    pins: PinCheck
    call_log: CallLog
    policies: PolicyBook
    policy_watch: PolicyWatch
    audit: Audit
    retention: Retention
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, with the parts that tests and metrics look at."""

    signalling_port: int
    media_port: int
    metrics_port: int
    socket: BatchSocket
    site: Site
    services: Services


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
        files = ensure_certificate(settings, self._clock)
        database = await open_database(settings)
        stack.push_async_callback(database.close)
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
        site = Site(self._door(services, files, socket.port), settings.signalling, lambda: services.call_log.is_failing)
        tls = server_context(files.certificate, files.private_key)
        dead_after_s = settings.sessions.dead_after_s
        port = await TlsPort.open(site, settings.signalling, tls, dead_after_s / 2, dead_after_s / 3)
        stack.push_async_callback(port.close)
        stack.callback(services.attendance.end_all)
        server = Server(port.port, socket.port, self._serve_metrics(services.metrics), socket, site, services)
        _offer_readings(server, self._clock)
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
            self._clock,
            location.review,
        )
        background.start(services.memberships.temporary.run(), "temporary groups")
        background.start(services.calling.alerts.run(), "call alerts")
        background.start(standing.run(), "standing watch")
        background.start(services.policy_watch.run(), "policy watch")
        background.start(keep_subject_keys(database, self._settings), "subject keys")
        background.start(services.audit.run(services.policies.tenants), "audit checkpoints")
        background.start(services.retention.run(services.policies.changed), "retention")
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
            relay=services.relay,
            clock=self._clock,
            certificate_digest=certificate_der_digest(files.certificate.read_bytes()),
            offer=_offer(self._settings, services.relay, media_port),
            greetings=[services.calling.calls.greet, services.calling.alerts.greet],
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
    policies = desk.book
    call_log = CallLog(history, policies, clock, settings.call_log)
    relay = Relay(socket, sessions, clock, settings.media, ssrcs.draw())
    telling = Telling(sessions)
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
    )
    rosters = Rosters(talk, sessions, memberships, settings.sessions, policies.names_up_to)
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
    location = LocationRoom.over(database, sessions, attendance, policies, terms, clock, settings.location)
    alert_log = AlertLog(Alerts(database), policies, clock)
    alert_desk = AlertDesk(
        sessions=sessions,
        talk=talk,
        emergencies=emergencies,
        routing=AlertRouting(policies, groups, talk, sessions),
        log=alert_log,
        store=Alerts(database),
        clock=clock,
    )
    attendance.on_arrival.append(alert_desk.arrived)
    alerts = AlertService(
        desk=alert_desk,
        log=alert_log,
        policies=policies,
        sessions=sessions,
        relay=relay,
        clock=clock,
        admit_position=location.locating.admit_for_alert,
    )
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
        addresses=MessageAddresses(MessageDirectory(database), policies, clock),
        queue=queue,
        history=message_history,
        sessions=sessions,
        policies=policies,
        clock=clock,
    )
    contacts = ContactLists(Contacts(database), policies, clock)
    return Services(
        sessions=sessions,
        relay=relay,
        talk=talk,
        rosters=rosters,
        memberships=memberships,
        calling=calling,
        messaging=messaging,
        message_expiry=MessageExpiry(queue, message_history, sessions, policies, clock),
        terms=terms,
        desk=Desk(
            policies,
            *calling.handlers(),
            alerts.handlers(),
            messaging.handlers(),
            contacts.handlers(),
            location.desk.handlers(),
            AreaGroups(location.desk, calling.regrouping).handlers(),
            refusals=location.desk.refusals(),
        ),
        location=location,
        attendance=attendance,
        alerts=alerts,
        alert_log=alert_log,
        authentication=authentication,
        pins=pins,
        call_log=call_log,
        policies=policies,
        policy_watch=desk.watch,
        audit=Audit(AuditLog(database), policies, signing_key(settings), settings.data_dir, clock),
        retention=Retention(database, clock, settings.privacy, open_erasures(database, settings)),
        metrics=metrics,
    )


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
    erased = await open_erasures(database, settings).replay()
    if erased:
        _log.warning("erasures_replayed", erased=erased)


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


def _offer_readings(server: Server, clock: Clock) -> None:
    """What can be read of the server by whoever scrapes its metrics."""
    metrics, relay = server.services.metrics, server.services.relay
    socket, site = server.socket, server.site
    metrics.counters("packets_dropped", "Packets dropped, by reason", "reason", relay.drops.items)
    metrics.counter("datagrams_received", "Datagrams received by UDP", lambda: relay.packets_in)
    metrics.counter("octets_received", "Octets received by UDP", lambda: relay.octets_in)
    metrics.counter("datagrams_sent", "Datagrams sent by UDP", lambda: socket.datagrams_sent)
    metrics.counter("octets_sent", "Octets sent by UDP", lambda: socket.octets_sent)
    metrics.counter("send_buffer_full", "Datagrams the kernel had no room for", lambda: socket.send_buffer_full)
    metrics.counter(
        "receive_buffer_full", "Datagrams the kernel had no room for on arrival", lambda: socket.receive_buffer_full
    )
    metrics.counter("send_errors", "Datagrams the kernel refused", lambda: socket.send_errors)
    metrics.counter("voice_packets_relayed", "Voice packets accepted and sent on", lambda: relay.packets_relayed)
    metrics.gauge("connections", "Open WebSockets", lambda: site.connections)
    metrics.counter("connections_refused", "WebSockets refused", lambda: site.refused_connections)
    _offer_service_readings(metrics, server.services, clock)


def _offer_service_readings(metrics: Metrics, services: Services, clock: Clock) -> None:
    sessions, talk, pins = services.sessions, services.talk, services.pins
    call_log, attendance, authentication = services.call_log, services.attendance, services.authentication
    metrics.gauge("sessions", "Logged-in devices", lambda: len(sessions))
    metrics.gauge("groups_active", "Groups with participants", lambda: len(talk))
    metrics.gauge("bursts_in_progress", "Groups somebody talks in", lambda: talk.bursts_in_progress)
    metrics.counter("floor_grants", "Floors granted", lambda: talk.floor_grants)
    metrics.counter("floor_denials", "Floors denied", lambda: talk.floor_denials)
    metrics.counter("messages_accepted", "Messages taken from senders", lambda: services.messaging.accepted)
    metrics.counter("takeovers", "Sessions superseded by another device", lambda: attendance.takeovers)
    metrics.counter("authentication_failures", "Refused proofs and PINs", lambda: authentication.failures)
    metrics.counter("authentication_throttled", "Attempts that had to wait", lambda: authentication.throttled)
    metrics.gauge("pin_checks_in_progress", "PIN hashes computed or waiting", lambda: pins.in_progress)
    metrics.gauge("call_log_queue", "Records waiting for the disk", lambda: len(call_log))
    metrics.gauge("alerts_open", "Emergency alerts that are open", lambda: len(services.alerts.desk.board))
    metrics.counter("alerts_raised", "Emergency alerts raised", lambda: services.alerts.desk.raised)
    metrics.counter(
        "alert_log_failures", "Failed attempts to write steps of alerts", lambda: services.alert_log.failures
    )
    metrics.counter("call_log_dropped", "Records lost to a full queue", lambda: call_log.dropped)
    metrics.counter("call_log_failures", "Failed attempts to write records", lambda: call_log.failures)
    _offer_location_readings(metrics, services.location)
    metrics.gauge("tenants_refused", "Tenants without a valid policy", lambda: services.policies.refused)
    metrics.counter(
        "policy_files_rejected", "Changed policy files that were not valid", lambda: services.policy_watch.rejected
    )
    _offer_retention_readings(metrics, services.retention, clock)
    metrics.counter("login_records_lost", "Log-ins whose record could not be written", lambda: attendance.records_lost)


def _offer_location_readings(metrics: Metrics, location: LocationRoom) -> None:
    log, locating = location.log, location.locating
    metrics.counter("positions_taken", "Positions admitted", lambda: locating.taken)
    metrics.counters("positions_dropped", "Positions let go of, by reason", "reason", locating.drops.items)
    metrics.counter("fence_crossings", "Fences entered, stayed in or left", lambda: locating.crossings)
    metrics.gauge("position_log_queue", "Positions waiting for the disk", lambda: len(log))
    metrics.counter("position_log_dropped", "Positions lost to a full queue", lambda: log.dropped)
    metrics.counter("position_log_failures", "Failed attempts to write positions", lambda: log.failures)


def _offer_retention_readings(metrics: Metrics, retention: Retention, clock: Clock) -> None:
    readings = retention.readings

    def ages_s() -> Iterator[tuple[str, float]]:
        now_ms = clock.utc_ms()
        for category in HAPPENING_CATEGORIES:
            recorded_ms = readings.oldest_ms.get(category)
            yield category.value, 0 if recorded_ms is None else (now_ms - recorded_ms) / 1000

    metrics.counters(
        "rows_erased",
        "Rows or values erased since their period was over",
        "category",
        lambda: [(category.value, number) for category, number in readings.erased.items()],
    )
    metrics.gauges("oldest_row_age_seconds", "Age of the oldest row as of the last sweep", "category", ages_s)
    metrics.gauge("sweep_lag_seconds", "Since the last sweep that failed nowhere", lambda: retention.lag_s)
    metrics.gauge(
        "erasures_unproven", "Sweeps whose rows may still be in the write-ahead log", lambda: readings.unproven
    )
    metrics.gauge("sweeping_halted", "1: the clock is doubted, nothing is erased", lambda: readings.halted)
    metrics.counter("sweep_failures", "Sweeps that failed", lambda: readings.failures)


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
