"""Which engine executes a run's steps, from its first to its last.

`auto` never makes a person wait. On the CPU a run starts with the eager engine, and moves over at
a step boundary once the compiled step is there; where it is in the cache, that is before the first
step. The compiler starts only for runs that still have longer to go than it takes.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tui_trainer.config.settings import EngineName, RunConfig
from tui_trainer.formatting import duration_text
from tui_trainer.training.engines.compilation import Compilation, CompileError
from tui_trainer.training.engines.compiled import CompiledEngine
from tui_trainer.training.engines.cuda_graph import CudaGraphEngine
from tui_trainer.training.engines.eager import EagerEngine
from tui_trainer.training.engines.engine import Engine
from tui_trainer.training.engines.step import StepSpec
from tui_trainer.training.engines.step_cache import find_step, known_compile_seconds
from tui_trainer.training.events import Compiled, EngineChanged, EngineKept, Event

# Less work than this is done before anybody saw a difference.
WORTH_SECONDS = 0.5
# The rate of the first moments is no measure of the rest.
MEASURED_SECONDS = 0.5

Switches = Mapping[int, EngineName]


def require_engine(config: RunConfig) -> None:
    """Refuse an engine that the config's device does not have.

    Raises:
        ValueError: one line for the person who asked for it.
    """
    engine, device = config.engine, config.device
    if engine == "cuda-graph" and not device.startswith("cuda"):
        raise ValueError(f"engine cuda-graph needs a CUDA device, and this run is on {device}")
    if engine == "compiled" and device != "cpu":
        raise ValueError(f"engine compiled runs on the CPU, and this run is on {device}")


class EngineChoice:
    """The engine of now, and how the next one comes. Close it when the run ends.

    `switches` repeats a recorded run: it names the engine from a step on, and then nothing is
    chosen here.
    """

    def __init__(
        self, config: RunConfig, eager: EagerEngine, spec: StepSpec, switches: Switches | None
    ) -> None:
        self._state = eager.state
        self._spec = spec
        self._engines: dict[EngineName, Engine] = {"eager": eager}
        self._compilation: Compilation | None = None
        self._compile_seconds = known_compile_seconds()
        self._open = False
        self.engine: Engine = eager
        self.reason = "as asked for"
        self._switches = dict(switches or {1: config.engine})
        if self._switches.get(1) == "auto":
            self._switches[1] = self._choose(config.device)
        self.name = self._switches.get(1, "eager")
        self._make_engines()

    @property
    def awaited(self) -> Compilation | None:
        """The compiler that the run has to wait for, if there is one."""
        return None if self._open else self._compilation

    def steps_until_switch(self, step: int) -> int | None:
        """Return how many steps after `step` come before the next recorded switch, if any."""
        return min((s - 1 - step for s in self._switches if s - 1 > step), default=None)

    def before_step(self, step: int, seconds_left: float | None) -> Iterator[Event]:
        """Have the right engine for `step`; `seconds_left` is eager's time for what is left."""
        if (name := self._switches.get(step)) is not None and name != self.engine.name:
            self.engine = self._engines[name]
            if step > 1:
                yield EngineChanged(step, name, "as recorded")
        elif self._open and seconds_left is not None:
            yield from self._reconsider(step, seconds_left)

    def take_compiled(self) -> Iterator[Event]:
        """Take up what the compiler that was waited for has made."""
        compilation, self._compilation = self._compilation, None
        assert compilation is not None
        try:
            self._load(compilation.result())
        except CompileError as error:
            yield EngineChanged(1, "eager", self._stay_eager(error))
        else:
            yield Compiled(compilation.seconds)

    def close(self) -> None:
        """End the compiler, if it is at work."""
        if self._compilation is not None:
            self._compilation.cancel()
            self._compilation = None

    def _choose(self, device: str) -> EngineName:
        if device.startswith("cuda"):
            self.reason = "auto: on a GPU a launch costs more than a small network's arithmetic"
            return "cuda-graph"
        if device != "cpu":
            self.reason = f"auto: there is nothing faster on {device}"
            return "eager"
        if (file := find_step(self._spec)) is not None:
            with suppress(CompileError):
                self._load(file)
                self.reason = "auto: its compiled step was in the cache"
                return "compiled"
        self._open = True
        self.reason = "auto: at once, and compiled once that pays"
        return "eager"

    def _make_engines(self) -> None:
        names = set(self._switches.values()) - self._engines.keys()
        if "cuda-graph" in names:
            self._engines["cuda-graph"] = CudaGraphEngine(self._state)
        if "compiled" in names:
            try:
                if (file := find_step(self._spec)) is not None:
                    self._load(file)
                else:
                    self._compilation = Compilation(self._spec)
            except CompileError as error:
                self.reason = self._stay_eager(error)

    def _load(self, file: Path) -> None:
        try:
            self._engines["compiled"] = CompiledEngine(self._state, self._spec, file)
        except CompileError:
            file.unlink(missing_ok=True)
            raise

    def _stay_eager(self, error: CompileError) -> str:
        self._open = False
        self._switches = {}
        self.name = "eager"
        return f"{error}: staying eager"

    def _reconsider(self, step: int, seconds_left: float) -> Iterator[Event]:
        """Start the compiler if the run is long enough, or move over if it is done."""
        try:
            if self._compilation is None:
                if seconds_left > self._compile_seconds:
                    self._compilation = Compilation(self._spec)
                    left = duration_text(seconds_left)
                    yield EngineKept("eager", f"auto: compiling beside the run, with {left} to go")
            elif self._compilation.finished():
                yield from self._move_over(step, seconds_left)
        except CompileError as error:
            yield EngineKept("eager", f"auto: {self._stay_eager(error)}")

    def _move_over(self, step: int, seconds_left: float) -> Iterator[Event]:
        compilation, self._compilation = self._compilation, None
        assert compilation is not None
        self._open = False
        file = compilation.result()
        yield Compiled(compilation.seconds)
        if seconds_left > WORTH_SECONDS:
            self._load(file)
            self.engine = self._engines["compiled"]
            yield EngineChanged(step, "compiled", "auto: its compiled step is ready")
