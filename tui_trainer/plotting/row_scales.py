"""Scales for a plot's rows: round ticks lie in the middle of rows, a whole number of them apart."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tui_trainer.plotting.scales import (
    AXIS_ROWS,
    ROUND,
    TINY,
    Scale,
    finite_limits,
    linear_scale,
    log_scale,
    round_up,
)
from tui_trainer.plotting.tick_labels import linear_labels, log_labels

# log10 of the ticks in a period, and of the period: 1-2-5, 1-3, powers of ten, every so many.
_LOG_MARKS = (
    (math.log10(2), math.log10(5), 1.0), (math.log10(3), 1.0),
    (1.0,), (2.0,), (3.0,), (5.0,), (10.0,), (20.0,), (50.0,), (100.0,),
)  # fmt: skip
_OFF_ROW = 0.2  # rows that a tick of a log scale may be off the middle of its row
_NARROW = 3.0  # a factor that a log scale of 1-2-5 is too coarse for
_ENDS_ONLY = 4  # rows below which a log scale has ticks at its ends alone
_FEW_ROWS = 14  # between which every row is a step that an axis may move by
# How many ticks a plot should have, and the share of its height that one amiss is worth.
_MOST_TICKS, _TICK_ROWS, _ODD_TICK, _SINGLE_TICK = 7, 3, 0.07, 0.4


def loss_scale(losses: NDArray[np.floating], height: int, log: bool | None = None) -> Scale:
    """Return the scale of losses in a plot of `height` rows; what is not finite has no say.

    `log` None means a log scale where all are above 0 and a factor of ten apart. A log scale has
    losses of 0 at its foot; a linear one starts at 0 unless that would waste half of it.
    """
    rows = height - AXIS_ROWS
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return row_scale(0.0, 1.0, rows)
    low, high = float(finite.min()), float(finite.max())
    if log is None:
        log = spans_decades(low, high)
    if log and high > 0:
        return log_row_scale(float(finite[finite > 0].min()), high, rows)
    return row_scale(min(low, 0.0) if low < 0.5 * high else low, high, rows)


def spans_decades(low: float, high: float) -> bool:
    """Say whether losses from `low` to `high` are better read on a log scale."""
    return low > 0 and high >= 10 * low


@lru_cache(maxsize=64)
def row_scale(low: float, high: float, rows: int, *, snug: bool = False) -> Scale:
    """Widen ``[low, high]`` so that round ticks lie a whole number of rows apart, two at least.

    The lowest row is at a tick; where `snug`, it may be between two, which wastes less.
    """
    low, high = finite_limits(low, high)
    spaces = rows - 1
    if spaces < 2:
        wide = linear_scale(low, high, 2)
        return replace(wide, ticks=wide.ticks[:1])
    snug = snug or low < 0 < high
    fitting = [_row_ticks(low, high, spaces, every, snug) for every in range(2, spaces + 1)]
    return max(fitting, key=lambda scale: _suits(scale, low, high, spaces))


def _row_ticks(low: float, high: float, spaces: int, every: int, snug: bool) -> Scale:
    """Return the smallest round scale with a tick every so many rows that holds ``[low, high]``."""
    step = (high - low) / spaces * every
    while True:
        step = round_up(step, ROUND)
        grid = step / every if snug else step
        foot = math.floor(low / grid + 1e-9) * grid
        top = foot + spaces * step / every
        if top >= high - 1e-9 * (high - low):
            break
        step *= 1.01
    first, last = math.ceil(foot / step - 1e-9), math.floor(top / step + 1e-9)
    values = [n * step for n in range(first, last + 1)]
    return Scale(foot, top, tuple(zip(values, linear_labels(values, step), strict=True)))


def _suits(scale: Scale, low: float, high: float, spaces: int) -> float:
    """Return how well a scale suits: the share that data fill, less what ticks amiss cost."""
    ticks = len(scale.ticks)
    missing = max(0, min(_MOST_TICKS, 1 + spaces // _TICK_ROWS) - ticks)
    odd = missing + max(0, ticks - _MOST_TICKS - 2)
    filled = (high - low) / (scale.high - scale.low)
    return filled - _ODD_TICK * odd - _SINGLE_TICK * (ticks < 2)


@lru_cache(maxsize=64)
def log_row_scale(low: float, high: float, rows: int) -> Scale:
    """Widen ``[low, high]``, both above 0, to a log scale whose ticks lie at whole rows.

    They are 1, 2, 5 or 1, 3 times a power of ten, or such powers alone, two rows apart at least; in
    a few rows, the lowest and the highest alone.
    """
    low, high = max(low, TINY), max(high, TINY)
    spaces = rows - 1
    if high < _NARROW * low and spaces > 1:
        return _narrow_log(low, high, rows)
    if spaces < _ENDS_ONLY:
        wide = log_scale(low, high, 999)
        ends = (wide.ticks[0], wide.ticks[-1])
        return replace(wide, ticks=ends if spaces > 1 else ends[:1])
    bottom, top = math.log10(low), math.log10(high)
    fitting = [s for marks in _LOG_MARKS for s in _stretched(marks, bottom, top, spaces)]
    return max(fitting, key=lambda scale: _suits(scale, bottom, top, spaces))


def _stretched(marks: tuple[float, ...], low: float, high: float, spaces: int) -> Iterator[Scale]:
    """Stretch a log axis so that `spaces` rows hold it and its ticks meet rows, where they can.

    `marks` are log10 of the ticks within one period, the last of them the period itself. The foot
    is at a tick; where rows are few, at any row.
    """
    period = marks[-1]
    first = math.floor(low / period + 1e-9)
    periods = range(first, math.ceil(high / period) + 2)
    ticks = [n * period + mark for n in periods for mark in (0.0, *marks[:-1])]
    foot = max(tick for tick in ticks if tick <= low + 1e-9)
    count = math.floor(spaces / (high - low) * period + 1e-9)  # rows of a period
    for rows in (n / period for n in range(count, max(1, count // 3), -1)):
        if spaces < _FEW_ROWS:
            foot = math.floor(low * rows + 1e-9) / rows
        top = foot + spaces / rows
        if top >= high - 1e-9:
            places = [p for t in ticks if -1e-9 <= (p := (t - foot) * rows) <= spaces + _OFF_ROW]
            if _meet_rows(places):
                labels = log_labels([10.0 ** (foot + place / rows) for place in places])
                values = [min(foot + place / rows, top) for place in places]
                yield Scale(foot, top, tuple(zip(values, labels, strict=True)), log=True)


def _meet_rows(places: Sequence[float]) -> bool:
    """Say whether ticks lie in the middle of rows, about, and two rows apart at least."""
    gaps = [round(after) - round(before) for before, after in pairwise(places)]
    return min(gaps, default=2) >= 2 and all(abs(p - round(p)) <= _OFF_ROW for p in places)


def _narrow_log(low: float, high: float, rows: int) -> Scale:
    """Place the ticks of a linear scale on a log one: over less than a factor they look alike."""
    linear = row_scale(low, high, rows, snug=True)
    foot = linear.low if linear.low > 0 else low
    bottom, top = math.log10(foot), math.log10(linear.high)
    spaces = rows - 1
    kept: list[tuple[float, str]] = []
    taken = -2  # the row of the last tick
    for value, label in linear.ticks:
        place = math.log10(max(value, TINY))
        row = round((place - bottom) / (top - bottom) * spaces)
        if bottom - 1e-9 <= place <= top + 1e-9 and row >= taken + 2:
            kept.append((place, label))
            taken = row
    return Scale(bottom, top, tuple(kept), log=True)
