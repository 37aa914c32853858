"""A data file in memory: its numeric columns, and what keeps the others from being numeric."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_trainer.config.validation import InvalidSettingsError, one_of, shortened
from tui_trainer.formatting import printable

Floats = NDArray[np.float64]

_MOST_NAMES = 8  # that a message lists


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The columns of a file, in its order.

    Args:
        name: of the file, for messages about what is in it.
        numbers: by name, each of shape (rows,); NaN is missing.
        others: by name, what keeps a column from being one of numbers.
        rows: how many.
        digest: SHA-256 of the file, in hexadecimal digits.
    """

    name: str
    numbers: Mapping[str, Floats]
    others: Mapping[str, str]
    rows: int
    digest: str

    def column(self, name: str) -> Floats:
        """Return a column of numbers.

        Raises:
            InvalidSettingsError: if there is none of the name.
        """
        if name in self.numbers:
            return self.numbers[name]
        if name in self.others:
            raise InvalidSettingsError(
                f"{self.name}: column {shortened(name)} is not numeric: {self.others[name]}"
            )
        raise InvalidSettingsError(
            f"{self.name}: no column {shortened(name)}; {column_choice(name, self.numbers)}"
        )


def column_choice(name: str, numbers: Iterable[str]) -> str:
    """List the numeric columns in place of a wrong one, a similar one first."""
    names = list(numbers)
    if len(names) <= _MOST_NAMES:
        return one_of(name, names).replace("allowed:", "numeric columns:")
    hint, found, _ = one_of(name, names).partition("? ")
    return f"{hint}? {listed(names)}" if found else f"numeric columns: {listed(names)}"


def listed(names: Iterable[str]) -> str:
    """List names, the first few of many."""
    shown = [printable(name) for name in names]
    if len(shown) > _MOST_NAMES + 1:
        shown[_MOST_NAMES:] = [f"and {len(shown) - _MOST_NAMES:,} others"]
    return ", ".join(shown)


def checked_names(file: str, names: Iterable[str]) -> list[str]:
    """Strip names of columns; refuse two of one name. Those without a name are "".

    Raises:
        InvalidSettingsError: with the name that is there twice.
    """
    stripped = [printable(name.strip()) for name in names]
    seen: set[str] = set()
    for name in stripped:
        if name in seen:
            raise InvalidSettingsError(f"{file}: two columns are called {shortened(name)}")
        seen |= {name} if name else set()
    return stripped
