"""What a loop's events amount to: the fold that every reader shares."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.monitor.events import (
    Checkpointed,
    LoopEvent,
    LoopStarted,
    MetricsLogged,
    OutputRead,
    StatusRead,
)
from tui_trainer.runs.summary import Summary
from tui_trainer.training.events import HealthMeasured, LrChanged, Noted, Paused, Resumed, RunEnded
from tui_trainer.training.health import Health
from tui_trainer.training.state import ENDS, State

if TYPE_CHECKING:  # needs numpy, which the first frame does not
    from tui_trainer.monitor.series import Metric

MOST_LINES = 5000  # of what the loop printed
MOST_NOTES = 1000


class LoopResult:
    """A loop as it stands. `apply` takes its events in order; an append a metric is all they cost.

    `lr_changes` are the steps from which another lr applied, `output` what was printed last and
    `unfinished` the line that is not ended.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.started: LoopStarted | None = None
        self.ended: RunEnded | None = None
        self.summary: Summary | None = None
        self.metrics: dict[str, Metric] = {}
        self.health = Health()
        self.state = State.STARTING
        self.lr: float | None = None
        self.lr_changes: list[int] = []
        self.checkpointed: Checkpointed | None = None
        self.notes: deque[str] = deque(maxlen=MOST_NOTES)
        self.output: deque[str] = deque(maxlen=MOST_LINES)
        self.unfinished = ""
        self.last_step = 0  # of any metric

    @property
    def name(self) -> str:
        """What the loop is called."""
        return self.started.name if self.started is not None else ""

    @property
    def total(self) -> int:
        """How many steps there will be; 0 if that is not known."""
        return self.started.total if self.started is not None else 0

    @property
    def step(self) -> int:
        """The step that is under way, or was the last."""
        if self.ended is not None:
            return self.ended.steps
        return max(self.last_step, self.summary.step if self.summary is not None else 0)

    @property
    def seconds(self) -> float:
        """The time since the start, without pauses, as of the last status."""
        if self.ended is not None:
            return self.ended.seconds
        return self.summary.seconds if self.summary is not None else 0.0

    @property
    def steps_per_second(self) -> float:
        """The rate of the last seconds, at the end that of all."""
        if self.ended is not None:
            return self.ended.steps_per_second
        return self.summary.steps_per_second if self.summary is not None else 0.0

    @property
    def problem(self) -> str:
        """What keeps the loop from being written to its folder; "" if nothing does."""
        return self.summary.problem if self.summary is not None else ""

    def apply(self, event: LoopEvent) -> None:
        """Take in an event."""
        match event:
            case MetricsLogged():
                self._log(event)
            case HealthMeasured():
                self.health.apply(event)
            case StatusRead(summary=summary):
                self._take_status(summary)
            case OutputRead(lines=lines, unfinished=unfinished):
                self.output.extend(lines)
                self.unfinished = unfinished
            case Noted(words=words):
                self.notes.append(words)
            case Checkpointed():
                self.checkpointed = event
            case _:
                self._change(event)

    def _change(self, event: LoopStarted | LrChanged | Paused | Resumed | RunEnded) -> None:
        match event:
            case LoopStarted():
                self.started, self.folder, self.state = event, event.folder, State.RUNNING
            case LrChanged(step=step, lr=lr):
                self.lr = lr
                self.lr_changes.append(step)
            case Paused():
                self.state = State.PAUSED
            case Resumed():
                self.state = State.RUNNING
            case RunEnded(reason=reason):
                self.ended, self.state = event, ENDS[reason]

    def _log(self, event: MetricsLogged) -> None:
        from tui_trainer.monitor.series import Metric

        self.last_step = max(self.last_step, int(event.steps[-1]))
        for name, values in zip(event.names, event.columns, strict=True):
            if (metric := self.metrics.get(name)) is None:
                metric = self.metrics[name] = Metric(name)
            metric.append(event.steps, values)

    def _take_status(self, summary: Summary) -> None:
        self.summary = summary
        if summary.lr is not None:
            self.lr = summary.lr
