"""Plain stochastic gradient descent: ``p ← p - lr * gradient``. Equals `torch.optim.SGD`."""

from collections.abc import Sequence

from torch import Tensor

from tui_trainer.task.optimizers import Optimizer, Slots, add_scaled


class SGD:
    """Remembers nothing."""

    def init(self, parameters: Sequence[Tensor]) -> Slots:
        """Return no slots."""
        return []

    def update(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        slots: Slots,
        lr: float | Tensor,
        step: int | Tensor,
    ) -> None:
        """Take a step down the gradient."""
        add_scaled(parameters, gradients, -lr)


def make() -> Optimizer:
    """Make it."""
    return SGD()
