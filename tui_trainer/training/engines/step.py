"""A step as a pure function, for compilers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from msgspec import Struct
from torch import Tensor, nn
from torch.func import functional_call

from tui_trainer.config.settings import Architecture, LayerName, RunConfig
from tui_trainer.task.data import Data
from tui_trainer.task.optimizers import Slots, make_optimizer
from tui_trainer.task.penalties import Penalties
from tui_trainer.task.randomness import drawing_from
from tui_trainer.task.task import Task
from tui_trainer.training.engines.dropout_draws import draw_shapes, split_draws

# Five steps a call are some 10 % faster than one and wait for the GIL a fifth as often; ten are no
# faster and take the compiler twice as long. Where a step takes long, neither counts, and what a
# part of a call wastes does.
UNROLLED = 5
UNROLL_BELOW = 1_000_000  # parameters × points

PureStep = Callable[..., tuple[Tensor, ...]]


class StepSpec(Struct, frozen=True):
    """All that the code of a compiled step depends on, besides the sources it is made of."""

    architecture: Architecture
    layer: LayerName
    dropout: float | None
    l1_weight: float
    weight_decay: float
    optimizer: str
    features: int
    train_points: int
    val_points: int
    unrolled: int
    threads: int

    def task(self, data: Data) -> Task:
        """Return the task of the step, on `data`."""
        penalties = Penalties(self.l1_weight, self.weight_decay)
        return Task(data, penalties, make_optimizer(self.optimizer))


def step_spec(config: RunConfig, parameter_count: int, threads: int) -> StepSpec:
    """Say which step a config needs."""
    dataset, regularizer = config.dataset, config.regularizer
    points = dataset.train_points + dataset.validation_points
    return StepSpec(
        config.architecture,
        config.init.layer,
        regularizer.dropout,
        regularizer.l1_weight,
        regularizer.weight_decay,
        config.optimizer,
        dataset.features,
        dataset.train_points,
        dataset.validation_points,
        UNROLLED if parameter_count * points < UNROLL_BELOW else 1,
        threads,
    )


def make_step(model: nn.Module, task: Task, unrolled: int) -> PureStep:
    """Make a function that does `count` of up to `unrolled` steps.

    It maps ``(count, lr, *data, *draws, *tensors)`` to ``(*tensors, train losses, val losses)``:
    `data` is the four tensors of `task.data`'s shapes, `tensors` the parameters and then the
    optimiser's slots. `count` and `lr` are 0-dimensional, int64 and float32; the losses are of
    shape (unrolled,), those past `count` without meaning. With dropout, `draws` is one tensor of
    shape (unrolled, numbers a step); without, there is none.
    """
    names = [name for name, _ in model.named_parameters()]
    shapes = draw_shapes(model, task.data.train_x)

    def predict(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
        output: Tensor = functional_call(model, dict(zip(names, parameters, strict=True)), (x,))
        return output

    def update(task: Task, tensors: Sequence[Tensor], lr: Tensor) -> tuple[list[Tensor], Tensor]:
        model.train()
        leaves = [p.detach().requires_grad_() for p in tensors[: len(names)]]
        loss, gradients = task.gradients(partial(predict, leaves), leaves)
        updated = [tensor.detach().clone() for tensor in tensors]
        parameters, slots = updated[: len(names)], _slots(updated, len(names))
        task.update(parameters, gradients, slots, lr)
        return updated, loss

    def validate(task: Task, tensors: Sequence[Tensor]) -> Tensor:
        model.eval()
        return task.validation_loss(partial(predict, tensors[: len(names)]))

    def step(count: Tensor, lr: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        on_data = replace(task, data=Data(*rest[:4]))
        draws, tensors = (rest[4], rest[5:]) if shapes else (None, rest[4:])
        train, val = [], []
        for index in range(unrolled):
            parts = draws[index] if draws is not None else torch.empty(0)
            with drawing_from(model, split_draws(parts, shapes)):
                updated, loss = update(on_data, tensors, lr)
            pairs = zip(updated, tensors, strict=True)
            tensors = tuple(torch.where(index < count, new, old) for new, old in pairs)
            train.append(loss)
            val.append(validate(on_data, tensors))
        return (*tensors, torch.stack(train), torch.stack(val))

    return step


def _slots(tensors: Sequence[Tensor], parameters: int) -> Slots:
    """Return what follows the parameters, a slot for every as many."""
    starts = range(parameters, len(tensors), parameters)
    return [list(tensors[start : start + parameters]) for start in starts]
