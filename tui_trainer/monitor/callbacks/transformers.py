"""`Monitor` for Hugging Face: ``Trainer(callbacks=[TransformersMonitor()])``."""

from __future__ import annotations

import os
from typing import Any

from transformers import TrainerCallback

from tui_trainer.monitor.monitor import Monitor


class TransformersMonitor(TrainerCallback):  # type: ignore[misc]
    """Shows, steers and records what a `Trainer` trains; logs what that logs, when it does.

    A step is the trainer's. A stop ends it after the step; a checkpoint is saved by the trainer, at
    the end of the step. Arguments are those of `Monitor`.
    """

    def __init__(
        self, name: str = "", *, stop_when: str = "", runs: str | os.PathLike[str] | None = None
    ) -> None:
        self._name, self._stop_when, self._runs = name, stop_when, runs
        self._monitor: Monitor | None = None
        self._saves = False

    def on_train_begin(
        self, args: Any, state: Any, control: Any, *, optimizer: Any = None, **_: Any
    ) -> None:
        """Open the monitor."""
        total = state.max_steps if state.max_steps > 0 else None
        monitor = Monitor(self._name, total=total, stop_when=self._stop_when, runs=self._runs)
        if optimizer is not None:
            monitor.attach(optimizer)
        monitor.checkpoint(self._ask_to_save)
        monitor.start()
        self._monitor = monitor

    def _ask_to_save(self) -> None:
        self._saves = True

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin a step, after a pause perhaps."""
        if self._monitor is not None and not self._monitor.step():
            control.should_training_stop = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have the trainer save itself, if that was asked for."""
        control.should_save |= self._saves
        self._saves = False

    def on_log(
        self, args: Any, state: Any, control: Any, *, logs: dict[str, Any], **_: Any
    ) -> None:
        """Log the numbers among what the trainer logs."""
        if self._monitor is not None:
            numbers = {n: value for n, value in logs.items() if isinstance(value, int | float)}
            self._monitor.log(numbers, step=max(1, state.global_step))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the monitor."""
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None
