"""Times `gamma` after every `step_size` steps: `torch.optim.lr_scheduler.StepLR`."""

from tui_trainer.config.optimization import Schedule


def factor(schedule: Schedule, step: int, steps: int) -> float:
    """Return the factor of a step; a third of the steps is the size where none is given."""
    size = schedule.step_size or -(-steps // 3)
    power: float = schedule.gamma ** ((step - 1) // size)
    return power
