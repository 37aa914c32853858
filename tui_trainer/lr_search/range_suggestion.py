"""What a learning-rate range test shows, in numpy alone: the smoothed loss, and where it falls.

The test is Smith's ("Cyclical Learning Rates for Training Neural Networks", 2015, section 3.3);
that the learning rate of the steepest descent is the one to take is fastai's `steep`. Everything is
computed in the logarithm of the loss, since losses span decades, and in decades of the learning
rate, so that more steps make it finer and nothing else.
"""

import math
from itertools import accumulate

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from tui_trainer.formatting import loss_text, number_text
from tui_trainer.lr_search.events import LrCurve, LrSuggestion

EXPLODED = 4.0  # times the lowest smoothed loss
WARM_UP = 10  # steps before which nothing is called an explosion

_MEDIAN = 5  # steps: a spike of two, up or down, leaves no trace
_MEMORY = 0.1  # decades of the learning rate
_WINDOW = 1.0  # decades over which a descent is measured
_LEAST_FALL = math.log(1.01)
_NOISE = 3.5  # times the noise of a step, which a fall has to exceed
_TINY = 1e-30

Numbers = NDArray[np.float64]


def smooth_losses(lrs: ArrayLike, losses: ArrayLike) -> Numbers:
    """Smooth the losses of a range test: float64, of the same shape (steps,).

    The logarithms of the losses pass a running median of the last five steps (of the first five,
    for those), which takes out spikes, and then an exponential mean with a memory of a tenth of
    a decade, corrected for its start as in Adam (Kingma and Ba, 2014, algorithm 1). From a loss
    that is not finite on there is NaN. What a later step changes lies within the first five.
    """
    lrs, losses = np.asarray(lrs, np.float64), np.asarray(losses, np.float64)
    smoothed = np.full(len(losses), np.nan)
    count = _finite_steps(losses)
    if count:
        kept = math.exp(-1 / max(_MEMORY * _steps_per_decade(lrs), 1e-9))
        smoothed[:count] = np.exp(_exponential_mean(_running_median(_log(losses[:count])), kept))
    return smoothed


def explosion(losses: ArrayLike, smoothed: ArrayLike) -> int | None:
    """Return the index of the first step that a range test need not go beyond, if there is one.

    That is one whose loss is not finite, or, past the first ten, whose smoothed loss is more than
    four times the lowest before it.
    """
    losses, smoothed = np.asarray(losses, np.float64), np.asarray(smoothed, np.float64)
    count = _finite_steps(losses)
    far = smoothed[:count] > EXPLODED * np.minimum.accumulate(smoothed[:count])
    far[:WARM_UP] = False
    if far.any():
        return int(far.argmax())
    return count if count < len(losses) else None


def suggest_lr(curve: LrCurve) -> LrSuggestion:
    """Suggest the learning rate around which the smoothed loss falls steepest.

    Only the way down to its minimum counts, and on it only what lies below all before: what comes
    back from a spike is no descent. The slope is that over a whole decade (or over all of a shorter
    way down), so the suggestion keeps half a decade from the minimum, where training is about to
    break. It has three significant digits, and is None where the loss falls by less than 1 % or by
    less than 3.5 times the noise of a step.
    """
    count = _finite_steps(curve.smoothed)
    if not count:
        return LrSuggestion(None, _no_start(curve))
    lrs, logs = curve.lrs[:count], _log(curve.smoothed[:count])
    lowest = int(logs.argmin())
    needed = max(_LEAST_FALL, _NOISE * _noise(curve.losses[:count]))
    if lowest < _MEDIAN or logs[0] - logs[lowest] < needed:
        return LrSuggestion(None, _no_descent(curve, count, lowest))
    reached = np.minimum.accumulate(logs[: lowest + 1])
    half = max(1, min(round(_WINDOW / 2 * _steps_per_decade(lrs)), lowest // 2))
    falls = reached[: -2 * half] - reached[2 * half :]
    first = int(falls.argmax())
    lr = float(f"{lrs[first + half]:.3g}")
    return LrSuggestion(lr, _descent(curve, first, first + 2 * half, lowest))


def _finite_steps(values: Numbers) -> int:
    """Count the steps before the first value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(values))
    return int(bad[0]) if len(bad) else len(values)


def _steps_per_decade(lrs: Numbers) -> float:
    return (len(lrs) - 1) / math.log10(lrs[-1] / lrs[0]) if len(lrs) > 1 else 1.0


def _log(losses: Numbers) -> Numbers:
    logs: Numbers = np.log(np.maximum(losses, _TINY))
    return logs


def _running_median(values: Numbers) -> Numbers:
    if len(values) < _MEDIAN:
        return np.full(len(values), np.median(values))
    medians: Numbers = np.median(sliding_window_view(values, _MEDIAN), axis=1)
    return np.concatenate([medians[:1].repeat(_MEDIAN - 1), medians])


def _exponential_mean(values: Numbers, kept: float) -> Numbers:
    """Average with weights that fall by `kept` a step, and sum to one from the first step on."""
    sums = accumulate(values.tolist(), lambda sum_, value: kept * sum_ + value)
    weights = accumulate([1.0] * len(values), lambda sum_, one: kept * sum_ + one)
    return np.array([sum_ / weight for sum_, weight in zip(sums, weights, strict=True)])


def _noise(losses: Numbers) -> float:
    """Estimate how much a step's logarithm jumps by itself, from the middle of its changes."""
    changes = np.diff(_log(losses))
    if not len(changes):
        return 0.0
    spread = np.median(np.abs(changes - np.median(changes)))
    return float(1.4826 * spread / math.sqrt(2))  # as a standard deviation, of one step not two


def _no_start(curve: LrCurve) -> str:
    if not len(curve.lrs):
        return "no step was taken"
    return f"the loss is not finite at the first step already, with lr {_lr(curve.lrs[0])}"


def _no_descent(curve: LrCurve, count: int, lowest: int) -> str:
    to = f"up to lr {_lr(curve.lrs[count - 1])}"
    if count < len(curve.losses):
        return f"the loss is not finite at lr {_lr(curve.lrs[count])}, and never falls before"
    if count <= _MEDIAN:
        return f"too few steps to tell: {count}, {to}"
    first, best = (loss_text(curve.smoothed[step]) for step in (0, lowest))
    return f"the loss never falls: it starts at {first}, and is {best} at best {to}"


def _descent(curve: LrCurve, start: int, stop: int, lowest: int) -> str:
    begins, ends = (loss_text(curve.smoothed[step]) for step in (start, stop))
    words = (
        f"the training loss falls steepest around it, from {begins} at lr {_lr(curve.lrs[start])} "
        f"to {ends} at {_lr(curve.lrs[stop])}"
    )
    if stop < lowest:
        words += f"; lowest {loss_text(curve.smoothed[lowest])} at {_lr(curve.lrs[lowest])}"
    if start < _MEDIAN:
        words += "; that is where the range starts, and a lower start may show more"
    return words


def _lr(lr: float) -> str:
    return number_text(float(f"{lr:.3g}"))
