"""What regularizers add: L1 to the loss, weight decay to its gradient."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Return the sum over tensors of ``mean(|p|)``, each averaged over its own elements."""
    return torch.stack([p.abs().mean() for p in parameters]).sum()


@dataclass(frozen=True, slots=True)
class Penalties:
    """The penalties of one network; 0 is none."""

    l1_weight: float = 0.0
    weight_decay: float = 0.0

    def objective(self, loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """Return what is differentiated: the loss with the L1 penalty."""
        return loss + self.l1_weight * l1_penalty(parameters) if self.l1_weight else loss

    def decayed(self, gradients: Sequence[Tensor], parameters: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradients with weight decay: ``g + weight_decay * p``.

        New tensors where there is any: autograd may hand out one gradient for two parameters.
        """
        if not self.weight_decay:
            return list(gradients)
        with torch.no_grad():
            decayed = torch._foreach_add(list(gradients), list(parameters), alpha=self.weight_decay)
        return list(decayed)


class StackedPenalties:
    """The penalties of M networks whose parameters lie in one tensor of shape (M, P).

    Args:
        l1_weight: shape (M, 1).
        weight_decay: shape (M, 1).
        sizes: for each of the P parameters, how many elements its tensor has; shape (P,).
    """

    def __init__(self, l1_weight: Tensor, weight_decay: Tensor, sizes: Tensor) -> None:
        self._l1 = l1_weight / sizes if bool(l1_weight.any()) else None
        self._decay = weight_decay if bool(weight_decay.any()) else None

    def add_gradient(self, gradient: Tensor, parameters: Tensor) -> None:
        """Add ``l1_weight * sign(p) / size + weight_decay * p`` to `gradient` (M, P), in place."""
        if self._l1 is not None:
            gradient += self._l1 * parameters.sign()
        if self._decay is not None:
            gradient.addcmul_(parameters, self._decay)
