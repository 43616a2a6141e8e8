"""All in simulated time: the loudspeaker wants the next sound when the last is used up."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptthandset.audio.jitter_buffer import Conceal, JitterBuffer, Pause, Play, Recover, Step
from pttserver.wire.rtp import RtpPacket

SILK_20_MS, SILK_60_MS = 9 << 3, 11 << 3
VOICE_WITH_FEC, VOICE = 0b1100_0000, 0b1000_0000
TICK_S = 0.02

Arrivals = list[tuple[float, RtpPacket]]
Heard = list[tuple[float, Step | None]]


def packet(number: int, fec: bool = True, sequence: int | None = None, frames_late: int = 0) -> RtpPacket:
    payload = bytes([SILK_20_MS, VOICE_WITH_FEC if fec else VOICE, number & 0xFF])
    timestamp = (number + frames_late) * 960
    return RtpPacket((number if sequence is None else sequence) & 0xFFFF, timestamp & 0xFFFFFFFF, 7, payload)


def steady(numbers: range, start: float = 0.0) -> Arrivals:
    return [(start + n * TICK_S, packet(n)) for n in numbers]


def play(buffer: JitterBuffer, arrivals: Arrivals, until: float, start: float = 0.001) -> Heard:
    coming = sorted(arrivals, key=lambda arrival: arrival[0])
    heard: Heard = []
    now = start
    while now < until:
        while coming and coming[0][0] <= now:
            buffer.push(*coming.pop(0))
        step = buffer.pop(now)
        heard.append((now, step))
        now += step.duration_ms / 1000 if step else TICK_S
    return heard


def numbers_of(heard: Heard) -> list[int]:
    return [step.packet.sequence for _, step in heard if isinstance(step, Play)]


def shape_of(heard: Heard) -> str:
    """One letter per step: p(lay), r(ecover), c(onceal), and . for silence."""
    return "".join("." if step is None else type(step).__name__[0].lower() for _, step in heard)


def test_a_steady_burst_is_played_in_order_after_the_initial_delay() -> None:
    buffer = JitterBuffer(initial_delay_s=0.06)
    heard = play(buffer, steady(range(50)), 1.0)
    assert numbers_of(heard) == list(range(47))
    assert shape_of(heard) == "..." + "p" * 47
    assert 60 <= buffer.statistics.delay_ms <= 80


def test_packets_that_overtook_each_other_are_put_back() -> None:
    arrivals = [(at, packet(n ^ 1)) for at, n in ((n * TICK_S, n) for n in range(40))]
    assert numbers_of(play(JitterBuffer(), arrivals, 1.2))[:40] == list(range(40))


def test_a_lost_frame_is_recovered_from_the_next_packet() -> None:
    buffer = JitterBuffer()
    heard = play(buffer, [a for a in steady(range(30)) if a[1].sequence != 10], 0.6)
    assert shape_of(heard) == "..." + "p" * 10 + "r" + "p" * 16
    recover = heard[13][1]
    assert isinstance(recover, Recover)
    assert recover.next_packet.sequence == 11
    assert (buffer.statistics.lost, buffer.statistics.recovered_by_fec, buffer.statistics.concealed) == (
        1,
        1,
        0,
    )


def test_a_lost_frame_without_fec_is_concealed() -> None:
    arrivals = [(n * TICK_S, packet(n, fec=False)) for n in range(30) if n != 10]
    assert shape_of(play(JitterBuffer(), arrivals, 0.4)) == "..." + "p" * 10 + "c" + "p" * 6


def test_losses_far_apart_do_not_add_up_to_a_blackout() -> None:
    buffer = JitterBuffer()
    play(buffer, [(n * TICK_S, packet(n, fec=False)) for n in range(100) if n % 10], 1.8)
    assert buffer.statistics.lost == buffer.statistics.concealed == 8
    assert buffer.statistics.restarts == 0


def test_of_three_lost_frames_the_last_is_recovered() -> None:
    heard = play(JitterBuffer(initial_delay_s=0.1), [a for a in steady(range(30)) if not 10 <= a[1].sequence < 13], 0.6)
    assert "pccrp" in shape_of(heard)
    assert numbers_of(heard)[:12] == [*range(10), 13, 14]


def test_copies_are_counted_before_and_after_they_are_played() -> None:
    buffer = JitterBuffer()
    play(buffer, steady(range(30)) + steady(range(30), start=0.01) + steady(range(10), start=0.3), 1.0)
    assert buffer.statistics.duplicated == 40
    assert buffer.statistics.played == 30


def test_a_packet_that_comes_after_its_time_is_late() -> None:
    buffer = JitterBuffer()
    arrivals = [(at + 0.2 * (p.sequence == 10), p) for at, p in steady(range(40))]
    heard = play(buffer, arrivals, 0.7)
    assert 10 not in numbers_of(heard)
    assert (buffer.statistics.lost, buffer.statistics.late) == (1, 1)


def test_speech_from_before_the_grant_is_played_whole_at_natural_pace_and_at_once() -> None:
    buffer = JitterBuffer()
    recorded = [(0.0, packet(n)) for n in range(100)]  # 2 s
    live = [(0.0 + n * TICK_S, packet(100 + n)) for n in range(50)]
    heard = play(buffer, recorded + live, 3.3)
    buffer.end()
    assert numbers_of(heard) == list(range(150))
    assert shape_of(heard[:150]) == "p" * 150
    assert buffer.statistics.lost == buffer.statistics.overflowed == 0


def test_more_than_three_seconds_lose_the_oldest() -> None:
    buffer = JitterBuffer()
    for n in range(200):
        buffer.push(0.0, packet(n))
    assert (buffer.statistics.overflowed, buffer.buffered_packets) == (50, 150)
    assert numbers_of(play(buffer, [], 3.0))[0] == 50


def test_memory_is_bounded_whatever_the_timestamps_say() -> None:
    buffer = JitterBuffer()
    for n in range(5000):
        buffer.push(0.0, RtpPacket(n, 0, 7, packet(0).payload))
    assert buffer.buffered_packets <= 600


def test_a_listener_may_enter_in_the_middle_of_a_burst() -> None:
    buffer = JitterBuffer()
    heard = play(buffer, steady(range(40_000, 40_050), start=-800.0), 1.0)
    assert numbers_of(heard) == list(range(40_000, 40_047))
    assert buffer.statistics.lost == 0


def test_sequence_numbers_and_timestamps_wrap() -> None:
    numbers = range(65_500, 65_600)
    buffer = JitterBuffer()
    first_timestamp = 2**32 - 20 * 960
    arrivals = [
        (k * TICK_S, RtpPacket(n & 0xFFFF, (first_timestamp + k * 960) & 0xFFFFFFFF, 7, packet(n).payload))
        for k, n in enumerate(numbers)
    ]
    heard = play(buffer, arrivals, 2.0)
    assert numbers_of(heard)[:97] == [n & 0xFFFF for n in numbers][:97]
    assert buffer.statistics.lost == 0


def test_after_the_end_the_rest_is_played_and_nothing_is_guessed() -> None:
    buffer = JitterBuffer()
    for at, burst_packet in steady(range(5)):
        buffer.push(at, burst_packet)
    buffer.end()
    heard = play(buffer, [], 0.6, start=0.09)
    assert shape_of(heard).rstrip(".") == "ppppp"
    assert buffer.drained


def test_a_burst_of_one_packet_is_heard() -> None:
    buffer = JitterBuffer()
    buffer.push(0.0, packet(0))
    buffer.end()
    assert numbers_of(play(buffer, [], 0.2)) == [0]


def test_a_blackout_is_concealed_shortly_then_silent_then_the_burst_goes_on() -> None:
    buffer = JitterBuffer()
    heard = play(buffer, [a for a in steady(range(100)) if not 20 <= a[1].sequence < 60], 2.0)
    middle = shape_of(heard).strip(".").strip("p")
    assert middle.startswith("cccccc.")  # 120 ms
    assert set(middle[6:]) == {"."}
    assert numbers_of(heard)[:40] == [*range(20), *range(60, 80)]
    assert buffer.statistics.lost == 40
    assert buffer.statistics.restarts == 1


def test_after_a_stall_everything_that_was_held_up_is_heard() -> None:
    stalled = [(max(at, 0.9) if at >= 0.4 else at, p) for at, p in steady(range(100))]
    buffer = JitterBuffer()
    heard = play(buffer, stalled, 3.0)
    assert numbers_of(heard) == list(range(100))
    assert buffer.statistics.lost == buffer.statistics.late == 0


def test_a_slower_path_is_followed() -> None:
    moved = [(at + (0.3 if at > 0.5 else 0), p) for at, p in steady(range(100))]
    buffer = JitterBuffer(initial_delay_s=0.06)
    heard = play(buffer, moved, 3.0)
    assert numbers_of(heard) == list(range(100))
    first = min(now for now, step in heard if isinstance(step, Play) and step.packet.sequence == 26)
    assert first >= 0.82 + 0.06  # its delay is held again, on top of the new path
    assert buffer.statistics.restarts == 2  # the move, and the end that nobody told


def test_a_buffer_that_is_too_short_grows() -> None:
    jittery = [(at + 0.09 * (p.sequence % 5 == 4), p) for at, p in steady(range(300))]
    buffer = JitterBuffer(initial_delay_s=0.02)
    play(buffer, jittery, 7.0)
    assert buffer.statistics.delay_ms >= 80
    assert buffer.statistics.late <= 5
    assert 0.08 <= buffer.target_delay_s <= 0.1


def test_a_pause_of_dtx_is_as_long_as_it_was() -> None:
    before = steady(range(20))
    after = [(1.0 + n * TICK_S, packet(20 + n, sequence=20 + n, frames_late=30)) for n in range(20)]
    buffer = JitterBuffer()
    heard = play(buffer, before + after, 2.0)
    times = {step.packet.sequence: now for now, step in heard if isinstance(step, Play)}
    assert 0.60 <= times[20] - times[19] <= 0.66
    assert buffer.statistics.lost == 0


def test_a_pause_within_preroll_is_kept_too() -> None:
    recorded = [(0.0, packet(n, sequence=n, frames_late=30 * (n >= 20))) for n in range(40)]
    buffer = JitterBuffer()
    heard = play(buffer, recorded, 3.0)
    pauses = [step.duration_ms for _, step in heard if isinstance(step, Pause)]
    assert pauses == [pytest.approx(600)]
    assert numbers_of(heard) == list(range(40))


def test_a_short_pause_is_not_heard_twice() -> None:
    after = [(0.46 + n * TICK_S, packet(20 + n, sequence=20 + n, frames_late=3)) for n in range(20)]
    heard = play(JitterBuffer(initial_delay_s=0.02), steady(range(20)) + after, 0.8)
    times = {step.packet.sequence: now for now, step in heard if isinstance(step, Play)}
    assert times[20] - times[19] == pytest.approx(0.08)


def test_a_pause_of_an_hour_is_cut() -> None:
    buffer = JitterBuffer()
    buffer.push(0.0, packet(0))
    assert isinstance(buffer.pop(0.1), Play)
    buffer.push(0.1, packet(1, sequence=1, frames_late=180_000))
    assert buffer.pop(0.12) == Pause(3000)
    assert isinstance(buffer.pop(3.12), Play)


def test_long_packets_are_waited_for_in_short_steps() -> None:
    buffer = JitterBuffer()
    buffer.push(0.0, RtpPacket(0, 0, 7, bytes([SILK_60_MS, VOICE, 0])))
    heard = play(buffer, [], 0.3)
    assert [step.duration_ms for _, step in heard if step] == [60] + [20] * 6
    assert {type(step) for _, step in heard if step} == {Play, Conceal}


def test_what_is_not_opus_is_counted_and_dropped() -> None:
    buffer = JitterBuffer()
    buffer.push(0.0, RtpPacket(0, 0, 7, b""))
    assert buffer.statistics.malformed == 1
    assert buffer.buffered_packets == 0


@st.composite
def links(draw: st.DrawFn) -> tuple[float, Arrivals, set[int]]:
    """A burst over a link that loses, delays, reorders and copies; at most five packets lost in a row."""
    count = draw(st.integers(1, 120))
    first = draw(st.integers(0, 65_535))
    jitter_s = draw(st.floats(0, 0.4))
    kept = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    for n in range(5, count):
        kept[n] |= not any(kept[n - 5 : n])
    delays = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    copies = draw(st.lists(st.integers(0, count - 1), max_size=20))
    numbers = [n for n in range(count) if kept[n]]
    numbers += [n for n in copies if kept[n]]
    arrivals = [
        (n * TICK_S + jitter_s * delays[(n + k * 7) % count], packet(n, sequence=first + n))
        for k, n in enumerate(numbers)
    ]
    return jitter_s, arrivals, {(first + n) & 0xFFFF for n in range(count) if kept[n]}


def in_order(numbers: list[int]) -> bool:
    return all(0 < (after - before) % 65_536 < 32_768 for before, after in pairwise(numbers))


def accounted_for(buffer: JitterBuffer) -> bool:
    s = buffer.statistics
    return s.received == s.played + s.late + s.duplicated + s.overflowed + s.malformed + buffer.buffered_packets


@settings(max_examples=200, deadline=None)
@given(links(), st.floats(0.02, 0.4), st.floats(0.1, 3))
def test_nothing_is_played_out_of_order_or_twice_and_all_is_accounted_for(link, initial_delay_s, until) -> None:
    buffer = JitterBuffer(initial_delay_s)
    heard = play(buffer, link[1], until)
    assert in_order(numbers_of(heard))
    assert accounted_for(buffer)


@settings(max_examples=200, deadline=None)
@given(links())
def test_what_was_not_lost_is_played_when_the_delay_covers_the_jitter(link) -> None:
    jitter_s, arrivals, kept = link
    buffer = JitterBuffer(initial_delay_s=max(0.02, jitter_s))
    heard = play(buffer, arrivals, 6.0)
    assert set(numbers_of(heard)) == kept
    assert buffer.statistics.late == 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 0.1),
            st.integers(0, 65_535),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=3),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_no_packet_however_odd_confuses_the_account(odd) -> None:
    buffer, now = JitterBuffer(), 0.0
    for wait_s, sequence, timestamp, payload, popped in odd:
        now += wait_s
        buffer.push(now, RtpPacket(sequence, timestamp, 7, payload))
        if popped:
            buffer.pop(now)
        assert accounted_for(buffer)
    buffer.end()
    for tick in range(2000):
        buffer.pop(now + tick * TICK_S)
    assert buffer.drained
