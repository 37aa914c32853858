"""How good a fit is: figures of predictions against labels, by name."""

from collections.abc import Callable, Mapping

from torch import Tensor


def r2(prediction: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - (squared error / spread of the labels), of two tensors of shape (N,)."""
    spread = ((labels - labels.mean()) ** 2).sum()
    return 1 - ((prediction - labels) ** 2).sum() / spread


METRICS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"r2": r2}


def measure(prediction: Tensor, labels: Tensor) -> dict[str, float]:
    """Return every metric of predictions and labels with as many elements each."""
    prediction, labels = prediction.reshape(-1), labels.reshape(-1)
    return {name: float(metric(prediction, labels)) for name, metric in METRICS.items()}
