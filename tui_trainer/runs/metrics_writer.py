"""Writes metrics by step into a folder, record by record: whatever ends it, those stay readable.

Any program that reads Arrow's stream format can read the files while they grow.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tui_trainer.runs import segments
from tui_trainer.runs.blocks import compact
from tui_trainer.runs.segments import (
    DamagedError,
    Steps,
    group_name,
    half_a_record,
    header_of,
    parse,
    record_of,
    schema_of,
    segment_name,
    segments_in,
)
from tui_trainer.training.events import FloatArray

MOST_OPEN = 32  # files: a loop may log many metrics apart from each other


class MetricsWriter:
    """Appends to the metrics in a folder, which is made if its parent is there.

    Each append is one record: on disk as a whole or not at all. An append that fails raises
    `OSError`, leaves what was there before as it was, and may be repeated. `repairs` says in a
    line each what an earlier writer left half done.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._open: dict[tuple[str, ...], None] = {}  # the last to be written at the end
        self.repairs: list[str] = []

    def append(self, first_step: int, columns: Mapping[str, FloatArray]) -> None:
        """Append the values of the steps from `first_step` on, a float32 array a name."""
        count = len(next(iter(columns.values())))
        self.append_rows(np.arange(first_step, first_step + count), columns)

    def append_rows(self, steps: Steps, columns: Mapping[str, FloatArray]) -> None:
        """Append the values of some steps, in ascending order.

        Steps that these metrics already have are left out: a run that resumes from a checkpoint
        repeats them to the last bit.
        """
        assert all(len(values) == len(steps) for values in columns.values())
        assert "step" not in columns
        names = tuple(columns)
        if names not in self._groups:
            self._folder.mkdir(exist_ok=True)
            self._groups[names] = _Group(self._folder, names, self.repairs)
        self._open[names] = self._open.pop(names, None)
        if len(self._open) > MOST_OPEN:
            self._groups[longest := next(iter(self._open))].close()
            del self._open[longest]
        self._groups[names].append(steps, list(columns.values()))

    def last_step(self, *names: str) -> int:
        """Return the last step on disk of metrics that are written together; 0 without one."""
        if names not in self._groups:
            self._groups[names] = _Group(self._folder, names, self.repairs)
        return self._groups[names].last_step

    def sync(self) -> None:
        """Wait until all that was appended would survive a loss of power."""
        for group in self._groups.values():
            group.sync()

    def close(self) -> None:
        """Close the files; a later append opens them again."""
        for group in self._groups.values():
            group.close()


class _Group:
    """The metrics that are written together: their newest segment, and where it ends."""

    def __init__(self, folder: Path, names: tuple[str, ...], repairs: list[str]) -> None:
        self._folder, self._names, self._repairs = folder, names, repairs
        self._schema = schema_of(names)
        self._path: Path | None = None
        self._file: int | None = None
        self._end = 0  # of the last whole record in the newest segment
        self._rows = 0
        self.last_step = 0
        self._take_up()

    def _take_up(self) -> None:
        """Go on with the newest segment; those that can't be read are put aside."""
        for path in reversed(segments_in(self._folder).get(group_name(self._names), [])):
            data = path.read_bytes()
            try:
                schema, start = header_of(data, path)
            except DamagedError as error:
                self._put_aside(path, data, str(error))
                continue
            part = parse(data, schema, start)
            if self._path is None:
                self._path, self._end, self._rows = path, part.end, len(part.steps)
            if part.end < len(data):
                self._repairs.append(f"{path.name}: {half_a_record(len(data) - part.end)} cut off")
            if len(part.steps):
                self.last_step = int(part.steps[-1])
                return

    def _put_aside(self, path: Path, data: bytes, problem: str) -> None:
        """Rename a segment that can't be read; remove one whose first record was never written."""
        if bytes(self._schema.serialize()).startswith(data):
            path.unlink()
            self._repairs += [f"{path.name}: {half_a_record(len(data))} cut off"] * bool(data)
        else:
            path.rename(path.with_name(path.name + ".damaged"))
            self._repairs.append(f"{path.name} {problem}: put aside as {path.name}.damaged")

    def append(self, steps: Steps, columns: list[FloatArray]) -> None:
        fresh = int(np.searchsorted(steps, self.last_step, side="right"))
        while fresh < len(steps):
            is_new = self._path is None or self._rows >= segments.SEGMENT_ROWS
            room = segments.SEGMENT_ROWS - (0 if is_new else self._rows)
            part = slice(fresh, fresh + room)
            if is_new:
                self._begin(int(steps[fresh]))
            self._append(steps[part], [values[part] for values in columns])
            fresh += room
            if is_new:
                with contextlib.suppress(OSError):  # it is tried again with the next segment
                    compact(self._folder)

    def _begin(self, step: int) -> None:
        """Turn to a new segment."""
        self.close()
        self._path = self._folder / segment_name(self._names, step)
        self._end = self._rows = 0

    def _append(self, steps: Steps, columns: list[FloatArray]) -> None:
        record = record_of(steps, columns, self._schema)
        try:
            self._write(bytes(record))
        except OSError:
            self.close()
            raise
        self._rows += len(steps)
        self.last_step = int(steps[-1])

    def _write(self, record: bytes) -> None:
        """Write a record behind the last whole one; cut off what is written of it if that fails."""
        file = self._open()
        data = record if self._end else bytes(self._schema.serialize()) + record
        try:
            written = os.pwrite(file, data, self._end)
            while written < len(data):  # a full disk takes what fits: the next call says so
                written += os.pwrite(file, data[written:], self._end + written)
        except OSError:
            os.ftruncate(file, self._end)
            raise
        self._end += len(data)

    def _open(self) -> int:
        """Return the segment's file, without what follows its last whole record."""
        assert self._path is not None
        if self._file is not None:
            if os.fstat(self._file).st_nlink:
                return self._file
            self.close()  # it was deleted, and a write to it would be lost
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        size = os.fstat(self._file).st_size
        if size < self._end:
            self._repairs.append(f"{self._path.name}: {self._end - size:,} bytes are gone")
            self._end, self._rows = _extent(self._path)
        os.ftruncate(self._file, self._end)
        return self._file

    def sync(self) -> None:
        if self._file is not None:
            os.fsync(self._file)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _extent(path: Path) -> tuple[int, int]:
    """Return where a segment's last whole record ends, and its rows."""
    data = path.read_bytes()
    try:
        part = parse(data, *header_of(data, path))
    except DamagedError:
        return 0, 0
    return part.end, len(part.steps)
