"""Whole steps in one call of compiled code: forward, gradient, update and validation.

Its numbers are the eager engine's up to the rounding of float32 (some 1e-7 a step): sums are taken
in another order. A training step can amplify such differences, so after hundreds of steps at a high
lr two runs may be percents apart where the loss jumps; see `tests/test_compiled.py`. Dropout is of
the same stream of draws.

The same step gives the same bits in whichever call it comes, so stops and replays are exact. A call
lets go of the interpreter: other threads run meanwhile.
"""

import ctypes
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tui_trainer import models
from tui_trainer.config.optimization import Optimizer
from tui_trainer.training.engines.engine import Engine, EngineError, Losses, TrainingState
from tui_trainer.training.engines.layers import flatten
from tui_trainer.training.engines.step import StepSpec, optimizer_struct
from tui_trainer.training.engines.step_trial import Call

_DRAWN_AT_ONCE = 2**18  # numbers: they stay in the cache until they are used


class CompiledEngine(Engine):
    """Runs a compiled step's file; `optimizer` has the numbers of the spec's.

    Raises:
        EngineError: if the file can't be loaded.
    """

    name = "compiled"

    def __init__(
        self, state: TrainingState, spec: StepSpec, optimizer: Optimizer, file: Path
    ) -> None:
        super().__init__(state)
        self._numbers = optimizer_struct(optimizer)[1]
        try:
            self._step = ctypes.CDLL(str(file)).advance
        except (OSError, AttributeError) as error:
            raise EngineError(f"the compiled step can't be loaded ({error})") from None
        self._step.argtypes = (ctypes.POINTER(Call),)
        self._data = [np.ascontiguousarray(tensor.numpy()) for tensor in state.task.data.tensors]
        self._points = len(self._data[0])
        # Numbers that dropout takes for each point of a step.
        self._drawn = sum(w for w, drops in zip(spec.widths, spec.drops, strict=False) if drops)
        rates = [m.rate for m in state.model.modules() if isinstance(m, models.Dropout)]
        self._rate = rates[0] if rates else 0.0

    def _advance(self, steps: int) -> tuple[Losses, Losses]:
        changed = [self.state.parameters, *self.state.slots]
        parts = [tensor for tensors in changed for tensor in tensors]
        flat = flatten(parts)
        losses = np.empty((2, steps), np.float32)
        most = self._most_steps or steps
        for done in range(0, steps, most):
            self._call(flat.numpy(), losses[:, done : done + most])
        _write_back(flat, [part.detach() for part in parts])
        losses.flags.writeable = False
        return losses[0], losses[1]

    @property
    def _most_steps(self) -> int | None:
        """How many steps a call takes at most, if its dropout's draws bound it."""
        batches = self.state.batches
        drawn = self._drawn * (batches.size if batches is not None else self._points)
        return max(1, _DRAWN_AT_ONCE // drawn) if drawn else None

    def _draw(self, steps: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """Return dropout's numbers and the orders of the epochs, drawn as eager draws them."""
        state, batches = self.state, self.state.batches
        if batches is None:
            numbers = steps * self._points * self._drawn
            return torch.rand(numbers, generator=state.generator).numpy(), None
        draws: list[Tensor] = []
        orders: list[Tensor] = []
        done, end = state.step, state.step + steps
        while done < end:
            taken = min(batches.steps_to_epochs_end(done), end - done)
            orders.append(batches.order(done, state.generator))
            if self._drawn:
                numbers = batches.points_of(done, taken) * self._drawn
                draws.append(torch.rand(numbers, generator=state.generator))
            done += taken
        drawn = torch.cat(draws).numpy() if draws else np.empty(0, np.float32)
        return drawn, (torch.cat(orders) if len(orders) > 1 else orders[0]).numpy()

    def _call(self, flat: NDArray[np.float32], losses: Losses) -> None:
        state, task, batches = self.state, self.state.task, self.state.batches
        steps = losses.shape[1]
        draws, order = self._draw(steps)
        lrs = np.array(state.next_lrs(steps))
        train_x, train_y, val_x, val_y = self._data
        call = Call(
            steps=steps,
            done=state.step,
            updates=state.step - state.slots_since,
            parameters=flat.ctypes.data,
            slots=flat.ctypes.data + flat.nbytes // (1 + len(state.slots)),
            lrs=lrs.ctypes.data,
            numbers=self._numbers,
            l1_weight=task.penalties.l1_weight,
            weight_decay=task.penalties.weight_decay,
            rate=self._rate,
            draws=draws.ctypes.data,
            batch=batches.size if batches is not None else 0,
            order=None if order is None else order.ctypes.data,
            validate_every=task.validate_every,
            validation=torch.nan if state.validation is None else state.validation.item(),
            train_points=len(train_x),
            train_x=train_x.ctypes.data,
            train_y=train_y.ctypes.data,
            val_points=len(val_x),
            val_x=val_x.ctypes.data,
            val_y=val_y.ctypes.data,
            train_losses=losses[0].ctypes.data,
            val_losses=losses[1].ctypes.data,
        )
        if self._step(call):
            raise MemoryError
        state.step += steps
        if state.validation is not None:
            state.validation.fill_(call.validation)


def _write_back(flat: Tensor, parts: list[Tensor]) -> None:
    pieces = torch.split(flat, [part.numel() for part in parts])
    views = [piece.view_as(part) for piece, part in zip(pieces, parts, strict=True)]
    torch._foreach_copy_(parts, views)
