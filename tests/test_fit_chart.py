"""The fit pane's chart: the data fill it, the curve runs through it and is cut where it leaves."""

import math
from itertools import product

import numpy as np
import pytest

from tui_trainer.plotting.canvas import draw, plot_area
from tui_trainer.plotting.chart import Curve, Scatter
from tui_trainer.plotting.fit_chart import fit_chart
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.events import FitSampled, Points

NAN, INF = math.nan, math.inf
WIDTH, HEIGHT = 60, 20
X = np.linspace(-5, 5, 60, dtype=np.float32)
POINTS = Points(X, X**2 / 2 - 5, X, X**2 / 2 - 4.5)
GRID = np.linspace(-5.5, 5.5, 256, dtype=np.float32)


def fit(prediction, grid=GRID):
    values = np.broadcast_to(np.asarray(prediction, np.float32), grid.shape)
    return FitSampled(3, "last", grid, values, 0.5)


def chart_of(prediction, points=POINTS, width=WIDTH, height=HEIGHT):
    return fit_chart(points, fit(prediction), width, height)


def model_of(chart):
    (layer,) = [layer for layer in chart.layers if isinstance(layer, Curve)]
    assert layer.role is Role.MODEL
    return layer


def places(chart, role, width=WIDTH, height=HEIGHT, charset=Charset.UNICODE):
    """Where a role is drawn, in shares of the plot from the lower left, one a cell."""
    columns, rows = plot_area(chart.y, width, height)
    found = []
    for row, runs in enumerate(draw(chart, width, height, charset).rows[:rows]):
        inside = [run.role for run in runs for _ in run.text][width - columns :]
        found += [
            (column / (columns - 1), 1 - row / (rows - 1))
            for column, other in enumerate(inside)
            if other is role
        ]
    return np.array(found).reshape(-1, 2)


def test_the_curve_runs_through_its_values():
    for charset in Charset:
        chart = chart_of(GRID**2 / 2 - 5)
        columns, rows = plot_area(chart.y, WIDTH, HEIGHT)
        found = places(chart, Role.MODEL, charset=charset)
        assert len({x for x, _ in found}) >= 0.9 * columns * 10.2 / 11  # it leaves at both ends
        wanted = np.column_stack([chart.x.unit(GRID), chart.y.unit(GRID**2 / 2 - 5)])
        for place in found:
            distance = np.abs(wanted - place) * (columns - 1, rows - 1)
            assert distance.max(axis=1).min() <= 1.5


def test_points_of_both_splits_stand_at_their_places():
    for charset in Charset:
        points = Points(
            np.array([-4.0, 0.0], np.float32),
            np.array([-4.0, 4.0], np.float32),
            np.array([0.0, 4.0], np.float32),
            np.array([-4.0, 4.0], np.float32),
        )
        chart = fit_chart(points, None, WIDTH, HEIGHT)
        _, rows = plot_area(chart.y, WIDTH, HEIGHT)
        for role, xs in ((Role.TRAIN_POINT, [0.0, 0.5]), (Role.VALIDATION_POINT, [0.5, 1.0])):
            found = places(chart, role, charset=charset)
            assert sorted(found[:, 0]) == pytest.approx(xs, abs=0.02)
            low, high = float(chart.y.unit(-4.0)), float(chart.y.unit(4.0))
            assert sorted(found[:, 1]) == pytest.approx([low, high], abs=0.8 / (rows - 1))


def test_the_axes_are_those_of_the_data_whatever_the_curve_does():
    charts = [chart_of(prediction) for prediction in (0.0, 1e30, -1e30, NAN, INF, GRID * 1e6)]
    assert len({(chart.x, chart.y) for chart in charts}) == 1
    x, y = charts[0].x, charts[0].y
    assert (x.low, x.high) == (float(GRID[0]), float(GRID[-1]))
    values = np.concatenate([POINTS.train_y, POINTS.val_y])
    assert y.low < values.min() < values.max() < y.high
    assert y.high - y.low < 1.5 * np.ptp(values)


def test_without_a_fit_the_points_stand_alone():
    chart = fit_chart(POINTS, None, WIDTH, HEIGHT)
    assert [type(layer) for layer in chart.layers] == [Scatter, Scatter]
    assert (chart.x.low, chart.x.high) == (-5, 5)


def test_a_curve_that_leaves_the_axis_is_cut_there():
    model = model_of(chart_of(GRID * 10))  # a steep line: inside around 0 alone
    drawn = ~np.isnan(model.low)
    inside = drawn & (model.low == GRID * 10)
    assert inside.any()
    assert np.all(np.abs(GRID[drawn]) < 1.2)
    assert drawn.sum() <= inside.sum() + 2
    chart = chart_of(GRID * 10)
    found = places(chart, Role.MODEL)
    assert np.all(np.abs(found[:, 0] - 0.5) < 0.12)


def test_a_curve_that_leaves_the_axis_reaches_its_edge():
    chart = chart_of(GRID * 10)
    model = model_of(chart)
    assert np.nanmin(model.low) == pytest.approx(chart.y.low)
    assert np.nanmax(model.low) == pytest.approx(chart.y.high)
    rows = places(chart, Role.MODEL)[:, 1]
    assert (rows.min(), rows.max()) == (0, 1)


def test_a_curve_that_comes_back_is_drawn_on_both_sides():
    model = model_of(chart_of(np.where(np.abs(GRID) < 2, 1000.0, 0.0)))
    drawn = ~np.isnan(model.low)
    assert drawn[np.abs(GRID) > 2.1].all()
    assert not drawn[np.abs(GRID) < 1.9].any()


def test_a_curve_that_is_never_inside_is_not_drawn():
    for prediction in [1e30, -1e30, NAN, INF, -INF]:
        assert not len(places(chart_of(prediction), Role.MODEL))


def test_a_prediction_that_is_not_finite_leaves_a_gap_and_no_more():
    for bad in [NAN, INF, -INF]:
        prediction = np.zeros_like(GRID)
        prediction[100:110] = bad
        drawn = ~np.isnan(model_of(chart_of(prediction)).low)
        assert np.flatnonzero(~drawn).tolist() == list(range(100, 110))


def test_the_fit_itself_is_left_as_it_was():
    sampled = fit(GRID * 10)
    before = sampled.prediction.copy()
    fit_chart(POINTS, sampled, WIDTH, HEIGHT)
    assert np.array_equal(sampled.prediction, before)


def test_the_curve_stands_over_the_points():
    chart = fit_chart(Points(X, X * 0, X, X * 0 + 1), fit(0.0), WIDTH, HEIGHT)
    assert not len(places(chart, Role.TRAIN_POINT))
    assert len(places(chart, Role.MODEL))


def test_data_of_one_value_can_be_drawn():
    for value in [0.0, 3.0, -2.0]:
        y = np.full_like(X, value)
        drawing = draw(fit_chart(Points(X, y, X, y), fit(value), WIDTH, HEIGHT), WIDTH, HEIGHT)
        assert len(drawing.rows) == HEIGHT


def test_no_fit_breaks_the_chart():
    for prediction, (width, height), charset in product(
        [0.0, NAN, INF, 1e38, GRID * 1e30],
        [(0, 0), (1, 1), (12, 3), (20, 5), (78, 16), (200, 60)],
        Charset,
    ):
        chart = chart_of(prediction, width=width, height=height)
        drawing = draw(chart, width, height, charset)
        assert [sum(len(run.text) for run in row) for row in drawing.rows] == [width] * height
        assert charset is not Charset.ASCII or drawing.text.isascii()
