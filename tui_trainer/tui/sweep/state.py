"""Where a sweep stands, folded from its events: what is drawn of it, without a screen."""

import math
from collections import deque
from typing import TYPE_CHECKING

from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidatesAdvanced,
    CandidatesRestarted,
    SweepEvent,
)
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.training.events import StepsCompleted
from tui_trainer.training.state import ENDS, State
from tui_trainer.tui.run.state import RunView

if TYPE_CHECKING:  # both need numpy, which the first frame does not
    from tui_trainer.sweeps.recommendation import Recommendation
    from tui_trainer.sweeps.result import CandidateView, PointResult


class SweepView:
    """One sweep as its events so far tell it. `number` tells it from the app's other sweeps.

    Its thread adds to `inbox`, and no other thread but the UI's takes from it.
    """

    def __init__(self, plan: Sweep, number: int = 1) -> None:
        from tui_trainer.sweeps.result import SweepResult

        self.plan = plan
        self.number = number
        self.inbox: deque[SweepEvent] = deque()
        self.results = SweepResult(plan)
        self.recommendation: Recommendation | None = None
        self._stale = {point.index for point in plan.points}
        self._points: dict[int, PointResult] = {}

    @property
    def state(self) -> State:
        """What it is doing."""
        if (ended := self.results.ended) is not None:
            return ENDS[ended.reason]
        return State.RUNNING if self.results.started else State.STARTING

    def take_inbox(self) -> None:
        """Take in all events that have arrived; at the end, what they amount to."""
        if not self.inbox:
            return
        while self.inbox:
            event = self.inbox.popleft()
            self.results.apply(event)
            self._note(event)
        if self.results.ended is not None and self.recommendation is None:
            from tui_trainer.sweeps.recommendation import recommend

            self.recommendation = recommend(self.results)

    def points(self) -> list["PointResult"]:
        """Return all points in the order of the axis; only those with news are made anew."""
        for index in self._stale:
            self._points[index] = self.results.point(index)
        self._stale.clear()
        return [self._points[point.index] for point in self.plan.points]

    def leader(self) -> "PointResult | None":
        """Return the recommended point, or the one that is lowest so far."""
        from tui_trainer.sweeps.result import rank

        points = self.points()
        if self.recommendation is not None:
            return points[self.recommendation.point.index]
        lowest = min(points, key=rank)
        return lowest if math.isfinite(lowest.objective.median) else None

    def _note(self, event: SweepEvent) -> None:
        """Note which points an event is about."""
        seeds = self.plan.seeds
        match event:
            case CandidatesAdvanced(candidates=indices) | CandidatesRestarted(candidates=indices):
                self._stale.update(index // seeds for index in indices)
            case CandidateEnded(candidate=index):
                self._stale.add(index // seeds)


def candidate_state(view: "CandidateView", sweep: State) -> State:
    """Return what a candidate is doing."""
    if view.ended is not None:
        return ENDS[view.ended.reason]
    if sweep in (State.STARTING, State.RUNNING):
        return State.RUNNING if view.step else State.STARTING
    return State.STOPPED


def candidate_run(view: "CandidateView", number: int) -> RunView:
    """Return a candidate as the run that it is: its losses are the sweep's, not copies."""
    run = RunView(view.candidate.config, number)
    assert view.history is not None
    run.history = view.history
    if view.step:
        run.newest = _newest_step(view)
        run.state = State.RUNNING
    if view.ended is not None:
        run.ended = view.ended
        run.state = ENDS[view.ended.reason]
    return run


def _newest_step(view: "CandidateView") -> StepsCompleted:
    assert view.history is not None
    train, val = view.history.losses("train")[-1:], view.history.losses("val")[-1:]
    best = view.best_step, view.best_val_loss
    return StepsCompleted(view.step, train, val, None, None, *best, 0.0, 0.0)
