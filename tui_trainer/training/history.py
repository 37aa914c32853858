"""Losses by step: any range at any width, in time that does not grow with the run.

Each series keeps every loss (float32) and above it a pyramid: level k has the lowest, highest and
mean loss of every 16^k steps. A range in buckets comes from the finest level that fits their
number, so that spikes stay and the cost is bounded. There, non-finite losses count as missing.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
SeriesName: TypeAlias = Literal["train", "val", "bound"]

_FANOUT = 16
_GROWTH = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """A series over a range of steps: each bucket's middle step, lowest, highest and mean loss.

    All four have the same length; a bucket without a finite loss is NaN in the last three.
    """

    step: NDArray[np.float64]
    low: FloatArray
    high: FloatArray
    mean: FloatArray

    def smoothed(self, window_steps: float) -> FloatArray:
        """Return the mean over `window_steps` steps up to each bucket (fewer at the start)."""
        if len(self.step) < 2:
            return self.mean
        width = float(self.step[-1] - self.step[0]) / (len(self.step) - 1)
        window = max(1, round(window_steps / width))
        finite = np.isfinite(self.mean)
        sums = np.concatenate(
            [[0.0], np.cumsum(np.where(finite, self.mean, 0.0), dtype=np.float64)]
        )
        counts = np.concatenate([[0], np.cumsum(finite)])
        stops = np.arange(1, len(self.mean) + 1)
        starts = np.maximum(stops - window, 0)
        count = counts[stops] - counts[starts]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (sums[stops] - sums[starts]) / count
        return np.where(finite, means, np.nan).astype(np.float32)


class History:
    """The losses of a run, appended in order from step 1."""

    def __init__(self) -> None:
        self._series = {"train": _Series(), "val": _Series(), "bound": _Series()}

    @property
    def steps(self) -> int:
        """The last step that was appended; 0 before the first."""
        return len(self._series["train"].losses)

    def append(self, train: FloatArray, val: FloatArray, bound: FloatArray | None = None) -> None:
        """Add the losses of the next steps, and the stopping bound where there is a rule."""
        self._series["train"].extend(train)
        self._series["val"].extend(val)
        if bound is not None:
            self._series["bound"].extend(bound)

    def losses(self, name: SeriesName) -> FloatArray:
        """Return all losses of a series, index 0 for step 1; empty where it was never given."""
        return self._series[name].losses

    def buckets(self, name: SeriesName, first: int, last: int, most: int) -> Buckets:
        """Return the steps `first` to `last` in at most `most` buckets of equal width.

        `last` may lie in the future: the buckets are those of the whole range, so that a bucket
        keeps its place while a run grows into it. A range of no more steps than buckets comes
        unbucketed. The first bucket may reach back to the start of its block in the pyramid.
        """
        return self._series[name].buckets(first, last, most)


class _Series:
    """One loss by step, and its pyramid."""

    def __init__(self) -> None:
        self._losses = _Growing()
        self._levels: list[_Level] = []

    @property
    def losses(self) -> FloatArray:
        return self._losses.values

    def extend(self, losses: FloatArray) -> None:
        self._losses.extend(losses)

    def _grow(self, depth: int) -> None:
        """Bring the lowest `depth` levels up to date: when they are read, not with every append."""
        while len(self._levels) < depth:
            self._levels.append(_Level())
        low = high = mean = self.losses
        for level in self._levels[:depth]:
            level.extend(low, high, mean)
            low, high, mean = level.low.values, level.high.values, level.mean.values

    def buckets(self, first: int, last: int, most: int) -> Buckets:
        edges = np.linspace(first, last + 1, most + 1)
        start, stop = max(first - 1, 0), min(last, len(self.losses))
        if stop <= start:
            nothing = np.empty(0, np.float32)
            return Buckets(np.empty(0), nothing, nothing, nothing)
        span = last - first + 1
        # The coarsest level that has two entries for each bucket; sixteen times as many at most.
        depth = math.floor(math.log(max(1.0, span / (2 * most)), _FANOUT))
        self._grow(depth)
        entries = self._entries(start, stop, depth)
        return entries if span <= most else _bucketed(entries, edges)

    def _entries(self, start: int, stop: int, depth: int) -> Buckets:
        """Return a level's entries for the losses from index `start` to `stop`, and the rest."""
        size = _FANOUT**depth
        block, blocks = start // size, stop // size
        if depth == 0:
            losses = _finite(self.losses[start:stop])
            return Buckets(np.arange(start + 1.0, stop + 1.0), losses, losses, losses)
        level = self._levels[depth - 1]
        steps = np.arange(block, blocks) * size + (size + 1) / 2
        low, high, mean = (v.values[block:blocks] for v in (level.low, level.high, level.mean))
        rest = _finite(self.losses[blocks * size : stop])
        if len(rest):
            steps = np.append(steps, blocks * size + (len(rest) + 1) / 2)
            low = np.append(low, np.fmin.reduce(rest))
            high = np.append(high, np.fmax.reduce(rest))
            mean = np.append(mean, _mean_of_rows(rest[None, :]))
        return Buckets(steps, low, high, mean)


class _Level:
    """The lowest, highest and mean of every `_FANOUT` entries below; whole blocks only."""

    def __init__(self) -> None:
        self.low, self.high, self.mean = _Growing(), _Growing(), _Growing()

    def extend(self, low: FloatArray, high: FloatArray, mean: FloatArray) -> None:
        done, blocks = len(self.low.values), len(low) // _FANOUT
        if blocks > done:
            part = slice(done * _FANOUT, blocks * _FANOUT)
            shape = (blocks - done, _FANOUT)
            self.low.extend(np.fmin.reduce(_finite(low[part]).reshape(shape), axis=1))
            self.high.extend(np.fmax.reduce(_finite(high[part]).reshape(shape), axis=1))
            self.mean.extend(_mean_of_rows(mean[part].reshape(shape)))


class _Growing:
    """A float32 array that grows at its end."""

    def __init__(self) -> None:
        self._buffer: FloatArray = np.empty(256, np.float32)
        self._size = 0

    @property
    def values(self) -> FloatArray:
        return self._buffer[: self._size]

    def extend(self, values: FloatArray) -> None:
        size = self._size + len(values)
        if size > len(self._buffer):
            grown = np.empty(max(size, int(len(self._buffer) * _GROWTH)), np.float32)
            grown[: self._size] = self.values
            self._buffer = grown
        self._buffer[self._size : size] = values
        self._size = size


def _bucketed(entries: Buckets, edges: NDArray[np.float64]) -> Buckets:
    """Gather entries into the buckets between `edges`; buckets without an entry are left out."""
    inner = np.searchsorted(entries.step, edges[1:-1])
    starts = np.concatenate([[0], inner])
    starts = starts[(np.diff(starts, prepend=-1) > 0) & (starts < len(entries.step))]
    sizes = np.diff(np.append(starts, len(entries.step)))
    finite = np.isfinite(entries.mean)
    counts = np.add.reduceat(finite, starts, dtype=np.int64)
    sums = np.add.reduceat(np.where(finite, entries.mean, 0.0), starts, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
    return Buckets(
        np.add.reduceat(entries.step, starts) / sizes,
        np.fmin.reduceat(entries.low, starts),
        np.fmax.reduceat(entries.high, starts),
        means.astype(np.float32),
    )


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def _mean_of_rows(rows: FloatArray) -> FloatArray:
    finite = np.isfinite(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(finite, rows, 0).sum(axis=1, dtype=np.float64) / finite.sum(axis=1)
    rounded: FloatArray = means.astype(np.float32)
    return rounded
