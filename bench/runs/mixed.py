"""Mixed: a day of a fleet. The crowd lives it (`bench.fleet`), the server is looked at every few seconds."""

import time
from typing import Any

import numpy as np

from bench.day import Day, formations_of
from bench.day_tally import Sample, copies, timeline, totals
from bench.ear import Heard
from bench.fleet import Diary, Fleet
from bench.meter import cpu_s, drops, lag_ms, rss_bytes
from bench.roaming import ANYWHERE
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand

DRAIN_S = 0.5


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """One day."""
    count = scenario["handsets"]
    formations = formations_of(count, scenario["sizes"])
    plan = Day(scenario.keys, formations).plan()
    by_tcp = {
        n for n in range(count) if int((n + 1) * scenario["websocket_share"]) > int(n * scenario["websocket_share"])
    }
    tables = {"sessions": {"keepalive_interval_s": scenario["keepalive_interval_s"]}}
    order = Order(count, formations, tables, scenario["pin_hash_memory_kib"], count, ports_each=2, make_crowd=Fleet)
    with Stand(stage, order) as stand:
        stand.enlist()
        before = stand.scrape()
        diary, heard, samples = _live(stand, plan, by_tcp, scenario)
        after = stand.scrape()
    found = copies(diary, heard, count)
    figures = {
        "handsets": count,
        "by_tcp": len(by_tcp),
        "groups": {str(one.size): len(one.groups) for one in formations},
        **totals(diary, found),
        "drops": drops(before, after),
        "lag_ms": lag_ms(before, after),
        "herd_at_h": scenario["herd_at_h"],
        "emergency_at_h": scenario["emergency_at_h"],
        "rss_mib": [round(sample.rss_bytes / 2**20, 1) for sample in (samples[0], samples[-1])],
        "harness_ear_share": round(heard.busy, 3),
        "timeline": timeline(samples, diary, found),
    }
    stage.note(_line(figures))
    return figures


def _live(stand: Stand, plan: list[Any], by_tcp: set[int], scenario: Scenario) -> tuple[Diary, Heard, list[Sample]]:
    ensemble = stand.ensemble
    joining = stand.joining()
    group_ids = {(size, n): one for size, ids in stand.muster.group_ids.items() for n, one in enumerate(ids)}
    ensemble.record()
    samples = [_sample(stand)]
    ensemble.start("live", lambda _: (plan, joining, group_ids, by_tcp, scenario["keepalive_interval_s"]))
    while not ensemble.is_finished():
        due_s = samples[0].at_ns / 1e9 + len(samples) * scenario["sample_s"]
        ensemble.wait(stand.stage, f"the day: {len(samples)} of {_samples(scenario)}", max(0.05, due_s - time.time()))
        samples.append(_sample(stand))
    diary: Diary = ensemble.finish()[0]
    time.sleep(DRAIN_S)
    frames, _ = ensemble.order("frames_heard")[0]
    return diary, _together(ensemble.report(), frames), samples


def _samples(scenario: Scenario) -> int:
    return round(scenario["seconds"] / scenario["sample_s"])


def _sample(stand: Stand) -> Sample:
    pid, metrics = stand.server.pid, stand.scrape()
    return Sample(time.time_ns(), cpu_s(pid), rss_bytes(pid), int(metrics["sessions"]), metrics["datagrams_sent"])


def _together(heard: Heard, frames: list[tuple[int, int, bytes]]) -> Heard:
    """What came by UDP and what came on WebSockets; the latter counts wherever the handset is."""
    if frames:
        handset, arrival, heads = zip(*frames, strict=True)
        head = np.frombuffer(b"".join(heads), np.uint8).reshape(-1, 12)
        heard.handset = np.concatenate([heard.handset, np.array(handset, np.int32)])
        heard.arrival_ns = np.concatenate([heard.arrival_ns, np.array(arrival, np.int64)])
        heard.head = np.concatenate([heard.head, head])
        heard.port = np.concatenate([heard.port, np.full(len(frames), ANYWHERE, np.int32)])
    return heard


def _line(figures: dict[str, Any]) -> str:
    voice, busiest = figures["voice"], max(row["cpu_share"] for row in figures["timeline"])
    return (
        f"{figures['logins']['count']} log-ins, {figures['presses']} presses, {voice['expected']:,} copies of voice: "
        f"{voice['lost']:,} lost ({voice['loss']:.3%}), delay p99 {voice['delay_ms'].get('p99', 0):.2f} ms, access p99 "
        f"{figures['access_ms'].get('p99', 0):.2f} ms; busiest moment {busiest:.0%} of the core; "
        f"herd of {figures['herd']['handsets']} back after {figures['herd']['back_ms'].get('max', 0) / 1000:.1f} s; "
        f"emergency {figures['emergency_ms']} ms; {figures['failures']} failures {figures['first_failures']}"
    )
