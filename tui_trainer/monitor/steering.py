"""What is asked of a loop, and what it has that can be steered: learning rates, a checkpoint."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Collection
from typing import Any

from tui_trainer.formatting import error_text
from tui_trainer.training.control import Control

# Rates of a group: its own, and those that schedulers of torch's keep there and in themselves.
_OF_GROUPS = ("lr", "initial_lr", "max_lr", "min_lr", "swa_lr")
_OF_SCHEDULERS = ("base_lrs", "max_lrs", "eta_min")


class LoopControl(Control):
    """Requests to a loop. `asked` is true while there may be one to act upon at a boundary.

    `unanswered` is called, once, when something is asked of a loop that has no boundaries.
    """

    def __init__(self, unanswered: Callable[[], None]) -> None:
        super().__init__()
        self.asked = False
        self.has_boundaries = False
        self._unanswered: Callable[[], None] | None = unanswered

    def step(self) -> None:
        """Ask for one step, and to wait after it."""
        super().step()
        self._ask()

    def _set(self, **fields: object) -> None:
        super()._set(**fields)
        self._ask()

    def _ask(self) -> None:
        self.asked = True
        if not self.has_boundaries and self._unanswered is not None:
            self._unanswered()
            self._unanswered = None


class Rates:
    """The learning rates of a loop's optimisers, and of the `schedulers` that are known of them."""

    def __init__(self) -> None:
        self.schedulers: Collection[Any] = ()
        self._optimizers: list[weakref.ref[Any]] = []  # a loop may go on without some
        self._asked: float | None = None

    def attach(self, optimizer: Any) -> None:
        """Steer an optimiser of torch's too.

        Raises:
            TypeError: if it is none.
        """
        groups = getattr(optimizer, "param_groups", None)
        if not isinstance(groups, list) or any("lr" not in group for group in groups):
            kind = type(optimizer).__name__
            raise TypeError(f"attach: expected an optimizer with param_groups, got {kind}")
        self._optimizers.append(weakref.ref(optimizer))

    @property
    def lr(self) -> float | None:
        """The first group's, without a group what was asked for; None if it can't be read."""
        for group in self._groups:
            lr = group["lr"]
            device = getattr(lr, "device", None)
            if device is not None and device.type != "cpu":  # would wait for the GPU
                return self._asked
            return float(lr)
        return self._asked

    def change(self, lr: float) -> None:
        """Set the first group's, and all others in proportion, as a scheduler finds them too."""
        before, self._asked = self.lr, lr
        factor = lr / before if before else None
        for group in self._groups:
            for key in _OF_GROUPS if factor is not None else ("lr", "initial_lr"):
                if key in group:
                    _put(group, key, lr if factor is None else group[key] * factor)
        if factor is not None:
            self._scale_schedulers(factor)

    def _scale_schedulers(self, factor: float) -> None:
        """Scale what those compute rates from, besides what they keep in the groups."""
        attached = [optimizer() for optimizer in self._optimizers]
        for scheduler in list(self.schedulers):
            if not any(scheduler.optimizer is optimizer for optimizer in attached):
                continue
            for name in _OF_SCHEDULERS:
                rates = getattr(scheduler, name, None)
                if isinstance(rates, list):
                    setattr(scheduler, name, [rate * factor for rate in rates])
                elif rates is not None:
                    setattr(scheduler, name, rates * factor)

    @property
    def _groups(self) -> list[dict[str, Any]]:
        optimizers = [optimizer for it in self._optimizers if (optimizer := it()) is not None]
        return [group for optimizer in optimizers for group in optimizer.param_groups]


def _put(group: dict[str, Any], key: str, value: Any) -> None:
    if hasattr(group[key], "fill_"):  # a tensor may be part of a captured graph: it stays
        group[key].fill_(value)
    else:
        group[key] = float(value)


class CheckpointFunction:
    """What a loop saves itself with, and what came of it."""

    def __init__(self) -> None:
        self.function: Callable[[], object] | None = None

    def call(self) -> dict[str, Any]:
        """Call it; return how that went: `seconds`, and `problem`, "" without one."""
        if self.function is None:
            words = "there is no checkpoint function: monitor.checkpoint(save) names one"
            return {"seconds": 0.0, "problem": words}
        began, problem = time.perf_counter(), ""
        try:
            self.function()
        except Exception as error:  # the loop is not to end by it
            problem = error_text(error)[:500]
        return {"seconds": time.perf_counter() - began, "problem": problem}
