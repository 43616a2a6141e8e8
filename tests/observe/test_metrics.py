"""Metrics: what rooms offer is read at the scrape, with labels from fixed lists."""

import socket
import threading
import urllib.request

import pytest

from pttserver.errors import ConfigError
from pttserver.media.drops import Drops
from pttserver.observe.metrics import Metrics


def scrape(port: int) -> dict[str, float]:
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(number) for name, _, number in lines}


def test_numbers_are_read_when_they_are_asked_for() -> None:
    metrics, drops = Metrics(), Drops()
    metrics.counters("packets_dropped", "Packets dropped", "reason", drops.items)
    metrics.gauge("sessions", "Sessions", lambda: 7)
    port = metrics.serve("127.0.0.1", 0)
    assert scrape(port.port)['pttserver_packets_dropped_total{reason="bad_tag"}'] == 0
    drops.bad_tag += 3
    found = scrape(port.port)
    assert found['pttserver_packets_dropped_total{reason="bad_tag"}'] == 3
    assert found["pttserver_sessions"] == 7
    with pytest.raises(ConfigError, match="choose another port"):
        Metrics().serve("127.0.0.1", port.port)
    port.close()


def test_a_closed_port_is_free_at_once_and_its_thread_gone() -> None:
    port = Metrics().serve("127.0.0.1", 0)
    scrape(port.port)
    port.close()
    again = Metrics().serve("127.0.0.1", port.port)
    again.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "metrics"]


def test_a_slow_scraper_keeps_nobody_waiting() -> None:
    port = Metrics().serve("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", port.port)) as slow:
        slow.send(b"GET /metrics HTTP/1.1\r\n")
        assert "pttserver_event_loop_lag_seconds_count" in scrape(port.port)
        port.close()


def test_every_drop_has_a_counter_under_its_own_name() -> None:
    """T-112: the list of reasons is the class."""
    drops = Drops()
    assert dict(drops.items()) == dict.fromkeys(Drops.__slots__, 0)
    with pytest.raises(AttributeError):
        drops.mistyped += 1  # type: ignore[attr-defined]
