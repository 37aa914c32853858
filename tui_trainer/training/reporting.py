"""Reports steps in batches: an event for each would cost more than the steps."""

from collections.abc import Iterator

import numpy as np

from tui_trainer.training.clock import Clock
from tui_trainer.training.events import FloatArray, StepsCompleted
from tui_trainer.training.fit import frozen
from tui_trainer.training.progress import Progress


class StepReports:
    """The steps of a `Progress` that have not been reported, and the training time."""

    def __init__(self, progress: Progress, seconds: float = 0.0) -> None:
        self.clock = Clock(seconds)
        self._progress = progress
        self._pending: list[tuple[FloatArray, FloatArray, FloatArray]] = []

    def add(self, train: FloatArray, val: FloatArray, bound: FloatArray) -> None:
        """Queue the losses of the next steps and their stopping bounds."""
        self._pending.append((train, val, bound))

    def flush(self) -> Iterator[StepsCompleted]:
        """Report the queued steps, if there are any."""
        if not self._pending:
            return
        arrays = zip(*self._pending, strict=True)
        train, val, bound = (frozen(np.concatenate(parts)) for parts in arrays)
        self._pending = []
        progress, best = self._progress, self._progress.best
        yield StepsCompleted(
            first_step=progress.step - len(train) + 1,
            train_loss=train,
            val_loss=val,
            bound=bound if progress.rule is not None else None,
            gauge=progress.rule.gauge() if progress.rule is not None else None,
            best_step=best.step if best else None,
            best_val_loss=best.val_loss if best else None,
            seconds=self.clock.seconds,
            steps_per_second=self.clock.rate(len(train)),
        )
