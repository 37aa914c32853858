"""The losses by step, the stopping bound, and the steps that matter."""

import numpy as np

from tui_trainer.plotting.chart import Chart, Curve, Dash, Layer, Scatter, VerticalLine
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.scales import Axis, linear_axis, log_axis, spans_decades, step_axis
from tui_trainer.training.history import History, SeriesName, View
from tui_trainer.training.marks import LossMarks

SMOOTHING_SHARE = 0.04
SMOOTHING_LEAST = 8
_DOTS_A_COLUMN = 2
_LABEL_ROOM = 7


def loss_chart(
    history: History,
    marks: LossMarks,
    width: int,
    height: int,
    *,
    log: bool | None = None,
    smooth: bool = False,
) -> Chart:
    """Chart a history for a plot of ``width × height`` cells.

    `log` None means a log axis once the losses lie a factor of ten apart. With `smooth`, curves
    are the mean over the last 4 % of the steps on the axis (8 steps at least), the raw ones
    behind them.
    """
    columns = max(4, width - _LABEL_ROOM)
    x = step_axis(history.steps, columns)
    buckets = _DOTS_A_COLUMN * columns
    names: tuple[SeriesName, ...] = ("train", "val", "bound")
    views = {name: history.view(name, 1, int(x.high), buckets) for name in names}
    y = _loss_axis([views["train"], views["val"]], log, height)
    layers: list[Layer] = [_vertical(Role.LR, step) for step in marks.lr_changes]
    if marks.stop_step is not None:
        layers.append(_vertical(Role.STOP, marks.stop_step))
    layers.append(_curve(Role.BOUND, views["bound"], Dash.DOTTED, "-"))
    if smooth:
        layers.append(_curve(Role.VALIDATION_RAW, views["val"], Dash.SOLID, "."))
        layers.append(_curve(Role.TRAIN_RAW, views["train"], Dash.SOLID, "."))
        window = max(SMOOTHING_LEAST, SMOOTHING_SHARE * x.high)
        views |= {name: _smoothed(views[name], window) for name in ("train", "val")}
    layers.append(_curve(Role.TRAIN, views["train"], Dash.SOLID, "*"))
    layers.append(_curve(Role.VALIDATION, views["val"], Dash.DASHED, "x"))
    if marks.best_step is not None and marks.best_val_loss is not None:
        best = np.array([marks.best_step]), np.array([marks.best_val_loss])
        layers.append(Scatter(Role.BEST, *best, marker="◆", ascii="@"))
    if marks.engine_changes:
        layers.append(_at_the_foot(Role.ENGINE, marks.engine_changes, y))
    return Chart(x, y, tuple(layers))


def _loss_axis(views: list[View], log: bool | None, height: int) -> Axis:
    finite = np.concatenate([part[np.isfinite(part)] for v in views for part in (v.low, v.high)])
    ticks = max(2, min(9, (height - 2) * 2 // 3))
    if not len(finite):
        return linear_axis(0.0, 1.0, ticks)
    low, high = float(finite.min()), float(finite.max())
    if log is None:
        log = spans_decades([low, high])
    if log and high > 0:
        above_zero = finite[finite > 0]
        return log_axis(float(above_zero.min()), high, ticks)
    return linear_axis(min(low, 0.0) if low < 0.5 * high else low, high, ticks)


def _smoothed(view: View, window: float) -> View:
    mean = view.smoothed(window)
    return View(view.step, mean, mean, mean)


def _curve(role: Role, view: View, dash: Dash, ascii_marker: str) -> Curve:
    return Curve(role, view.step, view.low, view.high, dash, ascii_marker)


def _at_the_foot(role: Role, steps: tuple[int, ...], y: Axis) -> Scatter:
    foot = 10.0**y.low if y.log else y.low
    values = np.array(steps, np.float64), np.full(len(steps), foot)
    return Scatter(role, *values, marker="▲", ascii="^")


def _vertical(role: Role, step: int) -> VerticalLine:
    marker, ascii_marker = ("┃", "|") if role is Role.STOP else ("╎", ":")
    return VerticalLine(role, float(step), marker, ascii_marker)
