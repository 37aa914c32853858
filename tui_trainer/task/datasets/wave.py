"""A parabola with a ripple; validation has the ripple inverted, so fitting it is overfitting."""

import math

import torch
from torch import Generator

from tui_trainer.config.settings import Dataset
from tui_trainer.task.data import Data


def make(dataset: Dataset, generator: Generator) -> Data:
    """Draw x from [-5, 5); train y = x²/2 + sin(5x) - 5, validation y = x²/2 + sin(5x + π) - 5."""
    train_x = torch.rand(dataset.train_points, 1, generator=generator) * 10 - 5
    val_x = torch.rand(dataset.validation_points, 1, generator=generator) * 10 - 5
    train_y = train_x**2 / 2 + torch.sin(5 * train_x) - 5
    val_y = val_x**2 / 2 + torch.sin(5 * val_x + math.pi) - 5
    return Data(train_x, train_y, val_x, val_y)
