"""The optimisers: a module each, which an optimiser's settings name in `method`.

A module here has ``make(settings) -> Optimizer``.
"""

import importlib
from collections.abc import Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from tui_trainer.config import optimization

# What an optimiser remembers between steps: a list for each of its quantities, with a tensor for
# each parameter.
Slots: TypeAlias = list[list[Tensor]]


class Optimizer(Protocol):
    """How gradients change parameters.

    Engines call it with the tensors of one network, or with those of many at once, stacked along a
    leading axis: so it computes elementwise, and `lr` broadcasts.
    """

    def init(self, parameters: Sequence[Tensor]) -> Slots:
        """Return what it remembers before the first step: new tensors on the same device.

        For stacked parameters of shape (M, ...) every tensor has the leading axis M too.
        """
        ...

    def update(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        slots: Slots,
        lr: float | Tensor,
        step: int | Tensor,
    ) -> None:
        """Change `parameters` and `slots` in place, and leave `gradients` as they are.

        `lr` is this step's, a number, or a tensor: 0-dimensional, or (M, 1) for stacked parameters.
        `step` counts the updates since `init` from 1, this one included: a number, or a tensor of
        float64 of the shape of `lr` where a CUDA graph repeats the update.
        """
        ...


def make_optimizer(settings: optimization.Optimizer) -> Optimizer:
    """Make an optimiser by its module in this folder."""
    module = importlib.import_module(f"{__name__}.{settings.method}")
    optimizer: Optimizer = module.make(settings)
    return optimizer


def add_scaled(tensors: Sequence[Tensor], others: Sequence[Tensor], scale: float | Tensor) -> None:
    """Do ``tensor += scale * other`` in place, rounding once, as `torch.optim` does.

    ``tensor -= lr * other`` would round twice and drift away from it within some 40 steps.
    """
    if isinstance(scale, Tensor):
        for tensor, other in zip(tensors, others, strict=True):
            tensor.addcmul_(other, scale)
    else:  # all at once: one by one costs 5 % of a small network's step
        torch._foreach_add_(list(tensors), list(others), alpha=scale)
