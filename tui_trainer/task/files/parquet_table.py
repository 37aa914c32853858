"""Columns of a Parquet file."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.task.files.csv_table import is_numeric, to_floats
from tui_trainer.task.files.opening import Progress, digest_of, opened, short_name
from tui_trainer.task.files.table import Floats, Table, checked_names
from tui_trainer.task.memory import TABLE_BYTES, require_memory


def read_parquet(file: str, progress: Progress | None = None) -> Table:
    """Read a file.

    Raises:
        InvalidSettingsError: one line that says what is wrong and where.
    """
    name = short_name(file)
    with opened(file) as stream:
        digest = digest_of(stream, progress)
        try:
            return _read(name, stream, digest)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            words = (str(error).splitlines() or [""])[0]
            raise InvalidSettingsError(f"{name}: not a Parquet file: {words}") from None


def _column(found: Any, name: str) -> Floats:
    """Read a column, row group by row group: an Arrow column of a large file is a copy."""
    groups = range(found.num_row_groups)
    arrays = (a for g in groups for a in found.read_row_group(g, [name]).column(0).chunks)
    return to_floats(arrays, found.metadata.num_rows)


def _read(name: str, stream: Any, digest: str) -> Table:
    found = pyarrow.parquet.ParquetFile(stream)
    schema = found.schema_arrow
    rows, count = found.metadata.num_rows, sum(is_numeric(field.type) for field in schema)
    require_memory(TABLE_BYTES * rows * count)
    numbers: dict[str, Floats] = {}
    others: dict[str, str] = {}
    for index, column_name in enumerate(checked_names(name, schema.names)):
        field = schema.field(index)
        if not column_name:
            others[""] = "no name"
        elif is_numeric(field.type):
            numbers[column_name] = _column(found, field.name)
        else:
            others[column_name] = f"it is of type {field.type}"
    return Table(name, numbers, others, rows, digest)
