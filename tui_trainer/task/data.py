"""Training and validation tensors, drawn from the run's data seed."""

import importlib
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from tui_trainer.config.settings import Dataset


@dataclass(frozen=True, slots=True)
class Data:
    """Inputs of shape ``(N, features)`` and labels of shape ``(N, 1)`` of both splits, float32."""

    train_x: Tensor
    train_y: Tensor
    val_x: Tensor
    val_y: Tensor

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All four, in the order of the fields."""
        return self.train_x, self.train_y, self.val_x, self.val_y

    @property
    def features(self) -> int:
        """How many numbers an input has."""
        return int(self.train_x.shape[1])

    def to(self, device: torch.device) -> "Data":
        """Return the same data on `device`."""
        return Data(*(tensor.to(device) for tensor in self.tensors))


def make_data(dataset: Dataset, data_seed: int) -> Data:
    """Make a data set on the CPU.

    Raises:
        ValueError: if it has another number of features than its preset says.
    """
    module = importlib.import_module(f"tui_trainer.task.datasets.{dataset.function}")
    data: Data = module.make(dataset, Generator().manual_seed(data_seed))
    if data.features != dataset.features:
        raise ValueError(
            f"data set '{dataset.name}': function {dataset.function} makes points of "
            f"{data.features} features, and the preset says features = {dataset.features}"
        )
    return data
