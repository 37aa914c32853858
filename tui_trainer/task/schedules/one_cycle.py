"""Up to the run's lr and down to nearly nothing: `torch.optim.lr_scheduler.OneCycleLR`.

Its lr alone, by half cosines; the momentum stays. The run's lr is torch's ``max_lr``.
"""

from tui_trainer.config.optimization import Schedule
from tui_trainer.task.schedules.cosine import half_cosine


def factor(schedule: Schedule, step: int, steps: int) -> float:
    """Return the factor of a step: 1 where `pct_start` of the steps are done."""
    start = 1 / schedule.div_factor
    end = start / schedule.final_div_factor
    at, peak, last = step - 1, schedule.pct_start * steps - 1, steps - 1
    if at <= peak:
        return half_cosine(1 - at / peak, start) if peak else 1.0
    return half_cosine((at - peak) / (last - peak), end)
