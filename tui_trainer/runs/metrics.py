"""Reads metrics by step from a folder, while they are written or later."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tui_trainer.runs.segments import (
    DamagedError,
    Part,
    Steps,
    first_step_of,
    half_a_record,
    header_of,
    parse,
    segments_in,
)
from tui_trainer.training.events import FloatArray

_PIECE = 1 << 22  # bytes of a file that are read at once where there is more to show early


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
        return [f"{self._path.name}: {half_a_record(self._size - self._end)} left out"]


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
