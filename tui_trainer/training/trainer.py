"""Training as a generator of events: ``for event in train(config, control): ...``.

The trainer works in chunks of steps and judges each chunk when it is done. Where a stopping rule
fires (or a loss is not finite) inside a chunk, it goes back to the chunk's start, random numbers
included, and repeats the steps up to the one that counts: engines need no check per step, and the
stop is exact.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tui_trainer.config import RunConfig
from tui_trainer.formatting import loss_text
from tui_trainer.training.clock import Clock
from tui_trainer.training.control import Control
from tui_trainer.training.diagnosis import (
    find_dead_layers,
    first_bad_output,
    first_bad_parameter,
)
from tui_trainer.training.early_stopping import StopReason, make_rule
from tui_trainer.training.engine import Losses, Snapshot
from tui_trainer.training.events import (
    Event,
    FitSampled,
    LrChanged,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.fit import frozen, sample_fit
from tui_trainer.training.setup import Setup

# A request waits for the end of a chunk at most, and has to take effect within 50 ms.
CHUNK_SECONDS = 0.02
EVENT_SECONDS = 0.05
FIT_SECONDS = 0.1


def train(config: RunConfig, control: Control | None = None) -> Iterator[Event]:
    """Run a config to its end, yielding what happens; the last event is always `RunEnded`.

    An exception on the way is a reason too: ``RunEnded(FAILED)`` with its message.
    """
    run = None
    try:
        run = _Run(config, control or Control())
        yield from run.events()
    except Exception as error:  # whatever it is, the reader of the events has to hear of it
        detail = describe_failure(error)
        if run is None:
            yield RunEnded(StopReason.FAILED, detail, steps=0)
        else:
            yield from run.abandon(detail)


def describe_failure(error: Exception) -> str:
    """Say in one line what went wrong, for the person who started the run."""
    lines = str(error).strip().splitlines()
    message = lines[0] if lines else "no message"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in message:
        asked = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", message)
        return f"out of memory{f' (asked for {asked[1]})' if asked else ''}"
    return message if isinstance(error, ValueError) else f"{type(error).__name__}: {message}"


@dataclass(frozen=True, slots=True)
class _Best:
    """The step of the lowest validation loss, and how to get its weights: replay from `start`."""

    step: int
    val_loss: float
    start: Snapshot
    replay: int


class _Run:
    """One training on its way."""

    def __init__(self, config: RunConfig, control: Control) -> None:
        self._config = config
        self._control = control
        self._setup = Setup(config)
        self._engine = self._setup.engine
        stopping = config.regularizer.stopping
        self._restore_best = stopping is not None and stopping.restore_best
        self._rule = make_rule(stopping) if stopping is not None else None
        self._best: _Best | None = None
        self._ending: tuple[StopReason, str] | None = None
        self._step = 0
        self._losses: tuple[float | None, float | None] = (None, None)
        self._pending: list[tuple[Losses, Losses, Losses]] = []
        self._clock = Clock()
        self._chunk_steps = 1
        self._fit_due = 0.0
        self._best_sampled = 0

    def events(self) -> Iterator[Event]:
        """Train, from the first event to the last."""
        setup = self._setup
        yield RunStarted(
            self._config, self._engine.name, setup.device, setup.parameter_count, setup.points
        )
        if (dead := find_dead_layers(self._engine.model, setup.data)) is not None:
            yield dead
        yield from self._fits()
        while self._ending is None:
            yield from self._take_requests()
            if self._ending is None:
                self._advance()
                yield from self._report()
        self._clock.stop()
        yield from self._flush()
        yield from self._fits(closing=True)
        if self._ending[0] is StopReason.EARLY_STOPPING and self._restore_best and self._best:
            self._go_to_best(self._best)
        yield self._ended(*self._ending)

    def abandon(self, detail: str) -> Iterator[Event]:
        """End as failed, with what was trained so far."""
        self._clock.stop()
        yield from self._flush()
        yield RunEnded(
            StopReason.FAILED,
            detail,
            *self._standing,
            restored_best=False,
            seconds=self._clock.seconds,
        )

    @property
    def _standing(self) -> tuple[int, float | None, float | None, int | None, float | None]:
        """Steps, both last losses, best step and its loss."""
        best = self._best
        return (
            self._step,
            *self._losses,
            best.step if best else None,
            best.val_loss if best else None,
        )

    def _take_requests(self) -> Iterator[Event]:
        """Act on what was asked for; while paused, wait here."""
        control = self._control
        waiting = False
        while True:
            if control.stopped:
                self._ending = (StopReason.STOPPED, f"stopped by hand at step {self._step:,}")
                return
            if (lr := control.take_lr()) is not None and lr != self._engine.lr:
                self._engine.lr = lr
                yield LrChanged(self._step + 1, lr)
            if not control.paused:
                if waiting:
                    yield Resumed(self._step)
                self._clock.start()
                return
            if control.take_step():
                self._chunk_steps = 1
                self._clock.start()
                return
            self._clock.stop()
            yield from self._flush()
            yield from self._fits()
            if not waiting:
                yield Paused(self._step)
            waiting = True
            control.wait_while_paused()

    def _advance(self) -> None:
        """Do a chunk of steps and judge it."""
        steps = min(self._chunk_steps, self._config.steps - self._step)
        start = self._engine.snapshot()
        began = time.perf_counter()
        train, val = self._engine.advance(steps)
        took = max(time.perf_counter() - began, 1e-9)
        # At most twice as many as before: the first steps are slow, and no measure of the rest.
        self._chunk_steps = max(1, min(int(CHUNK_SECONDS * steps / took), 2 * steps))
        bound, last = self._judge(train, val)
        count = last + 1
        if self._ending is not None and self._ending[0] is StopReason.DIVERGED:
            self._locate_divergence(start, count)
        elif count < steps:
            self._engine.restore(start)
            self._engine.advance(count)
        train, val, bound = train[:count], val[:count], bound[:count]
        self._remember_best(start, val)
        self._step += count
        self._losses = float(train[-1]), float(val[-1])
        self._pending.append((train, val, bound))
        if self._ending is None and self._step == self._config.steps:
            self._ending = (StopReason.COMPLETED, f"finished {self._step:,} steps")

    def _judge(self, train: Losses, val: Losses) -> tuple[Losses, int]:
        """Find the step that ends the run; return each step's bound and the last that counts."""
        bound = np.full(len(val), np.nan, dtype=np.float32)
        bad = np.flatnonzero(~(np.isfinite(train) & np.isfinite(val)))
        finite = int(bad[0]) if len(bad) else len(val)
        if self._rule is not None:
            for index, loss in enumerate(val[:finite].tolist()):
                verdict = self._rule.observe(loss)
                bound[index] = verdict.bound
                if verdict.stop:
                    step = self._step + index + 1
                    self._ending = (StopReason.EARLY_STOPPING, f"stopped early at step {step:,}")
                    return bound, index
        if len(bad):
            split = "train" if not np.isfinite(train[finite]) else "validation"
            step = self._step + finite + 1
            words = f"{split} loss is not finite at step {step:,}"
            self._ending = (StopReason.DIVERGED, words)
            return bound, finite
        return bound, len(val) - 1

    def _locate_divergence(self, start: Snapshot, steps: int) -> None:
        """Repeat the chunk's `steps` steps one by one, and name the first tensor that broke."""
        assert self._ending is not None
        engine, data = self._engine, self._setup.data
        engine.restore(start)
        bad = first_bad_parameter(engine.model)
        for _ in range(steps):
            bad = bad or first_bad_output(engine.model, data.train_x)
            train, _ = engine.advance(1)
            if not np.isfinite(train[0]):
                bad = bad or "the squared error"
            bad = bad or first_bad_parameter(engine.model)
        bad = bad or first_bad_output(engine.model, data.val_x) or "the squared error"
        self._ending = (StopReason.DIVERGED, f"{self._ending[1]}; first bad tensor: {bad}")

    def _remember_best(self, start: Snapshot, val: Losses) -> None:
        finite = np.where(np.isfinite(val), val, np.inf)
        index = int(finite.argmin())
        if np.isfinite(val[index]) and (self._best is None or val[index] < self._best.val_loss):
            self._best = _Best(self._step + index + 1, float(val[index]), start, index + 1)

    def _go_to_best(self, best: _Best) -> None:
        self._engine.restore(best.start)
        self._engine.advance(best.replay)

    def _report(self) -> Iterator[Event]:
        """Tell the news, if it is time."""
        if self._clock.since_report >= EVENT_SECONDS or self._control.paused:
            yield from self._flush()
        if time.perf_counter() >= self._fit_due:
            yield from self._flush()
            yield from self._fits()

    def _flush(self) -> Iterator[StepsCompleted]:
        if not self._pending:
            return
        train, val, bound = (
            frozen(np.concatenate(part)) for part in zip(*self._pending, strict=True)
        )
        self._pending = []
        best = self._best
        yield StepsCompleted(
            first_step=self._step - len(train) + 1,
            train_loss=train,
            val_loss=val,
            bound=bound if self._rule is not None else None,
            gauge=self._rule.gauge() if self._rule is not None else None,
            best_step=best.step if best else None,
            best_val_loss=best.val_loss if best else None,
            seconds=self._clock.seconds,
            steps_per_second=self._clock.rate(len(train)),
        )

    def _fits(self, closing: bool = False) -> Iterator[FitSampled]:
        """Sample the fit of the newest weights and, where it is asked for, of the best ones."""
        engine, data = self._engine, self._setup.data
        yield sample_fit(engine, data, self._step, "last" if self._step else "untrained")
        best = self._best
        wanted = closing or (
            self._control.best_fit_wanted and best and best.step != self._best_sampled
        )
        if best is not None and wanted:
            now = engine.snapshot()
            self._go_to_best(best)
            yield sample_fit(engine, data, best.step, "best")
            engine.restore(now)
            self._best_sampled = best.step
        self._fit_due = time.perf_counter() + FIT_SECONDS

    def _ended(self, reason: StopReason, words: str) -> RunEnded:
        steps, train_loss, val_loss, best_step, best_val_loss = self._standing
        detail = words
        if reason is StopReason.EARLY_STOPPING:
            assert self._rule is not None
            detail = f"{words}: {self._rule.explain()}"
        restored = reason is StopReason.EARLY_STOPPING and self._restore_best
        if best_step is not None:
            detail += f"; best {loss_text(best_val_loss)} at step {best_step:,}"
            detail += ", its weights restored" if restored else ""
        return RunEnded(
            reason,
            detail,
            steps,
            train_loss,
            val_loss,
            best_step,
            best_val_loss,
            restored,
            self._clock.seconds,
        )
