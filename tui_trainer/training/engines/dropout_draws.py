"""The random numbers of dropout, drawn by an engine ahead of the steps that use them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tui_trainer import models


def draw_shapes(model: nn.Module, x: Tensor) -> list[torch.Size]:
    """Find the shapes that one training step draws, in the order of the eager engine's draws."""
    shapes: list[torch.Size] = []

    def record(inputs: Tensor) -> Tensor:
        shapes.append(inputs.shape)
        return torch.ones_like(inputs)

    model.train()
    with drawing_from(model, record), torch.no_grad():
        model(x)
    return shapes


def draw_count(shapes: Sequence[torch.Size]) -> int:
    """Return how many numbers one training step draws."""
    return sum(shape.numel() for shape in shapes)


def split_draws(draws: Tensor, shapes: Sequence[torch.Size]) -> Callable[[Tensor], Tensor]:
    """Make a source that hands out one step's flat draws in order.

    Drawing them in one go or layer by layer is the same stream: on the CPU a draw is
    one number after another.
    """
    parts = iter(torch.split(draws, [shape.numel() for shape in shapes]))
    return lambda x: next(parts).view(x.shape)


@contextmanager
def drawing_from(model: nn.Module, source: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let all dropout of a network take its numbers from `source` for a while."""
    dropouts = [m for m in model.modules() if isinstance(m, models.Dropout)]
    before = [dropout.source for dropout in dropouts]
    for dropout in dropouts:
        dropout.source = source
    try:
        yield
    finally:
        for dropout, own in zip(dropouts, before, strict=True):
            dropout.source = own
