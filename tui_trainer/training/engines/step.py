"""A step as a pure function, for compilers."""

from collections.abc import Callable, Sequence

import torch
from msgspec import Struct
from torch import Tensor, nn
from torch.func import functional_call

from tui_trainer.config.settings import Architecture, LayerName, RunConfig
from tui_trainer.task.data import Data
from tui_trainer.task.loss import mse_loss, penalized
from tui_trainer.training.engines.dropout_draws import draw_shapes, drawing_from, split_draws

# Five steps a call are some 10 % faster than one and wait for the GIL a fifth as often; ten are no
# faster and take the compiler twice as long. Where a step takes long, neither counts, and what a
# part of a call wastes does.
UNROLLED = 5
UNROLL_BELOW = 1_000_000  # parameters × points

PureStep = Callable[..., tuple[Tensor, ...]]


class StepSpec(Struct, frozen=True):
    """All that the code of a compiled step depends on, besides what it is made with."""

    architecture: Architecture
    layer: LayerName
    dropout: float | None
    l1_weight: float
    weight_decay: float
    train_points: int
    val_points: int
    unrolled: int
    threads: int


def step_spec(config: RunConfig, parameter_count: int, threads: int) -> StepSpec:
    """Say which step a config needs."""
    points = config.dataset.train_points + config.dataset.validation_points
    return StepSpec(
        config.architecture,
        config.init.layer,
        config.regularizer.dropout,
        config.regularizer.l1_weight,
        config.regularizer.weight_decay,
        config.dataset.train_points,
        config.dataset.validation_points,
        UNROLLED if parameter_count * points < UNROLL_BELOW else 1,
        threads,
    )


def make_step(model: nn.Module, spec: StepSpec, data: Data) -> PureStep:
    """Make a function that does `count` of up to `spec.unrolled` steps.

    It maps ``(count, lr, train_x, train_y, val_x, val_y, *draws, *parameters)`` to ``(*parameters,
    train losses, val losses)``. `count` and `lr` are 0-dimensional, int64 and float32; the losses
    are of shape (unrolled,), those past `count` without meaning. With dropout, `draws` is one
    tensor of shape (unrolled, numbers a step); without, there is none.
    """
    names = [name for name, _ in model.named_parameters()]
    shapes = draw_shapes(model, data.train_x)

    def forward(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
        named = dict(zip(names, parameters, strict=True))
        output: Tensor = functional_call(model, named, (x,))
        return output

    def update(
        parameters: Sequence[Tensor], lr: Tensor, x: Tensor, y: Tensor
    ) -> tuple[list[Tensor], Tensor]:
        leaves = [p.detach().requires_grad_() for p in parameters]
        model.train()
        loss = mse_loss(forward(leaves, x), y)
        gradients = torch.autograd.grad(penalized(loss, leaves, spec.l1_weight), leaves)
        if spec.weight_decay:
            pairs = zip(gradients, parameters, strict=True)
            gradients = tuple(g + spec.weight_decay * p for g, p in pairs)
        pairs = zip(parameters, gradients, strict=True)
        return [p - lr * g for p, g in pairs], loss.detach()

    def step(
        count: Tensor, lr: Tensor, x: Tensor, y: Tensor, vx: Tensor, vy: Tensor, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        draws, parameters = (rest[0], rest[1:]) if shapes else (None, rest)
        train, val = [], []
        for index in range(spec.unrolled):
            parts = draws[index] if draws is not None else torch.empty(0)
            with drawing_from(model, split_draws(parts, shapes)):
                updated, loss = update(parameters, lr, x, y)
            pairs = zip(updated, parameters, strict=True)
            parameters = tuple(torch.where(index < count, new, old) for new, old in pairs)
            train.append(loss)
            model.eval()
            with torch.no_grad():
                val.append(mse_loss(forward(parameters, vx), vy))
        return (*parameters, torch.stack(train), torch.stack(val))

    return step
