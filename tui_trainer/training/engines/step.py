"""The fused step (`step.cpp`): which networks it covers, and how a compiler makes one of it."""

import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from msgspec import Struct
from torch import nn

from tui_trainer import models
from tui_trainer.config.optimization import Optimizer
from tui_trainer.training.engines.engine import EngineError
from tui_trainer.training.engines.layers import find_layers

# No -ffast-math: it would reorder sums, and treat NaN as impossible.
FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-ffp-contract=fast"),
    *("-fno-strict-aliasing", "-fno-exceptions", "-shared", "-fPIC"),
)
_ANSWER_SECONDS = 10.0


class StepSpec(Struct, frozen=True):
    """What a step is compiled for; data, rates and penalties are its arguments.

    `widths` are the network's from the features to the prediction, `drops` says of each layer
    whether dropout precedes it; `optimizer` and `activation` are structs in `step.cpp`.
    """

    widths: tuple[int, ...]
    drops: tuple[bool, ...]
    optimizer: str
    activation: str = "relu"

    @property
    def defines(self) -> tuple[str, ...]:
        """The compiler's flags that say so."""
        widths, drops = (",".join(str(int(n)) for n in ns) for ns in (self.widths, self.drops))
        names = f"-DOPTIMIZER={self.optimizer}", f"-DACTIVATION={self.activation}"
        return f"-DWIDTHS={widths}", f"-DDROPS={drops}", *names


def step_spec(model: nn.Module, optimizer: Optimizer) -> StepSpec:
    """Say which step a network needs.

    Raises:
        EngineError: if there is none for it.
    """
    rates = {m.rate for m in model.modules() if isinstance(m, models.Dropout)}
    layers = find_layers(model, rates.pop() if len(rates) == 1 else None)
    if layers is None:
        raise EngineError("the network is more than a row of linear layers and one activation")
    widths = (layers[0].inputs, *(layer.outputs for layer in layers))
    drops = tuple(layer.dropout for layer in layers)
    activation = layers[0].activation or "relu"  # where there is none, any will do
    return StepSpec(widths, drops, optimizer_struct(optimizer)[0], activation)


def optimizer_struct(optimizer: Optimizer) -> tuple[str, tuple[float, ...]]:
    """Return an optimiser's struct in `step.cpp`, and the numbers that it is made with.

    Raises:
        EngineError: if it has none.
    """
    match optimizer.method:
        case "sgd" if not optimizer.momentum:
            return "sgd", ()
        case "sgd":
            return "nesterov" if optimizer.nesterov else "momentum", (optimizer.momentum,)
        case "adam":
            numbers = optimizer.beta1, optimizer.beta2, optimizer.eps, optimizer.weight_decay
            return "adamw" if optimizer.weight_decay else "adam", numbers
    raise EngineError(f"optimiser {optimizer.name} has no fused step")


def step_source() -> Path:
    """Return the file that all steps are compiled from."""
    return Path(str(files(__package__) / "step.cpp"))


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler: its file, and what it says of its version."""

    path: str
    version: str


def find_compiler() -> Compiler:
    """Find ``$CXX``, g++ or clang++.

    Raises:
        EngineError: if there is none, or it does not say which version it is.
    """
    names = (os.environ.get("CXX", ""), "g++", "clang++", "c++")
    for name in filter(None, names):
        if (found := shutil.which(name)) is not None:
            version = _version(found, Path(found).stat().st_mtime_ns)
            if version is None:
                raise EngineError(f"the compiler {found} does not say its version")
            return Compiler(found, version)
    raise EngineError("no C++ compiler was found")


@lru_cache(maxsize=8)
def _version(path: str, changed_at: int) -> str | None:
    """Ask a compiler, only once: it may take all the time it has."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        asked = subprocess.Popen(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with asked:
            try:
                answer, _ = asked.communicate(timeout=_ANSWER_SECONDS)
            except BaseException:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(asked.pid, signal.SIGKILL)  # with all that it started
                raise
        if asked.returncode == 0:
            return f"{changed_at} {answer.decode(errors='replace')}"
    return None
