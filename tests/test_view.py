"""What a plot shows and reads: parts of x, exact values, and losses that are cut, not hidden."""

import numpy as np
import pytest

from tui_trainer.plotting.clipping import ceiling
from tui_trainer.plotting.loss_chart import loss_chart
from tui_trainer.plotting.readings import fit_reading, loss_reading, step_near
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.view import View
from tui_trainer.training.events import FitSampled, Points
from tui_trainer.training.history import History
from tui_trainer.training.marks import LossMarks

WHOLE = (0.0, 5000.0)


def test_zooming_keeps_its_anchor_in_place_and_stays_inside():
    for anchor in (0.0, 1.0, 1234.0, 4999.0, 5000.0):
        view = View()
        for _ in range(12):
            before = view.part or WHOLE
            view = view.zoomed(0.5, WHOLE, anchor, 1.0)
            low, high = view.part
            assert WHOLE[0] <= low <= anchor <= high <= WHOLE[1]
            share = (anchor - before[0]) / (before[1] - before[0])
            assert (anchor - low) / (high - low) == pytest.approx(share, abs=1e-9)
        assert high - low == pytest.approx(4.0)
        for _ in range(11):
            view = view.zoomed(2.0, WHOLE, anchor, 1.0)
        assert view.part is None


def test_panning_stops_at_the_ends_and_keeps_its_width():
    view = View((1000.0, 2000.0))
    for shares in (0.25, -0.25, 0.25, 9.0, -20.0):
        view = view.panned(shares, WHOLE)
        low, high = view.part
        assert high - low == pytest.approx(1000.0)
        assert WHOLE[0] <= low < high <= WHOLE[1]
    assert view.part == (0.0, 1000.0)
    assert View().panned(1.0, WHOLE) == View()
    assert view.showing(1500.0, WHOLE).part == (500.0, 1500.0)
    for part, inside in [
        ((10.0, 20.0), (10.0, 20.0)),
        ((-5.0, 20.0), (0.0, 20.0)),
        ((6000.0, 7000.0), None),
        ((-1.0, 9000.0), None),
    ]:
        assert View(part).within(WHOLE) == inside  # another axis than the one it was made on


def history(train, val, bound=None):
    result = History()
    result.append(*(None if a is None else np.asarray(a, np.float32) for a in (train, val, bound)))
    return result


def noisy(steps, scale=1.0):
    noise = np.random.default_rng(5).uniform(0.8, 1.2, steps)
    return (scale * (1 + 9 / np.sqrt(np.arange(1, steps + 1))) * noise).astype(np.float32)


def test_a_part_shows_every_loss_of_its_steps_where_the_whole_has_ranges():
    losses = noisy(20_000)
    runs = history(losses, losses * 2)
    chart = loss_chart(runs, LossMarks(), 90, 20, view=View((12_000.0, 12_060.0)))
    assert (chart.x.low, chart.x.high) == (12_000, 12_060)
    (train,) = [layer for layer in chart.layers if layer.role is Role.TRAIN]
    assert train.x.tolist() == list(range(12_000, 12_061))
    assert np.array_equal(train.low, losses[11_999:12_060])
    assert np.array_equal(train.high, train.low)
    assert chart.whole == loss_chart(runs, LossMarks(), 90, 20).x


def test_a_cursor_reads_the_exact_loss_of_its_step():
    losses = noisy(5000)
    bound = np.where(np.arange(5000) < 50, np.nan, losses * 3)
    runs = history(losses, losses * 2, bound)
    marks = LossMarks(best_step=4321, best_val_loss=float(losses[4320] * 2))
    for step in (1, 50, 51, 1234, 4321, 5000):
        texts = [reading.text for reading in loss_reading(runs, marks, step)]
        loss = losses[step - 1]
        expected = [f"step {step:,}", f"train {loss:.2f}", f"validation {loss * 2:.2f}"]
        expected[-1] += " ◆" if step == 4321 else ""
        assert texts == expected + ([f"bound {bound[step - 1]:.2f}"] if step > 50 else [])
    assert step_near(4300.0, 25.0, marks) == 4321
    assert step_near(4290.0, 25.0, marks) == 4290


def test_a_cursor_on_a_fit_reads_the_prediction_and_the_nearest_points():
    x = np.linspace(-5, 5, 11, dtype=np.float32)
    fit = FitSampled(3, "last", x, x * 2, {"val_r2": 0.5})
    points = Points(x, x + 1, x + np.float32(0.25), -x)
    texts = [reading.text for reading in fit_reading(points, fit, 1.5)]
    assert texts[:2] == ["x 1.50", "model 3.00"]
    assert texts[3] == "validation -1.00 at 1.25"
    assert texts[2] in ("train 2.00 at 1.00", "train 3.00 at 2.00")


def test_a_huge_first_loss_is_cut_and_said():
    for log in (False, None, True):
        losses = noisy(3000)
        losses[0] = 1e6
        runs = history(losses, losses)
        cut = loss_chart(runs, LossMarks(), 90, 20, log=log)
        assert cut.highest == pytest.approx(1e6)
        assert cut.y.top < 40
        marks = [layer for layer in cut.layers if getattr(layer, "marker", "") == "▲"]
        assert [layer.x.tolist()[0] < 20 and len(layer.x) for layer in marks] == [1, 1]
        everything = loss_chart(runs, LossMarks(), 90, 20, log=log, view=View(clipped=False))
        assert everything.highest is None
        assert everything.y.top >= 1e6


def test_an_explosion_is_never_cut():
    steps = np.arange(1, 401)
    for growing in (np.exp(steps / 20), np.where(steps < 398, 1.0, 10.0 ** (steps - 396))):
        losses = growing.astype(np.float32)
        for log in (False, None, True):
            chart = loss_chart(history(losses, losses), LossMarks(), 90, 20, log=log)
            assert chart.highest is None
            assert chart.y.top >= losses.max()
    ends_in_nan = np.append(np.full(399, 1.0), np.nan).astype(np.float32)
    ends_in_nan[5] = 1e9
    assert ceiling([ends_in_nan], ends_in_nan, None) is None


def test_what_is_not_towering_is_not_cut():
    for losses in (noisy(3000), np.linspace(9, 5, 300), np.full(300, 3.0), np.zeros(300)):
        array = np.asarray(losses, np.float32)
        assert loss_chart(history(array, array), LossMarks(), 90, 20).highest is None
