"""How good a fit is: figures of predictions against labels, by name."""

from collections.abc import Callable, Mapping

from torch import Tensor


def r2(prediction: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - (squared error / spread of the labels), of two tensors of shape (N,)."""
    spread = ((labels - labels.mean()) ** 2).sum()
    return 1 - ((prediction - labels) ** 2).sum() / spread


def rmse(prediction: Tensor, labels: Tensor) -> Tensor:
    """Return the root of the mean squared error, of two tensors of shape (N,)."""
    return ((prediction - labels) ** 2).mean().sqrt()


METRICS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"r2": r2, "rmse": rmse}
_OF_THE_LABELS_UNIT = frozenset({"rmse"})


def measure(split: str, prediction: Tensor, labels: Tensor, unit: float = 1.0) -> dict[str, float]:
    """Return every metric of predictions and labels with as many elements each.

    They are called ``train_r2`` and so on. A label of 1 is `unit` in the units to give them in.
    """
    prediction, labels = prediction.reshape(-1), labels.reshape(-1)
    found = {name: float(metric(prediction, labels)) for name, metric in METRICS.items()}
    return {
        f"{split}_{name}": value * unit if name in _OF_THE_LABELS_UNIT else value
        for name, value in found.items()
    }
