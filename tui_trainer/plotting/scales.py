"""Scales that stand still while data grow: limits move in steps, and ticks are round numbers."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_STEP_LIMITS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_TINY = 1e-45  # the smallest float32 above 0


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
    ticks = row_ticks(height)
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return linear_scale(0.0, 1.0, ticks)
    low, high = float(finite.min()), float(finite.max())
    if log is None:
        log = low > 0 and high >= 10 * low
    if log and high > 0:
        return log_scale(float(finite[finite > 0].min()), high, ticks)
    return linear_scale(min(low, 0.0) if low < 0.5 * high else low, high, ticks)


def row_ticks(height: int) -> int:
    """Return how many ticks a plot of `height` rows has room for beside it."""
    return max(2, min(9, (height - 2) * 2 // 3))


def linear_scale(low: float, high: float, most_ticks: int) -> Scale:
    """Widen ``[low, high]`` to round ticks; a constant comes to lie in the middle."""
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
    labelled = tuple((math.log10(tick), _log_label(tick)) for tick in ticks)
    return Scale(math.log10(inside[0]), math.log10(inside[-1]), labelled, log=True)


def step_scale(last_step: int, columns: int) -> Scale:
    """Run from 0 to a round number of steps, so that the axis moves seldom while a run grows."""
    high = _round_up(max(last_step, 10), _STEP_LIMITS)
    tick = max(1.0, _round_up(high / max(1, columns // 12), _ROUND))
    tick = 5.0 if tick == 2.5 else tick  # there is no half step
    ticks = [n * tick for n in range(int(high / tick + 1e-9) + 1)]
    return Scale(0.0, high, tuple((value, _count_label(value)) for value in ticks))


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
