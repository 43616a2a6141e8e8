"""WebSocket: the relay with every listener on TCP; only the talkers use UDP. Arrival is when the crowd reads it."""

import time
from typing import Any

import numpy as np

from bench.ear import Heard
from bench.figures import StepFigures, harness_warnings, spent
from bench.groups import Formation, formation, handsets_needed
from bench.meter import drops, lag_ms, mark
from bench.runs.relay import DRAIN_S, SPARE_S, line
from bench.scenario import Scenario
from bench.stage import Stage
from bench.stand import Order, Stand
from bench.tally import percentiles, rtp_places, tally


def run(scenario: Scenario, stage: Stage) -> dict[str, Any]:
    """Every size."""
    formations = [formation(size, scenario["delivered_per_s"], scenario["packets_per_s"]) for size in scenario["sizes"]]
    count = handsets_needed(formations)
    tables = {"sessions": {"dead_after_s": 900, "keepalive_interval_s": 300}}
    steps = []
    with Stand(stage, Order(count, formations, tables, per_crowd=count)) as stand:
        stand.log_in()
        stand.join_by_websocket()
        for one in formations:
            figures = measure(stand, one, scenario)
            stage.note(line(figures))
            steps.append(figures.plain())
    return {"steps": steps}


def measure(stand: Stand, one: Formation, scenario: Scenario) -> StepFigures:
    """One size."""
    ensemble, board, pid = stand.ensemble, stand.ensemble.board, stand.server.pid
    packets_per_s, warm_s, seconds = scenario["packets_per_s"], scenario["warm_s"], scenario["seconds"]
    seats = one.seats(stand.muster.group_ids[one.size])
    board.forget_stream()
    ensemble.order("talkers_by_udp", seats)
    access = ensemble.order("key_up", seats)
    ensemble.order("prepare", seats, round((warm_s + seconds + SPARE_S) * packets_per_s))
    metrics = stand.scrape()
    ensemble.order("note_frames", True)
    ensemble.start("talk", lambda _: (seats, packets_per_s))
    ensemble.wait(stand.stage, f"listeners on TCP, groups of {one.size}", warm_s)
    begin = mark(pid)
    ensemble.wait(stand.stage, f"listeners on TCP, groups of {one.size}", seconds)
    end = mark(pid)
    pace = ensemble.finish()[0]
    time.sleep(DRAIN_S)
    after = stand.scrape()
    frames, crowd_busy = ensemble.order("frames_heard")[0]
    ensemble.order("release", seats)
    ensemble.order("talkers_by_websocket", seats)
    heard = _heard(frames, crowd_busy)
    places = rtp_places(heard.head, board.ssrc[: len(seats)])
    stream = one.stream(ensemble.board.handsets)
    delivery, arrived = tally(stream, board.sent_ns, heard, places, (begin.at_ns, end.at_ns))
    return StepFigures(
        column="websocket",
        groups=len(one.groups),
        members=one.size,
        datagram_bytes=0.0,
        **spent(begin, end, arrived),
        delivery=delivery,
        listeners=int(stream.listeners().sum()),
        access_ms=percentiles(access),
        lag_ms=lag_ms(metrics, after),
        drops=drops(metrics, after),
        harness={"crowd": round(crowd_busy, 3)},
        warnings=harness_warnings(pace, crowd_busy),
    )


def _heard(frames: list[tuple[int, int, bytes]], busy: float) -> Heard:
    handset, arrival, heads = zip(*frames, strict=True) if frames else ((), (), ())
    head = np.frombuffer(b"".join(heads), np.uint8).reshape(-1, 12)
    return Heard(
        np.array(handset, np.int32),
        np.array(arrival, np.int64),
        head,
        np.zeros(len(head), np.int32),
        0,
        {},
        {},
        busy,
        1.0,
    )
