"""What is marked in a plot of losses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleMark:
    """Where a stopping rule would have stopped: a letter at its step and validation loss."""

    sign: str
    step: int
    val_loss: float
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class LossMarks:
    """The steps that matter in a plot of losses: they count from 1, None where there is none.

    `planned_steps` is how many there will be at most, as far as that is known.
    """

    best_step: int | None = None
    best_val_loss: float | None = None
    stop_step: int | None = None
    lr_changes: tuple[int, ...] = ()
    engine_changes: tuple[int, ...] = ()
    planned_steps: int | None = None
    rules: tuple[RuleMark, ...] = ()
