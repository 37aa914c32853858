"""Training as a generator of events: ``for event in train(config, control): ...``.

The trainer works in chunks of steps and judges each chunk when it is done. Where a stopping rule
fires (or a loss is not finite) inside a chunk, it goes back to the chunk's start, random numbers
included, and repeats the steps up to the one that counts: engines need no check per step, and the
stop is exact.
"""

import re
import time
from collections.abc import Iterator

import torch

from tui_trainer.config.settings import RunConfig
from tui_trainer.training.control import Control
from tui_trainer.training.diagnosis import find_bad_tensor, find_dead_layers
from tui_trainer.training.early_stopping import StopReason, make_rule
from tui_trainer.training.engines.choice import MEASURED_SECONDS, EngineChoice, Switches
from tui_trainer.training.engines.engine import Engine
from tui_trainer.training.engines.step import step_spec
from tui_trainer.training.engines.threads import choose_threads
from tui_trainer.training.events import (
    Compiling,
    Event,
    FitSampled,
    LrChanged,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
)
from tui_trainer.training.fit import sample_fit
from tui_trainer.training.judgement import Ending, judge
from tui_trainer.training.progress import Progress
from tui_trainer.training.setup import Setup

# A request waits for the end of a chunk at most, and has to take effect within 50 ms.
CHUNK_SECONDS = 0.02
EVENT_SECONDS = 0.05
FIT_SECONDS = 0.1
COMPILING_SECONDS = 0.25
_POLL_SECONDS = 0.02


def train(
    config: RunConfig, control: Control | None = None, switches: Switches | None = None
) -> Iterator[Event]:
    """Run a config to its end, yielding what happens; the last event is always `RunEnded`.

    `switches` repeats the changes of engine of a recorded run: the engine by the step from which
    on it runs, step 1 included. An exception on the way is a reason too: ``RunEnded(FAILED)`` with
    its message.
    """
    run = None
    try:
        run = _Run(config, control or Control(), switches)
        yield from run.events()
    except Exception as error:  # whatever it is, the reader of the events has to hear of it
        detail = describe_failure(error)
        if run is None:
            yield RunEnded(StopReason.FAILED, detail, steps=0)
        else:
            yield from run.abandon(detail)
    finally:
        if run is not None:
            run.close()


def describe_failure(error: Exception) -> str:
    """Say in one line what went wrong, for the person who started the run."""
    lines = str(error).strip().splitlines()
    message = lines[0] if lines else "no message"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in message:
        asked = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", message)
        return f"out of memory{f' (asked for {asked[1]})' if asked else ''}"
    return message if isinstance(error, ValueError) else f"{type(error).__name__}: {message}"


class _Run:
    """One training on its way."""

    def __init__(self, config: RunConfig, control: Control, switches: Switches | None) -> None:
        self._config = config
        self._control = control
        self._setup = Setup(config)
        count = self._setup.parameter_count
        self._threads = choose_threads(config, count, lambda: Setup(config).engine)
        torch.set_num_threads(self._threads)
        spec = step_spec(config, count, self._threads)
        self._engines = EngineChoice(config, self._setup.engine, spec, switches)
        stopping = config.regularizer.stopping
        self._restore_best = stopping is not None and stopping.restore_best
        self._progress = Progress(make_rule(stopping) if stopping is not None else None)
        self._clock = self._progress.clock
        self._ending: Ending | None = None
        self._chunk_steps = 1
        self._told_paused = False
        self._fit_due = 0.0
        self._best_sampled = 0

    def events(self) -> Iterator[Event]:
        """Train, from the first event to the last."""
        setup, engines = self._setup, self._engines
        yield RunStarted(
            self._config,
            engines.name,
            setup.device,
            setup.parameter_count,
            setup.points,
            engines.reason,
            self._threads,
        )
        if (dead := find_dead_layers(self._engine.model, setup.data)) is not None:
            yield dead
        yield from self._fits()
        yield from self._await_compiler()
        while self._ending is None:
            yield from self._take_requests()
            if self._ending is None:
                yield from engines.before_step(self._step + 1, self._seconds_left)
                self._advance()
                yield from self._report()
        self._clock.stop()
        yield from self._progress.flush()
        restored = self._ending[0] is StopReason.EARLY_STOPPING and self._restore_best
        yield from self._fits(closing=True)
        if restored and self._progress.best is not None:
            self._progress.best.go_there()
        yield self._progress.ended(*self._ending, restored)

    def close(self) -> None:
        """Leave nothing running."""
        self._engines.close()

    def abandon(self, detail: str) -> Iterator[Event]:
        """End as failed, with what was trained so far."""
        self._clock.stop()
        yield from self._progress.flush()
        yield self._progress.standing(StopReason.FAILED, detail)

    @property
    def _step(self) -> int:
        return self._progress.step

    @property
    def _engine(self) -> Engine:
        return self._engines.engine

    @property
    def _seconds_left(self) -> float | None:
        """How long the steps left take at the rate so far, once there is one."""
        seconds = self._clock.seconds
        if seconds < MEASURED_SECONDS or not self._step:
            return None
        return seconds / self._step * (self._config.steps - self._step)

    def _take_requests(self) -> Iterator[Event]:
        """Act on what was asked for; while paused, wait here."""
        control = self._control
        while True:
            if control.stopped:
                self._ending = (StopReason.STOPPED, f"stopped by hand at step {self._step:,}")
                return
            yield from self._take_lr()
            if not control.paused:
                yield from self._tell_paused(False)
                self._clock.start()
                return
            if control.take_step():
                self._told_paused = False
                self._chunk_steps = 1
                self._clock.start()
                return
            self._clock.stop()
            yield from self._progress.flush()
            yield from self._fits()
            yield from self._tell_paused(True)
            control.wait_while_paused()

    def _take_lr(self) -> Iterator[LrChanged]:
        if (lr := self._control.take_lr()) is not None and lr != self._engine.lr:
            self._engine.lr = lr
            yield LrChanged(self._step + 1, lr)

    def _tell_paused(self, paused: bool) -> Iterator[Paused | Resumed]:
        """Tell of a pause once, and of its end."""
        if paused is not self._told_paused:
            yield Paused(self._step) if paused else Resumed(self._step)
        self._told_paused = paused

    def _await_compiler(self) -> Iterator[Event]:
        """Wait for the engine that was asked for, if it has to be compiled; not while stopped.

        A pause is told and lets the compiler work on.
        """
        compilation = self._engines.awaited
        if compilation is None:
            return
        told = -COMPILING_SECONDS
        while not self._control.stopped:
            yield from self._tell_paused(self._control.paused)
            yield from self._take_lr()
            if compilation.seconds - told >= COMPILING_SECONDS:
                told = compilation.seconds
                yield Compiling(told)
            if compilation.finished(_POLL_SECONDS):
                yield from self._engines.take_compiled()
                return

    def _advance(self) -> None:
        """Do a chunk of steps and judge it."""
        engine, steps = self._engine, self._steps_to_take()
        start = engine.snapshot()
        # Another run, or a preview, may have set its own.
        torch.set_num_threads(self._threads)
        began = time.perf_counter()
        train, val = engine.advance(steps)
        took = max(time.perf_counter() - began, 1e-9)
        # At most twice as many as before: the first steps are slow, and no measure of the rest.
        self._chunk_steps = max(1, min(int(CHUNK_SECONDS * steps / took), 2 * steps))
        judgement = judge(self._progress.rule, self._step, train, val)
        count, self._ending = judgement.count, judgement.ending
        if self._ending is not None and self._ending[0] is StopReason.DIVERGED:
            bad = find_bad_tensor(engine, self._setup.data, start, count)
            self._ending = (StopReason.DIVERGED, f"{self._ending[1]}; first bad tensor: {bad}")
        elif count < steps:
            engine.restore(start)
            engine.advance(count)
        self._progress.add(engine, start, train[:count], val[:count], judgement.bound)
        if self._ending is None and self._step == self._config.steps:
            self._ending = (StopReason.COMPLETED, f"finished {self._step:,} steps")

    def _steps_to_take(self) -> int:
        """Size a chunk: in whole calls of the engine, up to the next switch or the end."""
        steps, stride = self._chunk_steps, self._engine.stride
        if steps > stride:
            steps -= steps % stride
        left = self._config.steps - self._step
        return min(steps, left, self._engines.steps_until_switch(self._step) or left)

    def _report(self) -> Iterator[Event]:
        """Tell the news, if it is time."""
        if self._clock.since_report >= EVENT_SECONDS or self._control.paused:
            yield from self._progress.flush()
        if time.perf_counter() >= self._fit_due:
            yield from self._progress.flush()
            yield from self._fits()

    def _fits(self, closing: bool = False) -> Iterator[FitSampled]:
        """Sample the fit of the newest weights and, where it is asked for, of the best ones."""
        engine, data = self._engine, self._setup.data
        yield sample_fit(engine, data, self._step, "last" if self._step else "untrained")
        best = self._progress.best
        wanted = closing or (
            self._control.best_fit_wanted and best and best.step != self._best_sampled
        )
        if best is not None and wanted:
            now = engine.snapshot()
            best.go_there()
            yield sample_fit(engine, data, best.step, "best")
            engine.restore(now)
            self._best_sampled = best.step
        self._fit_due = time.perf_counter() + FIT_SECONDS
