"""How far a training has come: its steps judged, its best step, its end."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import loss_text
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import FloatArray, RunEnded, Weights
from tui_trainer.training.stopping_rules import make_rule
from tui_trainer.training.stopping_rules.rule import Doubles, StoppingRule

Ending: TypeAlias = tuple[StopReason, str]
Losses: TypeAlias = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Best:
    """The step of the lowest finite validation loss."""

    step: int
    val_loss: float


def lower_best(best: Best | None, val_loss: FloatArray, first_step: int) -> Best | None:
    """Return the best of the steps so far and those from `first_step` on, the first of equals."""
    finite = np.where(np.isfinite(val_loss), val_loss, np.inf)
    index = int(finite.argmin())
    lowest = float(finite[index])
    if np.isfinite(lowest) and (best is None or lowest < best.val_loss):
        return Best(first_step + index, lowest)
    return best


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How many of a chunk's steps count, and the stopping bound of each: NaN where not armed."""

    count: int
    bound: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ProgressState:
    """What a `Progress` that has not ended knows: its last losses are those of `step`."""

    step: int
    best: Best | None
    last: Losses
    memory: Doubles | None


class Progress:
    """A training's steps so far; it has not ended while `ending` is None.

    Runs and the candidates of sweeps share it, so that both end by the same rules.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        stopping = config.regularizer.stopping
        self.rule = make_rule(stopping, config.validate_every) if stopping is not None else None
        self.keeps_best = stopping is not None and stopping.restore_best
        self.step = 0
        self.best: Best | None = None
        self.ending: Ending | None = None
        self._last: Losses = (None, None)

    @property
    def state(self) -> ProgressState:
        """What it knows, to go on from later."""
        memory = self.rule.memory if self.rule is not None else None
        return ProgressState(self.step, self.best, self._last, memory)

    def go_on(self, state: ProgressState) -> None:
        """Go on from there; a rule for which there is no memory starts with none."""
        self.step, self.best, self._last = state.step, state.best, state.last
        stopping = self.config.regularizer.stopping
        if stopping is not None:
            self.rule = make_rule(stopping, self.config.validate_every, state.step)
            if state.memory is not None:
                self.rule.remember(state.memory)
        if not self.steps_left:
            self._complete()

    @property
    def steps_left(self) -> int:
        """How many steps there are to the config's last."""
        return self.config.steps - self.step

    @property
    def restores_best(self) -> bool:
        """Whether it ended with the weights of its best step."""
        early = self.ending is not None and self.ending[0] is StopReason.EARLY_STOPPING
        return early and self.keeps_best and self.best is not None

    @property
    def standing(self) -> tuple[int, Weights]:
        """The step that its weights are of, and which weights those are."""
        if self.restores_best and self.best is not None:
            return self.best.step, "best"
        return self.step, "last"

    def observe(self, train: FloatArray, val: FloatArray) -> Judged:
        """Add the losses of the next steps, up to the one that ends the training."""
        judged, self.ending = judge(self.rule, self.step, train, val)
        self.follow(train[: judged.count], val[: judged.count])
        if self.ending is None and not self.steps_left:
            self._complete()
        return judged

    def _complete(self) -> None:
        self.ending = (StopReason.COMPLETED, f"finished {self.step:,} steps")

    def follow(self, train: FloatArray, val: FloatArray) -> None:
        """Add the losses of steps that another process has judged."""
        self.best = lower_best(self.best, val, self.step + 1)
        self.step += len(val)
        self._last = float(train[-1]), float(val[-1])

    def stop(self) -> None:
        """End it here, on request."""
        self.ending = (StopReason.STOPPED, f"stopped by hand at step {self.step:,}")

    @property
    def can_go_on(self) -> bool:
        """Whether more steps may follow its last one, if somebody asks for them."""
        ends = (StopReason.EARLY_STOPPING, StopReason.DIVERGED)
        return self.ending is None or self.ending[0] not in ends

    @property
    def has_diverged(self) -> bool:
        """Whether a loss that is not finite ended it."""
        return self.ending is not None and self.ending[0] is StopReason.DIVERGED

    def explain_divergence(self, bad_tensor: str) -> None:
        """Add to its end where the numbers broke first."""
        assert self.ending is not None
        reason, words = self.ending
        self.ending = (reason, f"{words}; first bad tensor: {bad_tensor}")

    def ended(self, seconds: float) -> RunEnded:
        """Return the event of its end, with the numbers that explain it."""
        assert self.ending is not None
        reason, words = self.ending
        if reason is StopReason.EARLY_STOPPING:
            assert self.rule is not None
            words += f": {self.rule.explain()}"
        if self.best is not None:
            words += f"; best {loss_text(self.best.val_loss)} at step {self.best.step:,}"
            words += ", its weights restored" if self.restores_best else ""
        return self._ended(reason, words, seconds)

    def failed(self, why: str, seconds: float) -> RunEnded:
        """Return the event of an end by an error."""
        return self._ended(StopReason.FAILED, why, seconds)

    def _ended(self, reason: StopReason, words: str, seconds: float) -> RunEnded:
        step, loss = (self.best.step, self.best.val_loss) if self.best else (None, None)
        restored = self.restores_best
        return RunEnded(reason, words, self.step, *self._last, step, loss, restored, seconds)


def judge(
    rule: StoppingRule | None, step: int, train: FloatArray, val: FloatArray
) -> tuple[Judged, Ending | None]:
    """Judge the chunk that follows `step`, and say what ends the training with its last step.

    The rule observes every finite loss up to there.
    """
    bound = np.full(len(val), np.nan, dtype=np.float32)
    bad = np.flatnonzero(~(np.isfinite(train) & np.isfinite(val)))
    finite = int(bad[0]) if len(bad) else len(val)
    if rule is not None and finite:
        verdict = rule.observe(train[:finite], val[:finite])
        count = len(verdict.bounds)
        bound[:count] = verdict.bounds
        if verdict.stop:
            words = f"stopped early at step {step + count:,}"
            return Judged(count, bound[:count]), (StopReason.EARLY_STOPPING, words)
    if not len(bad):
        return Judged(len(val), bound), None
    split = "training" if not np.isfinite(train[finite]) else "validation"
    words = f"the {split} loss is not finite at step {step + finite + 1:,}"
    return Judged(finite + 1, bound[: finite + 1]), (StopReason.DIVERGED, words)
