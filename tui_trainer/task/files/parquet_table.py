"""Columns of a Parquet file."""

import pyarrow as pa
import pyarrow.parquet

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.task.files.csv_table import is_numeric, to_floats
from tui_trainer.task.files.opening import Progress, digest_of, opened, short_name
from tui_trainer.task.files.table import Floats, Table, checked_names


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


def _read(name: str, stream: object, digest: str) -> Table:
    found = pyarrow.parquet.ParquetFile(stream)
    schema = found.schema_arrow
    numbers: dict[str, Floats] = {}
    others: dict[str, str] = {}
    for index, column_name in enumerate(checked_names(name, schema.names)):
        field = schema.field(index)
        if not column_name:
            others[""] = "no name"
        elif is_numeric(field.type):
            # One after another: the Arrow column of a large file is a copy.
            numbers[column_name] = to_floats(found.read(columns=[field.name]).column(0))
        else:
            others[column_name] = f"it is of type {field.type}"
    return Table(name, numbers, others, found.metadata.num_rows, digest)
