"""Data sets that name a file: which columns and rows they are, and whether they are still."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tui_trainer.config.settings import Dataset
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import printable
from tui_trainer.task.files.loading import load_table
from tui_trainer.task.files.opening import Progress
from tui_trainer.task.files.table import Floats, Table, listed

# float32 ends there, and what is smaller is not told from 0.
_LARGEST, _SMALLEST = 3.4e38, 1.2e-38
_ROWS_NAMED = 3

Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A data set of which everything is known, and what a person should know of how it came."""

    dataset: Dataset
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of one file that a data set uses, without the rows that it leaves out."""

    features: tuple[Floats, ...]
    target: Floats


def resolve(dataset: Dataset, progress: Progress | None = None) -> Resolved:
    """Read the files that a data set names; one of a function, or resolved already, stays.

    Raises:
        InvalidSettingsError: one line that says what is wrong with them, and where.
    """
    if dataset.resolved:
        return Resolved(dataset)
    table = load_table(dataset.file, progress)
    _require_rows(table, 2)
    table.column(dataset.target)
    names = dataset.feature_names or tuple(n for n in table.numbers if n != dataset.target)
    rows, notes = _usable_rows(table, (*names, dataset.target), dataset.drop_missing)
    if not dataset.feature_names and table.others:
        notes.append(f"left out, not numeric: {listed(n or '(no name)' for n in table.others)}")
    kept = tuple(name for name in names if not _constant(table.column(name), rows))
    if len(kept) < len(names):
        notes.append(f"left out, constant: {listed(n for n in names if n not in kept)}")
    _require_features(table, kept, dataset)
    _check_target(table, rows, dataset)
    found = replace(dataset, feature_names=kept, features=len(kept), digest=table.digest)
    notes = [f"{table.name}: {words}" for words in notes]
    if dataset.validation_file:
        return _with_validation(found, len(rows), notes, progress)
    train = round(dataset.split * len(rows))
    for count, what in ((train, "train on"), (len(rows) - train, "validate with")):
        if count < 1:
            raise InvalidSettingsError(
                f"{table.name}: a split of {dataset.split:g} leaves none of its {len(rows):,} "
                f"rows to {what}"
            )
    return Resolved(
        replace(found, train_points=train, validation_points=len(rows) - train), tuple(notes)
    )


def renewed(dataset: Dataset) -> Dataset:
    """Return a data set for a new run: unresolved again if its files are not what they were.

    Raises:
        InvalidSettingsError: if they are not there.
    """
    if not dataset.file or not dataset.resolved:
        return dataset
    digests = load_table(dataset.file).digest, ""
    if dataset.validation_file:
        digests = digests[0], load_table(dataset.validation_file).digest
    if digests == (dataset.digest, dataset.validation_digest):
        return dataset
    return replace(dataset, digest="", validation_digest="")


def read_columns(dataset: Dataset) -> tuple[Columns, Columns | None]:
    """Return what a resolved data set uses of its file, and of its validation file.

    Raises:
        InvalidSettingsError: if a file is not there, not what it was, or does not fit the data set.
    """
    own = _columns(dataset, dataset.file, dataset.digest)
    if not dataset.validation_file:
        _require_fit(dataset, len(own.target))
        return own, None
    validation = _columns(dataset, dataset.validation_file, dataset.validation_digest)
    _require_fit(dataset, len(own.target), len(validation.target))
    return own, validation


def require_unchanged(dataset: Dataset, progress: Progress | None = None) -> None:
    """Refuse a resolved data set whose files are not there, or not what they were.

    Raises:
        InvalidSettingsError: one line that says which, and what can be done.
    """
    if not dataset.file:
        return
    rows = [_unchanged(dataset.file, dataset.digest, progress).rows]
    if dataset.validation_file:
        file, digest = dataset.validation_file, dataset.validation_digest
        rows.append(_unchanged(file, digest, progress).rows)
    if not dataset.drop_missing:
        _require_fit(dataset, *rows)


def _require_fit(dataset: Dataset, rows: int, validation_rows: int | None = None) -> None:
    """Refuse a data set whose numbers are not those of its files: somebody has changed them."""
    if dataset.features != len(dataset.feature_names):
        wrong = f"features = {dataset.features}, and it names {len(dataset.feature_names)}"
    elif validation_rows is None and dataset.train_points + dataset.validation_points != rows:
        wrong = (
            f"train_points + validation_points = {dataset.train_points} + "
            f"{dataset.validation_points}, and there are {rows:,} rows"
        )
    elif validation_rows is not None and dataset.train_points != rows:
        wrong = f"train_points = {dataset.train_points}, and there are {rows:,} rows"
    elif validation_rows is not None and dataset.validation_points != validation_rows:
        points = dataset.validation_points
        wrong = f"validation_points = {points}, and there are {validation_rows:,} rows"
    else:
        return
    raise InvalidSettingsError(f"the run's data set does not fit its file: {wrong}")


def _unchanged(file: str, digest: str, progress: Progress | None = None) -> Table:
    try:
        table = load_table(file, progress)
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"the data of this run can't be read: {error}") from None
    if table.digest != digest:
        raise InvalidSettingsError(
            f"{file}: it has changed since this run was started (SHA-256 {table.digest[:12]}…, and "
            f"was {digest[:12]}…)"
        )
    return table


def _columns(dataset: Dataset, file: str, digest: str) -> Columns:
    table = _unchanged(file, digest)
    names = (*dataset.feature_names, dataset.target)
    rows, _ = _usable_rows(table, names, dataset.drop_missing)
    arrays = [table.column(name) for name in names]
    if len(rows) < table.rows:
        arrays = [array[rows] for array in arrays]
    return Columns(tuple(arrays[:-1]), arrays[-1])


def _with_validation(
    dataset: Dataset, points: int, notes: list[str], progress: Progress | None
) -> Resolved:
    table = load_table(dataset.validation_file, progress)
    _require_rows(table, 1)
    names = (*dataset.feature_names, dataset.target)
    rows, more = _usable_rows(table, names, dataset.drop_missing, least=1)
    found = replace(
        dataset,
        train_points=points,
        validation_points=len(rows),
        validation_digest=table.digest,
    )
    return Resolved(found, (*notes, *(f"{table.name}: {words}" for words in more)))


def _require_rows(table: Table, least: int) -> None:
    if table.rows < least:
        has = "no rows" if not table.rows else "one row, and two are the least"
        raise InvalidSettingsError(f"{table.name}: it has {has}")


def _usable_rows(
    table: Table, names: Sequence[str], drop_missing: bool, *, least: int = 2
) -> tuple[Rows, list[str]]:
    """Return the rows without a missing value in the columns, and a note if others are left out."""
    arrays = {name: table.column(name) for name in names}
    for name, array in arrays.items():
        _require_float32(table, name, array)
    missing = np.zeros(table.rows, np.bool_)
    for array in arrays.values():
        missing |= np.isnan(array)
    rows, count = np.flatnonzero(~missing), int(missing.sum())
    if not count:
        return rows, []
    if not drop_missing:
        holed = [name for name, array in arrays.items() if np.isnan(array).any()]
        raise InvalidSettingsError(
            f"{table.name}: values are missing in {count:,} of {table.rows:,} rows, first in "
            f"{_rows_text(np.flatnonzero(missing))} ({listed(holed)}): --drop-missing leaves "
            "such rows out"
        )
    if len(rows) < least:
        raise InvalidSettingsError(
            f"{table.name}: {len(rows)} of {table.rows:,} rows have no missing value, and "
            f"{least} are the least"
        )
    return rows, [f"left out, with missing values: {count:,} of {table.rows:,} rows"]


def _require_float32(table: Table, name: str, array: Floats) -> None:
    for wrong, words in (
        (np.isinf(array), "is infinite"),
        (np.abs(array) > _LARGEST, "is too large for float32"),
    ):
        if wrong.any():
            where = _rows_text(np.flatnonzero(wrong))
            raise InvalidSettingsError(f"{table.name}: {printable(name)} {words} in {where}")


def _rows_text(rows: Rows) -> str:
    """Name the first of some rows, counted from 1 without the header."""
    numbers = [f"{row + 1:,}" for row in rows[:_ROWS_NAMED]]
    if len(rows) > _ROWS_NAMED:
        return f"rows {', '.join(numbers)}, …"
    last = numbers.pop()
    return f"rows {', '.join(numbers)} and {last}" if numbers else f"row {last}"


def _constant(array: Floats, rows: Rows) -> bool:
    used = array if len(rows) == len(array) else array[rows]
    return bool(used.min() == used.max())


def _require_features(table: Table, names: Iterable[str], dataset: Dataset) -> None:
    if any(True for _ in names):
        return
    if not dataset.feature_names and len(table.numbers) < 2:
        raise InvalidSettingsError(
            f"{table.name}: no numeric column besides the target {dataset.target}"
        )
    raise InvalidSettingsError(f"{table.name}: every feature is constant")


def _check_target(table: Table, rows: Rows, dataset: Dataset) -> None:
    target = table.column(dataset.target)
    if _constant(target, rows):
        raise InvalidSettingsError(
            f"{table.name}: the target {dataset.target} is constant: there is nothing to predict"
        )
    if dataset.standardize:
        spread = float(target[rows].std()) ** 2
        if not _SMALLEST < spread < _LARGEST:
            way = "small" if spread < 1 else "large"
            raise InvalidSettingsError(
                f"{table.name}: the target's variance, {spread:.2g}, is too {way} for float32: "
                "give it in another unit"
            )
