"""Losses by step, the stopping rule's bound, and marks at steps where something happened."""

import numpy as np

from tui_trainer.plotting.chart import Chart, Curve, Dash, Layer, Scatter, VerticalLine
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.scales import Scale, loss_scale, step_scale
from tui_trainer.training.history import Buckets, History, SeriesName
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

    `log` None chooses the scale of the losses by their range. With `smooth`, curves are running
    means over 4 % of the steps on the axis (at least 8 steps), drawn over the raw ones.
    """
    columns = max(4, width - _LABEL_ROOM)
    x = step_scale(history.steps, columns)
    names: tuple[SeriesName, ...] = ("train", "val", "bound")
    series = {n: history.buckets(n, 1, int(x.high), _DOTS_A_COLUMN * columns) for n in names}
    losses = [part for name in ("train", "val") for part in (series[name].low, series[name].high)]
    y = loss_scale(np.concatenate(losses), height, log)
    layers: list[Layer] = [_vertical(Role.LR, step) for step in marks.lr_changes]
    if marks.stop_step is not None:
        layers.append(_vertical(Role.STOP, marks.stop_step))
    layers.append(_curve(Role.BOUND, series["bound"], Dash.DOTTED, "-"))
    if smooth:
        layers.append(_curve(Role.VALIDATION_RAW, series["val"], Dash.SOLID, "."))
        layers.append(_curve(Role.TRAIN_RAW, series["train"], Dash.SOLID, "."))
        window = max(SMOOTHING_LEAST, SMOOTHING_SHARE * x.high)
        series |= {name: _smoothed(series[name], window) for name in ("train", "val")}
    layers.append(_curve(Role.TRAIN, series["train"], Dash.SOLID, "*"))
    layers.append(_curve(Role.VALIDATION, series["val"], Dash.DASHED, "x"))
    if marks.best_step is not None and marks.best_val_loss is not None:
        best = np.array([marks.best_step]), np.array([marks.best_val_loss])
        layers.append(Scatter(Role.BEST, *best, marker="◆", ascii="@"))
    if marks.engine_changes:
        layers.append(_at_the_foot(Role.ENGINE, marks.engine_changes, y))
    return Chart(x, y, tuple(layers))


def _smoothed(buckets: Buckets, window: float) -> Buckets:
    mean = buckets.smoothed(window)
    return Buckets(buckets.step, mean, mean, mean)


def _curve(role: Role, buckets: Buckets, dash: Dash, ascii_marker: str) -> Curve:
    return Curve(role, buckets.step, buckets.low, buckets.high, dash, ascii_marker)


def _at_the_foot(role: Role, steps: tuple[int, ...], y: Scale) -> Scatter:
    values = np.array(steps, np.float64), np.full(len(steps), y.foot)
    return Scatter(role, *values, marker="▲", ascii="^")


def _vertical(role: Role, step: int) -> VerticalLine:
    marker, ascii_marker = ("┃", "|") if role is Role.STOP else ("╎", ":")
    return VerticalLine(role, float(step), marker, ascii_marker)
