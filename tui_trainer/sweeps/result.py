"""A sweep as its events so far tell it: candidates, and what the points amount to."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidateFitSampled,
    CandidatesAdvanced,
    CandidatesRestarted,
    SweepEnded,
    SweepEvent,
    SweepNoted,
    SweepStarted,
)
from tui_trainer.sweeps.plan import Candidate, Point, Sweep
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import FitSampled, FloatArray, RunEnded
from tui_trainer.training.history import History


class CandidateView:
    """Where a candidate stands. Losses are None before its first step."""

    def __init__(self, candidate: Candidate, *, keep_history: bool) -> None:
        self.candidate = candidate
        self._keep_history = keep_history
        self.forget()

    def forget(self) -> None:
        """Start again: its worker was lost."""
        self.history = History() if self._keep_history else None
        self.step = 0
        self.train_loss: float | None = None
        self.val_loss: float | None = None
        self.best_step: int | None = None
        self.best_val_loss: float | None = None
        self.ended: RunEnded | None = None
        self.fit: FitSampled | None = None

    @property
    def diverged(self) -> bool:
        """Whether a loss was not finite."""
        return self.ended is not None and self.ended.reason is StopReason.DIVERGED

    @property
    def stopped_early(self) -> bool:
        """Whether its rule ended it."""
        return self.ended is not None and self.ended.reason is StopReason.EARLY_STOPPING

    def loss(self, objective: str) -> float:
        """Return the loss that is to be low: infinite once it has diverged, NaN before step 1."""
        if self.diverged:
            return math.inf
        loss = self.best_val_loss if objective == "best" else self._final
        return math.nan if loss is None else loss

    @property
    def _final(self) -> float | None:
        """The validation loss of the weights that it ends with."""
        restored = self.ended is not None and self.ended.restored_best
        return self.best_val_loss if restored else self.val_loss

    def advance(self, train: FloatArray, val: FloatArray) -> None:
        """Take in the losses of the next steps."""
        if not len(val):
            return
        if self.history is not None:
            self.history.append(train, val)
        finite = np.where(np.isfinite(val), val, np.inf)
        index = int(finite.argmin())
        lowest = float(finite[index])
        if math.isfinite(lowest) and (self.best_val_loss is None or lowest < self.best_val_loss):
            self.best_step, self.best_val_loss = self.step + index + 1, lowest
        self.step += len(val)
        self.train_loss, self.val_loss = float(train[-1]), float(val[-1])


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the seeds: its median, and its lowest and highest among the finite ones.

    NaN where there is none; the median is infinite where half of the seeds diverged.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PointResult:
    """What a point's candidates amount to so far. Shares are of 1; `steps` is where they stand."""

    point: Point
    best: Spread
    final: Spread
    steps: Spread
    ended: int
    seeds: int
    stopped_early_share: float
    diverged_share: float
    losses: tuple[float, ...]
    objective: Spread

    @property
    def done(self) -> bool:
        """Whether all of its candidates have ended."""
        return self.ended == self.seeds


class SweepResult:
    """A sweep's candidates and points, folded from its events."""

    def __init__(self, sweep: Sweep, *, keep_history: bool = True) -> None:
        self.sweep = sweep
        self.candidates = [CandidateView(c, keep_history=keep_history) for c in sweep.candidates]
        self.started: SweepStarted | None = None
        self.ended: SweepEnded | None = None
        self.notes: list[str] = []
        self.steps = 0
        self.seconds = 0.0

    def apply(self, event: SweepEvent) -> None:
        """Take in the next event."""
        match event:
            case SweepStarted():
                self.started = event
            case CandidatesAdvanced():
                self._advance(event)
            case CandidateEnded(candidate=index, ended=ended, fit=fit):
                self.candidates[index].ended = ended
                self.candidates[index].fit = fit or self.candidates[index].fit
            case CandidateFitSampled(candidate=index, fit=fit):
                self.candidates[index].fit = fit
            case CandidatesRestarted(candidates=indices):
                for index in indices:
                    self.steps -= self.candidates[index].step
                    self.candidates[index].forget()
            case SweepNoted(words=words):
                self.notes.append(words)
            case SweepEnded():
                self.ended = event
                self.seconds = event.seconds

    @property
    def finished(self) -> int:
        """How many candidates have ended."""
        return sum(view.ended is not None for view in self.candidates)

    @property
    def progress(self) -> float:
        """The share of all steps that is behind: those of ended candidates count as done."""
        total = sum(view.candidate.config.steps for view in self.candidates)
        done = sum(
            view.candidate.config.steps if view.ended else view.step for view in self.candidates
        )
        return done / total

    def of_point(self, point: int) -> Sequence[CandidateView]:
        """Return a point's candidates, one a seed."""
        seeds = self.sweep.seeds
        return self.candidates[point * seeds : (point + 1) * seeds]

    def points(self) -> list[PointResult]:
        """Return all points in the order of the grid."""
        return [self.point(index) for index in range(len(self.sweep.points))]

    def point(self, index: int) -> PointResult:
        """Return a point by its index."""
        point, views = self.sweep.points[index], self.of_point(index)
        losses = {name: tuple(view.loss(name) for view in views) for name in ("best", "final")}
        spreads = {name: _spread(values) for name, values in losses.items()}
        objective = self.sweep.objective
        return PointResult(
            point,
            spreads["best"],
            spreads["final"],
            _spread([float(view.step) for view in views]),
            sum(view.ended is not None for view in views),
            len(views),
            sum(view.stopped_early for view in views) / len(views),
            sum(view.diverged for view in views) / len(views),
            losses[objective],
            spreads[objective],
        )

    def ranked(self) -> list[PointResult]:
        """Return all points, the lowest objective first, those without one last."""
        return sorted(self.points(), key=rank)

    def _advance(self, event: CandidatesAdvanced) -> None:
        self.seconds = event.seconds
        for column, (index, count) in enumerate(zip(event.candidates, event.counts, strict=True)):
            train, val = event.train_loss[:count, column], event.val_loss[:count, column]
            self.candidates[index].advance(train, val)
            self.steps += count


def _spread(values: Sequence[float]) -> Spread:
    known = [value for value in values if not math.isnan(value)]
    finite = [value for value in known if math.isfinite(value)]
    median = statistics.median(known) if known else math.nan
    if not finite:
        return Spread(median, math.nan, math.nan)
    return Spread(median, min(finite), max(finite))


def rank(result: PointResult) -> tuple[bool, float, float, int]:
    """Order points: the lowest objective first, those without one last."""
    median = result.objective.median
    return math.isnan(median), median, result.diverged_share, result.point.index
