"""What can be read of a running server by whoever scrapes its metrics; nothing of it tells of a person."""

from collections.abc import Iterator

from pttserver.clock import Clock
from pttserver.observe.metrics import Metrics
from pttserver.running import Server, Services
from pttserver.services.location_room import LocationRoom
from pttserver.services.retention import Retention
from pttserver.store.sweeps import HAPPENING_CATEGORIES


def offer_readings(server: Server, clock: Clock) -> None:
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
    console = services.console
    metrics.gauge("console_sessions", "People logged in with a browser", lambda: len(console.room))
    metrics.counter("console_login_failures", "Refused log-ins at the console", lambda: console.limits.failures)
    metrics.counter(
        "console_login_throttled", "Log-ins at the console that had to wait", lambda: console.limits.throttled
    )
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
    metrics.gauges("failing", "1: this work keeps failing; see the log", "reason", services.troubles.items)
    metrics.gauge("tenants_refused", "Tenants without a valid policy", lambda: services.policies.refused)
    metrics.gauge(
        "policies_beyond_bounds", "Policies in force beyond the operator's bounds", lambda: services.policies.beyond
    )
    metrics.counter(
        "policy_files_rejected", "Changed policy files that were not valid", lambda: services.policy_watch.rejected
    )
    _offer_retention_readings(metrics, services.retention, clock)
    metrics.counter("login_records_lost", "Log-ins whose record could not be written", lambda: attendance.records_lost)


def _offer_location_readings(metrics: Metrics, location: LocationRoom) -> None:
    log, locating = location.log, location.locating
    metrics.counter("positions_taken", "Positions admitted", lambda: locating.taken)
    metrics.counters("positions_dropped", "Positions let go of, by reason", "reason", locating.drops.items)
    metrics.counter("position_requests", "Requests that went to the device", lambda: locating.wanted.asked)
    metrics.counter(
        "position_requests_spared", "Requests for which the device was left alone", lambda: locating.wanted.spared
    )
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
        "Rows erased, and values erased or rewritten in rows that stayed; not what goes along with a row",
        "category",
        lambda: [(category.value, number) for category, number in readings.erased.items()],
    )
    metrics.gauges("oldest_row_age_seconds", "Age of the oldest row as of the last sweep", "category", ages_s)
    metrics.gauge("sweep_lag_seconds", "Since the last sweep that failed nowhere", lambda: retention.lag_s)
    metrics.gauge(
        "erasures_unproven",
        "Sweeps, and removals of tenants (as one), of which something may still be in a file",
        lambda: readings.unproven + readings.removals_unproven,
    )
    metrics.gauge("sweeping_halted", "1: the clock is doubted, nothing is erased", lambda: readings.halted)
    metrics.counter("sweep_failures", "Sweeps that failed", lambda: readings.failures)
