"""Where to cut a plot of losses, so that a few of them do not flatten all the others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.row_scales import spans_decades

Losses = NDArray[np.floating]

_CUT = 0.04  # of the points at most
_FEWEST = 25  # points from which on one may be cut
_FLATTENED = 1 / 3  # of the height: losses that have less are flattened
_HIGHER = 1.25  # a factor by which other runs may raise the axis in any case
_LOWER = 2.0  # decades that they may add below
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


def with_others(
    own: Losses, others: Sequence[Losses], log: bool | None
) -> tuple[Losses, bool | None]:
    """Return the losses that an axis is made for, and whether it is a log one.

    Losses of `others`, finite and the lowest first, that lie far from a run's own are left out:
    above, they may take as much of the height as its own have, or a quarter more; below, as much or
    two decades on a log axis, anything on a linear one. So are the highest 4 % of each where its
    own lie lower.
    """
    own, others = own[np.isfinite(own)], [losses for losses in others if len(losses)]
    if not len(own) or not others:
        return np.concatenate([own, *others]), log
    low, high = float(own.min()), float(own.max())
    tops = [max(high, float(losses[-int(_CUT * len(losses)) - 1])) for losses in others]

    def within(least: float, most: float) -> Losses:
        parts = [
            _ends(losses, least, min(most, top)) for losses, top in zip(others, tops, strict=True)
        ]
        return np.concatenate([own, *parts])

    height = high - (min(low, 0.0) if low < 0.5 * high else low)
    near = within(-np.inf, high + max(height, (_HIGHER - 1) * abs(high)))
    if not _is_log(near, log):
        return near, False
    if high <= 0:
        return own, True
    bottom, top = np.log10(float(own[own > 0].min())), np.log10(high)
    lower, higher = max(top - bottom, _LOWER), max(top - bottom, np.log10(_HIGHER))
    return within(10.0 ** (bottom - lower), 10.0 ** (top + higher)), True


def _ends(losses: Losses, least: float, most: float) -> Losses:
    """Return the lowest and the highest within limits of losses that are in their order."""
    first, last = np.searchsorted(losses, least), np.searchsorted(losses, most, side="right")
    return losses[[first, last - 1]] if first < last else losses[:0]


def _is_log(losses: Losses, log: bool | None) -> bool:
    return spans_decades(float(losses.min()), float(losses.max())) if log is None else log


def _newest(series: Sequence[Losses]) -> float:
    """Return the highest of the last losses, infinite where one is not finite."""
    last = np.concatenate([losses[-_NEWEST:] for losses in series])
    return float(np.where(np.isnan(last), np.inf, last).max(initial=-np.inf))
