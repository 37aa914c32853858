"""The network's predictions and the data, as flat arrays to draw."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tui_trainer.task.data import Data
from tui_trainer.task.metrics import measure
from tui_trainer.training.engines.engine import Engine
from tui_trainer.training.events import FitSampled, FloatArray, Points, Predictions, Weights

GRID_POINTS = 256
_NOTHING = np.empty(0, np.float32)
MOST_POINTS = 2_000  # of a split that are drawn


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
    data; with more, the predictions of validation points over their labels. All of it is in the
    units in which the data came.
    """
    unit = data.scaling.target_std if data.scaling is not None else 1.0
    train, val = predict(data.train_x).reshape(-1), predict(data.val_x).reshape(-1)
    metrics = measure("train", train, data.train_y, unit) | measure("val", val, data.val_y, unit)
    compared = _compare(data, train, data.train_y), _compare(data, val, data.val_y)
    x, y = compared[1].actual, compared[1].predicted
    if data.features == 1:
        grid = _grid(data).to(data.val_x.device)
        x = _array(data.feature(grid))
        y = _array(data.targets(predict(grid[:, None])))
    return FitSampled(step, weights, x, y, metrics, *compared)


def figures_of(fit: FitSampled) -> FitSampled:
    """Return a fit without what is drawn of it: thousands of them are kept."""
    return FitSampled(fit.step, fit.weights, _NOTHING, _NOTHING, fit.metrics)


def to_points(data: Data) -> Points:
    """Flatten both splits; with several features, each label is plotted over itself."""
    return Points(
        *_split_points(data, data.train_x, data.train_y),
        *_split_points(data, data.val_x, data.val_y),
        data.features,
    )


def _split_points(data: Data, x: Tensor, y: Tensor) -> tuple[FloatArray, FloatArray]:
    some = _evenly_taken(y)
    labels = _array(data.targets(y[some]))
    return (_array(data.feature(x[some])) if data.features == 1 else labels), labels


def frozen(array: FloatArray) -> FloatArray:
    """Make an array read-only, as it has to be in an event."""
    array.flags.writeable = False
    return array


def _compare(data: Data, predicted: Tensor, labels: Tensor) -> Predictions:
    """Return predictions of shape (N,) beside their labels of shape (N, 1)."""
    some = _evenly_taken(labels)
    actual, order = labels[some].reshape(-1).sort()
    return Predictions(_array(data.targets(actual)), _array(data.targets(predicted[some][order])))


def _evenly_taken(rows: Tensor) -> Tensor | slice:
    count = len(rows)
    if count <= MOST_POINTS:
        return slice(None)
    return torch.arange(MOST_POINTS, device=rows.device) * count // MOST_POINTS


def _array(values: Tensor) -> FloatArray:
    return frozen(values.reshape(-1).cpu().numpy())


def _grid(data: Data) -> Tensor:
    x = torch.cat([data.train_x, data.val_x])
    lowest, highest = float(x.min()), float(x.max())
    margin = 0.05 * (highest - lowest)
    return torch.linspace(lowest - margin, highest + margin, GRID_POINTS)
