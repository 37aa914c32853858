"""How long a sweep takes: at the rate of the last one on this machine, or at a rough one.

The rate is remembered by machine and device in a small file in the user's cache folder; without it,
or with one that can't be read, estimates are rough.
"""

import contextlib
import json
import math
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from tui_trainer.config.settings import RunConfig
from tui_trainer.sweeps.plan import Sweep
from tui_trainer.task.machine import processors
from tui_trainer.task.shape import parameter_estimate, points_of_step

# A sweep that says something about a rate: most of its time is neither the start of a candidate nor
# the call of a step.
_LEAST_SECONDS = 1.0
_LEAST_STEP_WORK, _LEAST_CANDIDATE_WORK = 1e5, 5e7  # parameters × points
_MOST_BYTES = 100_000  # of the file
_ROUGH_CPU, _ROUGH_CUDA = 1.5e10, 1e12  # parameters × points a second: of a processor, of a GPU


@dataclass(frozen=True, slots=True)
class Pace:
    """Parameters × points a second of all candidates together, and whether that was measured."""

    rate: float
    measured: bool

    def seconds(self, configs: Sequence[RunConfig], candidates: int) -> float | None:
        """Return how long candidates train that take all their steps: as many of each config.

        None where a builder makes a network, whose size nobody knows before that.
        """
        if any(config.architecture.builder for config in configs):
            return None
        work = math.fsum(config.steps * _step_work(config) for config in configs)
        return work * candidates / len(configs) / self.rate


def pace_of(device: str) -> Pace:
    """Return the pace of a device here."""
    rate = _remembered().get(_name(device))
    if rate is not None:
        return Pace(rate, measured=True)
    return Pace(_ROUGH_CUDA if "cuda" in device else _ROUGH_CPU * processors(), measured=False)


def remember_pace(sweep: Sweep, steps: int, seconds: float) -> None:
    """Remember the rate of a sweep that took `steps` in all, if it can be written.

    `seconds` are those of training alone, without a compiler's. A tiny sweep is not remembered, nor
    one of networks whose size is a builder's to know.
    """
    configs = [candidate.config for candidate in sweep.candidates]
    work = math.fsum(map(_step_work, configs)) / len(configs)
    tiny = work < _LEAST_STEP_WORK or work * steps / len(configs) < _LEAST_CANDIDATE_WORK
    own = any(config.architecture.builder for config in configs)
    if seconds < _LEAST_SECONDS or tiny or own:
        return
    rates = _remembered() | {_name(sweep.base.device): steps / seconds * work}
    with contextlib.suppress(OSError):
        _replace(_file(), json.dumps(rates))


def _step_work(config: RunConfig) -> float:
    """Parameters × the points that a step passes: train forwards and back, validation forwards."""
    points = config.points_per_step + points_of_step(config)
    return float(parameter_estimate(config) * points)


def _name(device: str) -> str:
    return f"{platform.node()} {device}"  # one home may serve several machines


def _file() -> Path:
    return user_cache_path("tui-trainer") / "sweep-pace.json"


def _remembered() -> dict[str, float]:
    try:
        with _file().open(encoding="utf-8") as stream:
            rates = json.loads(stream.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(rates, dict):
        return {}
    return {name: float(rate) for name, rate in rates.items() if _is_rate(rate)}


def _is_rate(rate: object) -> bool:
    return isinstance(rate, float) and math.isfinite(rate) and rate > 0


def _replace(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
