"""Scales that stand still while data grow: limits move in steps, and ticks are round numbers."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_ROUND_STEPS = (1.0, 2.0, 5.0, 10.0)
_STEP_LIMITS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEAST_STEPS = 10  # on an axis of steps while more are to come
_TICK_COLUMNS = 12  # between the ticks of an x axis, about
_TINY = 1e-45  # the smallest float32 above 0
AXIS_ROWS = 2  # below the plot: the axis and its labels
# log10 of the ticks in a period, and of the period: 1-2-5, 1-3, powers of ten, every so many.
_LOG_MARKS = (
    (math.log10(2), math.log10(5), 1.0), (math.log10(3), 1.0),
    (1.0,), (2.0,), (3.0,), (5.0,), (10.0,), (20.0,), (50.0,), (100.0,),
)  # fmt: skip
_UNITS = ((1e9, "G", 1e9), (1e6, "M", 1e6), (1e3, "k", 1e4))  # the last: from how many on
_OFF_ROW = 0.2  # rows that a tick of a log scale may be off the middle of its row
_NARROW = 3.0  # a factor that a log scale of 1-2-5 is too coarse for
_ENDS_ONLY = 4  # rows below which a log scale has ticks at its ends alone
_FEW_ROWS = 14  # between which every row is a step that an axis may move by
# How many ticks a plot should have, and the share of its height that one amiss is worth.
_MOST_TICKS, _TICK_ROWS, _ODD_TICK, _SINGLE_TICK = 7, 3, 0.07, 0.4


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values lie on an axis: its ends and its labelled ticks, all in log10 where `log`."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    @property
    def foot(self) -> float:
        """The value at the lower end."""
        return 10.0**self.low if self.log else self.low

    @property
    def top(self) -> float:
        """The value at the upper end."""
        return 10.0**self.high if self.log else self.high

    def holds(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Say which values lie between the ends; NaN does not."""
        array = np.asarray(values, np.float64)
        slack = 1e-6 * (self.high - self.low)
        with np.errstate(invalid="ignore", divide="ignore"):
            places = np.log10(array) if self.log else array
        inside: NDArray[np.bool_] = (places >= self.low - slack) & (places <= self.high + slack)
        return inside

    def place(self, value: float) -> float:
        """Return where a value lies in the axis's own numbers."""
        return math.log10(max(value, _TINY)) if self.log else value

    def value(self, unit: float) -> float:
        """Return what lies at a place from 0 to 1."""
        place = self.low + unit * (self.high - self.low)
        return 10.0**place if self.log else place

    def unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Map values to [0, 1], clamped; NaN stays NaN."""
        array = np.asarray(values, np.float64)
        if self.log:
            array = np.log10(np.maximum(array, _TINY))
        return np.clip((array - self.low) / (self.high - self.low), 0.0, 1.0)


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
    low, high = _apart(low, high)
    spaces = rows - 1
    if spaces < 2:
        wide = linear_scale(low, high, 2)
        return replace(wide, ticks=wide.ticks[:1])
    snug = snug or low < 0 < high
    fitting = [_row_ticks(low, high, spaces, every, snug) for every in range(2, spaces + 1)]
    return max(fitting, key=lambda scale: _suits(scale, low, high, spaces))


def _apart(low: float, high: float) -> tuple[float, float]:
    """Return limits that are finite and differ as far as float32 tells."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    if high - low > abs(high) * 1e-6:
        return low, high
    margin = abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _row_ticks(low: float, high: float, spaces: int, every: int, snug: bool) -> Scale:
    """Return the smallest round scale with a tick every so many rows that holds ``[low, high]``."""
    step = (high - low) / spaces * every
    while True:
        step = _round_up(step, _ROUND)
        grid = step / every if snug else step
        foot = math.floor(low / grid + 1e-9) * grid
        top = foot + spaces * step / every
        if top >= high - 1e-9 * (high - low):
            break
        step *= 1.01
    first, last = math.ceil(foot / step - 1e-9), math.floor(top / step + 1e-9)
    values = [n * step for n in range(first, last + 1)]
    return Scale(foot, top, tuple(zip(values, _linear_labels(values, step), strict=True)))


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
    low, high = max(low, _TINY), max(high, _TINY)
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
                labels = _log_labels([10.0 ** (foot + place / rows) for place in places])
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
        place = math.log10(max(value, _TINY))
        row = round((place - bottom) / (top - bottom) * spaces)
        if bottom - 1e-9 <= place <= top + 1e-9 and row >= taken + 2:
            kept.append((place, label))
            taken = row
    return Scale(bottom, top, tuple(kept), log=True)


def linear_scale(low: float, high: float, most_ticks: int) -> Scale:
    """Widen ``[low, high]`` to round ticks; a constant comes to lie in the middle."""
    low, high = _apart(low, high)
    step = _round_up((high - low) / max(1, most_ticks - 1), _ROUND)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    while last - first + 1 > most_ticks > 2:
        step = _round_up(step * 1.01, _ROUND)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = [n * step for n in range(first, last + 1)]
    labels = _linear_labels(values, step)
    return Scale(first * step, last * step, tuple(zip(values, labels, strict=True)))


def data_scale(low: float, high: float, most_ticks: int) -> Scale:
    """Keep ``[low, high]`` as it is, with round ticks inside: for data that does not change."""
    wide = linear_scale(low, high, most_ticks)
    if not low < high:
        return wide
    inside = tuple(tick for tick in wide.ticks if low <= tick[0] <= high)
    return Scale(low, high, inside)


def log_scale(low: float, high: float, most_ticks: int) -> Scale:
    """Widen ``[low, high]``, both above 0, to 1, 2 or 5 × 10^k, with as many ticks as fit."""
    low, high = max(low, _TINY), max(high, _TINY)
    bounds = [m * 10.0**e for e in range(-46, 40) for m in (1, 2, 5)]
    first = max(n for n, bound in enumerate(bounds) if n == 0 or bound <= low * (1 + 1e-9))
    last = next((n for n, b in enumerate(bounds) if b >= high * (1 - 1e-9)), len(bounds) - 1)
    last = max(last, first + 1)
    inside = bounds[first : last + 1]
    ticks = inside
    if len(inside) > most_ticks:
        decades = [b for n, b in enumerate(bounds) if first <= n <= last and n % 3 == 0]
        every = max(1, math.ceil(len(decades) / max(1, most_ticks)))
        ticks = decades[::every] if decades else inside[:1]
    labelled = zip(map(math.log10, ticks), _log_labels(ticks), strict=True)
    return Scale(math.log10(inside[0]), math.log10(inside[-1]), tuple(labelled), log=True)


def log_part(low: float, high: float, most_ticks: int) -> Scale:
    """Keep a part of a log axis as it is, both ends in log10, with round ticks inside."""
    exponents = range(math.floor(low), math.ceil(high) + 1)
    for mantissas in (range(1, 10), (1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**e for e in exponents for m in mantissas]
        inside = [tick for tick in ticks if low <= math.log10(tick) <= high]
        if len(inside) <= most_ticks:
            break
    inside = inside[:: max(1, math.ceil(len(inside) / max(1, most_ticks)))]
    labelled = zip(map(math.log10, inside), _log_labels(inside), strict=True)
    return Scale(low, high, tuple(labelled), log=True)


def step_scale(last_step: int, columns: int, planned: int | None = None) -> Scale:
    """Run from 0 to a round number of steps, so that the axis moves seldom while a run grows.

    It ends at `planned`, the number of steps there will be at most, and has ten at least before.
    """
    high = _round_up(max(last_step, _LEAST_STEPS), _STEP_LIMITS)
    if planned is not None and planned >= last_step:
        high = float(max(1, min(high, planned)))
    return step_part(0.0, high, columns)


def step_part(low: float, high: float, columns: int) -> Scale:
    """Keep a part of an axis of steps as it is, with round ticks inside."""
    tick = max(1.0, _round_up((high - low) / max(1, columns // _TICK_COLUMNS), _ROUND_STEPS))
    first, last = math.ceil(low / tick - 1e-9), math.floor(high / tick + 1e-9)
    values = [n * tick for n in range(first, last + 1)]
    return Scale(low, high, tuple(zip(values, _count_labels(values, tick), strict=True)))


def _round_up(value: float, rounds: tuple[float, ...]) -> float:
    exponent = math.floor(math.log10(value))
    scale = 10.0**exponent
    return next(r * scale for r in (*rounds, 10.0) if r * scale >= value * (1 - 1e-9))


def _linear_labels(values: list[float], step: float) -> list[str]:
    """Write ticks with the digits that tell them apart, as powers of ten where that is shorter."""
    exponent = math.floor(math.log10(step) + 1e-9)
    halves = abs(step / 10.0**exponent - 2.5) < 1e-9
    largest = max(abs(value) for value in values)
    if step >= 1e-4 and largest < 1e6:
        digits = max(0, halves - exponent)
        return [f"{value:.{digits}f}" if value else "0" for value in values]
    digits = max(0, math.floor(math.log10(largest) + 1e-9) - exponent + halves)
    return [_short_power(f"{value:.{digits}e}") if value else "0" for value in values]


def _short_power(text: str) -> str:
    """Turn ``1.5e+06`` into ``1.5e6``."""
    mantissa, _, power = text.partition("e")
    return f"{mantissa}e{int(power)}"


def _log_labels(values: Sequence[float]) -> list[str]:
    """Write ticks as plain numbers, or all of them as powers of ten."""
    if all(0.0009 < value < 100_000 for value in values):
        return [f"{value:.6g}" for value in values]
    return [_short_power(f"{value:.0e}") for value in values]


def _count_labels(values: Sequence[float], step: float) -> list[str]:
    """Write counts, all of them in thousands or millions where the largest one is."""
    largest = max(values, default=0.0)
    unit, suffix = next((unit for unit in _UNITS if largest >= unit[2]), (1.0, "", 0.0))[:2]
    digits = next(n for n in range(10) if abs(round(step / unit, n) * unit - step) < 1e-6 * step)
    return [f"{value / unit:.{digits}f}{suffix}" if value else "0" for value in values]
