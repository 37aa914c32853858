"""Steps that never ask the host, so that a CUDA graph can hold them.

What need not wait for its neighbours runs beside them: a graph is as long as its longest path.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

from tui_trainer import models
from tui_trainer.task.randomness import drawing_from
from tui_trainer.training.engines.batched import BatchedSteps
from tui_trainer.training.engines.dropout_draws import draw_count, draw_shapes, split_draws
from tui_trainer.training.engines.engine import TrainingState
from tui_trainer.training.engines.layers import Layer, find_layers, flatten
from tui_trainer.training.engines.stack import Stack


class CapturableSteps(ABC):
    """A state's steps; `draws` is how many random numbers one of them takes."""

    draws: int

    @abstractmethod
    def load(self) -> None:
        """Take over what the state holds."""

    @abstractmethod
    def store(self) -> None:
        """Give it back, as the steps have changed it."""

    @abstractmethod
    def run(self, count: int, lrs: Tensor, steps: Tensor, draws: Tensor, losses: Tensor) -> None:
        """Do `count` steps.

        Args:
            count: how many steps.
            lrs: the learning rate of each step, shape (≥ count, 1).
            steps: the number of each update, as `Optimizer.update` takes it, shape (≥ count, 1).
            draws: the uniform random numbers of each step, shape (≥ count, `self.draws`).
            losses: where the train and validation losses go, shape (2, ≥ count).
        """


def capturable_steps(state: TrainingState) -> CapturableSteps:
    """Return the fastest steps there are for the state's network."""
    rates = {m.rate for m in state.model.modules() if isinstance(m, models.Dropout)}
    rate = rates.pop() if len(rates) == 1 else None
    if (layers := find_layers(state.model, rate)) is not None:
        return _LayeredSteps(state, layers, rate or 0.0)
    return _ModuleSteps(state)


class _LayeredSteps(CapturableSteps):
    """Those of a sweep, for one network: a third as many launches as autograd's."""

    def __init__(self, state: TrainingState, layers: Sequence[Layer], rate: float) -> None:
        task = state.task
        self._state = state
        self._steps = BatchedSteps(layers, task.data, task.optimizer)
        self.draws = self._steps.draws
        parameters = flatten(state.parameters)[None]

        def column(value: float) -> Tensor:
            return parameters.new_full((1, 1), value)

        l1_weight, weight_decay = task.penalties.l1_weight, task.penalties.weight_decay
        self._stack = Stack(
            parameters,
            task.optimizer.init([parameters]),
            column(0.0),  # the lr comes with each step
            column(l1_weight),
            column(weight_decay),
            column(rate),
            (0,),
            (task.factor,),
        )
        self._steps.prepare(self._stack)

    def load(self) -> None:
        """Copy the state's tensors into the stack's flat ones."""
        for flat, parts in self._pairs():
            torch.cat([part.detach().reshape(-1) for part in parts], out=flat[0])

    def store(self) -> None:
        """Copy them back."""
        for flat, parts in self._pairs():
            pieces = torch.split(flat[0], [part.numel() for part in parts])
            views = [piece.view_as(p) for piece, p in zip(pieces, parts, strict=True)]
            torch._foreach_copy_([part.detach() for part in parts], views)

    def _pairs(self) -> Iterator[tuple[Tensor, Sequence[Tensor]]]:
        yield self._stack.parameters, self._state.parameters
        for (flat,), parts in zip(self._stack.slots, self._state.slots, strict=True):
            yield flat, parts

    @torch.no_grad()
    def run(self, count: int, lrs: Tensor, steps: Tensor, draws: Tensor, losses: Tensor) -> None:
        """Do `count` steps: beside the deltas, the gradients and the validation of the last one."""
        stack, batch = self._stack, self._steps
        gradients, validation = _Beside(0), _Beside(1)
        for index in range(count):
            batch.forward(stack, draws[index : index + 1], last=batch.train_points)
            with gradients.work():
                losses[0, index].copy_(batch.train_loss()[0])
            batch.backward(gradients.work)
            gradients.wait()
            validation.wait()  # until here it reads the parameters
            batch.update(stack, lrs[index : index + 1], steps[index : index + 1])
            with validation.work():
                batch.forward(stack, None, batch.train_points)
                losses[1, index].copy_(batch.val_loss()[0])
        validation.wait()


class _ModuleSteps(CapturableSteps):
    """Those of any network, by autograd, on the state's own tensors."""

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._shapes = draw_shapes(state.model, state.task.data.train_x)
        self.draws = draw_count(self._shapes)

    def load(self) -> None:
        """Nothing to do."""

    def store(self) -> None:
        """Nothing to do."""

    def run(self, count: int, lrs: Tensor, steps: Tensor, draws: Tensor, losses: Tensor) -> None:
        """Do `count` steps, each one's validation beside the training pass of the one after it."""
        state, task, beside = self._state, self._state.task, _Beside(0)
        for index in range(count):
            state.model.train()
            with drawing_from(state.model, split_draws(draws[index], self._shapes)):
                loss, gradients = task.gradients(state.model, state.parameters)
            losses[0, index].copy_(loss)
            beside.wait()
            lr, step = lrs[index, 0], steps[index, 0]
            task.update(state.parameters, gradients, state.slots, lr, step)
            with beside.work():
                state.model.eval()
                losses[1, index].copy_(task.validation_loss(state.model))
        beside.wait()


class _Beside:
    """Another stream: work there waits for the main one's, and the main one's for it on demand."""

    def __init__(self, number: int) -> None:
        self._main = torch.cuda.current_stream()
        self._stream = own_streams(torch.cuda.current_device())[number]
        self._stream.wait_stream(self._main)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Put work beside what the main stream does from now on."""
        self._stream.wait_stream(self._main)
        with torch.cuda.stream(self._stream):
            yield

    def wait(self) -> None:
        """Have the main stream wait for it."""
        self._main.wait_stream(self._stream)


@cache
def own_streams(device: int) -> tuple[torch.cuda.Stream, torch.cuda.Stream, torch.cuda.Stream]:
    """Return a device's streams for captures: two to put work beside, and the main one.

    Torch hands out its 32 streams in turn: whoever takes new ones for every capture soon captures
    on one that another thread uses.
    """
    make: Callable[..., torch.cuda.Stream] = torch.cuda.Stream
    return make(device), make(device), make(device)
