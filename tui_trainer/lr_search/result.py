"""A search for a learning rate as its events so far tell it: what every renderer of it shows."""

from tui_trainer.lr_search.events import (
    LrCurve,
    LrEvent,
    LrFound,
    LrRangeAdvanced,
    LrRangeEnded,
    LrSearchStarted,
    LrTrials,
    LrTrialsAdvanced,
    LrTrialsEnded,
    LrTrialsStarted,
)
from tui_trainer.lr_search.plan import LrSearch
from tui_trainer.training.events import NotLearning
from tui_trainer.training.state import ENDS, State


class LrSearchResult:
    """A search folded from its events; None where there is nothing yet."""

    def __init__(self, search: LrSearch | None = None) -> None:
        self.search = search
        self.how = ""
        self.not_learning: NotLearning | None = None
        self.curve: LrCurve | None = None
        self.trials: LrTrials | None = None
        self.tested: LrRangeEnded | None = None
        self.tried: LrTrialsEnded | None = None
        self.found: LrFound | None = None

    def apply(self, event: LrEvent) -> None:
        """Take in the next event."""
        match event:
            case LrSearchStarted(search=search):
                self.search = search
            case NotLearning():
                self.not_learning = event
            case LrRangeAdvanced(curve=curve):
                self.curve = curve
            case LrRangeEnded(curve=curve):
                self.curve, self.tested = curve, event
            case LrTrialsStarted(how=how):
                self.how = how
            case LrTrialsAdvanced(trials=trials):
                self.trials = trials
            case LrTrialsEnded(trials=trials):
                self.trials, self.tried = trials, event
            case LrFound():
                self.found = event

    @property
    def state(self) -> State:
        """What the search is doing."""
        if self.found is not None:
            return ENDS[self.found.reason]
        return State.RUNNING if self.curve is not None else State.STARTING

    @property
    def recommended(self) -> float | None:
        """The learning rate to take, once it is known."""
        return self.found.recommended if self.found is not None else None

    @property
    def range_suggestion(self) -> float | None:
        """The range test's learning rate, once it has one."""
        return self.tested.suggestion.lr if self.tested is not None else None

    @property
    def batched_suggestion(self) -> float | None:
        """The trials' learning rate, once they have one."""
        return self.tried.suggestion.lr if self.tried is not None else None

    @property
    def lowest_diverged(self) -> float | None:
        """The lowest learning rate tried where every trial diverged, else None."""
        trials = self.tried.trials if self.tried is not None else None
        if trials is None or not trials.diverged.all():
            return None
        return float(trials.lrs[0])
