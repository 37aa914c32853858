"""``summary.json``: how a run stands, in one small file that lists and viewers read."""

import math
from pathlib import Path

import msgspec
from msgspec import Struct

from tui_trainer.runs.files import read_file
from tui_trainer.runs.folder import SUMMARY
from tui_trainer.runs.timestamps import timestamp
from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.progress import Best
from tui_trainer.training.result import RunResult
from tui_trainer.training.state import State


class GaugeFacts(Struct, frozen=True):
    """A stopping rule's `Gauge`."""

    armed: bool
    armed_at: int
    words: str
    nearness: float


class Gpu(Struct, frozen=True):
    """A GPU as NVML sees it: bytes, watts, degrees Celsius; `load` from 0 to 1. None: not known."""

    name: str
    load: float | None = None
    memory: int | None = None
    memory_total: int | None = None
    power: float | None = None
    temperature: float | None = None


class Machine(Struct, frozen=True, kw_only=True):
    """What a loop's process uses: `cpu` in cores, `memory` in bytes.

    `load` is the share of all the host's cores that is in use, `memory_total` what memory it has.
    """

    cpu: float | None = None
    memory: int | None = None
    memory_total: int | None = None
    load: float | None = None
    gpus: tuple[Gpu, ...] = ()


class Summary(Struct, frozen=True, kw_only=True):
    """What is in ``summary.json``; None where there is nothing finite to say.

    `state` is that of the process that wrote it: it may be gone since. `updated` is a UTC time in
    ISO 8601, `problem` what kept the run from being written then, `detail` why it ended. Of a loop
    there are the last values of some `metrics`, and the `machine` that it runs on.

    A sweep's steps are its candidates, those done and all; its `best_val_loss` is the median over
    the seeds of the point that it recommends, in words `recommended`, or of the lowest so far.
    """

    state: State
    step: int = 0
    steps: int = 0
    train_loss: float | None = None
    val_loss: float | None = None
    best_step: int | None = None
    best_val_loss: float | None = None
    lr: float | None = None
    engine: str = ""
    seconds: float = 0.0
    steps_per_second: float = 0.0
    gauge: GaugeFacts | None = None
    detail: str = ""
    problem: str = ""
    recommended: str = ""
    updated: str = ""
    metrics: dict[str, float | None] | None = None
    machine: Machine | None = None

    @property
    def best(self) -> Best | None:
        """The step of the lowest validation loss."""
        if self.best_step is None or self.best_val_loss is None:
            return None
        return Best(self.best_step, self.best_val_loss)


def summarize(result: RunResult, problem: str = "") -> Summary:
    """Say how a run stands."""
    return Summary(
        state=result.state,
        step=result.step,
        steps=result.config.steps,
        train_loss=finite(result.train_loss),
        val_loss=finite(result.val_loss),
        best_step=result.best.step if result.best else None,
        best_val_loss=result.best.val_loss if result.best else None,
        lr=result.lr,
        engine=result.engine,
        seconds=result.seconds,
        steps_per_second=result.steps_per_second,
        gauge=gauge_facts(result.gauge),
        detail=result.ended.detail if result.ended else "",
        problem=problem,
        updated=timestamp(),
    )


def summary_bytes(summary: Summary) -> bytes:
    """Write a summary as the content of its file."""
    return msgspec.json.encode(summary) + b"\n"


def read_summary(folder: Path) -> Summary | None:
    """Read a run's summary; None if there is none that can be read."""
    try:
        return msgspec.json.decode(read_file(folder / SUMMARY), type=Summary)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return None


def gauge_facts(gauge: Gauge | None) -> GaugeFacts | None:
    """Return a rule's gauge as it is written; None where it has nothing to say."""
    if gauge is None or not math.isfinite(gauge.nearness):
        return None
    return GaugeFacts(gauge.armed, gauge.armed_at, gauge.words, gauge.nearness)


def finite(loss: float | None) -> float | None:
    """Return a loss that is finite; None for any other."""
    return loss if loss is not None and math.isfinite(loss) else None
