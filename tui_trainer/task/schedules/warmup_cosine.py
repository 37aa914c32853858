"""A straight line up to 1, then half a cosine down to `floor`.

`LinearLR` and then `CosineAnnealingLR` in a `SequentialLR` of `torch.optim.lr_scheduler`.
"""

from tui_trainer.config.optimization import Schedule
from tui_trainer.task.schedules.cosine import half_cosine


def factor(schedule: Schedule, step: int, steps: int) -> float:
    """Return the factor of a step: 1 at the first one after the warm-up."""
    at, warming = step - 1, round(schedule.warmup * steps)
    if at < warming:
        return schedule.start_factor + (1 - schedule.start_factor) * at / warming
    return half_cosine((at - warming) / (steps - warming), schedule.floor)
