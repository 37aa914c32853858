"""The random numbers of dropout, drawn by an engine ahead of the steps that use them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tui_trainer import models
from tui_trainer.task.randomness import drawing_from


def draw_shapes(model: nn.Module, x: Tensor) -> list[torch.Size]:
    """Find the shapes that one training step draws, in the order of the eager engine's draws.

    Only for networks without buffers: a training pass would change them.
    """
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


def split_draws(draws: Tensor, shapes: Sequence[torch.Size]) -> models.Source:
    """Make a source that hands out one step's flat draws in order.

    Drawing them in one go or layer by layer is the same stream: on the CPU a draw is
    one number after another.
    """
    parts = iter(torch.split(draws, [shape.numel() for shape in shapes]))
    return lambda x: next(parts).view(x.shape)
