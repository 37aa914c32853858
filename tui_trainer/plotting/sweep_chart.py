"""What a sweep amounts to over the value swept: medians, the spread over the seeds, the winner."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.chart import Bars, Chart, Curve, Layer, Scatter
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.scales import Axis, data_axis, linear_axis, log_axis, spans_decades
from tui_trainer.sweeps.axes import Spacing, SweepAxis, value_text
from tui_trainer.sweeps.result import PointResult

_LABEL_ROOM = 7
_TICK_ROOM = 9

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
    points. Numbers of a range lie where they are, listed values and names side by side. `log` None
    means a log axis of losses once they lie a factor of ten apart. A point of which a seed
    diverged has a ✕ at the upper edge, and its spread reaches up there.
    """
    columns = max(4, width - _LABEL_ROOM)
    places = _places(swept)
    y = _loss_axis(points, log, height)
    top = 10.0**y.high if y.log else y.high
    median = np.array([point.objective.median for point in points])
    median[~np.isfinite(median)] = np.nan
    diverged = np.array([point.diverged_share > 0 for point in points])
    layers: list[Layer] = [_spread(places, points, diverged, top)]
    if swept.spacing in (Spacing.LOG, Spacing.LINEAR):
        layers.append(Curve(Role.MEDIAN, places, median, median, ascii="*"))
    layers.append(Scatter(Role.MEDIAN, places, median, marker="●", ascii="o"))
    edge = np.full(len(places), top)
    layers.append(Scatter(Role.DIVERGED, places[diverged], edge[diverged], "✕", "x"))
    if cursor is not None:
        foot = np.array([10.0**y.low if y.log else y.low])
        layers.append(Scatter(Role.CURSOR, places[[cursor]], foot, "▲", "^"))
    if leader is not None:
        layers.append(Scatter(Role.BEST, places[[leader]], median[[leader]], "◆", "@"))
    return Chart(_value_axis(swept, columns), y, tuple(layers))


def _places(swept: SweepAxis) -> Places:
    if swept.spacing in (Spacing.LOG, Spacing.LINEAR):
        return np.array(swept.values, np.float64)
    return np.arange(len(swept.values), dtype=np.float64)


def _value_axis(swept: SweepAxis, columns: int) -> Axis:
    ticks = max(2, columns // _TICK_ROOM)
    if swept.spacing is Spacing.LOG:
        return log_axis(float(swept.values[0]), float(swept.values[-1]), ticks)
    if swept.spacing is Spacing.LINEAR:
        return data_axis(float(swept.values[0]), float(swept.values[-1]), ticks)
    return _list_axis([value_text(value) for value in swept.values], columns)


def _list_axis(names: Sequence[str], columns: int) -> Axis:
    """Return an axis with a place for each name: all of them shortened, or every n-th."""
    slot = columns // len(names)
    every = max(1, -(-_TICK_ROOM // max(1, slot)))
    room = max(3, slot * every - 1)
    labels = [(float(n), _cut(name, room)) for n, name in enumerate(names)]
    return Axis(-0.5, len(names) - 0.5, tuple(labels[::every]))


def _cut(name: str, room: int) -> str:
    return name if len(name) <= room else f"{name[: room - 1]}…"


def _spread(
    places: Places, points: Sequence[PointResult], diverged: NDArray[np.bool_], top: float
) -> Layer:
    low = np.array([point.objective.low for point in points])
    high = np.where(diverged, top, [point.objective.high for point in points])
    return Bars(Role.SPREAD, places, low, high)


def _loss_axis(points: Sequence[PointResult], log: bool | None, height: int) -> Axis:
    spreads = [point.objective for point in points]
    values = [v for spread in spreads for v in (spread.low, spread.median, spread.high)]
    finite = [value for value in values if np.isfinite(value)]
    ticks = max(2, min(9, (height - 2) * 2 // 3))
    if not finite:
        return linear_axis(0.0, 1.0, ticks)
    low, high = min(finite), max(finite)
    if log is None:
        log = spans_decades([low, high])
    if log and low > 0:
        return log_axis(low, high, ticks)
    return linear_axis(min(low, 0.0) if low < 0.5 * high else low, high, ticks)
