"""Writes a run to its folder while it goes on; all waiting for the disk is the writer's.

Every event goes to the ledger, the losses or the fit's file in the order in which it came, the
states that the run hands out between them. So what is on the disk is a run up to some moment, and
a ledger never lacks what losses depend on.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from tui_trainer.runs.checkpoint import checkpoint_bytes, weights_bytes, write_checkpoint
from tui_trainer.runs.description import Parent, describe, write_description
from tui_trainer.runs.due import Due
from tui_trainer.runs.files import append_whole, replace_file
from tui_trainer.runs.fit_file import fit_bytes
from tui_trainer.runs.folder import BEST, CHECKPOINT, FIT, LEDGER, METRICS, NORMS, SUMMARY
from tui_trainer.runs.kept_data import kept_dataset, needs_copy, write_copy
from tui_trainer.runs.kept_states import KeptStates
from tui_trainer.runs.ledger import STARTED, Entry, to_entry, to_line
from tui_trainer.runs.metrics_writer import MetricsWriter
from tui_trainer.runs.summary import summarize, summary_bytes
from tui_trainer.runs.writer import Writer
from tui_trainer.training.control import Control
from tui_trainer.training.course import Checkpoint
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.events import (
    Event,
    FitSampled,
    FloatArray,
    HealthMeasured,
    NormsMeasured,
    Paused,
    Recorded,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.result import RunResult

CHECKPOINT_SECONDS = 1.0  # at most so much training is repeated after a kill
STEPS_SECONDS = 0.25  # a record costs the interpreter half a millisecond
SUMMARY_SECONDS = 0.5
FIT_SECONDS = 1.0


class Recorder:
    """Records one run. Close it when the run is over.

    `past` is the folder's ledger, if it goes on with what is there; a branch has its parent's.
    """

    def __init__(
        self,
        folder: Path,
        control: Control,
        result: RunResult,
        *,
        past: Sequence[Entry] = (),
        parent: Parent | None = None,
    ) -> None:
        self.folder = folder
        self._control = control
        self._result = result
        self._has_started = any(entry["event"] == STARTED for entry in past)
        self._parent = parent
        self._writer = Writer()
        self._metrics = MetricsWriter(folder / METRICS)
        self._kept = KeptStates(folder)
        self._fits: dict[str, FitSampled] = {}
        self._due = Due(self._writer)
        self._steps: list[StepsCompleted] = []
        self._told = ""

    def follow(self, events: Iterator[Event], past: Iterable[Event] = ()) -> Iterator[Event]:
        """Pass events on, and write them down; tell where, and what is wrong with it.

        `past` are those that the folder has already: they come after the first event.
        """
        try:
            for event in events:
                if isinstance(event, RunEnded) and not self.has_begun:
                    yield event  # nothing is written: what went on is as it was
                    return
                self.take(event)
                if isinstance(event, RunEnded):
                    self._write_fit(always=True)
                    self.close()
                    yield from self._news()
                yield event
                if isinstance(event, RunStarted):
                    yield Recorded(self.folder)
                    yield from self._remember(past)
                yield from self._news()
        finally:
            self.close()

    def _remember(self, past: Iterable[Event]) -> Iterator[Event]:
        for event in past:
            self._result.apply(event)
            yield event

    def take(self, event: Event) -> None:
        """Write an event down."""
        self._result.apply(event)
        match event:
            case StepsCompleted():
                self._take_steps(event)
            case FitSampled():
                self._fits[event.weights] = event
            case NormsMeasured():
                content = _norms_table(event)
                self._writer.add(partial(replace_file, self.folder / NORMS, content))
            case RunStarted():
                self._start(event)
            case _:
                self.note(to_entry(event))
        if isinstance(event, Paused) or self._due.comes(CHECKPOINT, CHECKPOINT_SECONDS):
            self._control.ask_checkpoint()
        self._write_summary(
            always=not isinstance(event, StepsCompleted | FitSampled | HealthMeasured)
        )
        self._write_fit()

    def note(self, entry: Entry | None) -> None:
        """Add an entry to the ledger."""
        if entry is not None:
            self._write_steps()
            self._writer.add(partial(append_whole, self.folder / LEDGER, to_line(entry)))

    def keep(
        self, checkpoint: Checkpoint, best: Snapshot | None = None, *, mark: bool = False
    ) -> None:
        """Write a state: see `Keep`."""
        if checkpoint.step < self._result.step and not mark:
            return  # repeated steps
        self._write_steps()
        self._writer.add(
            partial(self._write_checkpoint, checkpoint, mark), name="" if mark else CHECKPOINT
        )
        if best is not None:
            job = partial(self._write_best, checkpoint.names, best)
            self._writer.add(job, name=BEST)

    def close(self) -> None:
        """Write what is left, for some seconds at most. Closing it twice is no mistake."""
        self._write_steps()
        self._writer.close()
        self._metrics.close()

    @property
    def has_begun(self) -> bool:
        """Whether the run could be set up: without its device or enough memory there is none."""
        return self._result.started is not None

    @property
    def problem(self) -> str:
        """What keeps the run from being written now, or was lost; "" if nothing."""
        lost = "some losses were dropped: too many waited for the disk"
        return self._writer.problem or (lost if self._writer.lost else "")

    def status(self) -> dict[str, Any]:
        """Say how the run stands now, as in its summary; for any thread."""
        facts: dict[str, Any] = msgspec.to_builtins(summarize(self._result, self.problem))
        return facts

    def _news(self) -> Iterator[Recorded]:
        if (problem := self.problem) != self._told:
            self._told = problem
            yield Recorded(self.folder, problem)

    def _start(self, event: RunStarted) -> None:
        self._write_fit(always=True)
        if self._has_started and self._parent is None:
            return
        dataset = event.config.dataset
        if needs_copy(dataset, self.folder):
            self._writer.add(partial(write_copy, dataset, self.folder))
        description = describe(
            replace(event.config, dataset=kept_dataset(dataset, self.folder)),
            name=self.folder.name,
            device=event.device,
            threads=event.threads,
            parameter_count=event.parameter_count,
            code_digest=event.code_digest,
            parent=self._parent,
        )
        self._writer.add(partial(write_description, self.folder, description))
        if not self._has_started:
            self.note(to_entry(event))

    def _take_steps(self, event: StepsCompleted) -> None:
        self._steps.append(event)
        if self._due.comes(METRICS, STEPS_SECONDS):
            self._write_steps()

    def _write_steps(self) -> None:
        """Write the steps that came since the last time, which comes before what follows them."""
        if not self._steps:
            return
        events, self._steps = self._steps, []
        names = ("train_loss", "val_loss", "bound")
        parts = {name: [getattr(event, name) for event in events] for name in names}
        columns = {
            name: np.concatenate(arrays)
            for name, arrays in parts.items()
            if all(array is not None for array in arrays)
        }
        job = partial(self._metrics.append, events[0].first_step, columns)
        self._writer.add(job, size=sum(values.nbytes for values in columns.values()))

    def _write_summary(self, *, always: bool = False) -> None:
        if always or self._due.comes(SUMMARY, SUMMARY_SECONDS):
            summary = summarize(self._result, self.problem)
            self._replace(SUMMARY, partial(summary_bytes, summary))

    def _write_fit(self, *, always: bool = False) -> None:
        points = self._result.points
        if points is not None and (always or self._due.comes(FIT, FIT_SECONDS)):
            self._replace(FIT, partial(fit_bytes, points, dict(self._fits)))

    def _replace(self, name: str, make: Callable[[], bytes]) -> None:
        def job() -> None:
            replace_file(self.folder / name, make())

        self._writer.add(job, name=name)

    # In the writer's thread

    def _write_checkpoint(self, checkpoint: Checkpoint, mark: bool) -> None:
        self._metrics.sync()
        content = checkpoint_bytes(checkpoint)
        if not mark:
            write_checkpoint(self.folder / CHECKPOINT, content)
        self._kept.offer(checkpoint, content, mark=mark)

    def _write_best(self, names: tuple[str, ...], best: Snapshot) -> None:
        write_checkpoint(self.folder / BEST, weights_bytes(names, best))


def _norms_table(event: NormsMeasured) -> bytes:
    """Write the norms as a CSV table, a line a step."""
    layers = event.weights.shape[1]
    kinds: tuple[tuple[str, FloatArray], ...] = (
        ("weights", event.weights),
        ("gradient", event.gradients),
    )
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    header = [f"layer_{n}_{kind}" for kind, _ in kinds for n in range(1, layers + 1)]
    writer.writerow(["step", *header])
    for number in range(len(event.weights)):
        norms: list[Any] = [f"{x:.9g}" for _, table in kinds for x in table[number]]
        writer.writerow([event.first_step + number, *norms])
    return stream.getvalue().encode()
