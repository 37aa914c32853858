"""What trials with many learning rates come to, and what both ways to one come to together."""

import math

import numpy as np
from numpy.typing import NDArray

from tui_trainer.formatting import loss_text, number_text
from tui_trainer.lr_search.events import (
    LrFound,
    LrRangeEnded,
    LrSuggestion,
    LrTrials,
    LrTrialsEnded,
)
from tui_trainer.training.early_stopping import StopReason

AGREEMENT = 3.0  # two learning rates within this factor say the same
_AS_LOW = 1.001  # losses within this factor are one
_CLEAR = math.sqrt(10)  # half a decade, as the range test keeps from its minimum
_STEADY = 1.05  # a loss that ends within this factor of its lowest has no spike at its end
_TRIALS_REASON = "from the trials, which train longer and are compared by validation loss"


def choose_trial(trials: LrTrials, *, stops_early: bool = False) -> LrSuggestion:
    """Choose the learning rate whose trial ended with the lowest validation loss.

    The loss at the end, since the lowest on the way of a run full of spikes is a lucky draw. Out
    are those that diverged, and those less than half a decade below the lowest that did, unless no
    others are left. A run that `stops_early` may be ended by its first spike: it keeps half a
    decade from the lowest one, too, whose loss ended more than 5 % above its best.

    Where neighbours are as low within 0.1 %, the middle one of them is chosen: the furthest from
    both edges. Where all are, there is nothing to choose.
    """
    there = np.isfinite(trials.final_val_loss) & ~trials.diverged
    if not there.any():
        return LrSuggestion(None, _no_choice(trials))
    there, among = _safe(trials, there, stops_early)
    losses = np.where(there, trials.final_val_loss, np.inf)
    first, last = _as_low(losses, int(losses.argmin()))
    if last - first == len(losses) - 1:
        lowest = loss_text(float(losses.min()))
        return LrSuggestion(None, f"all {len(losses)} trials are as low: {lowest}")
    chosen = (first + last) // 2
    return LrSuggestion(float(trials.lrs[chosen]), _choice(trials, losses, first, last, among))


def conclude(tested: LrRangeEnded, tried: LrTrialsEnded) -> LrFound:
    """Recommend a learning rate: the trials', which trained longer, or else the range test's.

    Trials that were stopped by hand have the last word only where the range test has none.
    """
    of_range, of_trials = tested.suggestion.lr, tried.suggestion.lr
    reasons = (tested.reason, tried.reason)
    overall = (reason for reason in (StopReason.FAILED, StopReason.STOPPED) if reason in reasons)
    stopped = tried.reason is StopReason.STOPPED
    if of_trials is not None and (of_range is None or not stopped):
        recommended, words = of_trials, _TRIALS_REASON
    elif of_range is not None:
        why = "the trials were stopped by hand" if stopped else tried.suggestion.words
        recommended, words = of_range, f"the range test's answer, since {why}"
    else:
        both = dict.fromkeys((tested.suggestion.words, tried.suggestion.words))
        words = "; trials: ".join(both)
        recommended, words = None, f"range test: {words}" if len(both) > 1 else words
    return LrFound(
        next(overall, StopReason.COMPLETED),
        of_range,
        of_trials,
        recommended,
        words,
        _disagreement(of_range, of_trials, int(tried.trials.steps.max(initial=0))),
    )


def stopped_by_hand(suggestion: LrSuggestion, steps: int) -> LrSuggestion:
    """Say of a suggestion that not all steps were taken."""
    words = f"stopped by hand after {steps:,} steps; {suggestion.words}"
    return LrSuggestion(suggestion.lr, words)


def _safe(
    trials: LrTrials, there: NDArray[np.bool_], stops_early: bool
) -> tuple[NDArray[np.bool_], str]:
    """Return which trials to choose from, and what they are called."""
    among = str(len(there))
    clear = there & (trials.lrs <= trials.lrs[trials.diverged].min(initial=np.inf) / _CLEAR)
    if trials.diverged.any() and clear.any():
        there, among = clear, f"the {int(clear.sum())} half a decade clear of divergence"
    spiky = there & (trials.final_val_loss > _STEADY * trials.best_val_loss)
    steady = there & (trials.lrs <= trials.lrs[spiky].min(initial=np.inf) / _CLEAR)
    if stops_early and spiky.any() and steady.any():
        count = int(steady.sum())
        there, among = steady, f"the {count} half a decade clear of spikes, where the rule may stop"
    return there, among


def _as_low(losses: np.ndarray, lowest: int) -> tuple[int, int]:
    """Return the first and last of the neighbours of `lowest` that are as low."""
    as_low = losses <= losses[lowest] * _AS_LOW
    first = last = lowest
    while first > 0 and as_low[first - 1]:
        first -= 1
    while last + 1 < len(losses) and as_low[last + 1]:
        last += 1
    return first, last


def _no_choice(trials: LrTrials) -> str:
    if not trials.steps.any():
        return "no trial took a step"
    return f"every trial diverged, down to lr {_lr(trials, 0)}"


def _choice(trials: LrTrials, losses: np.ndarray, first: int, last: int, among: str) -> str:
    steps = int(trials.steps.max())
    words = (
        f"validation loss {loss_text(float(losses.min()))} after {steps:,} steps, the lowest of "
        f"{among}"
    )
    if first < last:
        words += f"; the middle of {_lr(trials, first)} to {_lr(trials, last)}, equally low"
    if trials.diverged.any():
        count, lowest = int(trials.diverged.sum()), int(trials.diverged.argmax())
        words += f"; {count} diverged, from {_lr(trials, lowest)} on"
    if first == 0 or last == len(losses) - 1:
        words += "; that is the edge of the range, and there may be a better one beyond"
    return words


def _disagreement(of_range: float | None, of_trials: float | None, steps: int) -> str | None:
    if of_range is None or of_trials is None:
        return None
    factor = max(of_range / of_trials, of_trials / of_range)
    if factor <= AGREEMENT:
        return None
    return (
        f"the range test says {number_text(of_range)}, the trials say {number_text(of_trials)}, a "
        f"factor of {factor:.2g} apart. The range test does one step with each lr, early in a "
        f"training and after the steps with lower ones; the trials train with each of them for "
        f"{steps:,} steps, and are compared by validation loss"
    )


def _lr(trials: LrTrials, index: int) -> str:
    return number_text(float(trials.lrs[index]))
