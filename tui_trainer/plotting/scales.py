"""Scales that stand still while data grow: limits move in steps, and ticks are round numbers."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui_trainer.plotting.tick_labels import count_labels, linear_labels, log_labels

ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_ROUND_STEPS = (1.0, 2.0, 5.0, 10.0)
_STEP_LIMITS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEAST_STEPS = 10  # on an axis of steps while more are to come
_TICK_COLUMNS = 12  # between the ticks of an x axis, about
TINY = 1e-45  # the smallest float32 above 0
AXIS_ROWS = 2  # below the plot: the axis and its labels


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
        return math.log10(max(value, TINY)) if self.log else value

    def value(self, unit: float) -> float:
        """Return what lies at a place from 0 to 1."""
        place = self.low + unit * (self.high - self.low)
        return 10.0**place if self.log else place

    def unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Map values to [0, 1], clamped; NaN stays NaN."""
        array = np.asarray(values, np.float64)
        if self.log:
            array = np.log10(np.maximum(array, TINY))
        return np.clip((array - self.low) / (self.high - self.low), 0.0, 1.0)


def finite_limits(low: float, high: float) -> tuple[float, float]:
    """Return limits that are finite and differ as far as float32 tells."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    if high - low > abs(high) * 1e-6:
        return low, high
    margin = abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def linear_scale(low: float, high: float, most_ticks: int) -> Scale:
    """Widen ``[low, high]`` to round ticks; a constant comes to lie in the middle."""
    low, high = finite_limits(low, high)
    step = round_up((high - low) / max(1, most_ticks - 1), ROUND)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    while last - first + 1 > most_ticks > 2:
        step = round_up(step * 1.01, ROUND)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = [n * step for n in range(first, last + 1)]
    labels = linear_labels(values, step)
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
    low, high = max(low, TINY), max(high, TINY)
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
    labelled = zip(map(math.log10, ticks), log_labels(ticks), strict=True)
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
    labelled = zip(map(math.log10, inside), log_labels(inside), strict=True)
    return Scale(low, high, tuple(labelled), log=True)


def step_scale(last_step: int, columns: int, planned: int | None = None) -> Scale:
    """Run from 0 to a round number of steps, so that the axis moves seldom while a run grows.

    It ends at `planned`, the number of steps there will be at most, and has ten at least before.
    """
    high = round_up(max(last_step, _LEAST_STEPS), _STEP_LIMITS)
    if planned is not None and planned >= last_step:
        high = float(max(1, min(high, planned)))
    return step_part(0.0, high, columns)


def step_part(low: float, high: float, columns: int) -> Scale:
    """Keep a part of an axis of steps as it is, with round ticks inside."""
    tick = max(1.0, round_up((high - low) / max(1, columns // _TICK_COLUMNS), _ROUND_STEPS))
    first, last = math.ceil(low / tick - 1e-9), math.floor(high / tick + 1e-9)
    values = [n * tick for n in range(first, last + 1)]
    return Scale(low, high, tuple(zip(values, count_labels(values, tick), strict=True)))


def round_up(value: float, rounds: tuple[float, ...]) -> float:
    """Return the next of the numbers `rounds` times a power of ten."""
    exponent = math.floor(math.log10(value))
    scale = 10.0**exponent
    return next(r * scale for r in (*rounds, 10.0) if r * scale >= value * (1 - 1e-9))
