"""The schedules: by which factor a step's learning rate differs from the run's."""

from collections.abc import Callable
from typing import TypeAlias

# Of a step, counted from 1.
Factor: TypeAlias = Callable[[int], float]


def constant(_step: int) -> float:
    """Leave the learning rate as it is."""
    return 1.0
