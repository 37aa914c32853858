"""The network's predictions and the data, as flat arrays to draw."""

from collections.abc import Callable

import torch
from torch import Tensor

from tui_trainer.task.data import Data
from tui_trainer.task.metrics import measure
from tui_trainer.training.engines.engine import Engine
from tui_trainer.training.events import FitSampled, FloatArray, Points, Weights

GRID_POINTS = 256


def sample_fit(engine: Engine, step: int, weights: Weights) -> FitSampled:
    """Evaluate an engine's network as `describe_fit` does, in evaluation mode."""
    engine.model.eval()
    with torch.no_grad():
        return describe_fit(engine.state.task.data, step, weights, engine.model)


def describe_fit(
    data: Data, step: int, weights: Weights, predict: Callable[[Tensor], Tensor]
) -> FitSampled:
    """Evaluate `predict`, from inputs of shape (N, features) to N predictions, as a fit.

    With one feature that is the curve over a grid of `GRID_POINTS` that reaches 5 % beyond the
    data; with more, the predictions of the validation points over their labels. The metrics are
    those of the validation data.
    """
    predicted = predict(data.val_x).reshape(-1)
    metrics = measure(predicted, data.val_y)
    if data.features == 1:
        x = _grid(data).to(data.val_x.device)
        y = predict(x[:, None]).reshape(-1)
    else:
        x, order = data.val_y.reshape(-1).sort()
        y = predicted[order]
    return FitSampled(step, weights, frozen(x.cpu().numpy()), frozen(y.cpu().numpy()), metrics)


def to_points(data: Data) -> Points:
    """Flatten both splits; with several features, each label is plotted over itself."""
    train, val = data.train_y, data.val_y
    if data.features == 1:
        train, val = data.train_x, data.val_x
    tensors = train, data.train_y, val, data.val_y
    train_x, train_y, val_x, val_y = (frozen(t.reshape(-1).cpu().numpy()) for t in tensors)
    return Points(train_x, train_y, val_x, val_y, data.features)


def frozen(array: FloatArray) -> FloatArray:
    """Make an array read-only, as it has to be in an event."""
    array.flags.writeable = False
    return array


def _grid(data: Data) -> Tensor:
    x = torch.cat([data.train_x, data.val_x])
    lowest, highest = float(x.min()), float(x.max())
    margin = 0.05 * (highest - lowest)
    return torch.linspace(lowest - margin, highest + margin, GRID_POINTS)
