"""A chunk of steps judged: which of them count, and whether one of them ends the run."""

from dataclasses import dataclass

import numpy as np

from tui_trainer.training.early_stopping import StoppingRule, StopReason
from tui_trainer.training.events import FloatArray

Ending = tuple[StopReason, str]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """How many of a chunk's steps count, the bound of each, and what ends the run with the last."""

    count: int
    bound: FloatArray
    ending: Ending | None


def judge(rule: StoppingRule | None, step: int, train: FloatArray, val: FloatArray) -> Judgement:
    """Judge the chunk that follows on `step`; the rule observes every finite loss up to its end."""
    bound = np.full(len(val), np.nan, dtype=np.float32)
    bad = np.flatnonzero(~(np.isfinite(train) & np.isfinite(val)))
    finite = int(bad[0]) if len(bad) else len(val)
    if rule is not None:
        for index, loss in enumerate(val[:finite].tolist()):
            verdict = rule.observe(loss)
            bound[index] = verdict.bound
            if verdict.stop:
                words = f"stopped early at step {step + index + 1:,}"
                ending = (StopReason.EARLY_STOPPING, words)
                return Judgement(index + 1, bound[: index + 1], ending)
    if not len(bad):
        return Judgement(len(val), bound, None)
    split = "train" if not np.isfinite(train[finite]) else "validation"
    words = f"{split} loss is not finite at step {step + finite + 1:,}"
    return Judgement(finite + 1, bound[: finite + 1], (StopReason.DIVERGED, words))
