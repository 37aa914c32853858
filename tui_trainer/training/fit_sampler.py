"""Samples a run's fit now and then, of the newest weights and of the best ones."""

import time
from collections.abc import Iterator

from tui_trainer.training.best_weights import BestWeights
from tui_trainer.training.control import Control
from tui_trainer.training.engines.executor import Executor
from tui_trainer.training.events import FitSampled
from tui_trainer.training.fit import sample_fit

FIT_SECONDS = 0.1
FIT_SHARE = 0.05  # of the time, at most: a million points take a while


class FitSampler:
    """Samples between two steps; of the best weights once each, and where `control` asks for it."""

    def __init__(self, executor: Executor, control: Control, best: BestWeights) -> None:
        self._executor, self._control, self._best = executor, control, best
        self._due = 0.0
        self._best_step = 0  # whose weights were sampled last as the best ones
        self._sampled = (-1, False)  # the last step, and whether the best was wanted

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        return time.perf_counter() >= self._due

    def has_sampled(self, step: int) -> bool:
        """Say whether all that is wanted after a step was sampled."""
        return self._sampled == (step, self._control.best_fit_wanted)

    def sample(self, step: int, *, closing: bool = False) -> Iterator[FitSampled]:
        """Sample the weights after a step, and the best ones if they are new or it is `closing`."""
        began = time.perf_counter()
        engine = self._executor.engine
        self._sampled = (step, self._control.best_fit_wanted)
        yield sample_fit(engine, step, "last" if step else "untrained")
        way = self._best.way
        if way is not None and (closing or self._wants(way.step)):
            with self._best.loaded():
                best = sample_fit(engine, way.step, "best")
            self._best_step = way.step
            yield best
        took = time.perf_counter() - began
        self._due = began + took + max(FIT_SECONDS, took / FIT_SHARE)

    def _wants(self, best_step: int) -> bool:
        return self._control.best_fit_wanted and best_step != self._best_step
