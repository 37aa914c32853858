"""`Monitor` for Lightning: ``Trainer(callbacks=[LightningMonitor()])``."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_trainer.monitor.monitor import Monitor

if TYPE_CHECKING or "pytorch_lightning" in sys.modules:
    from pytorch_lightning import Callback
else:
    from lightning.pytorch import Callback


class LightningMonitor(Callback):  # type: ignore[misc]
    """Shows, steers and records a fit. A step is a training batch.

    It logs the loss that `training_step` returns as ``train_loss``, and what the module logs. A
    stop ends the fit after the batch; a checkpoint goes to the trainer's `default_root_dir`.
    Arguments are those of `Monitor`.
    """

    def __init__(
        self, name: str = "", *, stop_when: str = "", runs: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__()
        self._name, self._stop_when, self._runs = name, stop_when, runs
        self._monitor: Monitor | None = None
        self._of_training: set[str] = set()
        self._has_validated = False

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Open the monitor."""
        total = _total(trainer)
        monitor = Monitor(self._name, total=total, stop_when=self._stop_when, runs=self._runs)
        for optimizer in trainer.optimizers:
            monitor.attach(optimizer)
        monitor.checkpoint(lambda: trainer.save_checkpoint(_checkpoint_path(trainer)))
        monitor.start()
        self._monitor = monitor

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        """Begin a step, after a pause perhaps."""
        if self._monitor is not None and not self._monitor.step():
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        """Log the loss, and what the module has logged in training."""
        if self._monitor is None:
            return
        metrics = dict(trainer.callback_metrics)
        if not self._has_validated:
            self._of_training |= metrics.keys()
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        values = {name: metrics[name] for name in self._of_training if name in metrics}
        self._monitor.log({"train_loss": loss} | values)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Log what the module has logged in validation."""
        if self._monitor is not None and not trainer.sanity_checking:
            self._has_validated = True
            found = trainer.callback_metrics.items()
            self._monitor.log({n: value for n, value in found if n not in self._of_training})

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Close the monitor before the error shows."""
        self._close(exception)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Close the monitor."""
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        if self._monitor is not None:
            self._monitor.close(error)
            self._monitor = None


def _total(trainer: Any) -> int | None:
    """Return how many batches are to come, None if that is not known."""
    epochs = trainer.max_epochs
    batches = trainer.num_training_batches
    if trainer.max_steps != -1 or epochs in (None, -1) or not math.isfinite(batches):
        return None
    return int(epochs * batches) or None


def _checkpoint_path(trainer: Any) -> Path:
    return Path(trainer.default_root_dir) / f"step-{trainer.global_step}.ckpt"
