"""What is trained: the data, the loss with its penalties, and the optimiser. Engines execute it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

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
    a step is the run's times its `factor`.
    """

    data: Data
    penalties: Penalties
    optimizer: Optimizer
    factor: Factor = constant

    def gradients(
        self, predict: Predict, parameters: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the training loss, without penalties, and the gradients, with them."""
        loss = mse_loss(predict(self.data.train_x), self.data.train_y)
        objective = self.penalties.objective(loss, parameters)
        gradients = torch.autograd.grad(objective, parameters)
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
