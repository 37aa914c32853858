"""What every engine shares: the state that steps change, and the words for doing steps.

Update rule: plain SGD, ``p ← p - lr * (gradient + weight_decay * p)``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from tui_trainer.config.settings import EngineName
from tui_trainer.task.data import Data

Losses: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the next step depends on, besides the data and the engine."""

    parameters: Sequence[Tensor]
    generator_state: Tensor
    lr: float


class State:
    """A training between two steps. Engines change it, and one may take it over from another."""

    def __init__(
        self,
        model: nn.Module,
        data: Data,
        lr: float,
        generator: Generator,
        l1_weight: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.model = model
        self.data = data
        self.lr = lr
        self.generator = generator
        self.l1_weight = l1_weight
        self.weight_decay = weight_decay
        self.parameters: list[Tensor] = list(model.parameters())

    def set_parameters(self, values: Sequence[Tensor]) -> None:
        """Copy `values` into the network's own tensors."""
        with torch.no_grad():
            for parameter, value in zip(self.parameters, values, strict=True):
                parameter.copy_(value)


class Engine(ABC):
    """Executes steps; what it computes from a snapshot depends on the snapshot alone."""

    name: ClassVar[EngineName]
    # Chunks of a multiple of this many steps waste nothing.
    stride: int = 1

    def __init__(self, state: State) -> None:
        self.state = state

    @abstractmethod
    def advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return their train and validation losses, each of shape (steps,)."""

    @property
    def model(self) -> nn.Module:
        """The network, holding the parameters after the last step."""
        return self.state.model

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self.state.lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self.state.lr = lr

    def snapshot(self) -> Snapshot:
        """Remember the state before the next step."""
        state = self.state
        parameters = [p.detach().clone() for p in state.parameters]
        return Snapshot(parameters, state.generator.get_state(), state.lr)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state, the random numbers to come included."""
        self.state.set_parameters(snapshot.parameters)
        self.state.generator.set_state(snapshot.generator_state)
        self.state.lr = snapshot.lr


def to_losses(losses: Tensor) -> Losses:
    """Bring losses to the host in one transfer, as a read-only array."""
    array: Losses = losses.cpu().numpy()
    array.flags.writeable = False
    return array
