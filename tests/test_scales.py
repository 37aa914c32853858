"""Axes: they hold the data, stand still, and say round numbers."""

import math
from itertools import product

import numpy as np
import pytest

from tui_trainer.plotting.row_scales import log_row_scale, loss_scale, row_scale
from tui_trainer.plotting.scales import data_scale, linear_scale, log_scale, step_scale

RANGES = [
    (0.0, 1.0),
    (0.13, 0.87),
    (-3.2, 4.9),
    (-9.4, -1.7),
    (0.0, 19.3),
    (1e-12, 9e-12),
    (0.0, 1e-30),
    (1e-45, 3e-45),
    (2e30, 7e35),
    (0.0, 3e38),
    (-3e38, 3e38),
    (1000.0, 1000.5),
    (99.9, 100.1),
]
CONSTANTS = [0.0, 1.0, -5.0, 6.26, 1e-30, 1e-45, 3e38, -3e38]
NUMBERS_OF_TICKS = [3, 5, 9]


def values(axis):
    return [value for value, _ in axis.ticks]


def labels(axis):
    return [label for _, label in axis.ticks]


def is_round(number, mantissas):
    """Whether a number is one of `mantissas` times a power of ten."""
    exponent = math.floor(math.log10(number) + 1e-9)
    return any(math.isclose(number, m * 10.0**exponent, rel_tol=1e-6) for m in mantissas)


def test_a_linear_axis_holds_its_data():
    for (low, high), most_ticks in product(RANGES, NUMBERS_OF_TICKS):
        axis = linear_scale(low, high, most_ticks)
        rounding = 1e-8 * (axis.high - axis.low)
        assert axis.low <= low + rounding
        assert axis.high >= high - rounding


def test_linear_ticks_are_multiples_of_a_round_step():
    for (low, high), most_ticks in product(RANGES, NUMBERS_OF_TICKS):
        axis = linear_scale(low, high, most_ticks)
        steps = np.diff(values(axis))
        assert is_round(steps[0], (1, 2, 2.5, 5))
        assert np.allclose(steps, steps[0], rtol=1e-6, atol=0)
        multiples = np.array(values(axis)) / steps[0]
        assert np.allclose(multiples, np.rint(multiples), rtol=1e-9)


def test_a_linear_axis_has_ticks_at_both_ends_and_no_more_than_asked_for():
    for (low, high), most_ticks in product(RANGES, NUMBERS_OF_TICKS):
        axis = linear_scale(low, high, most_ticks)
        assert 2 <= len(axis.ticks) <= most_ticks
        assert values(axis)[0] == axis.low
        assert values(axis)[-1] == axis.high


def test_an_axis_over_zero_has_three_ticks_where_two_can_not_hold_it():
    for most_ticks in [1, 2]:
        assert values(linear_scale(-1.0, 1.0, most_ticks)) in ([-1, 0, 1], [-2, 0, 2])


def test_a_constant_lies_inside_a_linear_axis():
    for constant in CONSTANTS:
        axis = linear_scale(constant, constant, 5)
        assert axis.low < constant < axis.high
        assert 0.2 < float(axis.unit(constant)) < 0.8


def test_what_float32_can_not_tell_apart_counts_as_a_constant():
    axis = linear_scale(1.0, 1.0 + 1e-7, 5)
    assert axis.high - axis.low >= 0.1


def test_limits_that_are_not_finite_give_a_plain_axis():
    for low, high in product([math.nan, -math.inf, 0.0], [math.nan, math.inf]):
        axis = linear_scale(low, high, 5)
        assert (axis.low, axis.high) == (0.0, 1.0)
        assert 2 <= len(axis.ticks) <= 5


def test_labels_have_the_digits_that_their_step_needs():
    for low, high, expected in [
        (0.0, 20.0, ["0", "5", "10", "15", "20"]),
        (0.0, 10.0, ["0", "2.5", "5.0", "7.5", "10.0"]),
        (0.0, 0.4, ["0", "0.1", "0.2", "0.3", "0.4"]),
        (-4.0, 4.0, ["-4", "-2", "0", "2", "4"]),
    ]:
        assert labels(linear_scale(low, high, 5)) == expected


def test_no_two_ticks_have_the_same_label():
    for (low, high), most_ticks in product(
        [*RANGES, (1e6, 1.05e6), (936_392.0, 1_242_957.0), (1e30, 1e30), (2.0e6, 3.1e6)],
        NUMBERS_OF_TICKS,
    ):
        found = labels(linear_scale(low, high, most_ticks))
        assert len(set(found)) == len(found)


def test_labels_of_tiny_and_huge_numbers_stay_short():
    for high in [1e-12, 1e-30, 1e-45, 1e12, 1e30, 3e38]:
        assert max(len(label) for label in labels(linear_scale(0.0, high, 5))) <= 8


def test_a_data_axis_is_as_wide_as_its_data_with_round_ticks_inside():
    for low, high in [(-5.3, 5.1), (-0.5, 0.25), (100.0, 100.9)]:
        axis = data_scale(low, high, 5)
        assert (axis.low, axis.high) == (low, high)
        assert 1 <= len(axis.ticks) <= 5
        assert all(low <= value <= high for value in values(axis))


def test_a_data_axis_of_a_constant_has_room_for_it():
    for constant in [0.0, 6.26, -5.0]:
        axis = data_scale(constant, constant, 5)
        assert axis.low < constant < axis.high


LOG_RANGES = [
    (1.0, 10.0),
    (0.37, 21.0),
    (0.0012, 14.2),
    (1e-30, 1e30),
    (1e-45, 3e38),
    (4.1, 4.2),
    (1.0, 1.0),
    (3e-45, 3e-45),
    (3e38, 3e38),
    (2.0, 1e6),
]


def test_a_log_axis_holds_its_data_from_one_two_or_five_to_another():
    for (low, high), most_ticks in product(LOG_RANGES, [2, 3, 5, 9]):
        axis = log_scale(low, high, most_ticks)
        assert axis.log
        assert axis.low < axis.high
        assert axis.low <= math.log10(low) + 1e-8
        assert axis.high >= math.log10(high) - 1e-8
        assert is_round(10**axis.high, (1, 2, 5))
        assert axis.low < -44 or is_round(10**axis.low, (1, 2, 5))


def test_log_ticks_are_round_inside_and_no_more_than_asked_for():
    for (low, high), most_ticks in product(LOG_RANGES, [2, 3, 5, 9]):
        axis = log_scale(low, high, most_ticks)
        assert 1 <= len(axis.ticks) <= most_ticks
        for value in values(axis):
            assert axis.low - 1e-9 <= value <= axis.high + 1e-9
            assert is_round(
                10 ** (value + 60), (1, 2, 5)
            )  # + 60: a power no float is too small for
        assert len(set(labels(axis))) == len(axis.ticks)


def test_over_many_decades_log_ticks_are_whole_powers_of_ten_at_one_distance():
    for low, high in [(1e-3, 1e5), (1e-20, 1e20), (1e-45, 3e38)]:
        ticks = values(log_scale(low, high, 5))
        assert np.allclose(ticks, np.rint(ticks))
        assert len(set(np.diff(np.rint(ticks)))) == 1


def test_log_labels_read_like_numbers_where_they_are_near_one():
    assert labels(log_scale(0.001, 0.01, 4)) == ["0.001", "0.002", "0.005", "0.01"]
    assert labels(log_scale(1e-9, 1e9, 4)) == ["1e-9", "1e-4", "1e1", "1e6"]


def test_a_log_axis_starts_no_lower_than_float32_goes():
    axis = log_scale(0.0, 1.0, 5)
    assert -47 < axis.low < -44
    assert 0.0 <= float(axis.unit(0.0)) < 0.02


def test_units_run_from_zero_to_one_and_keep_nan():
    for make in [linear_scale, log_scale]:
        axis = make(1.0, 100.0, 5)
        units = axis.unit([axis.foot, axis.top, -math.inf, math.inf, 3e38, -3e38, 0.0, math.nan])
        assert units[:6] == pytest.approx([0, 1, 0, 1, 1, 0], abs=1e-12)
        assert 0 <= units[6] <= 1
        assert math.isnan(units[7])


def test_a_log_axis_puts_a_factor_at_the_same_distance_everywhere():
    units = log_scale(1.0, 1000.0, 5).unit([1.0, 10.0, 100.0, 1000.0])
    assert np.diff(units) == pytest.approx([1 / 3] * 3)


def test_a_step_axis_runs_from_zero_over_the_last_step_in_whole_steps():
    for last_step, columns in product(
        [0, 1, 9, 10, 11, 140, 999, 5000, 123_456, 1_000_000_000], [0, 4, 11, 12, 40, 50, 113]
    ):
        axis = step_scale(last_step, columns)
        assert axis.low == 0
        assert axis.high >= max(last_step, 10)
        assert all(value == int(value) and value <= axis.high for value in values(axis))
        assert len(set(labels(axis))) == len(axis.ticks)


def test_a_step_axis_has_room_for_its_labels():
    for columns in [12, 40, 113]:
        for last_step in (10, 140, 5000, 77_777, 1_000_000_000):
            axis = step_scale(last_step, columns)
            places = [value / axis.high * columns for value in values(axis)]
            widest = max(len(label) for label in labels(axis))
            assert all(np.diff(places) > widest)


def test_a_step_axis_moves_in_steps_and_only_up():
    highs = [step_scale(last_step, 80).high for last_step in range(1, 10_001)]
    assert highs == sorted(highs)
    assert len(set(highs)) <= 30
    assert all(high <= 1.5 * max(step, 10) for step, high in enumerate(highs, 1))


def test_step_labels_count_in_thousands_and_millions():
    assert labels(step_scale(5000, 60)) == ["0", "1000", "2000", "3000", "4000", "5000"]
    assert labels(step_scale(50_000, 60)) == ["0", "10k", "20k", "30k", "40k", "50k"]
    assert labels(step_scale(5_000_000, 60)) == ["0", "1M", "2M", "3M", "4M", "5M"]


def test_losses_are_on_a_log_scale_from_a_factor_of_ten_on():
    nan, inf = math.nan, math.inf
    for losses in ([1.0, 10.0], [nan, 1.0, inf, 20.0]):
        assert loss_scale(np.array(losses), 20).log
        assert not loss_scale(np.array(losses), 20, log=False).log
    for losses in ([1.0, 9.99], [0.0, 10.0], [-1.0, 10.0], [], [5.0], [nan, 1.0, inf], [nan]):
        assert not loss_scale(np.array(losses), 20).log


def test_a_log_scale_is_made_wherever_a_loss_is_above_zero():
    assert loss_scale(np.array([0.0, 2.0, 3.0]), 20, log=True).foot == pytest.approx(2.0)
    for losses in ([0.0], [-1.0], []):
        assert not loss_scale(np.array(losses), 20, log=True).log


def test_a_linear_scale_of_losses_starts_at_zero_unless_that_wastes_half_of_it():
    assert loss_scale(np.array([2.0, 5.0]), 20).foot == 0
    assert loss_scale(np.array([3.0, 5.0]), 20).foot == 3


def rows_of(axis, rows):
    return [(value - axis.low) / (axis.high - axis.low) * (rows - 1) for value in values(axis)]


def test_ticks_of_losses_stand_at_rows_and_none_beside_another():
    for (low, high), rows in product([*RANGES, *LOG_RANGES], [3, 4, 5, 7, 10, 18, 28, 45]):
        axes = [row_scale(low, high, rows), row_scale(low, high, rows, snug=True)]
        if low > 0:
            axes.append(log_row_scale(low, high, rows))
        for axis in axes:
            slack = 1e-6 * (axis.high - axis.low)
            bottom, top = (math.log10(low), math.log10(high)) if axis.log else (low, high)
            assert axis.low - slack <= bottom <= top <= axis.high + slack
            places = rows_of(axis, rows)
            assert places
            assert len(set(labels(axis))) == len(places)
            apart = np.diff(np.rint(places))
            assert all(apart >= 2)
            if not axis.log:
                assert places == pytest.approx(np.rint(places), abs=1e-4)
            elif high >= 3 * low:
                assert places == pytest.approx(np.rint(places), abs=0.25)


def test_labels_of_one_axis_are_written_one_way():
    for (low, high), rows in product(LOG_RANGES, [5, 10, 28]):
        found = labels(log_row_scale(low, high, rows))
        assert len({"e" in label for label in found}) == 1
    for last_step, columns in product([9, 999, 20_000, 123_456, 4_000_000], [40, 113]):
        found = [label for label in labels(step_scale(last_step, columns)) if label != "0"]
        assert len({label.strip("0123456789.") for label in found}) == 1


def test_an_axis_of_steps_ends_where_the_run_will():
    assert step_scale(2, 80, planned=2).high == 2
    assert step_scale(1, 80, planned=1).high == 1
    assert step_scale(2, 80, planned=5000).high == 10  # it would move with every step
    assert step_scale(6999, 80, planned=7000).high == 7000
    assert step_scale(150, 80, planned=100).high == 150
    highs = [step_scale(step, 80, planned=5000).high for step in range(1, 5001)]
    assert len(set(highs)) <= 30
