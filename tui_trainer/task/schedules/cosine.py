"""Half a cosine from 1 down to `floor`: `torch.optim.lr_scheduler.CosineAnnealingLR`."""

import math

from tui_trainer.config.optimization import Schedule


def factor(schedule: Schedule, step: int, steps: int) -> float:
    """Return the factor of a step; that of the step after the last would be the floor."""
    return half_cosine((step - 1) / steps, schedule.floor)


def half_cosine(share: float, floor: float) -> float:
    """Fall from 1 to `floor` as `share` grows from 0 to 1."""
    return floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2
