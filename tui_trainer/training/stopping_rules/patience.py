"""Stop when the validation loss has not improved for a while."""

import math

import numpy as np

from tui_trainer.formatting import apart
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray
from tui_trainer.training.stopping_rules.measured import unit_counted
from tui_trainer.training.stopping_rules.rule import Doubles, Verdict, finite_bounds


class PatienceRule:
    """Stop when the best has not improved by more than `min_delta` for `patience` steps."""

    def __init__(self, patience: int, min_delta: float, every: int = 1) -> None:
        self._every = every
        self._patience = patience
        self._min_delta = min_delta
        self._best = math.inf
        self._waited = 0

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Hold each loss against what it takes to be a new best."""
        losses = val.astype(np.float64)
        improved, bests = self._improvements(losses)
        steps = np.arange(len(losses))
        held = np.array([self._best, *bests])
        bounds = held[np.searchsorted(improved, steps)] - self._min_delta
        counts = np.searchsorted(improved, steps, side="right")
        waited = steps - np.array([-1 - self._waited, *improved])[counts]
        fired = np.flatnonzero(waited >= self._patience)
        last = int(fired[0]) if len(fired) else len(losses) - 1
        self._best, self._waited = float(held[counts[last]]), int(waited[last])
        return Verdict(finite_bounds(bounds[: last + 1]), bool(len(fired)))

    def _improvements(self, losses: Doubles) -> tuple[list[int], list[float]]:
        """Return which losses are new bests, and these. Only new lows can be."""
        lowest = np.fmin.accumulate(np.append(self._best, losses[:-1]))
        lows = np.flatnonzero(losses < lowest)
        improved, bests, bound = [], [], self._best - self._min_delta
        for index, loss in zip(lows.tolist(), losses[lows].tolist(), strict=True):
            if loss < bound:
                improved.append(index)
                bests.append(loss)
                bound = loss - self._min_delta
        return improved, bests

    def gauge(self) -> Gauge:
        """Give the steps waited for a new best."""
        unit = "" if self._every == 1 else f" {unit_counted(self._every)}s"
        words = f"patience {self._waited}/{self._patience}{unit}"
        return Gauge(math.isfinite(self._best), 1, words, self._waited / self._patience)

    def explain(self) -> str:
        """Name the patience and the best."""
        by = f" by more than {self._min_delta:g}" if self._min_delta else ""
        best = apart(self._best, math.nan)[0]
        counted = f"{self._patience} {unit_counted(self._every)}s"
        return f"validation has not improved on {best}{by} for {counted}"

    @property
    def memory(self) -> Doubles:
        """The best loss, and the steps since it."""
        return np.array([self._best, self._waited], dtype=np.float64)

    def remember(self, memory: Doubles) -> None:
        """Take the best loss, and the steps since it."""
        self._best, self._waited = float(memory[0]), int(memory[1])
