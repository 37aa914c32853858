"""The learning-rate range test: ``for event in find_lr_range(config, control): ...``.

One step with each learning rate, from low to high, on a network of its own that is made as the
run's would be (Smith, "Cyclical Learning Rates for Training Neural Networks", 2015, section 3.3).
"""

import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from msgspec.structs import replace

from tui_trainer.config.optimization import Schedule
from tui_trainer.config.settings import RunConfig
from tui_trainer.lr_search.events import (
    LrCurve,
    LrRangeAdvanced,
    LrRangeEnded,
    LrRangeEvent,
    LrRangeStarted,
    LrSuggestion,
)
from tui_trainer.lr_search.plan import LrRange
from tui_trainer.lr_search.range_suggestion import explosion, smooth_losses, suggest_lr
from tui_trainer.lr_search.trial_suggestion import stopped_by_hand
from tui_trainer.sweeps.control import SweepControl
from tui_trainer.task.loss import mse_loss
from tui_trainer.training.diagnosis import find_dead_layers
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.threads import choose_threads
from tui_trainer.training.failure import FAILURES, describe_failure
from tui_trainer.training.setup import Setup

EVENT_SECONDS = 0.05
_MOST_POINTS = 10_000
_CONSTANT = Schedule(name="constant")


def find_lr_range(
    config: RunConfig, control: SweepControl | None = None, span: LrRange | None = None
) -> Iterator[LrRangeEvent]:
    """Test a range of learning rates, yielding what happens; the last event is `LrRangeEnded`.

    `span` is 1e-6 to 10 in 200 steps by default. The test ends early where `explosion` says so. An
    exception on the way is a reason too: FAILED, with its message as the suggestion's words.
    """
    control, span = control or SweepControl(), span or LrRange()
    began = time.perf_counter()
    walk = _Walk(span)
    yield LrRangeStarted(config, span)
    try:
        setup = Setup(replace(config, schedule=_CONSTANT))  # the test moves the lr itself
        if (dead := find_dead_layers(setup.state.model, setup.state.task)) is not None:
            yield dead
        for curve in walk.curves(setup, config, control):
            yield LrRangeAdvanced(curve, time.perf_counter() - began)
        reason, suggestion = walk.reason, suggest_lr(walk.curve)
        if reason is StopReason.STOPPED:
            suggestion = stopped_by_hand(suggestion, len(walk.curve.lrs))
    except FAILURES as error:
        reason, suggestion = StopReason.FAILED, LrSuggestion(None, describe_failure(error))
    yield LrRangeEnded(reason, suggestion, walk.curve, time.perf_counter() - began)


class _Walk:
    """The steps of a range test."""

    def __init__(self, span: LrRange) -> None:
        self._lrs = span.lrs
        self._losses: list[float] = []
        self._exploded = False
        self.curve = _curve((), [])

    def curves(self, setup: Setup, config: RunConfig, control: SweepControl) -> Iterator[LrCurve]:
        """Take all steps; yield where they have led to, now and then."""
        threads = choose_threads(config, setup.parameter_count, lambda: Setup(config).engine)
        while not (self._over or control.stopped):
            torch.set_num_threads(threads)  # a run beside this may have set its own
            self._advance(setup)
            yield self.curve

    @property
    def reason(self) -> StopReason:
        """Why there are no further steps."""
        if self._exploded:
            return StopReason.DIVERGED
        return StopReason.COMPLETED if self._over else StopReason.STOPPED

    @property
    def _over(self) -> bool:
        return self._exploded or len(self._losses) == len(self._lrs)

    def _advance(self, setup: Setup) -> None:
        """Take steps for a while, then judge them: those past an explosion do not count."""
        until = time.perf_counter() + EVENT_SECONDS
        for lr in self._lrs[len(self._losses) :]:
            setup.state.lr = lr
            found = _split_loss(setup) if setup.state.batches is not None else None
            train, _ = setup.engine.advance(1)
            self._losses.append(float(train[0]) if found is None else found)
            if not math.isfinite(self._losses[-1]) or time.perf_counter() > until:
                break
        self.curve = _curve(self._lrs, self._losses)
        if (last := explosion(self.curve.losses, self.curve.smoothed)) is not None:
            self._exploded = True
            self.curve = _curve(self._lrs, self._losses[: last + 1])


def _split_loss(setup: Setup) -> float:
    """Measure the loss of the training split, of a large one's first points.

    That of a batch jumps from one to the next by more than a step changes.
    """
    model, data = setup.state.model, setup.data
    model.eval()
    with torch.no_grad():
        loss = mse_loss(model(data.train_x[:_MOST_POINTS]), data.train_y[:_MOST_POINTS])
    return float(data.losses(loss.reshape(1).cpu().numpy())[0])


def _curve(lrs: tuple[float, ...], losses: list[float]) -> LrCurve:
    lr, loss = np.array(lrs[: len(losses)], np.float64), np.array(losses, np.float64)
    arrays = lr, loss, smooth_losses(lr, loss)
    for array in arrays:
        array.flags.writeable = False
    return LrCurve(*arrays)
