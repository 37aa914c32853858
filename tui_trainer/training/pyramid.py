"""A series: any range at any width, in time that does not grow with its length.

It keeps its losses (float32) and above them a pyramid: level k has the lowest, highest and mean
loss of every 16^k steps. A range in buckets comes from the finest level that fits their number, so
that spikes stay and the cost is bounded. There, non-finite losses count as missing. The oldest
losses, and then the oldest entries of the lowest levels, are forgotten.
"""

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tui_trainer.training.events import FloatArray
from tui_trainer.training.tape import CHUNK, Tape

Values: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]  # lowest, highest, mean

_FANOUT = 16
# How many losses are kept, and entries of the levels above; of the last and all others, each one.
# More losses than the blocks of the deepest level have: so what ends in no whole block is there.
_KEPT = (1 << 23, 1 << 20, 1 << 20, None)
_DEEPEST = 5
BLOCK = 256  # steps, of the blocks that a disk has of old ones
_BLOCK_DEPTH = 2  # the level that has them


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


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring steps of a series: its lowest, highest and mean loss, NaN without a finite one.

    Of one step these are its loss as it is, finite or not.
    """

    first_step: int
    last_step: int
    low: float
    high: float
    mean: float


class Pyramid:
    """One loss by step, and its pyramid, each level of which may forget its oldest entries."""

    def __init__(self) -> None:
        self.losses = Tape(_KEPT[0])
        self._levels: list[_Level] = []

    def extend(self, losses: FloatArray) -> None:
        """Add the next losses."""
        for start in range(0, len(losses), CHUNK):
            chunks = self.losses.size // CHUNK
            self.losses.extend(losses[start : start + CHUNK])
            if self.losses.size // CHUNK > chunks:
                self._condense()

    def restore(self, low: FloatArray, high: FloatArray, mean: FloatArray) -> None:
        """Begin with blocks of `BLOCK` losses; their number is a multiple of 4,096."""
        assert not len(mean) * BLOCK % _FANOUT**_DEEPEST
        self._grow(_BLOCK_DEPTH)
        *below, level = self._levels[:_BLOCK_DEPTH]
        tapes = [self.losses, *(tape for b in below for tape in (b.low, b.high, b.mean))]
        for tape, size in zip(tapes, [BLOCK, *[_FANOUT] * 3], strict=True):
            tape.skip(len(mean) * size)
        for tape, values in zip(
            (level.low, level.high, level.mean), (low, high, mean), strict=True
        ):
            tape.extend(values)
        self._condense()

    def tail(self, most: int) -> FloatArray:
        """Return the newest losses, `most` at most."""
        return self.losses.part(max(self.losses.start, self.losses.size - most), self.losses.size)

    def _condense(self) -> None:
        """Take what is complete into all levels, and forget what has become too old."""
        depth = int(math.log(self.losses.size, _FANOUT))
        self._grow(min(depth, _DEEPEST))
        self.losses.forget()
        for level in self._levels:
            level.forget()

    def _grow(self, depth: int) -> None:
        """Bring the lowest `depth` levels up to date: when they are read, not with every append."""
        while len(self._levels) < depth:
            self._levels.append(_Level(_KEPT[min(len(self._levels) + 1, len(_KEPT) - 1)]))
        low = high = mean = self.losses
        for level in self._levels[:depth]:
            level.extend(low, high, mean)
            low, high, mean = level.low, level.high, level.mean

    def at(self, step: int) -> Block | None:
        """Return what is known of a loss, counted from 1: itself, or its block."""
        if not 1 <= step <= self.losses.size:
            return None
        if step > self.losses.start:
            loss = float(self.losses.part(step - 1, step)[0])
            return Block(step, step, loss, loss, loss)
        depth = next(d for d in range(1, _DEEPEST) if step > self._start(d))
        size = _FANOUT**depth
        block = (step - 1) // size
        found = self._levels[depth - 1].entries(block, block + 1)
        low, high, mean = (float(values[0]) for values in found)
        return Block(block * size + 1, (block + 1) * size, low, high, mean)

    def buckets(self, first: int, last: int, most: int) -> Buckets:
        """Return the losses `first` to `last` in at most `most` buckets, as `History` does."""
        entries = self.entries(first, last, most)
        if last - first < most or not len(entries.step):
            return entries
        return bucketed(entries, np.linspace(first, last + 1, most + 1))

    def entries(self, first: int, last: int, most: int) -> Buckets:
        """Return the steps `first` to `last` from the coarsest level with enough for `most`.

        That has two entries for each bucket; sixteen times as many at most.
        """
        start, stop = max(first - 1, 0), min(last, self.losses.size)
        if stop <= start:
            nothing = np.empty(0, np.float32)
            return Buckets(np.empty(0), nothing, nothing, nothing)
        depth = math.floor(math.log(max(1.0, (last - first + 1) / (2 * most)), _FANOUT))
        depth = min(depth, _DEEPEST)
        self._grow(depth)
        return self._entries(start, stop, depth)

    def _start(self, depth: int) -> int:
        """Return the index of the first loss that a level remembers."""
        tape = self._levels[depth - 1].low if depth else self.losses
        start: int = tape.start * _FANOUT**depth
        return start

    def _entries(self, start: int, stop: int, depth: int) -> Buckets:
        """Return entries for the losses from index `start` to `stop`: a level's, and the rest.

        What the level has forgotten comes in the entries of the next one.
        """
        known = self._start(depth)
        if start >= known:
            return self._remembered(start, stop, depth)
        older = self._entries(start, min(stop, known), depth + 1)
        older = replace(older, step=np.clip(older.step, start + 1, min(stop, known)))
        return _joined(older, self._remembered(known, stop, depth)) if stop > known else older

    def _remembered(self, start: int, stop: int, depth: int) -> Buckets:
        if depth == 0:
            losses = _finite(self.losses.part(start, stop))
            return Buckets(np.arange(start + 1.0, stop + 1.0), losses, losses, losses)
        size = _FANOUT**depth
        block, blocks = start // size, stop // size
        if blocks * size < self.losses.start:  # the range's end is there as a block alone
            stop = -(-stop // size) * size
            blocks = stop // size
        steps = np.arange(block, blocks) * size + (size + 1) / 2
        whole = Buckets(steps, *self._levels[depth - 1].entries(block, blocks))
        rest = _finite(self.losses.part(blocks * size, stop))
        if not len(rest):
            return whole
        step = np.array([blocks * size + (len(rest) + 1) / 2])
        low, high = (np.array([f.reduce(rest)]) for f in (np.fmin, np.fmax))
        return _joined(whole, Buckets(step, low, high, _mean_of_columns(rest[:, None])))


class _Level:
    """The lowest, highest and mean of every `_FANOUT` entries below; whole blocks only."""

    def __init__(self, kept: int | None) -> None:
        self.low, self.high, self.mean = Tape(kept), Tape(kept), Tape(kept)

    def extend(self, low: Tape, high: Tape, mean: Tape) -> None:
        done, blocks = self.low.size, low.size // _FANOUT
        if blocks > done:
            part = done * _FANOUT, blocks * _FANOUT
            means = _in_columns(mean.part(*part))
            lows, highs = (
                means if tape is mean else _in_columns(tape.part(*part)) for tape in (low, high)
            )
            self.low.extend(np.fmin.reduce(lows, axis=0))
            self.high.extend(np.fmax.reduce(highs, axis=0))
            self.mean.extend(_mean_of_columns(means))

    def entries(self, start: int, stop: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        return self.low.part(start, stop), self.high.part(start, stop), self.mean.part(start, stop)

    def forget(self) -> None:
        for tape in (self.low, self.high, self.mean):
            tape.forget()


def _joined(one: Buckets, other: Buckets) -> Buckets:
    pairs = ((getattr(one, name), getattr(other, name)) for name in ("step", "low", "high", "mean"))
    return Buckets(*(np.concatenate(pair) for pair in pairs))


def bucketed(entries: Buckets, edges: NDArray[np.float64]) -> Buckets:
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


def block_values(values: FloatArray, size: int) -> Values:
    """Return the lowest, highest and mean finite value of each block of `size` values."""
    columns = _in_columns(values, size)
    low, high = np.fmin.reduce(columns, axis=0), np.fmax.reduce(columns, axis=0)
    return low, high, _mean_of_columns(columns)


def _in_columns(values: FloatArray, size: int = _FANOUT) -> FloatArray:
    """Return each block of values in a column, which numpy reduces five times as fast as rows."""
    return np.ascontiguousarray(_finite(values).reshape(-1, size).T)


def _mean_of_columns(columns: FloatArray) -> FloatArray:
    finite = np.isfinite(columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(finite, columns, 0).sum(axis=0, dtype=np.float64) / finite.sum(axis=0)
    rounded: FloatArray = means.astype(np.float32)
    return rounded
