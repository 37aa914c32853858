"""The files that metrics are kept in: what they are called and hold, and how they are read.

A segment is an Arrow IPC stream without an end mark: an int64 column ``step`` in ascending order
and a float32 column a metric, in records, each appended as a whole. Its name has the metrics and
its first step. Those of the same metrics follow on one another.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from tui_trainer.training.events import FloatArray

Steps: TypeAlias = NDArray[np.int64]

SUFFIX = ".arrows"
SEGMENT_ROWS = 1 << 20  # of a full segment
_NAME = re.compile(rf"(?P<group>.+)\.(?P<step>[0-9]{{12}}){re.escape(SUFFIX)}")
_LONGEST = 180  # characters of metrics' names in a file's name
_CONTINUATION = 0xFFFFFFFF  # the four bytes that begin each message of a stream
_ALIGNMENT = 8


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a segment, or the rest of one, holds: steps, and a column a metric.

    `end` is that of the last whole record in bytes; what follows it is half a record. `lost` says
    what could not be read before that.
    """

    steps: Steps
    columns: dict[str, FloatArray]
    end: int
    lost: tuple[str, ...] = ()


class DamagedError(ValueError):
    """A file does not begin as a segment does."""


def segment_name(names: tuple[str, ...], first_step: int) -> str:
    """Name the segment of these metrics that begins with a step."""
    return f"{group_name(names)}.{first_step:012d}{SUFFIX}"


def group_name(names: tuple[str, ...]) -> str:
    """Return what the names of all segments of these metrics begin with."""
    text = "+".join(quote(name, safe=" ") for name in names)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}~{zlib.crc32(text.encode()):08x}"


def segments_in(folder: Path) -> dict[str, list[Path]]:
    """Return the segments in a folder by the metrics that they hold, in the order of steps."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if named := _NAME.fullmatch(path.name):
            groups.setdefault(named["group"], []).append(path)
    return groups


def first_step_of(path: Path) -> int:
    """Return the step in a segment's name."""
    named = _NAME.fullmatch(path.name)
    assert named is not None
    return int(named["step"])


def schema_of(names: tuple[str, ...]) -> Any:
    """Return the Arrow schema of a segment."""
    import pyarrow as pa

    fields = [pa.field("step", pa.int64(), False)]
    return pa.schema(fields + [pa.field(name, pa.float32(), False) for name in names])


def record_of(steps: Steps, columns: list[FloatArray], schema: Any) -> Any:
    """Return the bytes of a record."""
    import pyarrow as pa

    arrays = [
        pa.array(values, field.type)
        for values, field in zip([steps, *columns], schema, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema).serialize()


def header_of(data: bytes, path: Path) -> tuple[Any, int]:
    """Return the schema that a segment's data begins with, and where its records begin.

    `DamagedError` unless it is one of steps and the float32 metrics in the segment's name.
    """
    import pyarrow as pa

    source = pa.BufferReader(data)
    try:
        schema = pa.ipc.read_schema(source)
    except (pa.ArrowException, OSError, EOFError, UnicodeError) as error:
        raise DamagedError("does not begin as an Arrow stream does") from error
    names = tuple(schema.names[1:])
    if schema != schema_of(names) or not path.name.startswith(group_name(names) + "."):
        raise DamagedError("does not hold the metrics in its name")
    return schema, source.tell()


def parse(data: bytes, schema: Any, start: int) -> Part:
    """Read the records of a segment from `start` on, `data` being all of it.

    Records that are no longer whole or that contradict their neighbours are left out.
    """
    import pyarrow as pa

    if start == len(data):
        return _part(schema.empty_table(), schema, start)
    try:
        source = pa.BufferReader(data)
        table = pa.ipc.open_stream(source).read_all()
        whole = source.tell() == len(data) and _is_sound(table)
    except (pa.ArrowException, OSError, EOFError):
        whole = False
    if whole:
        part = _part(table, schema, len(data))
        if (part.steps[1:] > part.steps[:-1]).all():
            return part
    return _salvaged(data, schema, start)


def _part(table: Any, schema: Any, end: int, lost: tuple[str, ...] = ()) -> Part:
    steps, *columns = (column.to_numpy() for column in table.columns)
    return Part(steps, dict(zip(schema.names[1:], columns, strict=True)), end, lost)


def _salvaged(data: bytes, schema: Any, start: int) -> Part:
    """Read record by record and go on behind those that are damaged."""
    import pyarrow as pa

    records, end, damaged = [], start, 0
    for at, stop, batch in _records(data, schema, start):
        damaged += at - end
        end = stop
        records.append((batch.column(0).to_numpy(), batch))
    kept = _consistent(records)
    lost = (f"{damaged:,} bytes that are no record",) * bool(damaged)
    missing = sum(len(steps) for steps, _ in records) - sum(batch.num_rows for batch in kept)
    lost += (f"{missing:,} steps in records that contradict their neighbours",) * bool(missing)
    return _part(pa.Table.from_batches(kept, schema), schema, end, lost)


def _records(data: bytes, schema: Any, start: int) -> Iterator[tuple[int, int, Any]]:
    """Yield where each whole record begins and ends, and the record."""
    import pyarrow as pa

    buffer, at = pa.py_buffer(data), start
    words = np.frombuffer(data, np.uint32, len(data) // 4)[:: _ALIGNMENT // 4]
    begins = np.flatnonzero(words == _CONTINUATION) * _ALIGNMENT
    while at < len(data):
        found = _record(buffer, at, schema)
        if found is None:
            later = begins[np.searchsorted(begins, at, side="right") :]
            if not len(later):
                return
            at = int(later[0])
            continue
        batch, stop = found
        yield at, stop, batch
        at = stop


def _record(buffer: Any, at: int, schema: Any) -> tuple[Any, int] | None:
    """Return the record at a place and where it ends; None if there is no whole one."""
    import pyarrow as pa

    source = pa.BufferReader(buffer.slice(at))
    try:
        message = pa.ipc.read_message(source)
        batch = pa.ipc.read_record_batch(message, schema)
    except (pa.ArrowException, OSError, EOFError):
        return None
    return (batch, at + source.tell()) if batch.num_rows and _is_sound(batch) else None


def _is_sound(records: Any) -> bool:
    """Say whether columns are as long as their records say, without gaps."""
    import pyarrow as pa

    try:
        records.validate()
    except pa.ArrowException:
        return False
    return all(column.null_count == 0 for column in records.columns)


def _consistent(records: list[tuple[Steps, Any]]) -> list[Any]:
    """Leave out records whose steps do not ascend, and neighbours that contradict each other."""
    kept = [(steps, batch) for steps, batch in records if (np.diff(steps) > 0).all()]
    while len(kept) > 1:
        firsts = np.array([steps[0] for steps, _ in kept])
        lasts = np.array([steps[-1] for steps, _ in kept])
        conflicts = firsts[1:] <= lasts[:-1]
        if not conflicts.any():
            break
        doubtful = np.append(conflicts, False) | np.append(False, conflicts)
        kept = [record for record, doubt in zip(kept, doubtful, strict=True) if not doubt]
    return [batch for _, batch in kept]


def half_a_record(size: int) -> str:
    """Name what follows the last whole record of a segment, `size` in bytes."""
    return f"half a record ({size:,} bytes)"
