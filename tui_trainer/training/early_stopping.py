"""When to stop a run: pure rules over the validation loss, step by step.

A rule is fed every step's validation loss in order. It answers with the bound that the loss was
held against (NaN while the rule is not armed) and whether the run stops there. A comparison with
NaN never counts as an increase.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from tui_trainer.config.settings import FirstIncrease, Patience, PatientAverage, Stopping
from tui_trainer.formatting import apart


class StopReason(Enum):
    """Why a run ended."""

    COMPLETED = "completed"
    EARLY_STOPPING = "early_stopping"
    DIVERGED = "diverged"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one step: the bound it held the loss against, and whether to stop."""

    bound: float
    stop: bool


@dataclass(frozen=True, slots=True)
class Gauge:
    """How near a rule is to firing.

    `nearness` runs from 0 (far) to 1 (fires). `armed_at` is the last step that the rule lets pass
    unjudged.
    """

    armed: bool
    armed_at: int
    words: str
    nearness: float


class StoppingRule(Protocol):
    """A rule with its memory of the steps so far."""

    def observe(self, val_loss: float) -> Verdict:
        """Take the next step's validation loss."""
        ...

    def gauge(self) -> Gauge:
        """Say how near the rule is to firing, after the last step."""
        ...

    def explain(self) -> str:
        """Say in words, with the numbers, why the last step stopped the run."""
        ...


class FirstIncreaseRule:
    """Stop after step t when t > 1 and val[t] > val[t-1]."""

    def __init__(self) -> None:
        self._previous = math.nan
        self._last = math.nan

    def observe(self, val_loss: float) -> Verdict:
        """Hold the loss against the step before."""
        self._previous, self._last = self._last, val_loss
        return Verdict(self._previous, val_loss > self._previous)

    def gauge(self) -> Gauge:
        """Give the fall since the step before."""
        return _margin_gauge(self._last, self._previous, armed_at=1, judged=self._previous)

    def explain(self) -> str:
        """Name both losses."""
        now, before = apart(self._last, self._previous)
        return f"validation {now} exceeded {before}, the step before"


class PatientAverageRule:
    """Stop after step t when t > window and val[t] > mean(val[t-window .. t-1]).

    The mean is the exact one of the float32 losses, rounded once, to float64.
    """

    def __init__(self, window: int) -> None:
        self._recent: deque[float] = deque(maxlen=window)
        self._bound = math.nan
        self._last = math.nan

    @property
    def window(self) -> int:
        """How many steps the mean runs over."""
        assert self._recent.maxlen is not None
        return self._recent.maxlen

    def observe(self, val_loss: float) -> Verdict:
        """Hold the loss against the mean of the `window` steps before it."""
        full = len(self._recent) == self.window
        self._bound = math.fsum(self._recent) / self.window if full else math.nan
        self._last = val_loss
        self._recent.append(val_loss)
        return Verdict(self._bound, val_loss > self._bound)

    def gauge(self) -> Gauge:
        """Give the distance to the mean."""
        return _margin_gauge(self._last, self._bound, armed_at=self.window, judged=self._bound)

    def explain(self) -> str:
        """Name the loss and the mean."""
        now, bound = apart(self._last, self._bound)
        return f"validation {now} exceeded {bound}, the mean of its last {self.window} steps"


class PatienceRule:
    """Stop when the best has not improved by more than `min_delta` for `patience` steps."""

    def __init__(self, patience: int, min_delta: float) -> None:
        self._patience = patience
        self._min_delta = min_delta
        self._best = math.inf
        self._waited = 0

    def observe(self, val_loss: float) -> Verdict:
        """Hold the loss against what it takes to be a new best."""
        bound = self._best - self._min_delta
        if val_loss < bound:
            self._best, self._waited = val_loss, 0
        else:
            self._waited += 1
        bound = bound if math.isfinite(bound) else math.nan
        return Verdict(bound, self._waited >= self._patience)

    def gauge(self) -> Gauge:
        """Give the steps waited for a new best."""
        words = f"patience {self._waited}/{self._patience}"
        return Gauge(math.isfinite(self._best), 1, words, self._waited / self._patience)

    def explain(self) -> str:
        """Name the patience and the best."""
        by = f" by more than {self._min_delta:g}" if self._min_delta else ""
        best = apart(self._best, math.nan)[0]
        return f"validation has not improved on {best}{by} for {self._patience} steps"


def make_rule(stopping: Stopping) -> StoppingRule:
    """Make the rule that a config asks for, with an empty memory."""
    match stopping:
        case FirstIncrease():
            return FirstIncreaseRule()
        case PatientAverage(window=window):
            return PatientAverageRule(window)
        case Patience(patience=patience, min_delta=min_delta):
            return PatienceRule(patience, min_delta)


def _margin_gauge(val_loss: float, bound: float, armed_at: int, judged: float) -> Gauge:
    if math.isnan(judged):
        return Gauge(False, armed_at, f"arms after step {armed_at}", 0.0)
    margin = bound - val_loss
    nearness = val_loss / bound if bound > 0 else 1.0
    words = f"armed at step {armed_at} · margin {margin:.3g}"
    return Gauge(True, armed_at, words, min(1.0, max(0.0, nearness)))
