"""A learning rate found in two ways: ``for event in run_lr_search(search, control): ...``.

The range test walks through all learning rates in one training; the trials train with each of them
at once, as a sweep does. Neither touches anything of a run's.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from tui_trainer.lr_search.events import (
    LrEvent,
    LrRangeEnded,
    LrSearchStarted,
    LrSuggestion,
    LrTrials,
    LrTrialsAdvanced,
    LrTrialsEnded,
    LrTrialsStarted,
)
from tui_trainer.lr_search.plan import LrSearch
from tui_trainer.lr_search.range_test import EVENT_SECONDS, find_lr_range
from tui_trainer.lr_search.trial_suggestion import choose_trial, conclude, stopped_by_hand
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.sweeps.events import SweepEnded, SweepStarted
from tui_trainer.sweeps.result import SweepResult
from tui_trainer.sweeps.sweeper import sweep
from tui_trainer.training.early_stopping import StopReason


def run_lr_search(search: LrSearch, control: SweepControl | None = None) -> Iterator[LrEvent]:
    """Run a search, yielding what happens; the last event is always `LrFound`.

    Stopped by hand, it tells what is known so far.
    """
    control = control or SweepControl()
    tested: LrRangeEnded | None = None
    tried: LrTrialsEnded | None = None
    yield LrSearchStarted(search)
    for event in find_lr_range(search.config, control, search.range):
        tested = event if isinstance(event, LrRangeEnded) else tested
        yield event
    for told in _try(search, control):
        tried = told if isinstance(told, LrTrialsEnded) else tried
        yield told
    assert tested is not None
    assert tried is not None
    yield conclude(tested, tried)


def _try(search: LrSearch, control: SweepControl) -> Iterator[LrEvent]:
    """Train with every learning rate; the last event is `LrTrialsEnded`."""
    results = SweepResult(search.trials, keep_history=False)
    due = 0.0
    for event in sweep(search.trials, control, fits=False):
        results.apply(event)
        match event:
            case SweepStarted(how=how):
                yield LrTrialsStarted(search, how)
            case SweepEnded(reason=reason, detail=detail, seconds=seconds):
                trials = _trials(results)
                suggestion = _suggest(reason, detail, trials, _stops_early(search))
                yield LrTrialsEnded(reason, suggestion, trials, seconds)
            case _ if time.perf_counter() >= due:
                due = time.perf_counter() + EVENT_SECONDS
                yield LrTrialsAdvanced(_trials(results), results.seconds)


def _stops_early(search: LrSearch) -> bool:
    return search.config.regularizer.stopping is not None


def _suggest(reason: StopReason, detail: str, trials: LrTrials, stops_early: bool) -> LrSuggestion:
    if reason is StopReason.FAILED:
        return LrSuggestion(None, detail)
    suggestion = choose_trial(trials, stops_early=stops_early)
    if reason is StopReason.STOPPED:
        return stopped_by_hand(suggestion, int(trials.steps.max(initial=0)))
    return suggestion


def _trials(results: SweepResult) -> LrTrials:
    candidates = results.candidates

    def losses(values: Iterator[float | None]) -> Any:
        return np.array([np.nan if value is None else value for value in values], np.float64)

    arrays = (
        np.array([result.config.lr for result in candidates], np.float64),
        losses(result.best.val_loss if result.best else None for result in candidates),
        losses(result.val_loss for result in candidates),
        np.array([result.step for result in candidates], np.int64),
        np.array([result.diverged for result in candidates], np.bool_),
    )
    for array in arrays:
        array.flags.writeable = False
    return LrTrials(*arrays)
