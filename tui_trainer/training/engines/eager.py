"""One step after another in plain PyTorch: the reference."""

import torch
from torch import Tensor

from tui_trainer.task.network import has_modes
from tui_trainer.task.randomness import training_draws
from tui_trainer.training.engines.engine import Engine, Losses, TrainingState, to_losses


class EagerEngine(Engine):
    """Equal bit for bit to the textbook loop on the same device with as many threads."""

    name = "eager"

    def __init__(self, state: TrainingState) -> None:
        super().__init__(state)
        # Walking all modules twice a step would cost a small network a layer's time.
        self._has_modes = has_modes(state.model)

    def _advance(self, steps: int) -> tuple[Losses, Losses]:
        state = self.state
        train, val = [], []
        with training_draws(state.model, state.generator, state.draws_globally):
            for lr in state.next_lrs(steps):
                train.append(self._update(lr))
                val.append(self._validate())
        return to_losses(torch.stack(train)), to_losses(torch.stack(val))

    def _update(self, lr: float) -> Tensor:
        state = self.state
        state.step += 1
        self._set_mode(training=True)
        loss, gradients = state.task.gradients(state.model, state.parameters)
        step = state.step - state.slots_since
        state.task.update(state.parameters, gradients, state.slots, lr, step)
        return loss

    def _validate(self) -> Tensor:
        self._set_mode(training=False)
        return self.state.task.validation_loss(self.state.model)

    def _set_mode(self, *, training: bool) -> None:
        if self._has_modes:
            self.state.model.train(training)
