"""Training and validation tensors: drawn from the run's data seed, or the rows of a file."""

import importlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from tui_trainer.config.settings import Dataset
from tui_trainer.task.files.resolving import Columns, read_columns, require_unchanged
from tui_trainer.task.files.table import Floats

_KEPT = 2  # data sets of files, split and standardized


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a file's numbers were standardized: ``(x - mean) / std`` over the training split.

    A feature that is constant there has a std of 1.
    """

    feature_means: tuple[float, ...]
    feature_stds: tuple[float, ...]
    target_mean: float
    target_std: float

    def losses(self, losses: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return squared errors in the target's own units: a read-only array."""
        scaled = losses * np.float32(self.target_std**2)
        scaled.flags.writeable = False
        return scaled

    def targets(self, y: Tensor) -> Tensor:
        """Return targets or predictions in the target's own units, as float32."""
        return (y.double() * self.target_std + self.target_mean).float()

    def feature(self, x: Tensor, number: int = 0) -> Tensor:
        """Return the values of one feature in its own units, as float32."""
        return (x.double() * self.feature_stds[number] + self.feature_means[number]).float()


@dataclass(frozen=True, slots=True)
class Data:
    """Inputs of shape ``(N, features)`` and labels of shape ``(N, 1)`` of both splits, float32.

    `scaling` says how they were standardized, None if they are what they were.
    """

    train_x: Tensor
    train_y: Tensor
    val_x: Tensor
    val_y: Tensor
    scaling: Scaling | None = None

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
        train_x, train_y, val_x, val_y = (tensor.to(device) for tensor in self.tensors)
        return Data(train_x, train_y, val_x, val_y, self.scaling)

    def losses(self, losses: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return losses on this data in the units of the labels as they came."""
        return losses if self.scaling is None else self.scaling.losses(losses)

    def targets(self, y: Tensor) -> Tensor:
        """Return labels or predictions in the units in which they came."""
        return y if self.scaling is None else self.scaling.targets(y)

    def feature(self, x: Tensor) -> Tensor:
        """Return values of the first feature in the units in which they came."""
        return x if self.scaling is None else self.scaling.feature(x)


def make_data(dataset: Dataset, data_seed: int) -> Data:
    """Make a data set on the CPU; one of a file has to be resolved.

    Raises:
        ValueError: if it has another number of features than its preset says, or its file is not
            what it was.
    """
    if dataset.file:
        return _of_file(dataset, data_seed)
    module = importlib.import_module(f"tui_trainer.task.datasets.{dataset.function}")
    data: Data = module.make(dataset, Generator().manual_seed(data_seed))
    if data.features != dataset.features:
        raise ValueError(
            f"data set '{dataset.name}': function {dataset.function} makes points of "
            f"{data.features} features, and the preset says features = {dataset.features}"
        )
    return data


_lock = threading.Lock()
_made: OrderedDict[tuple[Dataset, int], tuple[Data, list[int]]] = OrderedDict()


def _of_file(dataset: Dataset, data_seed: int) -> Data:
    """Split and standardize; the newest results are kept, since previews and sweeps ask again."""
    require_unchanged(dataset)
    with _lock:
        key = (dataset, data_seed)
        data, versions = _made.pop(key, (None, []))
        if data is None or _versions(data) != versions:  # somebody's network wrote to it
            data = _split(dataset, data_seed, *read_columns(dataset))
        _made[key] = data, _versions(data)
        while len(_made) > _KEPT:
            _made.popitem(last=False)
    return data


def _versions(data: Data) -> list[int]:
    return [tensor._version for tensor in data.tensors]


def _split(dataset: Dataset, data_seed: int, own: Columns, validation: Columns | None) -> Data:
    inputs, labels = [], []
    for points in (dataset.train_points, dataset.validation_points):
        inputs.append(np.empty((points, dataset.features), np.float32))
        labels.append(np.empty((points, 1), np.float32))
    scales = []
    for number, parts in enumerate(_parts(dataset, data_seed, own, validation)):
        mean, std = _mean_and_std(parts[0]) if dataset.standardize else (0.0, 1.0)
        scales.append((mean, std))
        for split, part in enumerate(parts):
            into = inputs[split][:, number] if number < dataset.features else labels[split][:, 0]
            into[:] = (part - mean) / std
    (train_x, val_x), (train_y, val_y) = (
        map(torch.from_numpy, inputs),
        map(torch.from_numpy, labels),
    )
    if not dataset.standardize:
        return Data(train_x, train_y, val_x, val_y)
    *features, target = scales
    means, stds = zip(*features, strict=True)
    return Data(train_x, train_y, val_x, val_y, Scaling(means, stds, *target))


def _parts(
    dataset: Dataset, data_seed: int, own: Columns, validation: Columns | None
) -> Iterator[tuple[Floats, Floats]]:
    """Yield the training and validation values of each feature, then those of the target."""
    columns = (*own.features, own.target)
    if validation is not None:
        yield from zip(columns, (*validation.features, validation.target), strict=True)
        return
    order = torch.randperm(len(own.target), generator=Generator().manual_seed(data_seed)).numpy()
    train, val = order[: dataset.train_points], order[dataset.train_points :]
    for column in columns:
        yield column[train], column[val]


def _mean_and_std(values: Floats) -> tuple[float, float]:
    """Return the mean and the population's standard deviation; 1 for values all alike.

    Rounding leaves those of equal values a little off.
    """
    if (lowest := float(values.min())) == values.max():
        return lowest, 1.0
    return float(values.mean()), float(values.std())
