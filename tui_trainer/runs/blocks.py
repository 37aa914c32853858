"""Metrics that have become old, on disk: in blocks of 256 steps, a file in place of each segment.

A file is an Arrow stream with ``step``, the first of a block, ``count``, and for each metric the
lowest, highest and mean finite value: ``val_loss_low``, ``val_loss_high``, ``val_loss_mean``; NaN
where there is none.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tui_trainer.runs import segments
from tui_trainer.runs.files import replace_file
from tui_trainer.runs.segments import DamagedError, first_step_of, header_of, parse, segments_in
from tui_trainer.training.events import FloatArray, OldStepsRead
from tui_trainer.training.history import SeriesName
from tui_trainer.training.progress import Best, lower_best
from tui_trainer.training.pyramid import BLOCK, Values, block_values

KEPT_SEGMENTS = 8  # that stay as they are, besides the newest
_NAME = re.compile(r"(?P<group>.+)\.(?P<step>[0-9]{12})\.blocks\.arrows")
_KINDS = ("low", "high", "mean")
_SLACK = 64 * 1024  # bytes of a segment besides its values, where its records are few


@dataclass(frozen=True, slots=True, eq=False)
class OldSteps:
    """What is left of the steps 1 to `last_step`: lowest, highest and mean of each block by metric.

    They are NaN for blocks that can't be read, and before a metric was recorded.
    """

    last_step: int
    series: dict[str, Values]

    def until(self, step: int) -> OldSteps | None:
        """Return the blocks of the whole segments up to a step; None if there are none."""
        last = min(step, self.last_step) // segments.SEGMENT_ROWS * segments.SEGMENT_ROWS
        if not last:
            return None
        series = {
            name: (low[: last // BLOCK], high[: last // BLOCK], mean[: last // BLOCK])
            for name, (low, high, mean) in self.series.items()
        }
        return OldSteps(last, series)

    def told(self, best: Best | None) -> OldStepsRead:
        """Tell of them as a run does; `best` is where the lowest validation loss is known to be."""
        names: dict[str, SeriesName] = {"train_loss": "train", "val_loss": "val", "bound": "bound"}
        blocks = {names[name]: values for name, values in self.series.items() if name in names}
        lowest = lower_best(None, self.series["val_loss"][0], 0)
        if lowest is not None:
            is_known = best is not None and best.val_loss == lowest.val_loss
            lowest = best if is_known else Best(lowest.step * BLOCK + 1, lowest.val_loss)
        return OldStepsRead(self.last_step, blocks, lowest)


def compact(folder: Path) -> None:
    """Replace old segments by blocks, and the small records of full segments by a single one.

    Blocks are made of segments without gaps, from step 1 on; others stay. Only for the process
    that writes the folder.

    Raises:
        OSError: if a file can't be written; what it replaces is still there.
    """
    for group, paths in segments_in(folder).items():
        newest = first_step_of(paths[-1])
        for path, following in pairwise(paths):
            first, stop = first_step_of(path), first_step_of(following)
            is_old = newest - first > KEPT_SEGMENTS * segments.SEGMENT_ROWS
            if is_old and stop - first == segments.SEGMENT_ROWS and _follows_blocks(folder, first):
                _condense(path, folder / f"{group}.{first:012d}.blocks.arrows", first, stop)
            else:
                _merge_records(path, stop - first)


def read_blocks(folder: Path, until: int) -> tuple[OldSteps | None, list[str]]:
    """Read the blocks of the steps up to `until`, and say in a line each what can't be read."""
    found, problems = list[tuple[int, dict[str, FloatArray]]](), list[str]()
    for path, first in _block_files(folder, until):
        try:
            found.append((first, _read(path)))
        except (OSError, DamagedError) as error:
            problems.append(f"{path.name} {getattr(error, 'strerror', None) or error}")
    if not found:
        return None, problems
    last = found[-1][0] - 1 + segments.SEGMENT_ROWS
    names = {name.rpartition("_")[0] for _, columns in found for name in columns}
    series: dict[str, Values] = {}
    for name in sorted(names):
        low, high, mean = (_joined(f"{name}_{kind}", found, last // BLOCK) for kind in _KINDS)
        series[name] = low, high, mean
    return OldSteps(last, series), problems


def copy_blocks(folder: Path, to: Path, until: int) -> None:
    """Copy the blocks of the steps up to `until` into another folder, which is made.

    Raises:
        OSError: if they can't be written.
    """
    for path, _ in _block_files(folder, until):
        to.mkdir(exist_ok=True)
        shutil.copyfile(path, to / path.name)


def _block_files(folder: Path, until: int) -> Iterator[tuple[Path, int]]:
    """Yield the files of blocks and their first steps."""
    files = ((path, _NAME.fullmatch(path.name)) for path in folder.glob("*.blocks.arrows"))
    known = sorted((int(named["step"]), path) for path, named in files if named)
    for first, path in known:
        if first - 1 + segments.SEGMENT_ROWS <= until:
            yield path, first


def _follows_blocks(folder: Path, first: int) -> bool:
    before = first - segments.SEGMENT_ROWS
    return first == 1 or any(folder.glob(f"*.{before:012d}.blocks.arrows"))


def _condense(path: Path, to: Path, first: int, stop: int) -> None:
    """Put blocks in place of a segment, unless steps are missing in it."""
    import pyarrow as pa

    data = path.read_bytes()
    try:
        part = parse(data, *header_of(data, path))
    except DamagedError:
        return
    steps = np.arange(first, stop)
    if not np.array_equal(part.steps, steps):
        return
    columns: dict[str, Any] = {"step": steps[::BLOCK], "count": np.full(len(steps) // BLOCK, BLOCK)}
    for name, values in part.columns.items():
        triple = zip(_KINDS, block_values(values, BLOCK), strict=True)
        columns |= {f"{name}_{kind}": found for kind, found in triple}
    batch = pa.record_batch(columns)
    replace_file(to, bytes(batch.schema.serialize()) + bytes(batch.serialize()), sync=True)
    path.unlink()


def _merge_records(path: Path, rows: int) -> None:
    """Write a segment's records as a single one, which is read ten times as fast."""
    with path.open("rb") as file:
        head = file.read(_SLACK)
    try:
        schema, start = header_of(head, path)
    except DamagedError:
        return
    row = 8 + 4 * (len(schema.names) - 1)
    if path.stat().st_size <= rows * row + _SLACK:
        return
    data = path.read_bytes()
    part = parse(data, schema, start)
    if not part.lost:
        record = segments.record_of(part.steps, list(part.columns.values()), schema)
        replace_file(path, data[:start] + bytes(record), sync=True)


def _read(path: Path) -> dict[str, FloatArray]:
    """Read the columns of a file of blocks, but for the steps."""
    import pyarrow as pa

    try:
        table = pa.ipc.open_stream(pa.py_buffer(path.read_bytes())).read_all()
        table.validate()
    except (pa.ArrowException, EOFError, UnicodeError) as error:
        raise DamagedError("is damaged") from error
    columns = {
        name: column.to_numpy()
        for name, column in zip(table.column_names, table.columns, strict=True)
        if column.type == pa.float32() and not column.null_count
    }
    if table.num_rows != segments.SEGMENT_ROWS // BLOCK or not columns:
        raise DamagedError("is damaged")
    return columns


def _joined(name: str, found: list[tuple[int, dict[str, FloatArray]]], blocks: int) -> FloatArray:
    whole = np.full(blocks, np.nan, np.float32)
    for first, columns in found:
        if (values := columns.get(name)) is not None:
            start = (first - 1) // BLOCK
            whole[start : start + len(values)] = values
    return whole
