"""Why keys do nothing to a loop now."""

from typing import TYPE_CHECKING

from tui_trainer.formatting import number_text
from tui_trainer.tui.run.next_lr import next_lr

if TYPE_CHECKING:
    from tui_trainer.monitor.result import LoopResult

_STEERING = ("pause", "step", "stop", "checkpoint", "lr_down", "lr_up")
_PLOTTING = ("log", "smooth", "zoom", "pin_plot", "filter", "metrics")


def loop_reasons(result: "LoopResult | None") -> dict[str, str]:
    """Return why keys do nothing to a loop, by their ids."""
    if result is None or result.started is None:
        return dict.fromkeys(
            (*_STEERING, *_PLOTTING, "output", "health"), "The loop is being read."
        )
    reasons = _lr_reasons(result.lr)
    if result.ended is not None:
        reasons |= dict.fromkeys(_STEERING, "This loop has ended.")
    if not result.health.layers:
        words = "Nothing is measured of its layers: monitor.attach(optimizer, model) would."
        reasons["health"] = words
    if not result.metrics:
        reasons |= dict.fromkeys(_PLOTTING, "The loop has logged nothing yet.")
    return reasons


def _lr_reasons(lr: float | None) -> dict[str, str]:
    if lr is None or lr <= 0:
        words = "This loop asks for no lr: monitor.attach(optimizer) or monitor.lr would."
        return dict.fromkeys(("lr_down", "lr_up"), words)
    ends = {"lr_down": next_lr(lr, -1), "lr_up": next_lr(lr, 1)}
    words = f"lr {number_text(lr)} is the last there is."
    return {key: words for key, following in ends.items() if following == lr}
