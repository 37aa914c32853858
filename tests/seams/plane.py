"""A data set that the program does not ship: three features, one of them bent."""

import torch

from tui_trainer.task.data import Data


def make(dataset, generator):
    train_x = torch.rand(dataset.train_points, 3, generator=generator) * 2 - 1
    val_x = torch.rand(dataset.validation_points, 3, generator=generator) * 2 - 1
    return Data(train_x, _label(train_x), val_x, _label(val_x))


def _label(x):
    return (x[:, :1] - 2 * x[:, 1:2] + torch.sin(3 * x[:, 2:])).contiguous()
