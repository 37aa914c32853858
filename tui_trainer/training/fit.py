"""What the network makes of the data, as flat arrays to draw."""

import torch

from tui_trainer.data import Data
from tui_trainer.training.engines.engine import Engine
from tui_trainer.training.events import FitSampled, FloatArray, Points, Weights

GRID_POINTS = 256


def sample_fit(engine: Engine, data: Data, step: int, weights: Weights) -> FitSampled:
    """Evaluate the network on a grid of `GRID_POINTS` that reaches 5 % beyond the data.

    R² is 1 - (squared error / spread of the labels), on the validation data.
    """
    lowest = float(torch.min(data.train_x.min(), data.val_x.min()))
    highest = float(torch.max(data.train_x.max(), data.val_x.max()))
    margin = 0.05 * (highest - lowest)
    grid = torch.linspace(lowest - margin, highest + margin, GRID_POINTS)
    model = engine.model
    model.eval()
    with torch.no_grad():
        prediction = model(grid.reshape(-1, 1).to(data.train_x.device)).reshape(-1)
        error = ((model(data.val_x) - data.val_y) ** 2).sum()
        spread = ((data.val_y - data.val_y.mean()) ** 2).sum()
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
    return Points(*(frozen(array.reshape(-1).numpy()) for array in arrays))


def frozen(array: FloatArray) -> FloatArray:
    """Make an array read-only, as events carry them."""
    array.flags.writeable = False
    return array
