"""Where to cut a plot of losses, so that a few of them do not flatten all the others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.scales import spans_decades

Losses = NDArray[np.floating]

_CUT = 0.04  # of the points at most
_FEWEST = 25  # points from which on one may be cut
_FLATTENED = 1 / 3  # of the height: losses that have less are flattened
_NEWEST = 3  # points that are never cut: an explosion is the story


def ceiling(series: Sequence[Losses], losses: Losses, log: bool | None) -> float | None:
    """Return the highest loss to show; None where all are to be shown.

    `series` hold a loss or NaN for each point from left to right, `losses` all that count for the
    axis, which is a log one where `log`, or by their range where that is None. The highest 4 % are
    cut, and as few of them as it takes for the others to have a third of the height.
    """
    finite = losses[np.isfinite(losses)]
    points = np.concatenate(series)
    points = np.sort(points[np.isfinite(points)])[::-1]
    most = int(_CUT * len(points))
    if len(points) < _FEWEST or not most:
        return None
    low, high = float(finite.min()), float(finite.max())
    if log or (log is None and spans_decades(low, high)):
        if high <= 0:
            return None
        low = float(np.log10(finite[finite > 0].min()))
        heights = np.log10(np.maximum(points[: most + 1], 10.0**low)) - low
    else:
        heights = points[: most + 1] - min(low, 0.0)
    room = heights[-1] / _FLATTENED  # the height that leaves the rest enough
    if heights[0] <= room:
        return None
    cut = int(np.flatnonzero(heights <= room)[0])
    return None if _newest(series) > points[cut] else float(points[cut])


def _newest(series: Sequence[Losses]) -> float:
    """Return the highest of the last losses, infinite where one is not finite."""
    last = np.concatenate([losses[-_NEWEST:] for losses in series])
    return float(np.where(np.isnan(last), np.inf, last).max(initial=-np.inf))
