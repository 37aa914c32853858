"""Stop when the validation loss exceeds its own mean over the steps before."""

import math

import numpy as np

from tui_trainer.formatting import apart
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray
from tui_trainer.training.stopping_rules.means import exact_means
from tui_trainer.training.stopping_rules.measured import step_of, unit_counted
from tui_trainer.training.stopping_rules.rule import Doubles, Verdict, margin_gauge, verdict_on


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
        verdict = verdict_on(bounds, losses)
        count = len(verdict.bounds)
        self._bound, self._last = float(verdict.bounds[-1]), float(losses[count - 1])
        self._recent = seen[: len(self._recent) + count][-self._window :]
        return verdict

    def gauge(self) -> Gauge:
        """Give the distance to the mean."""
        armed_at = step_of(self._window, self._every)
        return margin_gauge(self._last, self._bound, armed_at)

    def explain(self) -> str:
        """Name the loss and the mean."""
        now, bound = apart(self._last, self._bound)
        counted = f"{self._window} {unit_counted(self._every)}s"
        return f"validation {now} exceeded {bound}, the mean of its last {counted}"

    @property
    def memory(self) -> Doubles:
        """The last bound and loss, then the losses in the window."""
        return np.append([self._bound, self._last], self._recent)

    def remember(self, memory: Doubles) -> None:
        """Take the last bound and loss, and the losses in the window."""
        self._bound, self._last = memory[:2].tolist()
        self._recent = memory[2:].copy()
