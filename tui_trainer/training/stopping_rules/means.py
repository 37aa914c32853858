"""Means of neighbouring losses."""

import math

import numpy as np

from tui_trainer.training.stopping_rules.rule import Doubles


def exact_means(values: Doubles, window: int, every: int = 1) -> Doubles:
    """Return means of `window` neighbours: the exact sum rounded once, then divided.

    There is one of each `window` values that begin at index 0, `every`, 2 `every` and so on.
    `values` are float32 numbers. Those of a similar size are whole multiples of one small number,
    and no sum of them is rounded in float64 before it is 2**53 times as large: so running sums
    serve, however wide the window is.
    """
    if len(values) < window:
        return np.empty(0)
    sizes = np.abs(values)
    least = sizes.min(initial=np.inf, where=sizes != 0)
    if len(values) * sizes.max() < least * 2.0**29:
        sums = np.append(0.0, np.cumsum(values))
        means: Doubles = (sums[window::every] - sums[:-window:every]) / window
        return means
    windows = np.lib.stride_tricks.sliding_window_view(values, window)[::every]
    return np.array([math.fsum(row) / window for row in windows.tolist()])
