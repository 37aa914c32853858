"""Gradient descent, with momentum if there is any. Equals `torch.optim.SGD`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tui_trainer.config import optimization
from tui_trainer.task.optimizers import Optimizer, Slots, add_scaled


class SGD:
    """Remembers a velocity for each parameter, or nothing without momentum."""

    def __init__(self, momentum: float, *, nesterov: bool) -> None:
        self._momentum, self._nesterov = momentum, nesterov

    def init(self, parameters: Sequence[Tensor]) -> Slots:
        """Return the velocities: 0."""
        return [[torch.zeros_like(p) for p in parameters]] if self._momentum else []

    def update(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        slots: Slots,
        lr: float | Tensor,
        step: int | Tensor,
    ) -> None:
        """Take a step down the gradient, or along the velocity."""
        directions = list(gradients)
        for velocities in slots:
            torch._foreach_mul_(velocities, self._momentum)
            torch._foreach_add_(velocities, directions)
            if self._nesterov:
                ahead = torch._foreach_add(directions, velocities, alpha=self._momentum)
                directions = list(ahead)
            else:
                directions = velocities
        add_scaled(parameters, directions, -lr)


def make(settings: optimization.Optimizer) -> Optimizer:
    """Make it."""
    return SGD(settings.momentum, nesterov=settings.nesterov)
