"""A sweep over one axis: medians, the spread over the seeds, and the recommended value."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.chart import Bars, Chart, Curve, Layer, Scatter
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.row_scales import loss_scale
from tui_trainer.plotting.scales import Scale, data_scale, log_scale
from tui_trainer.sweeps.axes import Spacing, SweepAxis, value_text
from tui_trainer.sweeps.result import PointResult

_LABEL_ROOM = 7
_TICK_ROOM = 9
_LABEL_GAP = 2

Places = NDArray[np.float64]


def sweep_chart(
    swept: SweepAxis,
    points: Sequence[PointResult],
    width: int,
    height: int,
    *,
    leader: int | None = None,
    cursor: int | None = None,
    log: bool | None = None,
) -> Chart:
    """Chart a sweep over one axis for a plot of ``width × height`` cells.

    `points` are those of the axis's values, in their order; `leader` and `cursor` are indices of
    points. The values of a range are placed to scale, listed ones side by side: 0 and powers, which
    lists are mostly of, have no scale in common. `log` None chooses the scale of the losses by
    their range. A point with a diverged seed has a ✕ at the upper edge, and its spread reaches up
    to it.
    """
    columns = max(4, width - _LABEL_ROOM)
    places = _places(swept)
    spreads = [point.objective for point in points]
    losses = np.array([(spread.low, spread.median, spread.high) for spread in spreads])
    y = loss_scale(losses, height, log)
    median = np.array([spread.median for spread in spreads])
    median[~np.isfinite(median)] = np.nan
    diverged = np.array([point.diverged_share > 0 for point in points])
    layers: list[Layer] = [_spread(places, points, diverged, y.top)]
    if swept.spacing in (Spacing.LOG, Spacing.LINEAR):
        layers.append(Curve(Role.MEDIAN, places, median, median, ascii="*"))
    layers.append(Scatter(Role.MEDIAN, places, median, marker="●", ascii="o"))
    edge = np.full(len(places), y.top)
    layers.append(Scatter(Role.DIVERGED, places[diverged], edge[diverged], "✕", "x"))
    if cursor is not None:
        foot = np.array([y.foot])
        layers.append(Scatter(Role.CURSOR, places[[cursor]], foot, "▲", "^"))
    if leader is not None:
        layers.append(Scatter(Role.BEST, places[[leader]], median[[leader]], "◆", "@"))
    return Chart(_value_axis(swept, columns), y, tuple(layers))


def _places(swept: SweepAxis) -> Places:
    if swept.spacing in (Spacing.LOG, Spacing.LINEAR):
        return np.array(swept.values, np.float64)
    return np.arange(len(swept.values), dtype=np.float64)


def _value_axis(swept: SweepAxis, columns: int) -> Scale:
    ticks = max(2, columns // _TICK_ROOM)
    if swept.spacing is Spacing.LOG:
        return log_scale(float(swept.values[0]), float(swept.values[-1]), ticks)
    if swept.spacing is Spacing.LINEAR:
        return data_scale(float(swept.values[0]), float(swept.values[-1]), ticks)
    return _list_axis([value_text(value) for value in swept.values], columns)


def _list_axis(texts: Sequence[str], columns: int) -> Scale:
    """Give each value a place; where room is short, label every n-th: a number is never cut."""
    slot = columns / len(texts)
    every = math.ceil((max(map(len, texts)) + _LABEL_GAP) / slot)
    labels = [(float(place), text) for place, text in enumerate(texts)]
    return Scale(-0.5, len(texts) - 0.5, tuple(labels[every // 2 :: every] or labels[:1]))


def _spread(
    places: Places, points: Sequence[PointResult], diverged: NDArray[np.bool_], top: float
) -> Layer:
    low = np.array([point.objective.low for point in points])
    high = np.where(diverged, top, [point.objective.high for point in points])
    return Bars(Role.SPREAD, places, low, high)
