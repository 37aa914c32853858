"""What a network predicts beside what is true, and how far off it is, for both splits."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.chart import BRAILLE_DOT, Chart, Curve, Dash, Layer, Scatter
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.row_scales import row_scale
from tui_trainer.plotting.scales import AXIS_ROWS, Scale, data_scale
from tui_trainer.plotting.view import ALL, View
from tui_trainer.training.events import FitSampled, Predictions

# Shares of the labels' range: beside them, and how an axis grows for predictions that lie beyond.
_MARGIN, _STEP, _FURTHEST = 0.04, 0.25, 1.0

Limits = tuple[float, float]
Values = NDArray[np.floating]


def prediction_chart(fit: FitSampled, width: int, height: int, *, view: View = ALL) -> Chart:
    """Chart predictions over labels, and where they are equal, in ``width × height`` cells.

    The axes are those of the labels, and grow for predictions beyond. What is off by more than the
    labels' range is an arrow at the edge.
    """
    splits = predictions_of(fit)
    x = _label_range(splits)
    y = _grown(x, [found.predicted for found in splits.values()], x[1] - x[0])
    pairs = {role: (found.actual, found.predicted) for role, found in splits.items()}
    return _chart(pairs, x, y, np.array(x), width, height, view)


def residual_chart(fit: FitSampled, width: int, height: int, *, view: View = ALL) -> Chart:
    """Chart predicted - actual over predicted as `prediction_chart` does, with a line at zero."""
    splits = predictions_of(fit)
    labels = _label_range(splits)
    span = labels[1] - labels[0]
    x = _grown(labels, [found.predicted for found in splits.values()], span)
    pairs = {
        role: (np.clip(found.predicted, *x), residuals(found)) for role, found in splits.items()
    }
    y = _grown((-_MARGIN * span, _MARGIN * span), [off for _, off in pairs.values()], span)
    return _chart(pairs, x, y, np.zeros(2), width, height, view)


def predictions_of(fit: FitSampled) -> dict[Role, Predictions]:
    """Return the predictions of both splits, validation last; of an old fit there is no other."""
    val = fit.val if fit.val is not None else Predictions(fit.x, fit.prediction)
    both = {Role.TRAIN_POINT: fit.train, Role.VALIDATION_POINT: val}
    return {role: found for role, found in both.items() if found is not None}


def residuals(found: Predictions) -> Values:
    """Return predicted - actual."""
    off: Values = found.predicted - found.actual
    return off


def _chart(
    pairs: dict[Role, tuple[Values, Values]],
    x_limits: Limits,
    y_limits: Limits,
    line: NDArray[np.float64],
    width: int,
    height: int,
    view: View,
) -> Chart:
    ticks = max(3, width // 12)
    whole = data_scale(*x_limits, ticks)
    part = view.within((whole.low, whole.high))
    x = whole if part is None else data_scale(*part, ticks)
    y = row_scale(*y_limits, height - AXIS_ROWS, snug=True)
    ends = np.array(x_limits)
    layers: list[Layer] = [
        points for role, (xs, ys) in pairs.items() for points in _points(role, xs, ys, y)
    ]
    layers.append(Curve(Role.BOUND, ends, line, line, Dash.DOTTED, ascii="-"))
    every = np.concatenate([xs[np.isfinite(xs)] for xs, _ in pairs.values()])
    extent = (float(every.min()), float(every.max())) if len(every) else x_limits
    return Chart(x, y, tuple(layers), whole, extent)


def _points(role: Role, x: Values, y: Values, scale: Scale) -> Iterable[Scatter]:
    """Yield points, and arrows for those above and below the axis."""
    validation = role is Role.VALIDATION_POINT
    inside = scale.holds(y)
    plain = "o" if validation else "."
    yield Scatter(role, x[inside], y[inside], BRAILLE_DOT, plain, tall=validation)
    for beyond, arrow, ascii in ((y > scale.high, "▲", "^"), (y < scale.low, "▼", "v")):
        if (off := beyond & ~inside).any():
            yield Scatter(role, x[off], y[off], arrow, ascii)


def _label_range(splits: dict[Role, Predictions]) -> Limits:
    labels = np.concatenate([found.actual for found in splits.values()])
    low, high = float(labels.min()), float(labels.max())
    margin = _MARGIN * (high - low) or abs(high) * _MARGIN or 1.0
    return low - margin, high + margin


def _grown(limits: Limits, values: Sequence[Values], span: float) -> Limits:
    """Widen limits for values that lie beyond, in steps, so that an axis moves seldom."""
    low, high = limits
    every = np.concatenate(values)
    finite = every[np.isfinite(every)]
    if len(finite):
        low -= _steps(low - float(finite.min()), span)
        high += _steps(float(finite.max()) - high, span)
    return low, high


def _steps(beyond: float, span: float) -> float:
    """Round up to steps of the span, the furthest at most."""
    return min(max(0, math.ceil(beyond / span / _STEP)) * _STEP, _FURTHEST) * span
