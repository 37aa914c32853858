"""What the network makes of the data, as flat arrays to draw."""

from collections.abc import Callable

import torch
from torch import Tensor

from tui_trainer.task.data import Data
from tui_trainer.training.engines.engine import Engine
from tui_trainer.training.events import FitSampled, FloatArray, Points, Weights

GRID_POINTS = 256


def sample_fit(engine: Engine, data: Data, step: int, weights: Weights) -> FitSampled:
    """Evaluate the network on a grid of `GRID_POINTS` that reaches 5 % beyond the data.

    R² is 1 - (squared error / spread of the labels), on the validation data.
    """
    model = engine.model
    model.eval()
    with torch.no_grad():
        return describe_fit(data, step, weights, lambda x: model(x.reshape(-1, 1)).reshape(-1))


def describe_fit(
    data: Data, step: int, weights: Weights, predict: Callable[[Tensor], Tensor]
) -> FitSampled:
    """Evaluate `predict`, from inputs of shape (N,) to predictions of that shape, as a fit."""
    x = torch.cat([data.train_x, data.val_x])
    lowest, highest = float(x.min()), float(x.max())
    margin = 0.05 * (highest - lowest)
    grid = torch.linspace(lowest - margin, highest + margin, GRID_POINTS)
    prediction = predict(grid.to(x.device))
    labels = data.val_y.reshape(-1)
    error = ((predict(data.val_x.reshape(-1)) - labels) ** 2).sum()
    spread = ((labels - labels.mean()) ** 2).sum()
    return FitSampled(
        step,
        weights,
        frozen(grid.numpy()),
        frozen(prediction.cpu().numpy()),
        float(1 - error / spread),
    )


def to_points(data: Data) -> Points:
    """Flatten both splits."""
    arrays = (data.train_x, data.train_y, data.val_x, data.val_y)
    return Points(*(frozen(array.reshape(-1).cpu().numpy()) for array in arrays))


def frozen(array: FloatArray) -> FloatArray:
    """Make an array read-only, as events carry them."""
    array.flags.writeable = False
    return array
