"""Metrics by step on disk: written record by record while a run goes on, and read meanwhile.

Whatever ends the writer, all records that it wrote stay readable. Any program that reads Arrow's
stream format can read the files while they grow.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tui_trainer.runs import segments
from tui_trainer.runs.blocks import compact
from tui_trainer.runs.segments import (
    DamagedError,
    Part,
    Steps,
    first_step_of,
    group_name,
    header_of,
    parse,
    record_of,
    schema_of,
    segment_name,
    segments_in,
)
from tui_trainer.training.events import FloatArray

_PIECE = 1 << 22  # bytes of a file that are read at once where there is more to show early
MOST_OPEN = 32  # files: a loop may log many metrics apart from each other


class Series(NamedTuple):
    """A metric: its steps in ascending order, and a value for each."""

    steps: Steps
    values: FloatArray

    def filled(self, first: int, last: int) -> FloatArray:
        """Return the values of all steps from `first` to `last`, NaN where there is none."""
        if len(self.steps) == last - first + 1 and self.steps[0] == first:
            return self.values
        values: FloatArray = np.full(last - first + 1, np.nan, np.float32)
        there = (self.steps >= first) & (self.steps <= last)
        values[self.steps[there] - first] = self.values[there]
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Metrics:
    """All series by name, and what could not be read, in a line each."""

    series: dict[str, Series]
    problems: list[str] = field(default_factory=list)


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
                self._repairs.append(f"{path.name}: {_half(len(data) - part.end)} cut off")
            if len(part.steps):
                self.last_step = int(part.steps[-1])
                return

    def _put_aside(self, path: Path, data: bytes, problem: str) -> None:
        """Rename a segment that can't be read; remove one whose first record was never written."""
        if bytes(self._schema.serialize()).startswith(data):
            path.unlink()
            self._repairs += [f"{path.name}: {_half(len(data))} cut off"] * bool(data)
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


class MetricsTail:
    """Reads the metrics of a folder as they grow: each poll has what is new since the last one.

    Costs a look at the folder and at the newest file of each group of metrics where nothing is new.
    """

    def __init__(self, folder: Path, after_step: int = 0) -> None:
        self._folder = folder
        self._after_step = after_step
        self._tails: dict[str, _Tail] = {}

    def poll(self, most: int | None = None) -> Metrics:
        """Return the series of the steps that came since the last poll, in order.

        Of each group of metrics at most `most` files are read, or pieces of large ones, where there
        is more to show early.
        """
        news = Metrics({})
        for group, paths in segments_in(self._folder).items():
            tail = self._tails.setdefault(group, _Tail(self._after_step))
            for name, series in tail.read(paths, news.problems, most).items():
                known = news.series.get(name)
                news.series[name] = series if known is None else _merged(known, series)
        return news

    def unfinished(self) -> list[str]:
        """Say in a line each where the last poll found half a record at the end of a file."""
        return [line for tail in self._tails.values() for line in tail.unfinished()]


class _Tail:
    """How far the segments of a group have been read."""

    def __init__(self, after_step: int) -> None:
        self._last_step = after_step
        self._path: Path | None = None
        self._header = b""
        self._inode = self._size = 0
        self._end = 0  # of the whole records, in bytes

    def read(self, paths: list[Path], problems: list[str], most: int | None) -> dict[str, Series]:
        """Read what is new in the group's segments, and say what can't be read."""
        new = [path for path in paths if self._path is None or path.name >= self._path.name]
        while len(new) > 1 and first_step_of(new[1]) <= self._last_step + 1:
            del new[0]
        parts: list[Part] = []
        for path in new:
            if len(parts) == most:
                break
            if path != self._path:
                problems += self.unfinished()
                self._path, self._inode, self._size, self._end = path, 0, 0, 0
            try:
                if (part := self._read_on(path, most)) is not None:
                    parts.append(part)
                    problems += [f"{path.name}: {words} lost" for words in part.lost]
            except (DamagedError, OSError) as error:
                problems.append(f"{path.name} {getattr(error, 'strerror', None) or error}")
        return self._joined(parts)

    def _read_on(self, path: Path, most: int | None) -> Part | None:
        """Return what follows the records that are known; None if the file is as it was.

        Where there is a `most`, that is a piece of it if it is large.
        """
        status = path.stat()
        size, inode = status.st_size, status.st_ino
        if not size or (size, inode) == (self._size, self._inode):
            return None
        if inode != self._inode:  # another file under its name is read from its beginning
            self._header, self._end = b"", 0
        self._size, self._inode = size, inode
        rest = size - self._end
        length = rest if most is None else min(rest, _PIECE)
        with path.open("rb") as file:
            file.seek(self._end)
            data = self._header + file.read(length)
        schema, start = header_of(data, path)
        if not self._header:
            self._header, self._end = data[:start], start
        part = parse(data, schema, start)
        if length < rest and part.end == start:  # not one whole record
            self._size = 0
            return self._read_on(path, None)
        self._end += part.end - start
        if length < rest:
            self._size = self._end  # there is more to read
        return part

    def _joined(self, parts: list[Part]) -> dict[str, Series]:
        """Return the series of parts that follow on one another, from the first new step on."""
        steps: list[Steps] = []
        found: dict[str, list[FloatArray]] = {}
        for part in parts:
            fresh = int(np.searchsorted(part.steps, self._last_step, side="right"))
            if fresh == len(part.steps):
                continue
            self._last_step = int(part.steps[-1])
            steps.append(part.steps[fresh:])
            for name, values in part.columns.items():
                found.setdefault(name, []).append(values[fresh:])
        if not steps:
            return {}
        whole = steps[0] if len(steps) == 1 else np.concatenate(steps)
        return {name: Series(whole, np.concatenate(values)) for name, values in found.items()}

    def unfinished(self) -> list[str]:
        if self._path is None or not self._header or self._size == self._end:
            return []
        return [f"{self._path.name}: {_half(self._size - self._end)} left out"]


def read_metrics(folder: Path, after_step: int = 0) -> Metrics:
    """Read all series of a folder from a step on, and say what is damaged or half done."""
    tail = MetricsTail(folder, after_step)
    metrics = tail.poll()
    metrics.problems.extend(tail.unfinished())
    return metrics


def _merged(one: Series, other: Series) -> Series:
    """Return a series that was written along with different others."""
    both = np.concatenate([one.steps, other.steps])
    steps, order = np.unique(both, return_index=True)
    return Series(steps, np.concatenate([one.values, other.values])[order])


def _extent(path: Path) -> tuple[int, int]:
    """Return where a segment's last whole record ends, and its rows."""
    data = path.read_bytes()
    try:
        part = parse(data, *header_of(data, path))
    except DamagedError:
        return 0, 0
    return part.end, len(part.steps)


def _half(size: int) -> str:
    return f"half a record ({size:,} bytes)"
