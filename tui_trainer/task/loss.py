"""The loss and the penalty."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def mse_loss(prediction: Tensor, labels: Tensor) -> Tensor:
    """Return ``mean((p - y)**2)`` of both flattened: ``(N, 1)`` against ``(N,)`` never broadcasts.

    Raises:
        ValueError: if the two differ in their number of elements.
    """
    if prediction.numel() != labels.numel():
        raise ValueError(f"{prediction.numel()} predictions against {labels.numel()} labels")
    error = prediction.reshape(-1) - labels.reshape(-1)
    return (error**2).mean()


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Return the sum over tensors of ``mean(|p|)``, each averaged over its own elements."""
    return torch.stack([p.abs().mean() for p in parameters]).sum()


def penalized(loss: Tensor, parameters: Sequence[Tensor], l1_weight: float) -> Tensor:
    """Return what is differentiated: the loss with its penalty, if there is one."""
    return loss + l1_weight * l1_penalty(parameters) if l1_weight else loss
