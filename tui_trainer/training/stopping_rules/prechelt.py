"""The rules GL and PQ of Prechelt, "Early stopping - but when?" (1998)."""

import math

import numpy as np

from tui_trainer.formatting import apart
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray
from tui_trainer.training.stopping_rules.means import exact_means
from tui_trainer.training.stopping_rules.rule import (
    Doubles,
    Verdict,
    finite_bounds,
    margin_gauge,
    verdict_on,
)


class GeneralizationLossRule:
    """Prechelt's GL: stop after step t when GL(t) = 100 (val[t] / min(val[1..t]) - 1) > alpha.

    That is where val[t] > (1 + alpha / 100) min(val[1..t-1]), for losses of 0 and more.
    """

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha
        self._lowest = math.inf
        self._bound = math.nan
        self._last = math.nan

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Hold each loss against `alpha` % above the lowest before it."""
        losses = val.astype(np.float64)
        lowest = np.fmin.accumulate(np.append(self._lowest, losses))
        verdict = verdict_on(finite_bounds((100 + self._alpha) * lowest[:-1] / 100), losses)
        count = len(verdict.bounds)
        self._lowest = float(lowest[count])
        self._bound, self._last = float(verdict.bounds[-1]), float(losses[count - 1])
        return verdict

    def gauge(self) -> Gauge:
        """Give the distance to the bound."""
        return margin_gauge(self._last, self._bound, 1)

    def explain(self) -> str:
        """Name the loss, the bound and the percentage."""
        now, bound = apart(self._last, self._bound)
        return f"validation {now} exceeded {bound}, {self._alpha:g} % above its lowest"

    @property
    def memory(self) -> Doubles:
        """The lowest loss, and the last bound and loss."""
        return np.array([self._lowest, self._bound, self._last])

    def remember(self, memory: Doubles) -> None:
        """Take the lowest loss, and the last bound and loss."""
        self._lowest, self._bound, self._last = memory.tolist()


class ProgressQuotientRule:
    """Prechelt's PQ: at the end of each strip of k steps, stop when GL(t) / P(t) > alpha.

    GL is that of `GeneralizationLossRule`, P(t) = 1000 (mean(train[t-k+1..t]) /
    min(train[t-k+1..t]) - 1). So that is where val[t] > (1 + alpha P(t) / 100) min(val[1..t]). A
    strip's mean is exact, rounded once.
    """

    def __init__(self, alpha: float, strip: int) -> None:
        self._alpha, self._strip = alpha, strip
        self._train = np.empty(0)  # of the strip that is not over yet
        self._lowest = math.inf
        self._progress = math.nan  # those of the last strip's end
        self._bound = math.nan
        self._last = math.nan

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Hold the loss at each strip's end against what its progress allows."""
        losses = val.astype(np.float64)
        lowest = np.fmin.accumulate(np.append(self._lowest, losses))[1:]
        strips = np.append(self._train, train.astype(np.float64))
        ends = np.arange(self._strip - 1 - len(self._train), len(losses), self._strip)
        progress = self._progress_of(strips[: len(ends) * self._strip])
        bounds = np.full(len(losses), np.nan)
        with np.errstate(invalid="ignore"):
            bounds[ends] = finite_bounds((1 + self._alpha * progress / 100) * lowest[ends])
        verdict = verdict_on(bounds, losses)
        count = len(verdict.bounds)
        self._lowest = float(lowest[count - 1])
        if over := int(np.searchsorted(ends, count)):
            end = ends[over - 1]
            self._progress, self._bound = float(progress[over - 1]), float(bounds[end])
            self._last = float(losses[end])
        self._train = strips[over * self._strip : len(self._train) + count]
        return verdict

    def _progress_of(self, train: Doubles) -> Doubles:
        """Return the progress of whole strips."""
        means = exact_means(train, self._strip, every=self._strip)
        lowest = train.reshape(-1, self._strip).min(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            progress: Doubles = 1000 * (means / lowest - 1)
        return progress

    def gauge(self) -> Gauge:
        """Give the distance to the bound at the last strip's end."""
        return margin_gauge(self._last, self._bound, self._strip - 1)

    def explain(self) -> str:
        """Name the loss, the bound and the progress."""
        now, bound = apart(self._last, self._bound)
        progress = f"the training progress of {self._progress:.3g} over {self._strip} steps"
        above = f"{self._alpha * self._progress:.3g} % above its lowest"
        return f"validation {now} exceeded {bound}, {above}: {self._alpha:g} × {progress}"

    @property
    def memory(self) -> Doubles:
        """The lowest loss, the last strip's figures, and the training losses since it ended."""
        return np.append([self._lowest, self._progress, self._bound, self._last], self._train)

    def remember(self, memory: Doubles) -> None:
        """Take the lowest loss, the last strip's figures, and the training losses since."""
        self._lowest, self._progress, self._bound, self._last = memory[:4].tolist()
        self._train = memory[4:].copy()
