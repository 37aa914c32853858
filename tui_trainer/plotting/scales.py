"""Axes that a person can read and that stand still: limits move in steps, ticks are round."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_STEP_LIMITS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_TINY = 1e-45  # the smallest float32 above 0


@dataclass(frozen=True, slots=True)
class Axis:
    """A range (in log10 where `log`) and its ticks, each with its label."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Map values to [0, 1], clamped; NaN stays NaN."""
        array = np.asarray(values, np.float64)
        if self.log:
            array = np.log10(np.maximum(array, _TINY))
        return np.clip((array - self.low) / (self.high - self.low), 0.0, 1.0)


def linear_axis(low: float, high: float, most_ticks: int) -> Axis:
    """Return a linear axis over ``[low, high]``, widened to its ticks."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    if high - low <= abs(high) * 1e-6:  # a constant, as far as float32 tells
        margin = abs(high) * 0.1 or 1.0
        low, high = low - margin, high + margin
    step = _round_up((high - low) / max(1, most_ticks - 1), _ROUND)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    while last - first + 1 > most_ticks > 2:
        step = _round_up(step * 1.01, _ROUND)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = [n * step for n in range(first, last + 1)]
    labels = _linear_labels(values, step)
    return Axis(first * step, last * step, tuple(zip(values, labels, strict=True)))


def data_axis(low: float, high: float, most_ticks: int) -> Axis:
    """Return a linear axis of just ``[low, high]`` with round ticks inside, for data that stays."""
    wide = linear_axis(low, high, most_ticks)
    if not low < high:
        return wide
    inside = tuple(tick for tick in wide.ticks if low <= tick[0] <= high)
    return Axis(low, high, inside)


def log_axis(low: float, high: float, most_ticks: int) -> Axis:
    """Return an axis in log10 over ``[low, high]`` (both above 0), widened to 1, 2 or 5 × 10^k."""
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
    labelled = tuple((math.log10(tick), _log_label(tick)) for tick in ticks)
    return Axis(math.log10(inside[0]), math.log10(inside[-1]), labelled, log=True)


def step_axis(last_step: int, columns: int) -> Axis:
    """Return the axis from 0 to a round number of steps that `last_step` fits in."""
    high = _round_up(max(last_step, 10), _STEP_LIMITS)
    tick = max(1.0, _round_up(high / max(1, columns // 12), _ROUND))
    tick = 5.0 if tick == 2.5 else tick  # there is no half step
    ticks = [n * tick for n in range(int(high / tick + 1e-9) + 1)]
    return Axis(0.0, high, tuple((value, _count_label(value)) for value in ticks))


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


def _log_label(value: float) -> str:
    if 0.001 <= value < 100_000:
        return f"{value:g}"
    return _short_power(f"{value:.0e}")


def _count_label(value: float) -> str:
    for size, suffix in ((1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (size if size > 1e4 else 1e3):g}{suffix}"
    return f"{value:g}"


def spans_decades(values: list[float]) -> bool:
    """Say whether losses are better read on a log axis: all above 0, a factor of ten apart."""
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) >= 10 * min(finite)
