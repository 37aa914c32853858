"""The chart of a search for a learning rate: both losses and both suggestions at their places."""

import math
from itertools import product

import numpy as np

from tui_trainer.config.presets import load_presets
from tui_trainer.lr_search.events import (
    LrCurve,
    LrRangeAdvanced,
    LrRangeEnded,
    LrSearchStarted,
    LrSuggestion,
    LrTrials,
    LrTrialsAdvanced,
    LrTrialsEnded,
)
from tui_trainer.lr_search.plan import LrRange, plan_lr_search
from tui_trainer.lr_search.result import LrSearchResult
from tui_trainer.plotting.canvas import draw, plot_area
from tui_trainer.plotting.chart import Curve, Scatter, VerticalLine
from tui_trainer.plotting.lr_chart import lr_chart
from tui_trainer.plotting.roles import Charset, Role
from tui_trainer.training.early_stopping import StopReason

NAN, INF = math.nan, math.inf
WIDTH, HEIGHT = 80, 20
LRS = np.array(LrRange(steps=50).lrs)
FALLING = np.geomspace(20, 2, 50)
TRIAL_LRS = np.array([1e-6, 1e-4, 1e-2, 1.0])


def trials(best=(18, 9, 3, 6), diverged=(False,) * 4):
    best = np.array(best, np.float64)
    return LrTrials(TRIAL_LRS, best, best, np.full(4, 300), np.array(diverged))


def results(curve=FALLING, best=(18, 9, 3, 6), diverged=(False,) * 4, **settings):
    folded = LrSearchResult()
    folded.apply(LrSearchStarted(plan_lr_search(load_presets(), "kaiming", **settings)))
    if curve is not None:
        folded.apply(LrRangeAdvanced(LrCurve(LRS, np.asarray(curve), np.asarray(curve)), 0.1))
    if best is not None:
        folded.apply(LrTrialsAdvanced(trials(best, diverged), 0.1))
    return folded


def ended(folded, of_range=1e-3, of_trials=1e-2):
    suggestion = LrSuggestion(of_range, "")
    folded.apply(LrRangeEnded(StopReason.DIVERGED, suggestion, folded.curve, 0.1))
    suggestion = LrSuggestion(of_trials, "")
    folded.apply(LrTrialsEnded(StopReason.COMPLETED, suggestion, folded.trials, 0.1))
    return folded


def cells_of(chart, role, charset=Charset.UNICODE):
    """The cells that show a role inside the plot: (column, row from the bottom)."""
    columns, rows = plot_area(chart.y, WIDTH, HEIGHT)
    found = []
    for row, runs in enumerate(draw(chart, WIDTH, HEIGHT, charset).rows[:rows]):
        inside = [run.role for run in runs for _ in run.text][WIDTH - columns :]
        found += [(column, rows - 1 - row) for column, r in enumerate(inside) if r is role]
    return found


def cell_at(chart, lr, loss):
    columns, rows = plot_area(chart.y, WIDTH, HEIGHT)
    x, y = float(chart.x.unit(lr)), float(chart.y.unit(loss))
    return math.floor(x * (columns - 1) + 0.5), math.floor(y * (rows - 1) + 0.5)


def test_each_suggestion_stands_at_its_lr():
    for charset in Charset:
        chart = lr_chart(ended(results()), WIDTH, HEIGHT)
        line = {column for column, _ in cells_of(chart, Role.LR, charset)}
        assert line == {cell_at(chart, 1e-3, 5.0)[0]}
        assert cells_of(chart, Role.BEST, charset) == [cell_at(chart, 1e-2, 3.0)]


def test_both_curves_run_through_their_losses():
    for charset in Charset:
        chart = lr_chart(results(), WIDTH, HEIGHT)
        smoothed = cells_of(chart, Role.TRAIN, charset)
        for step in (0, 30, 49):
            column, row = cell_at(chart, LRS[step], FALLING[step])
            assert any(abs(column - c) <= 1 and abs(row - r) <= 1 for c, r in smoothed)
        tried = cells_of(chart, Role.VALIDATION, charset)
        column, row = cell_at(chart, 1.0, 6.0)
        assert any(abs(column - c) <= 1 and abs(row - r) <= 1 for c, r in tried)


def test_the_x_axis_is_the_searchs_log_range_before_and_after():
    charts = [
        lr_chart(folded, WIDTH, HEIGHT)
        for folded in (results(None, None), results(best=None), ended(results()))
    ]
    assert len({chart.x for chart in charts}) == 1
    assert charts[0].x.log
    assert (charts[0].x.low, charts[0].x.high) == (-6, 1)
    other = lr_chart(results(None, None, low=1e-3, high=1.0), WIDTH, HEIGHT)
    assert (other.x.low, other.x.high) == (-3, 0)


def test_the_losses_have_a_log_axis_once_they_lie_a_factor_of_ten_apart():
    for highest, log in [(15.0, False), (20.0, True)]:
        assert lr_chart(results(np.geomspace(highest, 2, 50), None), WIDTH, HEIGHT).y.log is log


def test_trials_that_diverged_leave_a_gap():
    chart = lr_chart(results(best=(18, 9, 3, 1e-9), diverged=(0, 0, 0, True)), WIDTH, HEIGHT)
    (curve,) = [layer for layer in chart.layers if layer.role is Role.VALIDATION]
    assert np.isnan(curve.low).tolist() == [False, False, False, True]
    assert chart.y.low > -1


def test_a_trial_about_to_diverge_does_not_flatten_the_rest():
    tame = lr_chart(results(), WIDTH, HEIGHT)
    wild = lr_chart(results(best=(18, 9, 3, 1e30)), WIDTH, HEIGHT)
    assert (wild.y.low, wild.y.high) == (tame.y.low, tame.y.high)


def test_train_and_validation_differ_by_more_than_colour():
    train, val = [x for x in lr_chart(results(), WIDTH, HEIGHT).layers if isinstance(x, Curve)]
    assert train.dash is not val.dash
    assert train.ascii != val.ascii


def test_without_suggestions_there_are_no_marks():
    for folded in (results(), ended(results(), None, None), LrSearchResult()):
        layers = lr_chart(folded, WIDTH, HEIGHT).layers
        assert not [layer for layer in layers if isinstance(layer, Scatter | VerticalLine)]


def test_no_search_breaks_the_chart():
    for (curve, best), (width, height) in product(
        [
            (None, None),
            (np.full(50, NAN), (NAN,) * 4),
            (np.full(50, 3.0), (3.0,) * 4),
            (np.zeros(50), (0.0,) * 4),
            (np.geomspace(1e30, 1e38, 50), (1e-20, INF, NAN, 1.0)),
        ],
        [(0, 0), (1, 1), (12, 3), (40, 8), (120, 30)],
    ):
        folded = results(curve, best)
        if curve is not None:
            folded = ended(folded)
        chart = lr_chart(folded, width, height)
        for charset in Charset:
            drawing = draw(chart, width, height, charset)
            assert [sum(len(run.text) for run in row) for row in drawing.rows] == [width] * height
            assert charset is not Charset.ASCII or drawing.text.isascii()
