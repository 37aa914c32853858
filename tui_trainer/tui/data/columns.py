"""The columns of a file: what they hold, which is the target and which are features."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tui_trainer.config.settings import Dataset
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tui_trainer.task.files.table import Floats, Table

FIRST_ROWS = 8
_FEWEST = 2  # rows, and columns
_TARGETS = ("target", "label", "y")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column: its values in the first rows, and what keeps it from being used, "" if nothing.

    `kind` is a word for its type, `gaps` says of each row whether its value is missing; None: none.
    """

    name: str
    kind: str
    first: tuple[str, ...] = ()
    gaps: "NDArray[np.bool_] | None" = None
    problem: str = ""

    @property
    def missing(self) -> int:
        """How many values are missing."""
        return 0 if self.gaps is None else int(np.count_nonzero(self.gaps))


@dataclass(slots=True)
class Choice:
    """What a person makes of a file's columns.

    `drop_missing` leaves out the rows that lack a value, which are refused otherwise.
    """

    columns: Sequence[Column]
    rows: int
    target: str = ""
    features: set[str] = field(default_factory=set)
    standardize: bool = True
    drop_missing: bool = False

    def start_over(self, columns: Sequence[Column], rows: int) -> "Choice":
        """Return a choice among other columns, or the same ones, of which nothing is chosen yet."""
        return replace(self, columns=columns, rows=rows, target="", features=set())

    @property
    def usable(self) -> list[Column]:
        return [column for column in self.columns if not column.problem]

    def predict(self, name: str) -> None:
        """Make a column the target; the first time, all others become features."""
        if not self.target:
            self.features = {column.name for column in self.usable}
        elif self.target != name:
            self.features.add(self.target)
        self.target = name
        self.features.discard(name)

    def toggle(self, name: str) -> None:
        """Use a column as a feature, or no more."""
        self.features ^= {name}

    def toggle_all(self) -> None:
        """Use all columns, or none if all are used."""
        every = {column.name for column in self.usable} - {self.target}
        self.features = set() if self.features == every else every

    @property
    def likely_target(self) -> int:
        """The place of the column that people mostly predict: one of such a name, or the last."""
        usable = [place for place, column in enumerate(self.columns) if not column.problem]
        named = [n for n in usable if self.columns[n].name.casefold() in _TARGETS]
        return next(iter(named), usable[-1] if usable else 0)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features, in the file's order."""
        return tuple(column.name for column in self.columns if column.name in self.features)

    @property
    def missing(self) -> int:
        """How many values are missing in the columns that are used."""
        used = self.features | {self.target}
        return sum(column.missing for column in self.columns if column.name in used)

    @property
    def rows_with_gaps(self) -> int:
        """How many rows lack a value in one of the columns that are used."""
        used = self.features | {self.target}
        gaps = [c.gaps for c in self.columns if c.name in used and c.gaps is not None]
        return int(np.count_nonzero(np.logical_or.reduce(gaps))) if gaps else 0

    def dataset(self, file: str, split: float) -> Dataset:
        """Make the data set that was chosen out of a file."""
        return Dataset(
            name=f"{printable(Path(file).name)} · {self.target}",
            file=file,
            target=self.target,
            feature_names=self.feature_names,
            split=split,
            standardize=self.standardize,
            drop_missing=self.drop_missing,
        )


def columns_of(table: "Table") -> list[Column]:
    """Look at every column of a file; a million rows of twenty take half a second.

    Raises:
        InvalidSettingsError: if there are too few rows, or columns of numbers, to learn from.
    """
    if table.rows < _FEWEST:
        has = "one row" if table.rows else "no rows below its header"
        raise InvalidSettingsError(f"{table.name}: {has}: {_FEWEST} are the least")
    numbers = [_numeric(name, values) for name, values in table.numbers.items()]
    others = [
        Column(name or "(no name)", "text", problem=why) for name, why in table.others.items()
    ]
    usable = sum(not column.problem for column in numbers)
    if usable < _FEWEST:
        why = next((f" ({c.name}: {c.problem})" for c in numbers + others if c.problem), "")
        has = f"{usable or 'no'} column of numbers that differ{why}"
        raise InvalidSettingsError(f"{table.name}: {has}; a target and a feature are needed")
    return numbers + others


def _numeric(name: str, values: "Floats") -> Column:
    gaps = np.isnan(values)
    present = values[~gaps]
    first = tuple(_text(value) for value in values[:FIRST_ROWS].tolist())
    with np.errstate(invalid="ignore"):  # of an infinite one
        kind = "int" if (present % 1 == 0).all() else "float"
    problem = ""
    if not len(present):
        problem = "no values"
    elif present.min() == present.max():
        problem = f"constant, {_text(float(present[0]))}"
    return Column(name, kind, first, gaps if gaps.any() else None, problem)


def _text(value: float) -> str:
    """Write a value as it is in the file, with six digits at most."""
    return "–" if value != value else f"{value:.6g}"
