"""When to stop a run: pure rules over its losses, for whole chunks of steps at once.

A rule is fed every step's losses in order, float32. It answers with the bound that each validation
loss was held against (NaN where the rule is not armed), up to the one that stops the run. However
the losses are cut into chunks, the answers are the same. A comparison with NaN never counts as an
increase.

Where validation is measured every `k` steps alone, a rule counts measurements: `Measured` shows it
those. Rules that look at training losses see every step.
"""

import math
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tui_trainer.config.settings import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
    Stopping,
)
from tui_trainer.formatting import apart
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray

Doubles: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What a rule says of some steps: a bound for each that counts, and whether the last stops."""

    bounds: Doubles
    stop: bool


class StoppingRule(Protocol):
    """A rule with its memory of the steps so far."""

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Take the next steps' losses, at least one each; those behind a stop are ignored."""
        ...

    def gauge(self) -> Gauge:
        """Say how near the rule is to firing, after the last step."""
        ...

    def explain(self) -> str:
        """Say in words, with the numbers, why the last step stopped the run."""
        ...

    @property
    def memory(self) -> Doubles:
        """What it remembers of the steps so far, as flat numbers."""
        ...

    def remember(self, memory: Doubles) -> None:
        """Take the memory of a rule with the same settings for its own."""
        ...


class FirstIncreaseRule:
    """Stop after step t when t > 1 and val[t] > val[t-1]."""

    def __init__(self, every: int = 1) -> None:
        self._every = every
        self._previous = math.nan
        self._last = math.nan

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Hold each loss against the step before."""
        losses = val.astype(np.float64)
        verdict = _verdict(np.append(self._last, losses[:-1]), losses)
        count = len(verdict.bounds)
        self._previous, self._last = float(verdict.bounds[-1]), float(losses[count - 1])
        return verdict

    def gauge(self) -> Gauge:
        """Give the fall since the step before."""
        return _margin_gauge(self._last, self._previous, 1)

    def explain(self) -> str:
        """Name both losses."""
        now, before = apart(self._last, self._previous)
        return f"validation {now} exceeded {before}, the {_counted(self._every)} before"

    @property
    def memory(self) -> Doubles:
        """The last two losses."""
        return np.array([self._previous, self._last])

    def remember(self, memory: Doubles) -> None:
        """Take the last two losses."""
        self._previous, self._last = memory.tolist()


class PatientAverageRule:
    """Stop after step t when t > window and val[t] > mean(val[t-window .. t-1]).

    The mean is the exact one of the float32 losses, rounded once, to float64.
    """

    def __init__(self, window: int, every: int = 1) -> None:
        self._window = window
        self._every = every
        self._recent = np.empty(0)
        self._bound = math.nan
        self._last = math.nan

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Hold each loss against the mean of the `window` steps before it."""
        losses = val.astype(np.float64)
        seen = np.append(self._recent, losses)
        bounds = np.full(len(losses), np.nan)
        unarmed = self._window - len(self._recent)
        if len(losses) > unarmed:
            bounds[unarmed:] = exact_means(seen[:-1], self._window)
        verdict = _verdict(bounds, losses)
        count = len(verdict.bounds)
        self._bound, self._last = float(verdict.bounds[-1]), float(losses[count - 1])
        self._recent = seen[: len(self._recent) + count][-self._window :]
        return verdict

    def gauge(self) -> Gauge:
        """Give the distance to the mean."""
        armed_at = _step_of(self._window, self._every)
        return _margin_gauge(self._last, self._bound, armed_at)

    def explain(self) -> str:
        """Name the loss and the mean."""
        now, bound = apart(self._last, self._bound)
        counted = f"{self._window} {_counted(self._every)}s"
        return f"validation {now} exceeded {bound}, the mean of its last {counted}"

    @property
    def memory(self) -> Doubles:
        """The last bound and loss, then the losses in the window."""
        return np.append([self._bound, self._last], self._recent)

    def remember(self, memory: Doubles) -> None:
        """Take the last bound and loss, and the losses in the window."""
        self._bound, self._last = memory[:2].tolist()
        self._recent = memory[2:].copy()


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
        return Verdict(_shown(bounds[: last + 1]), bool(len(fired)))

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
        unit = "" if self._every == 1 else f" {_counted(self._every)}s"
        words = f"patience {self._waited}/{self._patience}{unit}"
        return Gauge(math.isfinite(self._best), 1, words, self._waited / self._patience)

    def explain(self) -> str:
        """Name the patience and the best."""
        by = f" by more than {self._min_delta:g}" if self._min_delta else ""
        best = apart(self._best, math.nan)[0]
        counted = f"{self._patience} {_counted(self._every)}s"
        return f"validation has not improved on {best}{by} for {counted}"

    @property
    def memory(self) -> Doubles:
        """The best loss, and the steps since it."""
        return np.array([self._best, self._waited], dtype=np.float64)

    def remember(self, memory: Doubles) -> None:
        """Take the best loss, and the steps since it."""
        self._best, self._waited = float(memory[0]), int(memory[1])


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
        verdict = _verdict(_shown((100 + self._alpha) * lowest[:-1] / 100), losses)
        count = len(verdict.bounds)
        self._lowest = float(lowest[count])
        self._bound, self._last = float(verdict.bounds[-1]), float(losses[count - 1])
        return verdict

    def gauge(self) -> Gauge:
        """Give the distance to the bound."""
        return _margin_gauge(self._last, self._bound, 1)

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
            bounds[ends] = _shown((1 + self._alpha * progress / 100) * lowest[ends])
        verdict = _verdict(bounds, losses)
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
        return _margin_gauge(self._last, self._bound, self._strip - 1)

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


class Measured:
    """Shows a rule the steps 1, k, 2k and so on: k = `every`, after `done` steps without it.

    The bound of a step between two of them is that of the one before, as its validation loss is.
    """

    def __init__(self, rule: StoppingRule, every: int, done: int = 0) -> None:
        self._rule = rule
        self._every = every
        self._done = done
        self._bound = math.nan

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Show it the steps that are measured."""
        steps = np.arange(self._done + 1, self._done + len(val) + 1)
        measured = np.flatnonzero((steps == 1) | (steps % self._every == 0))
        known, count, stop = np.array([self._bound]), len(val), False
        if len(measured):
            verdict = self._rule.observe(train[measured], val[measured])
            known, stop = np.append(known, verdict.bounds), verdict.stop
            if stop:
                count = int(measured[len(verdict.bounds) - 1]) + 1
        latest = np.searchsorted(measured, np.arange(count), side="right")
        self._done += count
        self._bound = float(known[-1])
        return Verdict(known[latest], stop)

    def gauge(self) -> Gauge:
        """Give the rule's, after its last measurement."""
        return self._rule.gauge()

    def explain(self) -> str:
        """Say what the rule says."""
        return self._rule.explain()

    @property
    def memory(self) -> Doubles:
        """The steps so far, the last bound and what the rule remembers."""
        return np.append([self._done, self._bound], self._rule.memory)

    def remember(self, memory: Doubles) -> None:
        """Take the steps so far, the last bound and what the rule remembers."""
        self._done, self._bound = int(memory[0]), float(memory[1])
        self._rule.remember(memory[2:])


def make_rule(stopping: Stopping, every: int = 1, done: int = 0) -> StoppingRule:
    """Make the rule that a config asks for, with an empty memory, `done` steps into the training.

    Validation is measured every `every` steps.
    """
    if every > 1 and not isinstance(stopping, ProgressQuotient):
        return Measured(_rule(stopping, every), every, done)
    return _rule(stopping, every)


def _rule(stopping: Stopping, every: int) -> StoppingRule:
    match stopping:
        case FirstIncrease():
            return FirstIncreaseRule(every)
        case PatientAverage(window=window):
            return PatientAverageRule(window, every)
        case Patience(patience=patience, min_delta=min_delta):
            return PatienceRule(patience, min_delta, every)
        case GeneralizationLoss(alpha=alpha):
            return GeneralizationLossRule(alpha)
        case ProgressQuotient(alpha=alpha, strip=strip):
            return ProgressQuotientRule(alpha, strip)


def _counted(every: int) -> str:
    """Name what a rule counts where validation is measured every `every` steps."""
    return "step" if every == 1 else "validation"


def _step_of(measurement: int, every: int) -> int:
    """Return the step of a measurement, counted from 1: they are at 1, k, 2k and so on."""
    return measurement if every == 1 else max(1, (measurement - 1) * every)


def exact_means(values: Doubles, window: int, every: int = 1) -> Doubles:
    """Return means of `window` neighbours: the exact sum rounded once, then divided.

    There is one of each `window` values that begin at index 0, `every`, 2 `every` and so on.
    `values` are float32 numbers. Those of a similar size are whole multiples of one small number,
    and no sum of them is rounded in float64 before it is 2**53 times as large: so running sums
    serve, however wide the window is.
    """
    if len(values) < window:
        return np.empty(0)
    sizes = np.abs(values)
    least = sizes.min(initial=np.inf, where=sizes != 0)
    if len(values) * sizes.max() < least * 2.0**29:
        sums = np.append(0.0, np.cumsum(values))
        means: Doubles = (sums[window::every] - sums[:-window:every]) / window
        return means
    windows = np.lib.stride_tricks.sliding_window_view(values, window)[::every]
    return np.array([math.fsum(row) / window for row in windows.tolist()])


def _shown(bounds: Doubles) -> Doubles:
    """Leave out bounds that say nothing, those before the first loss."""
    return np.where(np.isfinite(bounds), bounds, np.nan)


def _verdict(bounds: Doubles, losses: Doubles) -> Verdict:
    """Stop at the first loss above its bound."""
    above = losses > bounds
    stop = bool(above.any())
    return Verdict(bounds[: int(above.argmax()) + 1] if stop else bounds, stop)


def _margin_gauge(val_loss: float, bound: float, armed_at: int) -> Gauge:
    if math.isnan(bound):
        return Gauge(False, armed_at, f"arms after step {armed_at}", 0.0)
    margin = bound - val_loss
    nearness = val_loss / bound if bound > 0 else 1.0
    words = f"armed at step {armed_at} · margin {margin:.3g}"
    return Gauge(True, armed_at, words, min(1.0, max(0.0, nearness)))
