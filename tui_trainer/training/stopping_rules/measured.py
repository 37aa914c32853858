"""Rules where validation is measured every few steps: they count measurements."""

import math

import numpy as np

from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray
from tui_trainer.training.stopping_rules.rule import Doubles, StoppingRule, Verdict


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


def unit_counted(every: int) -> str:
    """Name what a rule counts where validation is measured every `every` steps."""
    return "step" if every == 1 else "validation"


def step_of(measurement: int, every: int) -> int:
    """Return the step of a measurement, counted from 1: they are at 1, k, 2k and so on."""
    return measurement if every == 1 else max(1, (measurement - 1) * every)
