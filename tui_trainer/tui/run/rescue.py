"""How to go on after a divergence."""

from tui_trainer.formatting import number_text

_BEFORE = 100  # steps
_LOWER = 1 / 3  # of the lr that led there


def after_divergence(steps: int, lr: float) -> tuple[int, str]:
    """Return the step and the changes to go on with from before a divergence at step `steps`."""
    tamer = number_text(float(f"{lr * _LOWER:.2g}"))
    return max(0, steps - _BEFORE), f"lr={tamer}"
