"""A metric by step, at whatever cadence it was logged: any range, at any width."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_trainer.runs.segments import Steps
from tui_trainer.training.events import FloatArray
from tui_trainer.training.pyramid import Buckets, Pyramid, bucketed

_FIRST = 16  # pieces that there is room for at first
_MOST_WAITING = 256  # pieces


class Reading(NamedTuple):
    """A value, and the step at which it was logged; of old steps the mean of some neighbours."""

    step: int
    value: float


class Cadence:
    """The steps of a metric: a few numbers for as long as it is logged every so many steps.

    They are kept as pieces of equal strides, each by the index of its first value, its step and
    its stride.
    """

    def __init__(self) -> None:
        self._pieces: Steps = np.zeros((3, _FIRST), np.int64)
        self._used = 0
        self.count = 0
        self.last = 0  # step

    def append(self, steps: Steps) -> None:
        """Add steps in ascending order, at least one, all beyond the last one."""
        before = self.last if self.count else int(steps[0])
        strides = np.diff(steps, prepend=before)
        stride = int(self._pieces[2, self._used - 1]) if self._used else 0
        differs = strides != np.append(stride, strides[:-1])
        differs[0] |= not self._used
        for index in np.flatnonzero(differs).tolist():
            self._begin(self.count + index, int(steps[index]), int(strides[index]))
        self.count += len(steps)
        self.last = int(steps[-1])

    def _begin(self, index: int, step: int, stride: int) -> None:
        """Begin a piece: its stride is what led to its first step, as it is for those to come."""
        if self._used == self._pieces.shape[1]:
            self._pieces = np.concatenate([self._pieces, np.zeros_like(self._pieces)], axis=1)
        self._pieces[:, self._used] = index, step, stride
        self._used += 1

    def steps(self, indices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the steps at indices from 0 on; between two values of a piece lies a mean."""
        first, step, stride = self._pieces[:, : self._used]
        piece = np.searchsorted(first, indices, side="right") - 1
        found: NDArray[np.float64] = step[piece] + (indices - first[piece]) * stride[piece]
        return found

    def count_until(self, step: int) -> int:
        """Return how many of the steps are `step` or before."""
        first, begin, stride = self._pieces[:, : self._used]
        piece = int(np.searchsorted(begin, step, side="right")) - 1
        if piece < 0:
            return 0
        size = max(1, int(stride[piece]))
        inside = int(first[piece]) + (step - int(begin[piece])) // size + 1
        return min(inside, int(first[piece + 1]) if piece + 1 < self._used else self.count)


class Metric:
    """What was logged under one name. The newest 8 million values are kept one by one.

    Values wait until somebody reads them: of hundreds of metrics a few are shown.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.higher_is_better = is_better_higher(name)
        self._has_best = _is_judged(name)
        self.last_step = 0  # of the newest value; 0 without one
        self._best: Reading | None = None
        self._cadence = Cadence()
        self._values = Pyramid()
        self._waiting: list[tuple[Steps, FloatArray]] = []
        self._waiting_values = 0

    @property
    def count(self) -> int:
        """How many values there are."""
        return self._cadence.count + self._waiting_values

    @property
    def last(self) -> float | None:
        """The newest value."""
        self._settle()
        values = self._values.losses
        return float(values.part(values.size - 1, values.size)[0]) if values.size else None

    @property
    def best(self) -> Reading | None:
        """The lowest finite value; the highest where the name says that higher is better.

        None without one, and for what is not judged by its value: an lr, an epoch.
        """
        self._settle()
        return self._best if self._has_best else None

    def append(self, steps: Steps, values: FloatArray) -> None:
        """Add values by ascending step; those that are not beyond the last step are left out."""
        if self.last_step and len(steps) and steps[0] <= self.last_step:
            fresh = int(np.searchsorted(steps, self.last_step, side="right"))
            steps, values = steps[fresh:], values[fresh:]
        if not len(steps):
            return
        self.last_step = int(steps[-1])
        self._waiting.append((steps, values))
        self._waiting_values += len(steps)
        if len(self._waiting) >= _MOST_WAITING:
            self._settle()

    def _settle(self) -> None:
        """Take in the values that wait."""
        if not self._waiting:
            return
        steps, values = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting, self._waiting_values = [], 0
        self._cadence.append(steps)
        self._values.extend(values)
        worst = -np.inf if self.higher_is_better else np.inf
        finite = np.where(np.isfinite(values), values, np.float32(worst))
        index = int(finite.argmax() if self.higher_is_better else finite.argmin())
        value = float(finite[index])
        if np.isfinite(value) and (self._best is None or self._is_better(value, self._best.value)):
            self._best = Reading(int(steps[index]), value)

    def _is_better(self, value: float, other: float) -> bool:
        return value > other if self.higher_is_better else value < other

    def buckets(self, first: int, last: int, most: int) -> Buckets:
        """Return the steps `first` to `last`, in at most `most` buckets of equal width."""
        self._settle()
        start, stop = self._cadence.count_until(first - 1), self._cadence.count_until(last)
        entries = self._values.entries(start + 1, stop, most)
        if not len(entries.step):
            return entries
        at = self._cadence.steps(entries.step - 1)
        entries = Buckets(at, entries.low, entries.high, entries.mean)
        if stop - start <= most:
            return entries
        return bucketed(entries, np.linspace(first, last + 1, most + 1))

    def at(self, step: int) -> Reading | None:
        """Return the newest value at a step or before it; None before the first."""
        self._settle()
        index = self._cadence.count_until(step)
        found = self._values.at(index)
        if found is None:
            return None
        logged = self._cadence.steps(np.array([index - 1.0]))
        return Reading(int(logged[0]), found.mean)

    def tail(self, most: int) -> FloatArray:
        """Return the newest values, `most` at most."""
        self._settle()
        return self._values.tail(most)


_HIGHER = ("acc", "accuracy", "auc", "auroc", "f1", "r2", "precision", "recall", "iou", "map",
           "bleu", "psnr", "ssim", "reward", "return", "score", "top")  # fmt: skip
_NOT_JUDGED = {"learning", "rate", "momentum", "epoch", "global", "step", "grad", "norm", "time"}


def is_better_higher(name: str) -> bool:
    """Say whether a name is one of those for which higher is better: ``val_acc``, ``val/f1``."""
    words = _words_of(name)
    return "loss" not in words and any(word.rstrip("0123456789@") in _HIGHER or word in _HIGHER
                                       for word in words)  # fmt: skip


def _is_judged(name: str) -> bool:
    """Say whether a value can be better than another one: not of ``lr`` or ``global_step``."""
    words = set(_words_of(name))
    return "lr" not in words and not words <= _NOT_JUDGED


def _words_of(name: str) -> list[str]:
    return re.split("[/_.-]", name.lower())
