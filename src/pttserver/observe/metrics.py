"""Prometheus metrics on a port of their own. Counters are plain integers elsewhere, read when somebody scrapes.

Labels are names from fixed lists; no identifier and no personal datum is ever a label or a value.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pttserver.observe.metrics_port import MetricsPort

LAG_PROBE_INTERVAL_S = 0.25
_DELAY_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 3, 10, 30)

Read = Callable[[], float]
ReadMany = Callable[[], Iterable[tuple[str, float]]]


class _Reading(NamedTuple):
    family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    help: str
    label: str
    read: ReadMany


class Metrics(Collector):
    """Collects readings that other rooms offer; `serve` opens the port."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._readings: list[_Reading] = []
        self.grant_delay_s = Histogram(
            "pttserver_floor_grant_delay_seconds",
            "From the first Floor Request of a participant to its Floor Granted",
            buckets=_DELAY_BUCKETS_S,
            registry=self.registry,
        )
        self.loop_lag_s = Histogram(
            "pttserver_event_loop_lag_seconds",
            "How late the event loop runs a timer",
            buckets=_DELAY_BUCKETS_S,
            registry=self.registry,
        )

    def counter(self, name: str, text: str, read: Read) -> None:
        self._readings.append(_Reading(CounterMetricFamily, f"pttserver_{name}", text, "", lambda: [("", read())]))

    def counters(self, name: str, text: str, label: str, read: ReadMany) -> None:
        self._readings.append(_Reading(CounterMetricFamily, f"pttserver_{name}", text, label, read))

    def gauge(self, name: str, text: str, read: Read) -> None:
        self._readings.append(_Reading(GaugeMetricFamily, f"pttserver_{name}", text, "", lambda: [("", read())]))

    def gauges(self, name: str, text: str, label: str, read: ReadMany) -> None:
        self._readings.append(_Reading(GaugeMetricFamily, f"pttserver_{name}", text, label, read))

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings:
            family = reading.family(reading.name, reading.help, labels=[reading.label] if reading.label else None)
            for label, number in reading.read():
                family.add_metric([label] if label else [], number)
            yield family

    def serve(self, address: str, port: int) -> MetricsPort:
        """Opens the port, in a thread of its own. Raises ConfigError if it cannot be had."""
        return MetricsPort(address, port, self.registry)

    async def watch_loop(self) -> None:
        """Measures the lag of the event loop, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_PROBE_INTERVAL_S
            await asyncio.sleep(LAG_PROBE_INTERVAL_S)
            self.loop_lag_s.observe(max(0.0, loop.time() - due))
