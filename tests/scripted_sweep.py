"""Sweeps without a trainer: plans of built-in presets, and the events of made-up losses."""

import numpy as np
from reference_loop import PRESETS

from tui_trainer.sweeps.axes import parse_axis
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidatesAdvanced,
    SweepEnded,
    SweepStarted,
)
from tui_trainer.sweeps.plan import plan_sweep
from tui_trainer.sweeps.result import SweepResult
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import Points, RunEnded


def plan(*axes, recipe="kaiming", **settings):
    return plan_sweep(PRESETS, recipe, [parse_axis(axis, PRESETS) for axis in axes], **settings)


def advanced(candidates, first, val, *, train=None, counts=None, seconds=1.0):
    """Losses of shape (steps, candidates)."""
    val = np.asarray(val, np.float32)
    train = val / 2 if train is None else np.asarray(train, np.float32)
    counts = counts or (len(val),) * len(candidates)
    return CandidatesAdvanced(tuple(candidates), first, tuple(counts), train, val, seconds)


def ended(candidate, reason=StopReason.COMPLETED, *, restored=False):
    return CandidateEnded(candidate, RunEnded(reason, "words", 1, restored_best=restored))


def started(sweep):
    nothing = np.empty(0, np.float32)
    return SweepStarted(sweep, 1, "scripted", Points(nothing, nothing, nothing, nothing))


def finished(sweep, losses, *, diverged=()):
    """Fold a sweep whose candidates each took one step to the validation loss given for them."""
    results = SweepResult(sweep)
    results.apply(started(sweep))
    for index, loss in enumerate(losses):
        results.apply(advanced([index], 1, [[loss]]))
        reason = StopReason.DIVERGED if index in diverged else StopReason.COMPLETED
        results.apply(ended(index, reason))
    results.apply(SweepEnded(StopReason.COMPLETED, "finished", len(losses), 2.0))
    return results
