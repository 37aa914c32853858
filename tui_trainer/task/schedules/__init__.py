"""The schedules: a module each, which a schedule names in `method`.

A module here has ``factor(schedule, step, steps) -> float``: by what the run's lr is multiplied at
`step` of `steps`, counted from 1. torch.optim.lr_scheduler counts from 0. Needs no torch.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
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
        method = importlib.import_module(f"{__name__}.{self.schedule.method}")
        factor: float = method.factor(self.schedule, min(step, self.steps), self.steps)
        return factor
