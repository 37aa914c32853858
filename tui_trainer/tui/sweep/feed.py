"""A sweep on the screen: its result, and how its points compare."""

import math

from tui_trainer.sweeps.events import SweepEvent
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.sweeps.recommendation import Recommendation, recommend
from tui_trainer.sweeps.result import PointResult, SweepResult, rank
from tui_trainer.training.state import State
from tui_trainer.tui.feed import Feed


class SweepFeed(Feed[SweepResult]):
    """A sweep's result, with a recommendation once it has ended."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__(SweepResult(sweep))
        self.recommendation: Recommendation | None = None

    @property
    def sweep(self) -> Sweep:
        """What trains now: the sweep that tunes, then the race."""
        return self.result.sweep

    def _apply(self, event: SweepEvent) -> None:
        self.result = self.result.followed_by(event)

    def take_inbox(self) -> None:
        """Apply all events that have arrived; recommend a point after the last one."""
        super().take_inbox()
        if self.result.ended is not None and self.recommendation is None:
            self.recommendation = recommend(self.result)

    def leader(self) -> PointResult | None:
        """Return the recommended point, or the lowest so far."""
        if self.recommendation is not None:
            return self.result.point(self.recommendation.point.index)
        lowest = min(self.result.points(), key=rank)
        return lowest if math.isfinite(lowest.objective.median) else None

    def state_of(self, candidate: int, stage: SweepResult | None = None) -> State:
        """Return what a candidate is doing; one that an ended sweep left unfinished is stopped.

        It is one of the `stage`, that which trains now unless another is given.
        """
        result = (stage or self.result).candidates[candidate]
        return State.STOPPED if self.result.ended and not result.ended else result.state
