"""Dropout of the plain kind: scaled in evaluation, not in training."""

import torch
from torch import Generator, Tensor, nn


class Dropout(nn.Module):
    """Set each input to 0 with probability `rate` in training; scale by ``1 - rate`` in evaluation.

    Not the inverted kind of `torch.nn.Dropout`, which scales in training instead (Srivastava et
    al., "Dropout", 2014, section 4). Works on any shape. The mask is drawn on the CPU, from
    `generator` (torch's global CPU generator by default), so that every device sees the same one.

    Raises:
        ValueError: if `rate` is not in [0, 1).
    """

    def __init__(self, rate: float = 0.01, generator: Generator | None = None) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"dropout rate must be in [0, 1), got {rate}")
        self.rate = rate
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` masked (training) or scaled (evaluation), in the same shape."""
        if not self.training:
            return x * (1 - self.rate)
        draws = torch.rand(x.shape, generator=self.generator, dtype=x.dtype)
        return x * (draws > self.rate).to(device=x.device, dtype=x.dtype)

    def extra_repr(self) -> str:
        """Show the rate."""
        return f"rate={self.rate}"
