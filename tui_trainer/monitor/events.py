"""Facts about a loop, as a reader of its folder learns of them: frozen, as those of runs are.

They begin with ``LoopStarted`` and end with one ``RunEnded``. Steps count from 1; 0 is before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tui_trainer.runs.summary import Summary
from tui_trainer.training.events import HealthMeasured, LrChanged, Noted, Paused, Resumed, RunEnded

if TYPE_CHECKING:  # the first frame knows these events, and waits for no numpy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LoopStarted:
    """What is known of a loop from its start on.

    `command` is how its process was started, `total` its steps, 0 if nobody said, and `stop_when`
    the stopping rule in words, "" without one. `created` is in seconds since 1970.
    """

    name: str
    command: str
    total: int
    folder: Path
    stop_when: str = ""
    host: str = ""
    pid: int = 0
    created: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class MetricsLogged:
    """Values of metrics that were logged together, by ascending step: a column for each name."""

    names: tuple[str, ...]
    steps: NDArray[np.int64]
    columns: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """The loop's own checkpoint function was called after `step`; `problem` is what it raised."""

    step: int
    seconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StatusRead:
    """How the loop stands, as its process last wrote it, twice a second."""

    summary: Summary


@dataclass(frozen=True, slots=True)
class OutputRead:
    """What the loop printed: whole lines, and the one that is not ended, which the next replaces.

    Neither holds control characters.
    """

    lines: tuple[str, ...]
    unfinished: str = ""


LoopEvent: TypeAlias = (
    LoopStarted
    | MetricsLogged
    | HealthMeasured
    | LrChanged
    | Checkpointed
    | Paused
    | Resumed
    | Noted
    | StatusRead
    | OutputRead
    | RunEnded
)


def bound_name(metric: str) -> str:
    """Return the name of the metric that has a rule's bounds for another one."""
    return f"{metric} bound"
