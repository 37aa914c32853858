"""Facts from a sweep, in the past tense: frozen, of plain numbers and read-only float32 arrays.

A sweep is ``SweepStarted``, any number of the others, and one ``SweepEnded``. Candidates are told
apart by their index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tui_trainer.sweeps.plan import Sweep
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import FitSampled, Points, RunEnded

if TYPE_CHECKING:  # a first frame knows these events, and waits for no numpy
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class SweepStarted:
    """A sweep is set up and about to take its first steps.

    `groups` is how many groups its candidates train in: one for each architecture, data set and
    kind of dropout. `how` says in words what trains them, and where.
    """

    sweep: Sweep
    groups: int
    how: str
    points: Points


@dataclass(frozen=True, slots=True, eq=False)
class CandidatesAdvanced:
    """The losses of some candidates' steps from `first_step` on.

    `train_loss` and `val_loss` are of shape (steps, candidates). Only the first ``counts[i]`` steps
    of a candidate count: it ended there. `seconds` is the time trained so far.
    """

    candidates: tuple[int, ...]
    first_step: int
    counts: tuple[int, ...]
    train_loss: FloatArray
    val_loss: FloatArray
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class CandidateEnded:
    """A candidate is done: why, and where it stood.

    `fit` is that of the weights it ended with; there is none of one that diverged or was stopped by
    hand.
    """

    candidate: int
    ended: RunEnded
    fit: FitSampled | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CandidateFitSampled:
    """The curve of a candidate that is watched while it trains."""

    candidate: int
    fit: FitSampled


@dataclass(frozen=True, slots=True)
class CandidatesRestarted:
    """These candidates start again from step 1: what was told of them counts no longer."""

    candidates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SweepNoted:
    """Something a person should know of, in words: a worker lost, a group trained one by one."""

    words: str


@dataclass(frozen=True, slots=True)
class SweepEnded:
    """The last event: COMPLETED, STOPPED or FAILED. `steps` counts those of all candidates.

    `seconds` are those since `SweepStarted`: what a compiler took before is no part of them.
    """

    reason: StopReason
    detail: str
    steps: int
    seconds: float

    @property
    def steps_per_second(self) -> float:
        """The mean rate of all candidates together, 0 where no time passed."""
        return self.steps / self.seconds if self.seconds else 0.0


SweepEvent: TypeAlias = (
    SweepStarted
    | CandidatesAdvanced
    | CandidateEnded
    | CandidateFitSampled
    | CandidatesRestarted
    | SweepNoted
    | SweepEnded
)
