"""Learning rates of the 1-2-5 series."""

import math
from typing import Literal

_LOWEST, _HIGHEST = 1e-12, 1e6


def next_lr(lr: float, direction: Literal[-1, 1], home: float | None = None) -> float:
    """Return the next of …, 0.1, 0.2, 0.5, 1, … above or below `lr`; the ends stay.

    `home`, the lr that one set out from, belongs to the series: down and up leads back to it.
    """
    if (lr >= _HIGHEST and direction > 0) or (lr <= _LOWEST and direction < 0):
        return lr
    exponent = math.floor(math.log10(lr))
    # From decimal texts, so that a value is the very number a person would type.
    series = [float(f"{m}e{e}") for e in range(exponent - 1, exponent + 2) for m in (1, 2, 5)]
    if home is not None:
        series.append(home)
    if direction > 0:
        return min(value for value in series if value > lr * (1 + 1e-9))
    return max(value for value in series if value < lr * (1 - 1e-9))
