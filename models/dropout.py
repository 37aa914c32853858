"""Plain dropout: scaled in evaluation, not in training."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Generator, Tensor, nn

Source: TypeAlias = Callable[[Tensor], Tensor]


class Dropout(nn.Module):
    """Set each input to 0 with probability `rate` in training; scale by ``1 - rate`` in evaluation.

    `torch.nn.Dropout` is the inverted kind, which scales in training instead (Srivastava et
    al., "Dropout", 2014, section 4). Works on any shape. The mask is drawn on the CPU, from
    `generator` (torch's global CPU generator by default), so that it is the same on every device.
    An engine that draws ahead replaces `source`: a function from an input to as many uniform
    numbers in [0, 1).

    Raises:
        ValueError: if `rate` is not in [0, 1).
    """

    def __init__(self, rate: float = 0.01, generator: Generator | None = None) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"dropout rate must be in [0, 1), got {rate}")
        self.rate = rate
        self.source: Source
        self.draw_from(generator)

    def draw_from(self, generator: Generator | None) -> None:
        """Draw masks from `generator` from now on, None for torch's global CPU generator."""
        self.generator = generator
        self.source = partial(_draw, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` masked (training) or scaled (evaluation), in the same shape."""
        if not self.training:
            return x * (1 - self.rate)
        return x * (self.source(x) > self.rate).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the rate."""
        return f"rate={self.rate}"


def _draw(generator: Generator | None, x: Tensor) -> Tensor:
    """Draw on the CPU, in pinned memory so that the copy to a GPU is asynchronous."""
    draws = torch.rand(x.shape, generator=generator, dtype=x.dtype, pin_memory=x.is_cuda)
    return draws.to(x.device, non_blocking=True)
