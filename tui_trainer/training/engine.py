"""What executes steps: the protocol, and the eager engine that every other is held against.

Update rule: plain SGD, ``p ← p - lr * (gradient + weight_decay * p)``, in the arithmetic of
`torch.optim.SGD`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from tui_trainer import models
from tui_trainer.data import Data
from tui_trainer.training.losses import l1_penalty, mse_loss

Losses: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the next step depends on, besides the data."""

    parameters: Sequence[Tensor]
    generator_state: Tensor
    lr: float


class Engine(Protocol):
    """Executes steps; what it computes from a snapshot depends on the snapshot alone."""

    name: str
    lr: float

    @property
    def model(self) -> nn.Module:
        """The network, holding the parameters after the last step."""
        ...

    def advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return their train and validation losses, each of shape (steps,)."""
        ...

    def snapshot(self) -> Snapshot:
        """Remember the state before the next step."""
        ...

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state, the random numbers to come included."""
        ...


class EagerEngine:
    """One step after another in plain PyTorch: the reference."""

    name = "eager"

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
        self.lr = lr
        self._data = data
        self._generator = generator
        self._l1_weight = l1_weight
        self._weight_decay = weight_decay
        self._parameters = list(model.parameters())
        # Only dropout differs by mode; walking all modules twice a step would cost a layer's time.
        self._dropouts = [m for m in model.modules() if isinstance(m, models.Dropout)]
        model.train()

    def advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return their train and validation losses, each of shape (steps,)."""
        train, val = [], []
        for _ in range(steps):
            train.append(self._update())
            val.append(self._validate())
        return _to_array(train), _to_array(val)

    def snapshot(self) -> Snapshot:
        """Remember the state before the next step."""
        parameters = [p.detach().clone() for p in self._parameters]
        return Snapshot(parameters, self._generator.get_state(), self.lr)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state, the random numbers to come included."""
        with torch.no_grad():
            for parameter, value in zip(self._parameters, snapshot.parameters, strict=True):
                parameter.copy_(value)
        self._generator.set_state(snapshot.generator_state)
        self.lr = snapshot.lr

    def _update(self) -> Tensor:
        self._set_mode(training=True)
        loss = mse_loss(self.model(self._data.train_x), self._data.train_y)
        objective = loss
        if self._l1_weight:
            objective = loss + self._l1_weight * l1_penalty(self._parameters)
        gradients = torch.autograd.grad(objective, self._parameters)
        with torch.no_grad():
            for parameter, gradient in zip(self._parameters, gradients, strict=True):
                if self._weight_decay:
                    gradient = gradient.add(parameter, alpha=self._weight_decay)
                parameter.add_(gradient, alpha=-self.lr)
        return loss.detach()

    def _validate(self) -> Tensor:
        self._set_mode(training=False)
        with torch.no_grad():
            return mse_loss(self.model(self._data.val_x), self._data.val_y)

    def _set_mode(self, training: bool) -> None:
        for dropout in self._dropouts:
            dropout.training = training


def _to_array(losses: list[Tensor]) -> Losses:
    """Bring a chunk's losses to the host in one transfer, as a read-only array."""
    array: Losses = torch.stack(losses).cpu().numpy()
    array.flags.writeable = False
    return array
