"""What is remembered of the last steps, to look at when a run has diverged."""

from collections import deque

import numpy as np

from tui_trainer.training.course import Checkpoint
from tui_trainer.training.diagnosis import layer_norms
from tui_trainer.training.engines.executor import Executor
from tui_trainer.training.events import NormsMeasured
from tui_trainer.training.fit import frozen

STEPS = 100  # that are looked at
_SPACING = 100


class BlackBox:
    """The states of a run at its last steps, far enough apart to be few."""

    def __init__(self) -> None:
        self._kept: deque[Checkpoint] = deque()

    def wants(self, step: int, lr: float, engine: str) -> bool:
        """Say whether the state after `step` is far enough from the last one, or a change apart."""
        if not self._kept:
            return True
        last = self._kept[-1]
        return step - last.step >= _SPACING or (last.snapshot.lr, last.engine) != (lr, engine)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keep a state, and forget those that a look back does not need."""
        self._kept.append(checkpoint)
        while len(self._kept) > 1 and self._kept[1].step <= checkpoint.step - STEPS:
            self._kept.popleft()

    @property
    def oldest(self) -> Checkpoint:
        """A state some hundred steps ago: that at the start of a run that has fewer."""
        return self._kept[0]

    def measure(self, executor: Executor, last_step: int) -> NormsMeasured:
        """Repeat the last steps one by one and measure the layers; the state ends after them."""
        state = executor.engine.state
        weights, gradients = [], []
        ends = [*(checkpoint.step for checkpoint in list(self._kept)[1:]), last_step]
        for checkpoint, end in zip(self._kept, ends, strict=True):
            state.restore(checkpoint.snapshot)
            engine = executor.named(checkpoint.engine)
            for _ in range(checkpoint.step, end):
                sizes, slopes = layer_norms(state.model, state.task)
                weights.append(sizes)
                gradients.append(slopes)
                engine.advance(1)
        arrays = (frozen(np.array(rows[-STEPS:], np.float32)) for rows in (weights, gradients))
        return NormsMeasured(last_step - min(len(weights), STEPS) + 1, *arrays)
