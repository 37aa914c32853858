"""The axes of a sweep: settings and the values they take, read from ``key=lo:hi:log|lin:n``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tui_trainer.config.overrides import (
    OVERRIDE_NUMBERS,
    RUN_NUMBERS,
    WHOLE_NUMBERS,
    Value,
    parse_number,
    setting_key,
)
from tui_trainer.config.presets import CHOICES, Presets
from tui_trainer.config.validation import InvalidSettingsError, one_of, shortened
from tui_trainer.formatting import number_text

MOST_VALUES = 10_000  # of one axis
_ALL = "all"


class Spacing(Enum):
    """How the values are spaced: an axis of a plot has to know."""

    LOG = "log"
    LINEAR = "lin"
    LIST = "list"
    NAMES = "names"


AXIS_KEYS = ("lr", *OVERRIDE_NUMBERS, *CHOICES, *(key for key in RUN_NUMBERS if key != "lr"))


@dataclass(frozen=True, slots=True)
class SweepAxis:
    """A setting and the distinct values that it takes, in order; at least one."""

    key: str
    values: tuple[Value, ...]
    spacing: Spacing


def parse_axis(text: str, presets: Presets) -> SweepAxis:
    """Read ``lr=1e-5:1:log:32``, ``l1_weight=0,0.1,1`` or ``init=normal,kaiming`` (or ``all``).

    Raises:
        InvalidSettingsError: one line that says what is wrong and what would be right.
    """
    key, equals, values = (part.strip() for part in text.partition("="))
    key = setting_key(key)
    if not equals or not key:
        raise InvalidSettingsError(
            f"{text.strip() or 'nothing'}: expected an axis such as lr=1e-4:1:log:16"
        )
    if key not in AXIS_KEYS:
        raise InvalidSettingsError(f"{key}: no such axis; {one_of(key, AXIS_KEYS)}")
    try:
        return make_axis(key, values, presets)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{key}: {error}") from None


def make_axis(key: str, text: str, presets: Presets) -> SweepAxis:
    """Read the values of an axis: a range, or a list.

    Raises:
        InvalidSettingsError: one line that says what is wrong and what would be right.
    """
    if not text.strip():
        example = f"{CHOICES_EXAMPLE[key]}" if key in CHOICES else "1e-4:1:log:16 or 0.01,0.1,1"
        raise InvalidSettingsError(f"no values; write for example {example}")
    if key in CHOICES:
        return SweepAxis(key, _names(key, _listed(text), presets), Spacing.NAMES)
    if ":" in text:
        return _range(key, text)
    return SweepAxis(key, _distinct([_number(key, part) for part in _listed(text)]), Spacing.LIST)


CHOICES_EXAMPLE = {
    "dataset": "wave,wave-40",
    "architecture": "mlp-4x20,mlp-2x64",
    "init": "normal,kaiming",
    "regularizer": "none,l1,dropout",
    "optimizer": "sgd,momentum,adam",
    "schedule": "constant,cosine",
    "activation": "relu,tanh",
}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _names(key: str, names: list[str], presets: Presets) -> tuple[Value, ...]:
    allowed = presets.names(key)
    if names == [_ALL]:
        return tuple(allowed)
    if _ALL in names and _ALL not in allowed:
        raise InvalidSettingsError(f"{_ALL} is every {key}; omit the others")
    for name in names:
        if name not in allowed:
            raise InvalidSettingsError(f"unknown {key} '{name}'; {one_of(name, [*allowed, _ALL])}")
    return _distinct(names)


def _distinct(values: Sequence[Value]) -> tuple[Value, ...]:
    if not values:
        raise InvalidSettingsError("no values")
    if len(values) > MOST_VALUES:
        raise InvalidSettingsError(f"expected at most {MOST_VALUES:,} values, got {len(values):,}")
    seen: set[Value] = set()
    for value in values:
        if value in seen:
            raise InvalidSettingsError(f"{value_text(value)} is listed twice")
        seen.add(value)
    return tuple(values)


def _range(key: str, text: str) -> SweepAxis:
    parts = [part.strip() for part in text.split(":")]
    spacings = (Spacing.LOG.value, Spacing.LINEAR.value)
    if len(parts) != 4 or parts[2] not in spacings:
        raise InvalidSettingsError(f"expected lo:hi:log:n or lo:hi:lin:n, got {shortened(text)}")
    low, high, count = _number(key, parts[0]), _number(key, parts[1]), _count(parts[3])
    spacing = Spacing(parts[2])
    if low == high:
        raise InvalidSettingsError(f"the range {parts[0]} to {parts[1]} is empty")
    if low > high:
        swapped = f"{parts[1]}:{parts[0]}:{parts[2]}:{parts[3]}"
        raise InvalidSettingsError(f"the range ends below where it starts; write {swapped}")
    if spacing is Spacing.LOG and low <= 0:
        raise InvalidSettingsError(
            f"a log range can't start at {parts[0]}; start above 0, or list 0 with its values: "
            f"0,{parts[1]}"
        )
    values = _spaced(low, high, count, spacing)
    if key in WHOLE_NUMBERS:
        values = [round(value) for value in values]
        if len(set(values)) < count:
            raise InvalidSettingsError(
                f"no {count} whole numbers have this spacing from {parts[0]} to {parts[1]}"
            )
    return SweepAxis(key, tuple(values), spacing)


def _spaced(low: float, high: float, count: int, spacing: Spacing) -> list[float]:
    """Space values evenly, rounded as a person would write them while that keeps them distinct."""
    shares = [index / (count - 1) for index in range(count)]
    if spacing is Spacing.LOG:
        ratio = math.log(high) - math.log(low)
        exact = [math.exp(math.log(low) + share * ratio) for share in shares]
        digits = 3
    else:
        exact = [low + share * (high - low) for share in shares]
        digits = 12
    for kept in range(digits, 18):
        inner = [float(f"{value:.{kept}g}") for value in exact[1:-1]]
        values = [low, *inner, high]
        if len(set(values)) == count and sorted(values) == values:
            return values
    raise InvalidSettingsError(f"no {count} numbers fit from {low!r} to {high!r}")


def _number(key: str, text: str) -> float | int:
    try:
        return parse_number(key, text)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{error}, got {shortened(text)}") from None


def _count(text: str) -> int:
    # Python refuses to read a number of thousands of digits.
    count = int(text) if text.isdecimal() and len(text) < 10 else 0
    if not 2 <= count <= MOST_VALUES:
        raise InvalidSettingsError(f"expected 2 to {MOST_VALUES:,} values, got {shortened(text)}")
    return count


def value_text(value: Value) -> str:
    """Write a value as a person would."""
    return value if isinstance(value, str) else number_text(value)
