"""Facts from a search for a learning rate: frozen, of plain numbers and read-only arrays.

A search is `LrSearchStarted`, the events of its range test (`LrRangeStarted` to `LrRangeEnded`),
those of its trials (`LrTrialsStarted` to `LrTrialsEnded`) and one `LrFound`. A range test of a
network that can't learn, whatever the learning rate, says so with a `NotLearning`. What advances
carries all that there is so far, so that a reader may leave any of them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tui_trainer.config.settings import RunConfig
from tui_trainer.lr_search.plan import LrRange, LrSearch
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import NotLearning

if TYPE_CHECKING:  # a first frame knows these events, and waits for no numpy
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LrCurve:
    """A range test's steps so far: float64 arrays of shape (steps,).

    `losses` are training losses before each step's update, without any penalty; the last may not
    be finite. `smoothed` is what `range_suggestion.smooth_losses` makes of them, NaN from the first
    loss on that is not finite.
    """

    lrs: Numbers
    losses: Numbers
    smoothed: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class LrTrials:
    """Where the trials stand: an array each, of shape (trials,), in rising order of `lrs`.

    The validation losses are float64, NaN before the first step; the final one is that of the last
    step so far. `steps` is int64, `diverged` bool.
    """

    lrs: Numbers
    best_val_loss: Numbers
    final_val_loss: Numbers
    steps: NDArray[np.int64]
    diverged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LrSuggestion:
    """A learning rate and why it is that one; None, and why there is none."""

    lr: float | None
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class LrSearchStarted:
    """A search is about to begin."""

    search: LrSearch


@dataclass(frozen=True, slots=True, eq=False)
class LrRangeStarted:
    """A range test is about to take its first step."""

    config: RunConfig
    range: LrRange


@dataclass(frozen=True, slots=True, eq=False)
class LrRangeAdvanced:
    """All steps of a range test so far; some 20 times a second at most."""

    curve: LrCurve
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class LrRangeEnded:
    """A range test is over.

    COMPLETED at the end of its range, DIVERGED where the loss left it no further to go (which is
    the rule), STOPPED by hand, or FAILED.
    """

    reason: StopReason
    suggestion: LrSuggestion
    curve: LrCurve
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class LrTrialsStarted:
    """The trials are about to take their first steps; `how` says in words what trains them."""

    search: LrSearch
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class LrTrialsAdvanced:
    """Where all trials stand; some 20 times a second at most."""

    trials: LrTrials
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class LrTrialsEnded:
    """The trials are over: COMPLETED, STOPPED or FAILED."""

    reason: StopReason
    suggestion: LrSuggestion
    trials: LrTrials
    seconds: float


@dataclass(frozen=True, slots=True)
class LrFound:
    """The last event: what both ways came to, and which learning rate to take.

    FAILED where either way failed, STOPPED where either was stopped by hand, else COMPLETED.
    `words` says why the recommended one is that; `disagreement` names both where they lie more
    than a factor of three apart, and why they may.
    """

    reason: StopReason
    range_suggestion: float | None
    batched_suggestion: float | None
    recommended: float | None
    words: str
    disagreement: str | None = None


LrRangeEvent: TypeAlias = LrRangeStarted | NotLearning | LrRangeAdvanced | LrRangeEnded
LrEvent: TypeAlias = (
    LrSearchStarted | LrRangeEvent | LrTrialsStarted | LrTrialsAdvanced | LrTrialsEnded | LrFound
)
