"""Columns of a CSV or TSV file: UTF-8, a header line, numbers with a point."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from tui_trainer.config.validation import InvalidSettingsError, shortened
from tui_trainer.task.files.opening import Progress, digest_of, opened, short_name
from tui_trainer.task.files.table import Floats, Table, checked_names

_BLOCK = 2**22  # bytes that are parsed at a time; no row may be longer
_SNIFFED = 2**16
_LOOK_SECONDS = 0.1
_RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
_MOST_LOOKED_AT = 100_000  # rows, for one that is not a number


def read_csv(file: str, delimiter: str, progress: Progress | None = None) -> Table:
    """Read a file.

    Raises:
        InvalidSettingsError: one line that says what is wrong and where.
    """
    name = short_name(file)
    with opened(file) as stream:
        digest = digest_of(stream)
        _sniff(name, stream, delimiter)
        try:
            with _watched(stream, progress):
                arrow = parse(stream, delimiter)
            names = checked_names(name, arrow.column_names)
        except pa.ArrowInvalid as error:
            stream.seek(0)
            raise InvalidSettingsError(f"{name}: {_explain(error, stream, delimiter)}") from None
        except UnicodeDecodeError:
            raise InvalidSettingsError(f"{name}: {_NOT_UTF8} (its header is not)") from None
    columns = list(zip(names, arrow.columns, strict=True))
    rows = arrow.num_rows
    del arrow
    numbers, others = _to_numbers(name, columns)
    return Table(name, numbers, others, rows, digest)


@contextmanager
def _watched(stream: Any, progress: Progress | None) -> Iterator[None]:
    """Tell now and then, in a thread, how far the reading of a stream has come."""
    if progress is None:
        yield
        return
    size, over = stream.size(), threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            progress(stream.tell(), size)

    watcher = threading.Thread(target=watch, name="reading", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        progress(size, size)


def parse(stream: Any, delimiter: str, *, threads: bool = True) -> Any:
    """Parse a stream into an Arrow table; see `pyarrow.csv.read_csv` for what it raises."""
    return pyarrow.csv.read_csv(
        stream,
        pyarrow.csv.ReadOptions(block_size=_BLOCK, use_threads=threads),
        pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    )


_NOT_UTF8 = "not UTF-8: save it as UTF-8"


def _sniff(name: str, stream: Any, delimiter: str) -> None:
    """Refuse what is no text with columns; the stream stays at its start."""
    start = stream.read(_SNIFFED)
    stream.seek(0)
    if not start.strip():
        raise InvalidSettingsError(f"{name}: empty")
    if b"\0" in start:
        kind = "UTF-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "binary data"
        raise InvalidSettingsError(f"{name}: not a CSV file but {kind}: save it as UTF-8 text")
    header = start.lstrip(b"\xef\xbb\xbf").splitlines()[0].decode(errors="replace")
    if delimiter not in header:
        for other, word in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
            if other in header:
                wanted = "tabs" if delimiter == "\t" else "commas"
                raise InvalidSettingsError(
                    f"{name}: its header has {word}: columns have to be separated by {wanted}"
                )
    if all(map(_is_number, header.split(delimiter))):
        raise InvalidSettingsError(
            f"{name}: its first line has numbers, and has to name the columns"
        )


def _is_number(text: str) -> bool:
    try:
        float(text.strip().strip('"'))
    except ValueError:
        return False
    return True


def _explain(error: pa.ArrowInvalid, stream: Any, delimiter: str) -> str:
    words = str(error)
    if _RAGGED.search(words):
        try:
            parse(stream, delimiter, threads=False)  # says which row it is
        except pa.ArrowInvalid as again:
            words = str(again)
        found = _RAGGED.search(words)
        if found is not None and found[1]:
            return (
                f"row {int(found[1]) - 1:,} has {found[3]} values, and the header names "
                f"{found[2]} columns"
            )
    if "straddles" in words or "cannot infer number of columns" in words:
        return f"not a CSV file: a line of more than {_BLOCK / 1e6:.0f} MB"
    return f"not a CSV file: {words.splitlines()[0]}"


def _to_numbers(
    name: str, columns: list[tuple[str, Any]]
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Convert Arrow columns one after another, each of which is let go of: they are large."""
    numbers: dict[str, Floats] = {}
    others: dict[str, str] = {}
    columns.reverse()
    while columns:
        column_name, column = columns.pop()
        if not column_name:
            others[""] = "no name"
        elif is_numeric(column.type):
            numbers[column_name] = to_floats(column)
        else:
            others[column_name] = _not_numeric(name, column)
    return numbers, others


def is_numeric(kind: Any) -> bool:
    """Say whether values of an Arrow type are numbers; true and false are 1 and 0."""
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
    )


def to_floats(column: Any) -> Floats:
    """Convert a numeric column; what is missing is NaN."""
    if pa.types.is_boolean(column.type):
        column = pyarrow.compute.cast(column, pa.uint8())
    found = pyarrow.compute.cast(column, pa.float64(), safe=False).to_numpy()
    array: Floats = np.ascontiguousarray(found, np.float64)
    return array


def _not_numeric(name: str, column: Any) -> str:
    """Say what keeps a column from being numeric: its first value that is not."""
    kind = column.type
    if pa.types.is_null(kind):
        return "it has no values"
    if pa.types.is_binary(kind):
        raise InvalidSettingsError(f"{name}: {_NOT_UTF8}")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        for row, value in enumerate(column[:_MOST_LOOKED_AT].to_pylist(), 1):
            if value is not None and value.strip() and not _is_number(value):
                return f"row {row:,} has {shortened(value)}"
        return "it is text"
    return f"it is of type {kind}"
