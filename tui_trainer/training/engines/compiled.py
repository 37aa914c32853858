"""Whole steps compiled ahead of time: forward, gradient, update and validation in one call.

Its numbers are the eager engine's up to the rounding of float32 (some 1e-7 a step): sums are taken
in another order, and the update rounds twice where eager's rounds once. A training step can
amplify such differences, so after hundreds of steps at a high lr two runs may be percents apart
where the loss jumps; see `tests/test_compiled.py`. Dropout is of the same stream of draws.

The same step gives the same bits in whichever call of a group it comes, so stops and replays are
exact. Between two calls, every half millisecond, other threads can run.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tui_trainer.training.engines.dropout_draws import draw_count, draw_shapes
from tui_trainer.training.engines.engine import (
    Engine,
    EngineError,
    Losses,
    TrainingState,
    first_line,
    to_losses,
)
from tui_trainer.training.engines.step import StepSpec


class CompiledEngine(Engine):
    """Runs a compiled step's file.

    Raises:
        EngineError: if the file can't be loaded.
    """

    name = "compiled"

    def __init__(self, state: TrainingState, spec: StepSpec, file: Path) -> None:
        super().__init__(state)
        self.stride = spec.unrolled
        numbers = draw_count(draw_shapes(state.model, state.task.data.train_x))
        self._draws = [torch.zeros(self.stride, numbers)] if numbers else []
        self._call = _load(file)

    def advance(self, steps: int) -> tuple[Losses, Losses]:
        """Do `steps` steps; return their train and validation losses, each of shape (steps,)."""
        tensors = [tensor.detach() for tensor in self.state.tensors]
        data = self.state.task.data.tensors
        lr = torch.tensor(self.state.lr)
        train, val = [], []
        for count in _groups(steps, self.stride):
            for draws in self._draws:
                draws[:count].uniform_(generator=self.state.generator)
            inputs = [torch.tensor(count), lr, *data, *self._draws, *tensors]
            *tensors, train_losses, val_losses = self._call.run(inputs)
            train.append(train_losses[:count])
            val.append(val_losses[:count])
            # The call holds the GIL, and its short pauses starve threads that wait for it: yield.
            time.sleep(0)
        self.state.set_tensors(tensors)
        return to_losses(torch.cat(train)), to_losses(torch.cat(val))


def _groups(steps: int, most: int) -> Iterator[int]:
    for done in range(0, steps, most):
        yield min(most, steps - done)


def _load(file: Path) -> Any:
    """Load a step from where it is: as a package torch would unpack it in a temporary folder."""
    try:
        return torch._C._aoti.AOTIModelContainerRunnerCpu(str(file), 1)
    except Exception as error:  # whatever is wrong with it, the run continues without it
        raise EngineError(f"the compiled step can't be loaded ({first_line(error)})") from None
