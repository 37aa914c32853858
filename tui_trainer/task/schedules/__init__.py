"""The schedules: a module each, which a schedule names in `method`.

A module here has ``factor(schedule, step, steps) -> float``: by what the run's lr is multiplied at
`step` of `steps`, counted from 1. torch.optim.lr_scheduler counts from 0. Needs no torch.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from tui_trainer.config.optimization import Schedule

# Of a step, counted from 1. Two of the same schedule are equal.
Factor: TypeAlias = Callable[[int], float]


def constant(_step: int) -> float:
    """Leave the learning rate as it is."""
    return 1.0


def make_factor(schedule: Schedule, steps: int) -> Factor:
    """Return the factors of a run of so many steps; after the schedule's own the last one stays."""
    return _Factor(schedule, schedule.steps or steps) if schedule.moves else constant


@dataclass(frozen=True, slots=True)
class _Factor:
    schedule: Schedule
    steps: int

    def __call__(self, step: int) -> float:
        return _method(self.schedule.method)(self.schedule, min(step, self.steps), self.steps)


@cache
def _method(name: str) -> Callable[[Schedule, int, int], float]:
    """Look it up once: finding an imported module takes as long as a tenth of a fused step."""
    factor: Callable[[Schedule, int, int], float]
    factor = importlib.import_module(f"{__name__}.{name}").factor
    return factor
