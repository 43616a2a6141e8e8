from ptthandset.audio.wrapping import WrappingCounter


def test_a_counter_runs_on_over_its_wraps() -> None:
    sequences = WrappingCounter(16)
    assert [sequences.follow(n) for n in (65_534, 65_535, 0, 1)] == [65_534, 65_535, 65_536, 65_537]
    assert sequences.follow(65_535) == 65_535


def test_what_came_before_the_first_may_be_negative() -> None:
    timestamps = WrappingCounter(32)
    assert [timestamps.follow(n) for n in (5, 2**32 - 955, 965)] == [5, -955, 965]


def test_half_the_range_is_the_farthest_step() -> None:
    sequences = WrappingCounter(16)
    assert [sequences.follow(n) for n in (0, 32_767, 65_534, 0)] == [0, 32_767, 65_534, 65_536]
