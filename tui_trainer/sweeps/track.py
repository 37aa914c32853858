"""What is known of a candidate on its way: its rule, its best step, its end."""

import math

import numpy as np

from tui_trainer.sweeps.plan import Candidate
from tui_trainer.training.early_stopping import StopReason, make_rule
from tui_trainer.training.events import FloatArray, RunEnded
from tui_trainer.training.judgement import Ending, judge
from tui_trainer.training.progress import explain_end


class Track:
    """A candidate's steps so far, judged as its own run would judge them."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.config = candidate.config
        stopping = self.config.regularizer.stopping
        self.keeps_best = stopping is not None and stopping.restore_best
        self.step = 0
        self.best: tuple[int, float] | None = None
        self.ending: Ending | None = None
        self._rule = make_rule(stopping) if stopping is not None else None
        self._last: tuple[float | None, float | None] = (None, None)

    @property
    def steps_left(self) -> int:
        """How many steps there are to its last."""
        return self.config.steps - self.step

    @property
    def restores_best(self) -> bool:
        """Whether it ended with the weights of its best step."""
        early = self.ending is not None and self.ending[0] is StopReason.EARLY_STOPPING
        return early and self.keeps_best and self.best is not None

    def observe(self, train: FloatArray, val: FloatArray) -> int:
        """Take in the losses of the next steps; return how many of them count."""
        judgement = judge(self._rule, self.step, train, val)
        count, self.ending = judgement.count, judgement.ending
        self.follow(train[:count], val[:count])
        if self.ending is None and not self.steps_left:
            self.ending = (StopReason.COMPLETED, f"finished {self.step:,} steps")
        return count

    def follow(self, train: FloatArray, val: FloatArray) -> None:
        """Take in the losses of steps that count, judged already."""
        self._note_best(val)
        self.step += len(val)
        self._last = float(train[-1]), float(val[-1])

    def stop(self) -> None:
        """End it where it stands, by hand."""
        self.ending = (StopReason.STOPPED, f"stopped by hand at step {self.step:,}")

    def ended(self, seconds: float) -> RunEnded:
        """Tell its end as a run of its own would."""
        assert self.ending is not None
        reason, words = self.ending
        restored = self.restores_best
        detail = explain_end(reason, words, self._rule, self.best, restored)
        step, loss = self.best or (None, None)
        return RunEnded(reason, detail, self.step, *self._last, step, loss, restored, seconds)

    def _note_best(self, val: FloatArray) -> None:
        finite = np.where(np.isfinite(val), val, np.inf)
        index = int(finite.argmin())
        lowest = float(finite[index])
        if math.isfinite(lowest) and (self.best is None or lowest < self.best[1]):
            self.best = self.step + index + 1, lowest
