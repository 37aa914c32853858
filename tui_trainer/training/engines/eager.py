"""One step after another in plain PyTorch: the reference."""

from collections.abc import Iterator
from itertools import repeat

import torch
from torch import Generator, Tensor

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
        with training_draws(state.model, state.generator, state.draws_globally) as generator:
            chosen = self._batches(steps, generator)
            for lr in state.next_lrs(steps):
                train.append(self._update(lr, next(chosen)))
                val.append(self._validate())
        return to_losses(torch.stack(train)), to_losses(torch.stack(val))

    def _batches(self, steps: int, generator: Generator) -> Iterator[Tensor | None]:
        """Yield the points that each of the next steps trains on; None for all of them."""
        state, batches = self.state, self.state.batches
        if batches is None:
            yield from repeat(None, steps)
            return
        order = None
        for done in range(state.step, state.step + steps):
            if order is None or done % batches.steps_per_epoch == 0:
                order = batches.order(done, generator).to(state.task.data.train_x.device)
            yield batches.chosen(done, order)

    def _update(self, lr: float, chosen: Tensor | None) -> Tensor:
        state = self.state
        state.step += 1
        self._set_mode(training=True)
        loss, gradients = state.task.gradients(state.model, state.parameters, chosen)
        step = state.step - state.slots_since
        state.task.update(state.parameters, gradients, state.slots, lr, step)
        return loss

    def _validate(self) -> Tensor:
        """Return the validation loss, or the last one where this step is not validated."""
        state, task = self.state, self.state.task
        if state.validation is None or task.validates(state.step):
            self._set_mode(training=False)
            loss = task.validation_loss(state.model)
            if state.validation is None:
                return loss
            state.validation.copy_(loss)
        return state.validation.clone()

    def _set_mode(self, *, training: bool) -> None:
        if self._has_modes:
            self.state.model.train(training)
