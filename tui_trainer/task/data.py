"""Data sets: train and validation tensors, drawn from the run's data seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Generator, Tensor

from tui_trainer.config.settings import Dataset


@dataclass(frozen=True, slots=True)
class Data:
    """Inputs of shape ``(N, 1)`` and labels of the same shape, for both splits."""

    train_x: Tensor
    train_y: Tensor
    val_x: Tensor
    val_y: Tensor

    def to(self, device: torch.device) -> "Data":
        """Return the same data on `device`."""
        tensors = (self.train_x, self.train_y, self.val_x, self.val_y)
        return Data(*(tensor.to(device) for tensor in tensors))


def make_data(dataset: Dataset, data_seed: int) -> Data:
    """Draw the points of a data set on the CPU: train x first, then validation x."""
    generator = Generator().manual_seed(data_seed)
    return _FUNCTIONS[dataset.function](dataset, generator)


def wave(dataset: Dataset, generator: Generator) -> Data:
    """Draw x from [-5, 5); train y = x²/2 + sin(5x) - 5, validation with the ripple turned over."""
    train_x = torch.rand(dataset.train_points, 1, generator=generator) * 10 - 5
    val_x = torch.rand(dataset.validation_points, 1, generator=generator) * 10 - 5
    train_y = train_x**2 / 2 + torch.sin(5 * train_x) - 5
    val_y = val_x**2 / 2 + torch.sin(5 * val_x + math.pi) - 5
    return Data(train_x, train_y, val_x, val_y)


_Function: TypeAlias = Callable[[Dataset, Generator], Data]
_FUNCTIONS: dict[str, _Function] = {"wave": wave}
