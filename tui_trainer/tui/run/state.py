"""Where a run stands, folded from its events: what the screen draws, without the screen."""

from collections import deque

from tui_trainer.config.settings import RunConfig
from tui_trainer.training.early_stopping import Gauge, StopReason
from tui_trainer.training.events import (
    Compiled,
    Compiling,
    EngineChanged,
    EngineKept,
    Event,
    FitSampled,
    LrChanged,
    NotLearning,
    Paused,
    Points,
    Resumed,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.marks import LossMarks
from tui_trainer.training.state import ENDS, State


class RunView:
    """One run as its events so far tell it. `number` tells it from the app's other runs.

    Its trainer's thread adds to `inbox`, and no other thread but the UI's takes from it.
    """

    def __init__(self, config: RunConfig, number: int = 1) -> None:
        from tui_trainer.training.history import (
            History,  # needs numpy, which the first frame does not
        )

        self.config = config
        self.number = number
        self.inbox: deque[Event] = deque()
        self.state = State.STARTING
        self.lr = config.lr
        self.history = History()
        self.started: RunStarted | None = None
        self.newest: StepsCompleted | None = None
        self.not_learning: NotLearning | None = None
        self.ended: RunEnded | None = None
        self._fits: dict[str, FitSampled] = {}
        self._lr_changes: list[int] = []
        self._engine_changes: list[int] = []
        self.engine = str(config.engine)
        self.engine_reason = ""
        self.compiling_seconds: float | None = None

    def take_inbox(self) -> None:
        """Take in all events that have arrived."""
        while self.inbox:
            self.apply(self.inbox.popleft())

    def apply(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case RunStarted():
                self.started = event
                self.state = State.RUNNING
                self.engine, self.engine_reason = event.engine, event.engine_reason
            case Compiling() | Compiled() | EngineChanged() | EngineKept():
                self._take_engine_news(event)
            case StepsCompleted():
                self.newest = event
                self.history.append(event.train_loss, event.val_loss, event.bound)
            case FitSampled():
                self._fits["best" if event.weights == "best" else "last"] = event
            case NotLearning():
                self.not_learning = event
            case LrChanged(step=step, lr=lr):
                self.lr = lr
                self._lr_changes.append(step)
            case Paused():
                self.state = State.PAUSED
            case Resumed():
                waits = self.compiling_seconds is not None
                self.state = State.COMPILING if waits else State.RUNNING
            case RunEnded():
                self.ended = event
                self.state = ENDS[event.reason]

    @property
    def step(self) -> int:
        """The newest step."""
        return self.history.steps

    @property
    def points(self) -> Points | None:
        """The data, once the run has started."""
        return self.started.points if self.started else None

    @property
    def gauge(self) -> Gauge | None:
        """How near the stopping rule is, while one is armed or arming."""
        return self.newest.gauge if self.newest and self.ended is None else None

    @property
    def marks(self) -> LossMarks:
        """The steps that matter."""
        newest, ended = self.newest, self.ended
        stopped_early = ended is not None and ended.reason is StopReason.EARLY_STOPPING
        return LossMarks(
            best_step=newest.best_step if newest else None,
            best_val_loss=newest.best_val_loss if newest else None,
            stop_step=ended.steps if ended and stopped_early else None,
            lr_changes=tuple(self._lr_changes),
            engine_changes=tuple(self._engine_changes),
        )

    def _take_engine_news(self, event: Compiling | Compiled | EngineChanged | EngineKept) -> None:
        match event:
            case Compiling(seconds=seconds):
                self.compiling_seconds = seconds
                if self.state is State.RUNNING:
                    self.state = State.COMPILING
            case Compiled():
                self.compiling_seconds = None
                if self.state is State.COMPILING:
                    self.state = State.RUNNING
            case EngineChanged(step=step, engine=engine, reason=reason):
                self.engine, self.engine_reason = engine, reason
                if step > 1:
                    self._engine_changes.append(step)
                self.compiling_seconds = None
                if self.state is State.COMPILING:
                    self.state = State.RUNNING
            case EngineKept(engine=engine, reason=reason):
                self.engine, self.engine_reason = engine, reason

    def fit(self, best: bool) -> FitSampled | None:
        """Return the fit of the best step's weights, or the newest; whichever there is."""
        return self._fits.get("best" if best else "last") or self._fits.get("last")
