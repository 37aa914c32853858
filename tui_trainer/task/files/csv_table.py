"""Columns of a CSV or TSV file: UTF-8, a header line, numbers with a point.

A file is read block by block into columns of numbers: pyarrow's table of a large one, made whole,
takes twice its size. What is a number is decided by the first block; where a later one has
something else, the file is read again, whole.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from tui_trainer.config.validation import InvalidSettingsError, shortened
from tui_trainer.task.files.opening import Progress, digest_of, opened, short_name
from tui_trainer.task.files.table import Floats, Table, checked_names
from tui_trainer.task.memory import TABLE_BYTES, require_memory

_BLOCK = 2**20  # bytes that are parsed at a time; no row may be longer
_SNIFFED = 2**16
_RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
_MOST_LOOKED_AT = 100_000  # rows, for one that is not a number
_NOT_UTF8 = "not UTF-8: save it as UTF-8"
_SPARE = 1.05  # times the rows that a file of the first block's rows would have


def read_csv(file: str, delimiter: str, progress: Progress | None = None) -> Table:
    """Read a file.

    Raises:
        InvalidSettingsError: one line that says what is wrong and where.
    """
    name = short_name(file)
    with opened(file) as stream:
        _sniff(name, stream, delimiter)
        digest = digest_of(stream)
    with _explained(name, file, delimiter):
        first = _first_block(file, delimiter)
        names = checked_names(name, first.schema.names)
        try:
            rows, numbers = _stream(file, delimiter, first, progress)
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error):
                raise
            with opened(file) as stream:
                first = pyarrow.csv.read_csv(stream, *_options(delimiter))
            rows = first.num_rows
            numbers = {n: _floats(first.column(n)) for n in _numeric(first.schema)}
    found: dict[str, Floats] = {}
    others: dict[str, str] = {}
    for clean, raw in zip(names, first.schema.names, strict=True):
        if not clean:
            others[clean] = "no name"
        elif raw not in numbers:
            others[clean] = _not_numeric(name, first.column(raw))
        elif np.isnan(numbers[raw]).all():
            others[clean] = "it has no values"
        else:
            found[clean] = numbers[raw]
    return Table(name, found, others, rows, digest)


def _options(delimiter: str, *, threads: bool = True) -> tuple[Any, Any]:
    return (
        pyarrow.csv.ReadOptions(block_size=_BLOCK, use_threads=threads),
        pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    )


def _first_block(file: str, delimiter: str) -> Any:
    """Return the rows of the first block, with the types that they have: an Arrow batch."""
    with opened(file) as stream:
        reader = pyarrow.csv.open_csv(stream, *_options(delimiter))
        try:
            return reader.read_next_batch()
        except StopIteration:
            return pa.RecordBatch.from_pylist([], reader.schema)


def _numeric(schema: Any) -> list[str]:
    """Name the columns that are numeric, or that have had no value yet."""
    return [
        field.name
        for field in schema
        if field.name.strip() and (is_numeric(field.type) or pa.types.is_null(field.type))
    ]


def _stream(
    file: str, delimiter: str, first: Any, progress: Progress | None
) -> tuple[int, dict[str, Floats]]:
    """Read all rows of the columns that are numeric in the first block."""
    names = _numeric(first.schema)
    if not names or not first.num_rows:
        return first.num_rows, {}
    # An integer is followed by 0.5 sooner or later.
    types = {
        name: first.schema.field(name).type
        if pa.types.is_boolean(first.schema.field(name).type)
        else pa.float64()
        for name in names
    }
    with opened(file) as stream:
        size = stream.size()
        expected = first.num_rows
        if size > _BLOCK:
            expected = int(_SPARE * size / _BLOCK * first.num_rows)
        require_memory(TABLE_BYTES * expected * len(names))
        rows, columns = 0, {name: np.empty(expected) for name in names}
        convert = pyarrow.csv.ConvertOptions(include_columns=names, column_types=types)
        for batch in pyarrow.csv.open_csv(stream, *_options(delimiter), convert):
            end = rows + batch.num_rows
            for column_name, column in zip(names, batch.columns, strict=True):
                if end > len(columns[column_name]):
                    columns[column_name].resize(int(1.5 * end), refcheck=False)
                columns[column_name][rows:end] = _floats(column)
            rows = end
            if progress is not None:
                progress(stream.tell(), size)
    for values in columns.values():
        values.resize(rows, refcheck=False)
    return rows, columns


@contextmanager
def _explained(name: str, file: str, delimiter: str) -> Iterator[None]:
    """Say what pyarrow finds wrong with a file in one line."""
    try:
        yield
    except pa.ArrowInvalid as error:
        words = str(error)
        if _RAGGED.search(words):
            words = _with_row(file, delimiter) or words
        raise InvalidSettingsError(f"{name}: {_explain(words)}") from None
    except UnicodeDecodeError:
        raise InvalidSettingsError(f"{name}: {_NOT_UTF8} (its header is not)") from None


def _with_row(file: str, delimiter: str) -> str:
    """Return what is said where one thread reads: it knows which row it is."""
    try:
        with opened(file) as stream:
            for _ in pyarrow.csv.open_csv(stream, *_options(delimiter, threads=False)):
                pass
    except pa.ArrowInvalid as error:
        return str(error)
    return ""


def _explain(words: str) -> str:
    found = _RAGGED.search(words)
    if found is not None:
        row = f"row {int(found[1]) - 1:,}" if found[1] else "a row"
        return f"{row} has {found[3]} values, and the header names {found[2]} columns"
    if "straddl" in words or "cannot infer number of columns" in words:
        return f"not a CSV file: a line of more than {_BLOCK / 1e6:.0f} MB"
    return f"not a CSV file: {words.splitlines()[0]}"


def _sniff(name: str, stream: Any, delimiter: str) -> None:
    """Refuse what is no text with columns; the stream stays at its start."""
    start = stream.read(_SNIFFED)
    stream.seek(0)
    if not start.strip():
        raise InvalidSettingsError(f"{name}: empty")
    if b"\0" in start:
        kind = "UTF-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "binary data"
        raise InvalidSettingsError(f"{name}: not a CSV file but {kind}: save it as UTF-8 text")
    header = start.removeprefix(b"\xef\xbb\xbf").splitlines()[0].decode(errors="replace")
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
    if len(start) < _SNIFFED and len(start.splitlines()) == 1:
        raise InvalidSettingsError(f"{name}: it has no rows")


def _is_number(text: str) -> bool:
    try:
        float(text.strip().strip('"'))
    except ValueError:
        return False
    return True


def is_numeric(kind: Any) -> bool:
    """Say whether values of an Arrow type are numbers; true and false are 1 and 0."""
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
    )


def _floats(column: Any) -> Floats:
    return to_floats([column] if isinstance(column, pa.Array) else column.chunks, len(column))


def to_floats(chunks: Iterable[Any], rows: int) -> Floats:
    """Convert Arrow arrays of numbers to one column; what is missing is NaN."""
    found, done = np.empty(rows), 0
    for chunk in chunks:
        plain = (
            pyarrow.compute.cast(chunk, pa.uint8()) if pa.types.is_boolean(chunk.type) else chunk
        )
        values = pyarrow.compute.cast(plain, pa.float64(), safe=False)
        found[done : done + len(chunk)] = values.to_numpy(zero_copy_only=False)
        done += len(chunk)
    return found


def _not_numeric(name: str, column: Any) -> str:
    """Say what keeps a column from being numeric: its first value that is not."""
    kind = column.type
    if pa.types.is_binary(kind):
        raise InvalidSettingsError(f"{name}: {_NOT_UTF8}")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        for row, value in enumerate(column[:_MOST_LOOKED_AT].to_pylist(), 1):
            if value is not None and value.strip() and not _is_number(value):
                return f"row {row:,} has {shortened(value)}"
        return "it is text"
    return f"it is of type {kind}"
