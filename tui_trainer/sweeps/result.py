"""The fold of a sweep's events: its candidates, and the figures of its points."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from tui_trainer.formatting import loss_text
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
from tui_trainer.sweeps.plan import Objective, Point, Sweep
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import ENDS, State


def objective_loss(result: RunResult, objective: Objective) -> float:
    """Return the loss to minimise: infinite for a candidate that diverged, NaN before step 1."""
    if result.diverged:
        return math.inf
    best = result.best.val_loss if result.best else None
    loss = best if objective == "best" else result.final_val_loss
    return math.nan if loss is None else loss


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
    """The figures of a point's candidates so far; shares are fractions of 1."""

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
    """A sweep's candidates and points so far."""

    def __init__(
        self,
        sweep: Sweep,
        *,
        keep_history: bool = True,
        tuning: "SweepResult | None" = None,
    ) -> None:
        self.sweep = sweep
        self.tuning = tuning  # the sweep before a race, which chose a number for each point
        self.candidates = [
            RunResult(candidate.config, keep_history=keep_history) for candidate in sweep.candidates
        ]
        self.started: SweepStarted | None = None
        self.ended: SweepEnded | None = None
        self.notes: list[str] = list(tuning.notes) if tuning is not None else []
        self.steps = 0
        self.seconds = 0.0
        self._points: dict[int, PointResult] = {}  # those without news since they were made
        self._keep_history = keep_history

    def followed_by(self, event: SweepEvent) -> "SweepResult":
        """Apply the next event; return the result to go on with: a race after its tuning is new."""
        result = self
        if isinstance(event, SweepStarted) and event.sweep is not self.sweep:
            result = SweepResult(event.sweep, keep_history=self._keep_history, tuning=self)
        result.apply(event)
        return result

    def apply(self, event: SweepEvent) -> None:
        """Add the next event."""
        match event:
            case SweepStarted():
                self.started = event
            case CandidatesAdvanced():
                self._advance(event)
            case CandidateEnded(candidate=index, ended=ended, fit=fit):
                if fit is not None:
                    self.candidates[index].apply(fit)
                self._candidate(index).apply(ended)
            case CandidateFitSampled(candidate=index, fit=fit):
                self.candidates[index].apply(fit)
            case CandidatesRestarted(candidates=indices):
                for index in indices:
                    self.steps -= self.candidates[index].step
                    self._candidate(index).forget()
            case SweepNoted(words=words):
                self.notes.append(words)
            case SweepEnded():
                self.ended = event
                self.seconds = event.seconds

    @property
    def state(self) -> State:
        """What the sweep is doing."""
        if self.ended is not None:
            return ENDS[self.ended.reason]
        return State.RUNNING if self.started else State.STARTING

    @property
    def finished(self) -> int:
        """How many candidates have ended."""
        return sum(result.ended is not None for result in self.candidates)

    @property
    def done(self) -> int:
        """How many candidates have ended by themselves: not those that were stopped by hand."""
        return len(self.candidates) - len(self.unfinished)

    @property
    def unfinished(self) -> Sequence[RunResult]:
        """The candidates that have not ended, or were stopped by hand."""
        return [result for result in self.candidates if not result.done]

    @property
    def progress(self) -> float:
        """The fraction of all steps that is done; one that ended by itself has none left."""
        return share_done(self.candidates)

    def of_point(self, point: int) -> Sequence[RunResult]:
        """Return a point's candidates, one a seed."""
        seeds = self.sweep.seeds
        return self.candidates[point * seeds : (point + 1) * seeds]

    def points(self) -> list[PointResult]:
        """Return all points in the order of the grid."""
        return [self.point(index) for index in range(len(self.sweep.points))]

    def point(self, index: int) -> PointResult:
        """Return a point by its index."""
        if index not in self._points:
            self._points[index] = self._measure(index)
        return self._points[index]

    def ranked(self) -> list[PointResult]:
        """Return all points, the lowest objective first, those without one last."""
        return sorted(self.points(), key=rank)

    def _candidate(self, index: int) -> RunResult:
        """Return a candidate that there is news of: its point has to be measured again."""
        self._points.pop(index // self.sweep.seeds, None)
        return self.candidates[index]

    def _measure(self, index: int) -> PointResult:
        point, results = self.sweep.points[index], self.of_point(index)
        objective = self.sweep.objective
        kinds: tuple[Objective, ...] = get_args(Objective)
        losses = {kind: tuple(objective_loss(r, kind) for r in results) for kind in kinds}
        spreads = {kind: _spread(losses[kind]) for kind in kinds}
        return PointResult(
            point,
            spreads["best"],
            spreads["final"],
            _spread([float(result.step) for result in results]),
            sum(result.ended is not None for result in results),
            len(results),
            sum(result.stopped_early for result in results) / len(results),
            sum(result.diverged for result in results) / len(results),
            losses[objective],
            spreads[objective],
        )

    def _advance(self, event: CandidatesAdvanced) -> None:
        self.seconds = event.seconds
        for column, (index, count) in enumerate(zip(event.candidates, event.counts, strict=True)):
            train, val = event.train_loss[:count, column], event.val_loss[:count, column]
            self._candidate(index).advance(train, val)
            self.steps += count


def share_done(candidates: Sequence[RunResult]) -> float:
    """Return the fraction of the steps of some candidates that is done."""
    return sum(map(_steps_done, candidates)) / sum(result.config.steps for result in candidates)


def _steps_done(result: RunResult) -> int:
    return result.config.steps if result.done else result.step


def _spread(values: Sequence[float]) -> Spread:
    known = [value for value in values if not math.isnan(value)]
    finite = [value for value in known if math.isfinite(value)]
    median = statistics.median(known) if known else math.nan
    if not finite:
        return Spread(median, math.nan, math.nan)
    return Spread(median, min(finite), max(finite))


def median_text(median: float) -> str:
    """Write the median of a figure: ``–`` without one, ``diverged`` where it is infinite."""
    if math.isnan(median):
        return "–"
    return "diverged" if math.isinf(median) else loss_text(median)


def rank(result: PointResult) -> tuple[bool, float, float, int]:
    """Order points: the lowest objective first, those without one last."""
    median = result.objective.median
    return math.isnan(median), median, result.diverged_share, result.point.index
