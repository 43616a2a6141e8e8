import pytest

from ptthandset.audio.arrival import WINDOW_PACKETS, ArrivalMeter

FRAME_S = 0.02


def meter_after(transits_s: list[float], initial_delay_s: float = 0.06) -> ArrivalMeter:
    meter = ArrivalMeter(initial_delay_s, max_delay_s=0.4)
    for n, transit_s in enumerate(transits_s):
        meter.observe(n * FRAME_S + transit_s, n * FRAME_S)
    return meter


def test_the_initial_delay_is_believed_until_the_window_is_full() -> None:
    assert meter_after([5.0] * (WINDOW_PACKETS // 2)).delay_s(FRAME_S) == 0.06
    assert meter_after([5.0] * WINDOW_PACKETS).delay_s(FRAME_S) == FRAME_S


def test_the_delay_covers_the_slow_packets_but_not_the_slowest() -> None:
    uneven = [5.0 + 0.1 * (n % 10 == 0) for n in range(200)]
    assert meter_after(uneven).delay_s(FRAME_S) == pytest.approx(0.1)
    one_straggler = [5.0 + 0.1 * (n == 150) for n in range(200)]
    assert meter_after(one_straggler).delay_s(FRAME_S) == FRAME_S


def test_the_delay_has_a_ceiling() -> None:
    assert meter_after([5.0 + (n % 2) for n in range(200)]).delay_s(FRAME_S) == 0.4


def test_speech_from_before_the_grant_is_not_jitter() -> None:
    preroll = [5.0 + 1.0 - n * FRAME_S for n in range(50)]
    assert meter_after(preroll + [5.0] * 60).delay_s(FRAME_S) == FRAME_S


def test_the_jitter_is_that_of_rfc_3550() -> None:
    assert meter_after([5.0] * 100).jitter_s == pytest.approx(0)
    assert meter_after([5.0, 5.016]).jitter_s == pytest.approx(0.001)
    assert meter_after([5.0 + 0.01 * (n % 2) for n in range(200)]).jitter_s == pytest.approx(0.01, rel=0.01)


def test_a_restart_forgets_the_path_and_keeps_the_jitter() -> None:
    meter = meter_after([5.0 + 0.1 * (n % 2) for n in range(200)])
    meter.restart([])
    meter.observe(9.0, 3.0)
    assert meter.due_s(3.0, FRAME_S) == pytest.approx(9.1)
    assert meter.lag_s(9.1, 3.0) == pytest.approx(0.1)
