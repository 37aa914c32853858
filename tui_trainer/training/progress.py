"""How far a run has come, and the events that tell it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tui_trainer.formatting import loss_text
from tui_trainer.training.clock import Clock
from tui_trainer.training.early_stopping import StoppingRule, StopReason
from tui_trainer.training.engines.engine import Engine, Losses, Snapshot
from tui_trainer.training.events import RunEnded, StepsCompleted
from tui_trainer.training.fit import frozen


@dataclass(frozen=True, slots=True)
class Best:
    """The step of the lowest validation loss, and how to get its weights: `engine`, which made
    them, repeats `replay` steps from `start`.
    """

    step: int
    val_loss: float
    engine: Engine
    start: Snapshot
    replay: int

    def go_there(self) -> None:
        """Have the best step's weights in the network."""
        self.engine.restore(self.start)
        self.engine.advance(self.replay)


class Progress:
    """The steps that count so far, what they amount to, and the time they took."""

    def __init__(self, rule: StoppingRule | None) -> None:
        self.rule = rule
        self.step = 0
        self.best: Best | None = None
        self.clock = Clock()
        self._last: tuple[float | None, float | None] = (None, None)
        self._pending: list[tuple[Losses, Losses, Losses]] = []

    def add(
        self, engine: Engine, start: Snapshot, train: Losses, val: Losses, bound: Losses
    ) -> None:
        """Take in the steps that `engine` did from `start`."""
        finite = np.where(np.isfinite(val), val, np.inf)
        index, lowest = int(finite.argmin()), float(finite.min())
        if np.isfinite(lowest) and (self.best is None or lowest < self.best.val_loss):
            self.best = Best(self.step + index + 1, lowest, engine, start, index + 1)
        self.step += len(val)
        self._last = float(train[-1]), float(val[-1])
        self._pending.append((train, val, bound))

    def flush(self) -> Iterator[StepsCompleted]:
        """Tell of the steps not told yet, if there are any."""
        if not self._pending:
            return
        train, val, bound = (
            frozen(np.concatenate(part)) for part in zip(*self._pending, strict=True)
        )
        self._pending = []
        best = self.best
        yield StepsCompleted(
            first_step=self.step - len(train) + 1,
            train_loss=train,
            val_loss=val,
            bound=bound if self.rule is not None else None,
            gauge=self.rule.gauge() if self.rule is not None else None,
            best_step=best.step if best else None,
            best_val_loss=best.val_loss if best else None,
            seconds=self.clock.seconds,
            steps_per_second=self.clock.rate(len(train)),
        )

    def ended(self, reason: StopReason, words: str, restored: bool) -> RunEnded:
        """Tell the end, with the numbers that explain it."""
        best = (self.best.step, self.best.val_loss) if self.best is not None else None
        detail = explain_end(reason, words, self.rule, best, restored)
        return self.standing(reason, detail, restored)

    def standing(self, reason: StopReason, detail: str, restored: bool = False) -> RunEnded:
        """Tell where the run stood at its end."""
        best = self.best
        return RunEnded(
            reason,
            detail,
            self.step,
            *self._last,
            best.step if best else None,
            best.val_loss if best else None,
            restored,
            self.clock.seconds,
        )


def explain_end(
    reason: StopReason,
    words: str,
    rule: StoppingRule | None,
    best: tuple[int, float] | None,
    restored: bool,
) -> str:
    """Add to the words of an end what explains it: the rule's numbers, the best step and loss."""
    if reason is StopReason.EARLY_STOPPING:
        assert rule is not None
        words = f"{words}: {rule.explain()}"
    if best is not None:
        words += f"; best {loss_text(best[1])} at step {best[0]:,}"
        words += ", its weights restored" if restored else ""
    return words
