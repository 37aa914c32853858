"""How ticks are written: with the digits that tell them apart."""

import math
from collections.abc import Sequence

_UNITS = ((1e9, "G", 1e9), (1e6, "M", 1e6), (1e3, "k", 1e4))  # the last: from how many on


def linear_labels(values: list[float], step: float) -> list[str]:
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


def log_labels(values: Sequence[float]) -> list[str]:
    """Write ticks as plain numbers, or all of them as powers of ten."""
    if all(0.0009 < value < 100_000 for value in values):
        return [f"{value:.6g}" for value in values]
    return [_short_power(f"{value:.0e}") for value in values]


def count_labels(values: Sequence[float], step: float) -> list[str]:
    """Write counts, all of them in thousands or millions where the largest one is."""
    largest = max(values, default=0.0)
    unit, suffix = next((unit for unit in _UNITS if largest >= unit[2]), (1.0, "", 0.0))[:2]
    digits = next(n for n in range(10) if abs(round(step / unit, n) * unit - step) < 1e-6 * step)
    return [f"{value / unit:.{digits}f}{suffix}" if value else "0" for value in values]
