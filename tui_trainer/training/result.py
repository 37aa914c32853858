"""The fold of a run's events: what every renderer shows, in the app and on the console."""

from __future__ import annotations

from pathlib import Path

from tui_trainer.config.settings import RunConfig
from tui_trainer.task.schedules import make_factor
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import (
    Compiled,
    Compiling,
    EngineChanged,
    EngineKept,
    Event,
    FitSampled,
    FloatArray,
    HealthMeasured,
    LrChanged,
    NormsMeasured,
    Noted,
    NotLearning,
    OldStepsRead,
    Paused,
    Points,
    Recorded,
    Resumed,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.health import Health
from tui_trainer.training.history import History
from tui_trainer.training.marks import LossMarks
from tui_trainer.training.progress import Best, lower_best
from tui_trainer.training.state import ENDS, State

FIGURES = ("train_r2", "val_r2", "train_rmse", "val_rmse")
_FEW_STEPS = 10
_UNKEPT = History()  # that of results that keep none: nothing is added to it


def figures(result: RunResult) -> dict[str, float | None]:
    """Return R² and RMSE on both splits, of the weights that it ended with; None if not known."""
    metrics = result.final_fit.metrics if result.final_fit is not None else {}
    return {name: metrics.get(name) for name in FIGURES}


class RunResult:
    """What is known of a run, or of a candidate of a sweep, from its events so far.

    Losses are None before the first step. `compiling_seconds` is how long the run has waited for
    the compiler, None where it does not; `compile_seconds` what the compiler took.
    """

    def __init__(self, config: RunConfig, *, keep_history: bool = True) -> None:
        self.config = config
        self._keep_history = keep_history
        self.forget()

    def forget(self) -> None:
        """Go back to the state before the first event."""
        self.state = State.STARTING
        self.history = History() if self._keep_history else _UNKEPT
        self.step = 0
        self.lr = self.config.lr
        self.train_loss: float | None = None
        self.val_loss: float | None = None
        self.best: Best | None = None
        self.seconds = 0.0
        self.steps_per_second = 0.0
        self.started: RunStarted | None = None
        self.not_learning: NotLearning | None = None
        self.ended: RunEnded | None = None
        self.engine = str(self.config.engine)
        self.engine_reason = ""
        self.engine_changes: list[EngineChanged] = []
        self.lr_changes: list[LrChanged] = []
        self.folder: Path | None = None  # where it is written
        self.recording_problem = ""  # what keeps it from being written now
        self.notes: list[str] = []
        self.health = Health()
        self.compiling_seconds: float | None = None
        self.compile_seconds: float | None = None
        self._gauge: Gauge | None = None
        self._fits: dict[str, FitSampled] = {}

    def apply(self, event: Event) -> None:
        """Add the next event."""
        match event:
            case RunStarted():
                self.started, self.config = event, event.config
                self.state = State.RUNNING
                self.engine, self.engine_reason = event.engine, event.engine_reason
            case StepsCompleted() | OldStepsRead():
                self._take_steps(event)
            case FitSampled():
                self._fits["best" if event.weights == "best" else "last"] = event
            case NotLearning():
                self.not_learning = event
            case LrChanged():
                self.lr = event.lr
                self.lr_changes.append(event)
            case Paused():
                self.state = State.PAUSED
            case Resumed():
                self.state = (
                    State.COMPILING if self.compiling_seconds is not None else State.RUNNING
                )
            case RunEnded():
                self.ended = event
                self.seconds, self.steps_per_second = event.seconds, event.steps_per_second
                self.state = ENDS[event.reason]
            case Recorded() | Noted() | NormsMeasured() | HealthMeasured():
                self._take_other_news(event)
            case _:
                self._take_engine_news(event)

    def _take_steps(self, event: StepsCompleted | OldStepsRead) -> None:
        if isinstance(event, StepsCompleted):
            self._gauge = event.gauge
            self.seconds, self.steps_per_second = event.seconds, event.steps_per_second
            self.advance(event.train_loss, event.val_loss, event.bound)
            return
        if self._keep_history:
            self.history.append_blocks(event.blocks)
        self.step, self.best = event.last_step, event.best

    def advance(self, train: FloatArray, val: FloatArray, bound: FloatArray | None = None) -> None:
        """Add the losses of the next steps."""
        if not len(val):
            return
        if self._keep_history:
            self.history.append(train, val, bound)
        self.best = lower_best(self.best, val, self.step + 1)
        self.step += len(val)
        self.train_loss, self.val_loss = float(train[-1]), float(val[-1])
        if self.state is State.STARTING:
            self.state = State.RUNNING

    @property
    def scheduled_lr(self) -> float | None:
        """The lr of the newest step, or of the first; None where no schedule moves it."""
        schedule = self.config.schedule
        if not schedule.moves:
            return None
        return self.lr * make_factor(schedule, self.config.steps)(max(1, self.step))

    @property
    def final_val_loss(self) -> float | None:
        """The validation loss of the weights that it ends with."""
        restored = self.ended is not None and self.ended.restored_best
        return self.best.val_loss if restored and self.best else self.val_loss

    @property
    def diverged(self) -> bool:
        """Whether a loss was not finite."""
        return self.state is State.DIVERGED

    @property
    def stopped_early(self) -> bool:
        """Whether its stopping rule ended it."""
        return self.state is State.STOPPED_EARLY

    @property
    def done(self) -> bool:
        """Whether it ended by itself, at its last step or before: not by hand."""
        return self.ended is not None and self.state is not State.STOPPED

    @property
    def learnt_nothing(self) -> bool:
        """Whether it did all its steps, and no gradient ever reached some of its layers."""
        return self.state is State.FINISHED and self.not_learning is not None

    @property
    def points(self) -> Points | None:
        """The data, once the run has started."""
        return self.started.points if self.started else None

    @property
    def gauge(self) -> Gauge | None:
        """How near the stopping rule is, until the run ends."""
        return self._gauge if self.ended is None else None

    @property
    def marks(self) -> LossMarks:
        """The steps that matter."""
        return LossMarks(
            best_step=self.best.step if self.best else None,
            best_val_loss=self.best.val_loss if self.best else None,
            stop_step=self.ended.steps if self.ended and self.stopped_early else None,
            lr_changes=tuple(change.step for change in self.lr_changes),
            engine_changes=tuple(c.step for c in self.engine_changes if c.step > 1),
            planned_steps=self._planned_steps,
        )

    @property
    def _planned_steps(self) -> int:
        """Those of the config; those of a run that ended within the first few."""
        ended_soon = self.ended is not None and self.ended.steps < _FEW_STEPS
        return self.ended.steps if self.ended and ended_soon else self.config.steps

    def fit(self, best: bool) -> FitSampled | None:
        """Return the fit of the best step's weights if it is wanted and known, else the newest."""
        return self._fits.get("best" if best else "last") or self._fits.get("last")

    @property
    def final_fit(self) -> FitSampled | None:
        """The fit of the weights that it ended with; the newest one until then."""
        return self.fit(best=self.ended is not None and self.ended.restored_best)

    def _take_other_news(self, event: Recorded | Noted | NormsMeasured | HealthMeasured) -> None:
        """Norms are of use on a disk alone."""
        if isinstance(event, Recorded):
            self.folder, self.recording_problem = event.folder, event.problem
        elif isinstance(event, HealthMeasured):
            self.health.apply(event)
        elif isinstance(event, Noted):
            self.notes.append(event.words)

    def _take_engine_news(self, event: Compiling | Compiled | EngineChanged | EngineKept) -> None:
        if isinstance(event, Compiling):
            self.compiling_seconds = event.seconds
            if self.state is State.RUNNING:
                self.state = State.COMPILING
            return
        if isinstance(event, Compiled):
            self.compile_seconds = event.seconds
        else:
            self.engine, self.engine_reason = event.engine, event.reason
        if isinstance(event, EngineChanged):
            self.engine_changes.append(event)
        if not isinstance(event, EngineKept):
            self.compiling_seconds = None
            if self.state is State.COMPILING:
                self.state = State.RUNNING
