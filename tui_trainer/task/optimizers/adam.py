"""Adam, and AdamW where it has a weight decay. Equals `torch.optim.Adam` and `AdamW`.

Kingma and Ba, "Adam: a method for stochastic optimization", 2015; Loshchilov and Hutter, "Decoupled
weight decay regularization", 2019.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tui_trainer.config import optimization
from tui_trainer.task.optimizers import Optimizer, Slots


class Adam:
    """Remembers running means of each gradient and of its square."""

    def __init__(self, settings: optimization.Optimizer) -> None:
        self._beta1, self._beta2 = settings.beta1, settings.beta2
        self._eps, self._weight_decay = settings.eps, settings.weight_decay

    def init(self, parameters: Sequence[Tensor]) -> Slots:
        """Return the means: 0."""
        return [[torch.zeros_like(p) for p in parameters] for _ in range(2)]

    def update(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        slots: Slots,
        lr: float | Tensor,
        step: int | Tensor,
    ) -> None:
        """Take a step along the mean gradient over the root of the mean square."""
        means, squares = slots
        if self._weight_decay:
            self._shrink(parameters, lr)
        torch._foreach_lerp_(means, list(gradients), 1 - self._beta1)
        torch._foreach_mul_(squares, self._beta2)
        scale = 1 - self._beta2
        torch._foreach_addcmul_(squares, list(gradients), list(gradients), value=scale)
        self._move(parameters, means, squares, lr, step)

    def _shrink(self, parameters: Sequence[Tensor], lr: float | Tensor) -> None:
        kept = 1 - lr * self._weight_decay
        for parameter in parameters:
            parameter.mul_(kept)

    def _move(
        self,
        parameters: Sequence[Tensor],
        means: Sequence[Tensor],
        squares: Sequence[Tensor],
        lr: float | Tensor,
        step: int | Tensor,
    ) -> None:
        """Take the step; at first both means are too small, by known factors."""
        mean_share, square_root = 1 - self._beta1**step, (1 - self._beta2**step) ** 0.5
        divisors = torch._foreach_sqrt(list(squares))
        if not isinstance(lr, Tensor):
            assert not isinstance(mean_share, Tensor)
            torch._foreach_div_(divisors, square_root)
            torch._foreach_add_(divisors, self._eps)
            value = -lr / mean_share
            torch._foreach_addcdiv_(list(parameters), list(means), divisors, value=value)
            return
        size, root = torch.as_tensor(lr / mean_share).to(lr), torch.as_tensor(square_root).to(lr)
        for parameter, mean, divisor in zip(parameters, means, divisors, strict=True):
            parameter.addcmul_(mean / divisor.div_(root).add_(self._eps), -size)


def make(settings: optimization.Optimizer) -> Optimizer:
    """Make it."""
    return Adam(settings)
