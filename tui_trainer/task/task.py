"""What is trained: the data, the loss with its penalties, and the optimiser. Engines execute it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from tui_trainer.task.batches import Batches
from tui_trainer.task.data import Data
from tui_trainer.task.loss import mse_loss
from tui_trainer.task.optimizers import Optimizer, Slots
from tui_trainer.task.penalties import Penalties
from tui_trainer.task.schedules import Factor, constant

Predict: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One step is `gradients` in training mode, `update`, and `validation_loss` in evaluation mode.

    Each takes the network as a function from inputs (N, features) to predictions (N, 1). The lr of
    a step is the run's times its `factor`. A step trains on a batch of `batch_size` points; every
    `validate_every` steps validation is measured.
    """

    data: Data
    penalties: Penalties
    optimizer: Optimizer
    factor: Factor = constant
    batch_size: int | None = None  # the whole training split
    validate_every: int = 1

    def make_batches(self) -> Batches | None:
        """Return the batches that steps take, before the first epoch; None for the whole split."""
        points = len(self.data.train_x)
        if self.batch_size is None or self.batch_size >= points:
            return None
        return Batches(points, self.batch_size)

    def validates(self, step: int) -> bool:
        """Say whether validation follows a step, counted from 1."""
        return step == 1 or step % self.validate_every == 0

    def gradients(
        self, predict: Predict, parameters: Sequence[Tensor], chosen: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the training loss, without penalties, and the gradients, with them.

        Those of the `chosen` points, int64, or of all.
        """
        x, y = self.data.train_x, self.data.train_y
        if chosen is not None:
            x, y = x[chosen], y[chosen]
        loss = mse_loss(predict(x), y)
        objective = self.penalties.objective(loss, parameters)
        # Somebody's network may leave parameters out, whose gradients are then 0.
        gradients = torch.autograd.grad(
            objective, parameters, allow_unused=True, materialize_grads=True
        )
        return loss.detach(), self.penalties.decayed(gradients, parameters)

    @torch.no_grad()
    def update(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        slots: Slots,
        lr: float | Tensor,
        step: int | Tensor,
    ) -> None:
        """Change `parameters` and `slots` in place; see `Optimizer.update`."""
        self.optimizer.update(parameters, gradients, slots, lr, step)

    @torch.no_grad()
    def validation_loss(self, predict: Predict) -> Tensor:
        """Return the validation loss, without penalties."""
        return mse_loss(predict(self.data.val_x), self.data.val_y)
