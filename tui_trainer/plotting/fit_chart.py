"""The data of both splits and the network's curve through them."""

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.chart import BRAILLE_DOT, Chart, Curve, Dash, Scatter
from tui_trainer.plotting.roles import Role
from tui_trainer.plotting.row_scales import row_scale
from tui_trainer.plotting.scales import AXIS_ROWS, data_scale
from tui_trainer.plotting.view import ALL, View
from tui_trainer.training.events import FitSampled, Points


def fit_chart(
    points: Points,
    fit: FitSampled | None,
    width: int,
    height: int,
    *,
    view: View = ALL,
    x_name: str = "",
) -> Chart:
    """Chart a fit for a plot of ``width × height`` cells.

    The axes are those of the data: a curve that leaves them is cut off at the edge, where it can
    be seen to leave, instead of flattening the data.
    """
    x_values = np.concatenate([points.train_x, points.val_x])
    y_values = np.concatenate([points.train_y, points.val_y])
    grid = x_values if fit is None else fit.x
    low, high = float(y_values.min()), float(y_values.max())
    margin = 0.08 * (high - low)
    ticks = max(3, width // 12)
    whole = data_scale(float(grid.min()), float(grid.max()), ticks)
    part = view.within((whole.low, whole.high))
    x = whole if part is None else data_scale(*part, ticks)
    y = row_scale(low - margin, high + margin, height - AXIS_ROWS, snug=True)
    layers: list[Scatter | Curve] = [
        Scatter(Role.VALIDATION_POINT, points.val_x, points.val_y, BRAILLE_DOT, "o", tall=True),
        Scatter(Role.TRAIN_POINT, points.train_x, points.train_y, BRAILLE_DOT, "."),
    ]
    if fit is not None:
        inside = _inside(fit.prediction, y.low, y.high)
        layers.append(Curve(Role.MODEL, fit.x, inside, inside, Dash.SOLID, ascii="#"))
    return Chart(x, y, tuple(layers), whole, (whole.low, whole.high), x_name=x_name)


def _inside(prediction: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """Cut the curve where it leaves the axis; the first point outside is clipped to the edge."""
    outside = ~((prediction >= low) & (prediction <= high))
    neighbour_inside = np.zeros_like(outside)
    neighbour_inside[1:] |= ~outside[:-1]
    neighbour_inside[:-1] |= ~outside[1:]
    clipped = np.clip(prediction, low, high)
    gone = outside & ~neighbour_inside
    return np.where(gone | ~np.isfinite(prediction), np.nan, clipped).astype(np.float32)
