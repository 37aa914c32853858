"""Stop as soon as the validation loss rises."""

import math

import numpy as np

from tui_trainer.formatting import apart
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray
from tui_trainer.training.stopping_rules.measured import unit_counted
from tui_trainer.training.stopping_rules.rule import Doubles, Verdict, margin_gauge, verdict_on


class FirstIncreaseRule:
    """Stop after step t when t > 1 and val[t] > val[t-1]."""

    def __init__(self, every: int = 1) -> None:
        self._every = every
        self._previous = math.nan
        self._last = math.nan

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Hold each loss against the step before."""
        losses = val.astype(np.float64)
        verdict = verdict_on(np.append(self._last, losses[:-1]), losses)
        count = len(verdict.bounds)
        self._previous, self._last = float(verdict.bounds[-1]), float(losses[count - 1])
        return verdict

    def gauge(self) -> Gauge:
        """Give the fall since the step before."""
        return margin_gauge(self._last, self._previous, 1)

    def explain(self) -> str:
        """Name both losses."""
        now, before = apart(self._last, self._previous)
        return f"validation {now} exceeded {before}, the {unit_counted(self._every)} before"

    @property
    def memory(self) -> Doubles:
        """The last two losses."""
        return np.array([self._previous, self._last])

    def remember(self, memory: Doubles) -> None:
        """Take the last two losses."""
        self._previous, self._last = memory.tolist()
