"""Executes a run's steps with the engine that is chosen for each."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from tui_trainer.config.settings import EngineName, RunConfig
from tui_trainer.training.course import Course
from tui_trainer.training.engines.choice import choose_engine
from tui_trainer.training.engines.compilation import Compilation, find_compiled
from tui_trainer.training.engines.compiled import CompiledEngine
from tui_trainer.training.engines.cuda_graph import CudaGraphEngine
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.engines.engine import Engine, EngineError, TrainingState
from tui_trainer.training.engines.step import StepSpec, step_spec
from tui_trainer.training.events import Compiled, EngineChanged, EngineKept, Event

# With less than this to go, the run ends before the compiler does.
WORTH_SECONDS = 1.0


class Executor:
    """The engine of the next step, and how others take over. Close it when the run ends.

    `name` and `reason` are those of the engine that the run starts with. Where an engine can't be
    had the run stays eager, and says why.
    """

    def __init__(
        self, config: RunConfig, state: TrainingState, threads: int, course: Course
    ) -> None:
        self._state = state
        self._optimizer = config.optimizer
        self._course = course
        self._compilation: Compilation | None = None
        self.engine: Engine = EagerEngine(state)
        self._engines: dict[EngineName, Engine] = {"eager": self.engine}
        automatic = config.engine == "auto" and config.device == "cpu"
        recorded = course.first_engine
        try:
            cached = automatic and threads == 1 and recorded is None and self._load_cached()
            choice = choose_engine(config, recorded, threads, cached=cached)
            self._switches = {course.first_step: choice.first} | {
                step: name for step, name in course.switches.items() if step > course.first_step
            }
            self._upgrades = choice.upgrades and set(self._switches.values()) == {"eager"}
            self.name, self.reason = choice.first, choice.reason
            for name in sorted(self._needed() - self._engines.keys()):
                self._prepare(name)
        except EngineError as error:
            self._stay_eager(error)

    def _needed(self) -> set[EngineName]:
        """Name the engines of the planned steps, and of the best step so far."""
        start = self._course.start
        best = {start.best.engine} if start is not None and start.best is not None else set()
        return {*self._switches.values(), *best}

    @property
    def awaited(self) -> Compilation | None:
        """The compiler that the first step has to wait for, if there is one."""
        return None if self._upgrades else self._compilation

    def before_step(self, step: int, seconds_left: float | None) -> Iterator[Event]:
        """Have the right engine for `step`; `seconds_left` is what the rest takes with eager."""
        if (name := self._switches.get(step)) is not None and name != self.engine.name:
            self.engine = self._engines[name]
            if step > self._course.first_step:
                yield EngineChanged(step, name, self.reason)
        elif self._upgrades and seconds_left is not None and step > self._course.repeats_to:
            yield from self._upgrade(step, seconds_left)

    def named(self, name: EngineName) -> Engine:
        """Return the engine that executed earlier steps; the one of now where it can't be had."""
        return self._engines.get(name, self.engine)

    def take_compiled(self) -> Iterator[Event]:
        """Use the step that `awaited` has compiled."""
        try:
            yield self._finish_compiling()
        except EngineError as error:
            self._stay_eager(error)
            yield EngineChanged(self._course.first_step, "eager", self.reason)

    def close(self) -> None:
        """End the compiler, if it is running."""
        if self._compilation is not None:
            self._compilation.cancel()
            self._compilation = None

    def _prepare(self, name: EngineName) -> None:
        if name == "cuda-graph":
            self._engines[name] = CudaGraphEngine(self._state)
        elif not self._load_cached():
            self._compile()

    @cached_property
    def _spec(self) -> StepSpec:
        return step_spec(self._state.model, self._optimizer)

    def _compile(self) -> None:
        self._compilation = Compilation(self._spec)

    def _load_cached(self) -> bool:
        """Load the compiled step if the cache has it; return whether it does."""
        file = find_compiled(self._spec)
        if file is not None:
            self._load(file)
        return file is not None

    def _finish_compiling(self) -> Compiled:
        compilation, self._compilation = self._compilation, None
        assert compilation is not None
        self._load(compilation.result())
        return Compiled(compilation.seconds)

    def _load(self, file: Path) -> None:
        self._engines["compiled"] = CompiledEngine(self._state, self._spec, self._optimizer, file)

    def _stay_eager(self, error: EngineError) -> None:
        self._upgrades, self._switches = False, {}
        self.name, self.reason = "eager", f"{error}: staying eager"

    def _upgrade(self, step: int, seconds_left: float) -> Iterator[Event]:
        """Start the compiler if the run is long enough, or move over if it is done."""
        try:
            if self._compilation is None:
                if seconds_left > WORTH_SECONDS:
                    self._compile()
                    yield EngineKept("eager", "auto: eager until its fused step is ready")
            elif self._compilation.finished():
                self._upgrades = False
                yield self._finish_compiling()
                self.engine = self._engines["compiled"]
                yield EngineChanged(step, "compiled", "auto: its fused step is ready")
        except EngineError as error:
            self._stay_eager(error)
            yield EngineKept("eager", f"auto: {self.reason}")
