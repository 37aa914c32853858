"""Training as a generator of events: ``for event in train(config, control): ...``.

The trainer works in chunks of steps and judges each chunk when it is done. Where a stopping rule
fires (or a loss is not finite) inside a chunk, it goes back to the chunk's start, random numbers
included, and repeats the steps up to the one that counts: engines need no check per step, and the
stop is exact.
"""

import time
from collections.abc import Iterator

import torch

from tui_trainer.config.settings import RunConfig
from tui_trainer.task.interrupting import interrupting_if
from tui_trainer.training.best_weights import BestWeights
from tui_trainer.training.black_box import BlackBox
from tui_trainer.training.control import Control
from tui_trainer.training.course import Checkpoint, Course, Keep, WayBack
from tui_trainer.training.diagnosis import find_bad_tensor, find_dead_layers
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.engines.executor import Executor
from tui_trainer.training.engines.threads import choose_threads
from tui_trainer.training.events import (
    Compiling,
    EngineChanged,
    Event,
    HealthMeasured,
    LrChanged,
    Noted,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
)
from tui_trainer.training.failure import FAILURES, describe_failure
from tui_trainer.training.fit_sampler import FitSampler
from tui_trainer.training.health_meter import HealthMeter
from tui_trainer.training.progress import Progress
from tui_trainer.training.reporting import StepReports
from tui_trainer.training.setup import Setup

# A request waits for the end of a chunk at most; it has to take effect within 50 ms.
CHUNK_SECONDS = 0.02
EVENT_SECONDS = 0.05
COMPILING_SECONDS = 0.25
# The first moments are slower than the rest.
MEASURED_SECONDS = 0.1
_POLL_SECONDS = 0.02


def train(
    config: RunConfig,
    control: Control | None = None,
    course: Course | None = None,
    keep: Keep | None = None,
) -> Iterator[Event]:
    """Run a config to its end, yielding what happens; the last event is always `RunEnded`.

    `course` says where to start from and what to repeat of a recorded run. `keep` is called with
    its state whenever `control` asks for that, and before an end. An exception ends the run too:
    ``RunEnded(FAILED)`` with its message.
    """
    run = None
    try:
        run = _Training(config, control or Control(), course or Course(), keep)
        yield from run.events()
    except FAILURES as error:
        detail = describe_failure(error)
        if run is None:
            yield RunEnded(StopReason.FAILED, detail, steps=0)
        else:
            yield from run.abandon(detail)
    finally:
        if run is not None:
            run.close()


class _Training:
    """One run in progress."""

    def __init__(
        self, config: RunConfig, control: Control, course: Course, keep: Keep | None
    ) -> None:
        self._keep = keep
        self._control = control
        self._course = course
        with interrupting_if(lambda: self._control.stopped):
            self._setup = Setup(config, expected=self._course.code_digest)
        self._config = config = self._setup.config
        count = self._setup.parameter_count
        self._threads = course.threads or choose_threads(
            config, count, lambda: Setup(config).engine
        )
        torch.set_num_threads(self._threads)
        self._state = self._setup.state
        self._names = self._state.names
        self._executor = Executor(config, self._state, self._threads, course)
        self._progress = Progress(config)
        self._best = BestWeights(self._state, self._executor)
        if (start := course.start) is not None:
            self._state.restore(start.snapshot)
            self._progress.go_on(start.progress)
            self._best.way = start.best
        self._reports = StepReports(self._progress, start.seconds if start is not None else 0.0)
        self._clock = self._reports.clock
        self._fits = FitSampler(self._executor, self._control, self._best)
        self._black_box = BlackBox()
        self._health: HealthMeter | None = None  # once somebody looks
        self._asked_lr: float | None = None
        self._chunk_steps = 1
        self._reported_pause = False

    def events(self) -> Iterator[Event]:
        """Train, from the first event to the last."""
        setup, executor, progress = self._setup, self._executor, self._progress
        yield RunStarted(
            self._config,
            executor.name,
            setup.device,
            setup.parameter_count,
            setup.points,
            executor.reason,
            self._threads,
            setup.code_digest,
        )
        yield from map(Noted, setup.notes)
        if executor.name != (self._course.first_engine or executor.name):
            yield EngineChanged(self._step + 1, executor.name, executor.reason)
        dead = find_dead_layers(self._state.model, self._state.task)
        if dead is not None and not self._step:
            yield dead
        yield from self._fits.sample(self._step)
        yield from self._await_compiler()
        while progress.ending is None:
            yield from self._take_requests()
            if progress.ending is None:
                yield from executor.before_step(self._step + 1, self._seconds_left)
                yield from self._repeat_lr()
                self._advance()
                if self._step in self._course.keep_at:
                    self._hand_out()
                yield from self._report()
        self._clock.stop()
        yield from self._reports.flush()
        yield from self._fits.sample(self._step, closing=True)
        yield from self._measured_health(at_rest=True)
        yield from self._last_states()
        if progress.restores_best:
            self._best.restore()
        yield progress.ended(self._clock.seconds)

    def close(self) -> None:
        """Stop the compiler, if it is running."""
        self._executor.close()

    def abandon(self, detail: str) -> Iterator[Event]:
        """End as failed, and report what was trained so far."""
        self._clock.stop()
        yield from self._reports.flush()
        yield self._progress.failed(detail, self._clock.seconds)

    @property
    def _step(self) -> int:
        return self._progress.step

    @property
    def _seconds_left(self) -> float | None:
        """How long the steps left take at the rate so far, once there is one."""
        seconds = self._clock.seconds
        if seconds < MEASURED_SECONDS or not self._step:
            return None
        return seconds / self._step * self._progress.steps_left

    def _take_requests(self) -> Iterator[Event]:
        """Act on the requests; wait here while paused."""
        control = self._control
        while True:
            if control.stopped:
                self._progress.stop()
                return
            yield from self._take_lr()
            if control.take_checkpoint() and self._keep is not None:
                yield from self._reports.flush()
                self._keep(self._checkpoint(), self._best.snapshot() if control.paused else None)
            if not control.paused:
                yield from self._report_pause(False)
                self._clock.start()
                return
            if control.take_step():
                self._reported_pause = False
                self._chunk_steps = 1
                self._clock.start()
                return
            self._clock.stop()
            yield from self._reports.flush()
            if not self._fits.has_sampled(self._step):
                yield from self._fits.sample(self._step)
            yield from self._measured_health(at_rest=True)
            yield from self._report_pause(True)
            control.wait_while_paused()

    def _take_lr(self) -> Iterator[LrChanged]:
        if (asked := self._control.take_lr()) is not None:
            self._asked_lr = asked
        if self._step >= self._course.repeats_to:
            lr, self._asked_lr = self._asked_lr, None
            yield from self._change_lr(lr)

    def _repeat_lr(self) -> Iterator[LrChanged]:
        yield from self._change_lr(self._course.lrs.get(self._step + 1))

    def _change_lr(self, lr: float | None) -> Iterator[LrChanged]:
        if lr is not None and lr != self._state.lr:
            self._state.lr = lr
            step = self._step + 1
            yield LrChanged(step, lr, self._state.task.factor(step))

    def _report_pause(self, paused: bool) -> Iterator[Paused | Resumed]:
        """Report a pause once, and its end."""
        if paused is not self._reported_pause:
            yield Paused(self._step) if paused else Resumed(self._step)
        self._reported_pause = paused

    def _await_compiler(self) -> Iterator[Event]:
        """Wait for the requested engine if it has to be compiled, unless the run is stopped.

        A pause is reported, and does not pause the compiler.
        """
        if (compilation := self._executor.awaited) is None:
            return
        reported = -COMPILING_SECONDS
        while not self._control.stopped:
            yield from self._report_pause(self._control.paused)
            yield from self._take_lr()
            if compilation.seconds - reported >= COMPILING_SECONDS:
                reported = compilation.seconds
                yield Compiling(reported)
            if compilation.finished(_POLL_SECONDS):
                yield from self._executor.take_compiled()
                return

    def _advance(self) -> None:
        """Do a chunk of steps and judge it."""
        engine, progress, steps = self._executor.engine, self._progress, self._steps_to_take()
        first, best = self._step + 1, progress.best
        start = self._state.snapshot()
        if self._black_box.wants(self._step, start.lr, engine.name):
            self._black_box.keep(self._checkpoint(start))
        # Another run, or a preview, may have set its own.
        torch.set_num_threads(self._threads)
        began = time.perf_counter()
        train, val = engine.advance(steps)
        took = max(time.perf_counter() - began, 1e-9)
        # At most twice as many as before: the first steps are slower than the rest.
        self._chunk_steps = max(1, min(int(CHUNK_SECONDS * steps / took), 2 * steps))
        judged = progress.observe(train, val)
        if progress.best is not None and progress.best is not best:
            step = progress.best.step
            self._best.way = WayBack(step, engine.name, start, step - first + 1)
        self._reports.add(train[: judged.count], val[: judged.count], judged.bound)
        if progress.has_diverged:
            progress.explain_divergence(find_bad_tensor(engine, start, judged.count))
        elif judged.count < steps:
            self._state.restore(start)
            engine.advance(judged.count)

    def _steps_to_take(self) -> int:
        """Size a chunk: in whole calls of the engine, up to the next switch or the end."""
        steps, stride = self._chunk_steps, self._executor.engine.stride
        if steps > stride:
            steps -= steps % stride
        left = self._progress.steps_left
        return min(steps, left, self._course.steps_until_change(self._step) or left)

    def _report(self) -> Iterator[Event]:
        """Report the steps and the fit, if it is time."""
        if self._clock.since_report >= EVENT_SECONDS or self._control.paused:
            yield from self._reports.flush()
        if self._fits.is_due:
            yield from self._reports.flush()
            yield from self._fits.sample(self._step)
        yield from self._measured_health()

    def _measured_health(self, *, at_rest: bool = False) -> Iterator[HealthMeasured | Noted]:
        """Measure the layers, if somebody looks and it is time."""
        if self._control.health_wanted:
            self._health = self._health or HealthMeter(self._state)
            yield from self._health.measured(at_rest=at_rest)

    # What goes to the disk

    def _checkpoint(self, snapshot: Snapshot | None = None) -> Checkpoint:
        """Return the state after the last step: `snapshot` is that of the tensors, if at hand."""
        return Checkpoint(
            self._progress.state,
            snapshot or self._state.snapshot(),
            self._names,
            self._executor.engine.name,
            self._best.way,
            self._clock.seconds,
        )

    def _hand_out(self) -> None:
        if self._keep is not None:
            self._keep(self._checkpoint())

    def _last_states(self) -> Iterator[Event]:
        """Hand out the last state; of a run that ended by itself one before, to branch off from.

        Nothing goes on from its last state: that of a run that diverged is of no use, and that of
        one that stopped early does not say so.
        """
        if self._keep is None:
            return
        if self._progress.can_go_on:
            self._keep(self._checkpoint(), self._best.snapshot())
            return
        self._keep(self._black_box.oldest, self._best.snapshot(), mark=True)
        if self._progress.has_diverged:
            yield self._black_box.measure(self._executor, self._step)
