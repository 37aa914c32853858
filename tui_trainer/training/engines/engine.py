"""What every engine shares: the state that steps change, and the words for executing steps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from tui_trainer.config.settings import EngineName
from tui_trainer.task.optimizers import Slots
from tui_trainer.task.task import Task

Losses: TypeAlias = NDArray[np.float32]


class EngineError(Exception):
    """Why an engine can't be had, in one line."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the next step depends on, besides the task and the engine.

    `step` counts the steps done, `slots_since` those before the optimiser remembered anything: 0,
    but where a branch starts with another optimiser.
    """

    tensors: Sequence[Tensor]
    generator_state: Tensor
    lr: float
    step: int
    slots_since: int = 0


class TrainingState:
    """A training between two steps. Engines change it, and one may take it over from another.

    `lr` is the run's, which a schedule multiplies (`next_lrs`); `step` counts the steps done.
    `draws_globally` says that the network's `torch.nn` layers draw from torch's global generator,
    which then has to continue `generator`'s stream. `validation` is the last loss that was
    measured, where not every step measures it.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        lr: float,
        generator: Generator,
        *,
        draws_globally: bool = False,
    ) -> None:
        self.model = model
        self.task = task
        self.lr = lr
        self.step = 0
        self.slots_since = 0
        self.generator = generator
        self.draws_globally = draws_globally
        trained, kept = _split_tensors(model)
        self.parameters: list[Tensor] = list(trained.values())
        self.buffers: list[Tensor] = list(kept.values())
        self.slots: Slots = task.optimizer.init([p.detach() for p in self.parameters])
        self.batches = task.make_batches()
        measured = torch.full((), torch.nan, device=task.data.val_y.device)
        self.validation = measured if task.validate_every > 1 else None

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors that steps change: parameters, the optimiser's, the network's, the data's."""
        slots = (tensor for slot in self.slots for tensor in slot)
        return [*self.parameters, *slots, *self.buffers, *self._of_data.values()]

    @property
    def _of_data(self) -> dict[str, Tensor]:
        """What steps change of how they take the data."""
        shuffle = {"data.shuffle": self.batches.shuffle} if self.batches is not None else {}
        measured = {"data.validation": self.validation} if self.validation is not None else {}
        return shuffle | measured

    @property
    def names(self) -> tuple[str, ...]:
        """Those of `tensors`: ``model.*``, ``optimizer.0.*`` and on, ``buffer.*``, ``data.*``."""
        own, kept = _split_tensors(self.model)
        slots = [f"optimizer.{n}.{name}" for n, _ in enumerate(self.slots) for name in own]
        buffers = [f"buffer.{name}" for name in kept]
        return (*(f"model.{name}" for name in own), *slots, *buffers, *self._of_data)

    def set_tensors(self, values: Sequence[Tensor]) -> None:
        """Copy `values` into `tensors`."""
        with torch.no_grad():
            for tensor, value in zip(self.tensors, values, strict=True):
                tensor.copy_(value)

    def next_lrs(self, steps: int) -> list[float]:
        """Return the learning rates of the next steps."""
        lr, factor, first = self.lr, self.task.factor, self.step + 1
        return [lr * factor(step) for step in range(first, first + steps)]

    def snapshot(self) -> Snapshot:
        """Remember the state before the next step."""
        tensors = [tensor.detach().clone() for tensor in self.tensors]
        state = self.generator.get_state()
        return Snapshot(tensors, state, self.lr, self.step, self.slots_since)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state, the random numbers to come included."""
        self.set_tensors(snapshot.tensors)
        self.generator.set_state(snapshot.generator_state)
        self.lr, self.step = snapshot.lr, snapshot.step
        self.slots_since = snapshot.slots_since


def _split_tensors(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the parameters that are trained, and frozen ones with the buffers, by name."""
    parameters = dict[str, Tensor](model.named_parameters())
    trained = {name: p for name, p in parameters.items() if p.requires_grad}
    frozen = {name: p for name, p in parameters.items() if not p.requires_grad}
    return trained, frozen | dict(model.named_buffers())


class Engine(ABC):
    """Executes steps; what it computes from a snapshot depends on the snapshot alone."""

    name: ClassVar[EngineName]
    # Chunks of a multiple of this many steps waste nothing.
    stride: int = 1

    def __init__(self, state: TrainingState) -> None:
        self.state = state

    def advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return their train and validation losses, each of shape (steps,).

        They are in the units of the labels as they came, whatever the network trains on. The
        state's step moves on by as many.
        """
        train, val = self._advance(steps)
        data = self.state.task.data
        return data.losses(train), data.losses(val)

    @abstractmethod
    def _advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return the losses that the network trains on."""

    @property
    def model(self) -> nn.Module:
        """The network, holding the parameters after the last step."""
        return self.state.model


def to_losses(losses: Tensor) -> Losses:
    """Bring losses to the host in one transfer, as a read-only array."""
    array: Losses = losses.cpu().numpy()
    array.flags.writeable = False
    return array


def first_line(error: Exception) -> str:
    """Return an error's first line, which says most in torch's."""
    return (str(error).strip().splitlines() or ["no message"])[0]
