"""The loss pane's chart: marks where they belong, a log axis when it helps, no loss left out."""

import math
from itertools import product

import numpy as np
import pytest

from tui_trainer.plotting.canvas import draw, plot_area
from tui_trainer.plotting.chart import Curve, Scatter, VerticalLine
from tui_trainer.plotting.loss_chart import loss_chart
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.history import History
from tui_trainer.training.marks import LossMarks

NAN, INF = math.nan, math.inf
WIDTH, HEIGHT = 60, 20
NO_MARKS = LossMarks()


def history(train, val=None, bound=None):
    result = History()
    arrays = [train, train if val is None else val, bound]
    result.append(*(None if a is None else np.asarray(a, np.float32) for a in arrays))
    return result


def falling(steps, first=9.0, last=5.0):
    return np.linspace(first, last, steps, dtype=np.float32)


def noisy(steps):
    return falling(steps) + np.random.default_rng(0).normal(0, 1, steps).astype(np.float32)


def chart_of(losses, marks=NO_MARKS, width=WIDTH, height=HEIGHT, **options):
    return loss_chart(losses, marks, width, height, **options)


def layers(chart, kind, role):
    return [layer for layer in chart.layers if isinstance(layer, kind) and layer.role is role]


def curve(chart, role):
    (layer,) = layers(chart, Curve, role)
    return layer


def cells_of(chart, role, width=WIDTH, height=HEIGHT, charset=Charset.UNICODE):
    """The cells that show a role inside the plot: (column, row from the bottom)."""
    columns, rows = plot_area(chart.y, width, height)
    found = []
    for row, runs in enumerate(draw(chart, width, height, charset).rows[:rows]):
        inside = [run.role for run in runs for _ in run.text][width - columns :]
        found += [(column, rows - 1 - row) for column, r in enumerate(inside) if r is role]
    return found


def cell_at(chart, step, loss, width=WIDTH, height=HEIGHT):
    """The cell where a loss belongs, by the chart's own axes."""
    columns, rows = plot_area(chart.y, width, height)
    x, y = float(chart.x.unit(step)), float(chart.y.unit(loss))
    return math.floor(x * (columns - 1) + 0.5), math.floor(y * (rows - 1) + 0.5)


def test_the_best_marker_stands_at_its_step_and_loss():
    for step, (width, height), charset in product(
        [1, 37, 80], [(60, 20), (80, 10), (113, 31), (30, 8)], Charset
    ):
        losses = falling(80)
        loss = float(losses[step - 1])
        chart = chart_of(history(losses), LossMarks(step, loss), width, height)
        found = cells_of(chart, Role.BEST, width, height, charset)
        (column, row), (expected, nearest) = *found, cell_at(chart, step, loss, width, height)
        assert column == expected
        assert abs(row - nearest) <= (charset is not Charset.ASCII)  # that of the curve's dot


def test_the_stop_line_stands_at_its_step_from_bottom_to_top():
    for step, charset in product([1, 40, 80], Charset):
        chart = chart_of(history(falling(80)), LossMarks(stop_step=step))
        found = cells_of(chart, Role.STOP, charset=charset)
        column, _ = cell_at(chart, step, 9.0)
        assert {place for place, _ in found} == {column}
        assert len(found) >= HEIGHT - 2 - 3  # all but those that a curve crosses


def test_each_change_of_lr_has_its_line():
    chart = chart_of(history(falling(80)), LossMarks(lr_changes=(20, 60)))
    assert [line.x for line in layers(chart, VerticalLine, Role.LR)] == [20, 60]
    places = {column for column, _ in cells_of(chart, Role.LR)}
    assert places == {cell_at(chart, step, 9.0)[0] for step in (20, 60)}


def test_without_marks_there_are_none():
    chart = chart_of(history(falling(80)))
    for role in (Role.BEST, Role.STOP, Role.LR):
        assert not cells_of(chart, role)


def test_the_best_marker_is_seen_over_the_stop_line():
    chart = chart_of(history(falling(80)), LossMarks(80, 5.0, stop_step=80))
    assert len(cells_of(chart, Role.BEST)) == 1


def test_both_losses_count_for_the_factor():
    for other in [0.5, 90.0]:
        assert chart_of(history(falling(50), falling(50, other, other))).y.log


def test_what_was_asked_for_goes_over_the_factor():
    assert not chart_of(history(falling(50, 100, 1)), log=False).y.log
    assert chart_of(history(falling(50, 9, 5)), log=True).y.log


def test_a_zero_lies_at_the_foot_of_a_log_axis_that_was_asked_for():
    chart = chart_of(history([10.0, 0.0, 0.0, 0.0]), log=True)
    assert chart.y.log
    assert chart.y.low > -2
    assert min(row for _, row in cells_of(chart, Role.TRAIN)) == 0


def test_losses_that_are_not_finite_do_not_move_the_axis():
    for bad in [NAN, INF, -INF]:
        good = falling(50)
        with_bad = good.copy()
        with_bad[[10, 49]] = bad
        assert chart_of(history(with_bad)).y == chart_of(history(good)).y


def test_every_loss_is_inside_the_axes():
    for losses, log in product(
        [falling(140), falling(5000, 20, 0.01), [6.0], [3e38, 1e38]], [None, True, False]
    ):
        y = chart_of(history(losses), log=log).y
        low, high = float(np.min(losses)), float(np.max(losses))
        if y.log:
            low, high = math.log10(low), math.log10(high)
        rounding = 1e-8 * (y.high - y.low)
        assert y.low - rounding <= low <= high <= y.high + rounding


def test_the_bound_is_no_reason_to_widen_the_axis():
    losses = falling(80)
    assert chart_of(history(losses, bound=losses * 50)).y == chart_of(history(losses)).y


def test_the_axis_stands_still_while_a_run_grows_inside_it():
    charts = [chart_of(history(falling(140)[:steps])) for steps in range(101, 140)]
    assert len({chart.x for chart in charts}) == 1


def test_the_bound_is_drawn_from_where_it_was_armed():
    losses, bound = falling(100), falling(100) + 2
    bound[:50] = NAN
    chart = chart_of(history(losses, bound=bound))
    found = cells_of(chart, Role.BOUND)
    armed, _ = cell_at(chart, 51, 9.0)
    assert min(column for column, _ in found) in (armed - 1, armed)
    for step in (60, 80, 99):
        column, row = cell_at(chart, step, bound[step - 1])
        assert (column, row) in {(c + dx, r) for c, r in found for dx in (-1, 0, 1)}


def test_without_a_rule_no_bound_is_drawn():
    assert not cells_of(chart_of(history(falling(100))), Role.BOUND)


def test_smoothing_leaves_the_raw_curve_behind():
    for steps in [300, 50_000]:
        losses = history(noisy(steps), noisy(steps) + 1)
        plain, smooth = chart_of(losses), chart_of(losses, smooth=True)
        for role, raw in ((Role.TRAIN, Role.TRAIN_RAW), (Role.VALIDATION, Role.VALIDATION_RAW)):
            before, behind, over = curve(plain, role), curve(smooth, raw), curve(smooth, role)
            assert np.array_equal(behind.low, before.low)
            assert np.array_equal(behind.high, before.high)
            assert np.array_equal(over.x, behind.x)
            assert np.ptp(over.low) < np.ptp(behind.low)
            assert smooth.layers.index(behind) < smooth.layers.index(over)
            assert cells_of(smooth, raw)
            assert not cells_of(plain, raw)


def test_smoothing_takes_the_mean_of_the_steps_so_far():
    losses = noisy(100)
    chart = chart_of(history(losses), smooth=True, width=200)
    smoothed = curve(chart, Role.TRAIN).low
    assert len(smoothed) == 100
    expected = [losses[max(0, n - 7) : n + 1].mean() for n in range(100)]
    assert smoothed == pytest.approx(expected, rel=1e-5)


def test_smoothing_moves_neither_axis_nor_marks():
    losses, marks = history(noisy(200)), LossMarks(150, 5.0, 200, (30,))
    plain, smooth = chart_of(losses, marks), chart_of(losses, marks, smooth=True)
    assert (plain.x, plain.y) == (smooth.x, smooth.y)
    assert cells_of(plain, Role.BEST) == cells_of(smooth, Role.BEST)


def test_smoothing_keeps_gaps():
    losses = noisy(40)
    losses[20] = NAN
    chart = chart_of(history(losses), smooth=True, width=100)
    assert np.flatnonzero(np.isnan(curve(chart, Role.TRAIN).low)).tolist() == [20]


def test_a_spike_of_one_step_is_seen_wherever_it_is():
    for steps in (90, 5000, 100_000):
        level = falling(steps, 5, 5)
        for place in np.linspace(0, steps - 1, 20).astype(int):
            losses = level.copy()
            losses[place] = 9.0
            chart = chart_of(history(losses, level))
            column, row = cell_at(chart, place + 1, 9.0)
            for charset in Charset:
                tops = [c for c, r in cells_of(chart, Role.TRAIN, charset=charset) if r == row]
                assert tops, f"the spike at step {place + 1} is lost"
                assert all(abs(c - column) <= 1 for c in tops)


def test_a_chart_has_no_more_points_than_its_columns_show():
    for role in (Role.TRAIN, Role.VALIDATION):
        assert len(curve(chart_of(history(noisy(500_000))), role).x) <= 2 * WIDTH


def test_train_and_validation_differ_by_more_than_colour():
    chart = chart_of(history(falling(50)))
    train, val = curve(chart, Role.TRAIN), curve(chart, Role.VALIDATION)
    assert train.dash is not val.dash
    assert train.ascii != val.ascii


def test_no_history_breaks_the_chart():
    for losses, (width, height) in product(
        [[], [NAN], [5.0], [0.0, 0.0], [1.0, INF, NAN, 3.0], [-1.0, -2.0], [3e38, 1.0]],
        [(0, 0), (1, 1), (12, 3), (20, 5), (60, 20)],
    ):
        for log in (None, True, False):
            for smooth in (True, False):
                marks = LossMarks(1, 5.0, max(1, len(losses)), (1,))
                chart = chart_of(
                    history(losses, bound=losses), marks, width, height, log=log, smooth=smooth
                )
                for charset in Charset:
                    rows = draw(chart, width, height, charset).rows
                    assert [sum(len(run.text) for run in row) for row in rows] == [width] * height


def test_the_best_marker_needs_both_its_step_and_its_loss():
    for marks in (LossMarks(best_step=3), LossMarks(best_val_loss=5.0)):
        assert not layers(chart_of(history(falling(9)), marks), Scatter, Role.BEST)
