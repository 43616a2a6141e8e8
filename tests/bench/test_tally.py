"""What was sent against what was heard: loss, doubling, order, delay, and whose fault it is."""

import numpy as np
import pytest

from bench.board import LONGEST_STREAM
from bench.ear import Heard
from bench.figures import harness_warnings, spent
from bench.meter import Mark
from bench.runs.saturate import lost_by_server
from bench.talking import Pace
from bench.tally import Stream, percentiles, quantiles, rtp_places, tally

MS = 1_000_000
SSRC = np.array([900, 100], np.uint32)  # of the two talkers; not in order
STREAM = Stream(np.array([0, 0, 0, 1, 1], np.int32), np.array([0, 3], np.int32))


def heard(*arrivals: tuple[int, int, int, int]) -> Heard:
    """(handset, SSRC, sequence number, millisecond) each."""
    handset, ssrc, sequence, at_ms = (np.array(column) for column in zip(*arrivals, strict=True))
    head = np.zeros((len(arrivals), 12), np.uint8)
    head[:, 2:4] = sequence.astype(">u2").reshape(-1, 1).view(np.uint8)
    head[:, 8:12] = ssrc.astype(">u4").reshape(-1, 1).view(np.uint8)
    port = np.zeros(len(arrivals), np.int32)
    return Heard(handset.astype(np.int32), at_ms * MS, head, port, 0, {}, {}, 0.0, 1.0)


@pytest.fixture
def sent_ns() -> np.ndarray:
    """Group 0 speaks at 10, 30, 50 ms, group 1 at 20 ms."""
    sent = np.zeros((2, LONGEST_STREAM), np.int64)
    sent[0, :3] = np.array([10, 30, 50]) * MS
    sent[1, 0] = 20 * MS
    return sent


def delivery(sent_ns, found, window_ms=(1, 1000)):
    places = rtp_places(found.head, SSRC)
    return tally(STREAM, sent_ns, found, places, (window_ms[0] * MS, window_ms[1] * MS))


def test_all_that_was_sent_is_expected_at_all_but_the_talker(sent_ns) -> None:
    everything = [(handset, 900, n, 11 + 20 * n) for handset in (1, 2) for n in range(3)] + [(4, 100, 0, 25)]
    found, arrived = delivery(sent_ns, heard(*everything))
    assert (found.sent_packets, found.expected, found.delivered, found.lost) == (4, 7, 7, 0)
    assert (found.duplicated, found.reordered, found.unknown, arrived) == (0, 0, 0, 7)
    assert found.delay_ms["p50"] == 1
    assert found.delay_ms["max"] == 5


def test_loss_doubling_and_disorder_are_told_apart(sent_ns) -> None:
    found, arrived = delivery(sent_ns, heard((1, 900, 1, 31), (1, 900, 0, 40), (1, 900, 0, 41), (2, 900, 2, 51)))
    assert (found.delivered, found.lost, found.duplicated, found.reordered) == (3, 4, 1, 1)
    assert arrived == 4
    assert found.loss == pytest.approx(4 / 7)


def test_what_no_talker_of_the_group_sent_is_unknown(sent_ns) -> None:
    found, _ = delivery(sent_ns, heard((1, 100, 0, 21), (1, 77, 0, 21), (4, 100, 0, 21)))
    assert (found.unknown, found.delivered) == (2, 1)


def test_only_what_was_sent_within_the_window_counts(sent_ns) -> None:
    everything = heard(*((1, 900, n, 11 + 20 * n) for n in range(3)))
    found, arrived = delivery(sent_ns, everything, (25, 45))
    assert (found.sent_packets, found.expected, found.delivered) == (1, 2, 1)
    assert arrived == 1


def test_percentiles_and_quantiles() -> None:
    assert percentiles([]) == {}
    assert quantiles([]) == []
    assert percentiles([1.0, 2.0, 3.0])["p50"] == 2
    assert quantiles([3.0, 1.0, 2.0], 2) == [1, 2, 3]


def test_what_a_process_spent() -> None:
    found = spent(Mark(0, 1.0, 10), Mark(2_000_000_000, 1.5, 30), arrived=100_000)
    assert found == {
        "seconds": 2.0, "delivered_per_s": 50_000.0, "cpu_us_per_datagram": 5.0, "cpu_share": 0.25,
        "switches_per_s": 10.0,
    }  # fmt: skip


def test_the_harness_admits_when_it_was_slow() -> None:
    assert harness_warnings(Pace(1000, 10, 9.0, 0.1, 1.0), 0.5) == []
    late, busy, unread = harness_warnings(Pace(1000, 11, 9.0, 0.1, 1.0), 0.9, 7)
    assert "11 of 1000" in late
    assert "90%" in busy
    assert "7 datagrams" in unread


def test_what_the_harness_did_not_read_is_no_loss_of_the_server() -> None:
    step = {"delivery": {"lost": 30, "expected": 1000}, "harness": {"unread": 20}}
    assert lost_by_server(step) == pytest.approx(0.01)
    assert lost_by_server({**step, "harness": {"unread": 40}}) == 0
    assert lost_by_server({**step, "harness": {}}) == pytest.approx(0.03)
