"""Mean squared error, for one network by autograd and for many with the gradient written out."""

import torch
from torch import Tensor


def mse_loss(prediction: Tensor, labels: Tensor) -> Tensor:
    """Return ``mean((p - y)**2)`` of both flattened: ``(N, 1)`` against ``(N,)`` never broadcasts.

    Raises:
        ValueError: if the two differ in their number of elements.
    """
    if prediction.numel() != labels.numel():
        raise ValueError(f"{prediction.numel()} predictions against {labels.numel()} labels")
    error = prediction.reshape(-1) - labels.reshape(-1)
    return (error**2).mean()


def stacked_mse(error: Tensor) -> Tensor:
    """Return the mean squared errors (M,) of M networks, from their errors (M, 1, N)."""
    return (error * error).mean((1, 2))


def stacked_mse_gradient(error: Tensor, out: Tensor) -> None:
    """Write the gradient of `stacked_mse` by the predictions, (M, 1, N), to `out`."""
    torch.mul(error, 2 / error.shape[-1], out=out)
