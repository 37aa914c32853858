"""Writes a sweep to a folder while it goes on: its plan, a table of its candidates, its end."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tui_trainer.runs.description import describe, write_description
from tui_trainer.runs.due import Due
from tui_trainer.runs.files import append_whole, replace_file
from tui_trainer.runs.folder import CANDIDATES, LEDGER, SUMMARY, make_run_folder
from tui_trainer.runs.ledger import ENDED, STARTED, Entry, to_line
from tui_trainer.runs.ownership import own
from tui_trainer.runs.summary import Summary, finite, summary_bytes
from tui_trainer.runs.timestamps import timestamp
from tui_trainer.runs.writer import Writer, describe_problem
from tui_trainer.sweeps.axes import value_text
from tui_trainer.sweeps.events import (
    CandidateEnded,
    CandidatesRestarted,
    SweepEnded,
    SweepEvent,
    SweepNoted,
    SweepStarted,
)
from tui_trainer.sweeps.plan import Sweep, values_of, values_text
from tui_trainer.sweeps.recommendation import recommend
from tui_trainer.sweeps.result import SweepResult
from tui_trainer.training.events import RunEnded
from tui_trainer.training.result import FIGURES, figures

SUMMARY_SECONDS = 0.5
_FIGURES = ("reason", "steps", "train_loss", "val_loss", "best_step", "best_val_loss")


def sweep_name(plan: Sweep) -> str:
    """Name a sweep after its axes."""
    return f"sweep-{'-'.join(axis.key for axis in plan.axes)}"


def record_sweep(
    plan: Sweep, events: Callable[[], Iterator[SweepEvent]], root: Path
) -> Iterator[SweepEvent]:
    """Pass a sweep's events on, and write it to a new folder below `root`.

    Where that can't be done, a note says so.
    """
    with ExitStack() as stack:
        try:
            folder = make_run_folder(root, sweep_name(plan))
            stack.enter_context(own(folder))
        except OSError as error:
            yield from _unrecorded(events(), f"not saved: {root}: {describe_problem(error)}")
            return
        yield from SweepRecorder(folder, plan).follow(events())


def _unrecorded(events: Iterator[SweepEvent], words: str) -> Iterator[SweepEvent]:
    for event in events:
        yield event
        if isinstance(event, SweepStarted):
            yield SweepNoted(words)


class SweepRecorder:
    """Records one sweep: ``run.toml``, ``candidates.csv``, the ledger and the summary.

    A candidate has a line when it has ended; where it started again and has two, the last counts.
    """

    def __init__(self, folder: Path, plan: Sweep) -> None:
        self.folder = folder
        self._plan = plan
        self._result = SweepResult(plan, keep_history=False)
        self._writer = Writer()
        self._due = Due(self._writer)
        self._lines: list[str] = []
        self._told = ""

    def follow(self, events: Iterator[SweepEvent]) -> Iterator[SweepEvent]:
        """Pass events on, and write them down; note what is wrong with that."""
        try:
            for event in events:
                self._take(event)
                if isinstance(event, SweepEnded):
                    self._writer.close()
                    yield from self._news()
                yield event
                yield from self._news()
        finally:
            self._writer.close()

    def _news(self) -> Iterator[SweepNoted]:
        if (problem := self._writer.problem) != self._told:
            self._told = problem
            if problem:
                yield SweepNoted(f"not saved: {problem}")

    def _take(self, event: SweepEvent) -> None:
        self._result = self._result.followed_by(event)
        match event:
            case SweepStarted() if self._result.tuning is not None:
                self._start_race(event)
            case SweepStarted():
                self._start(event)
            case CandidateEnded(candidate=index, ended=ended):
                self._lines.append(_line(self._cells(index, ended)))
            case CandidatesRestarted(candidates=indices):
                self._note({"event": "restarted", "candidates": list(indices)})
            case SweepNoted(words=words):
                self._note({"event": "noted", "words": words})
            case SweepEnded():
                self._end(event)
        if self._due.comes(SUMMARY, SUMMARY_SECONDS):
            self._write_state()

    def _start(self, event: SweepStarted) -> None:
        plan = self._plan
        keys = [axis.key for axis in plan.axes]
        description = describe(
            plan.base,
            kind="sweep",
            name=self.folder.name,
            axes={axis.key: [value_text(value) for value in axis.values] for axis in plan.axes},
            seeds=plan.seeds,
            objective=plan.objective,
            tunes=keys[-1] if plan.tunes else "",
        )
        self._writer.add(partial(write_description, self.folder, description))
        stage = ["stage"] if plan.tunes else []
        self._lines.append(
            _line([*stage, "candidate", "point", "seed", *keys, *_FIGURES, *FIGURES])
        )
        self._note({"event": STARTED, "how": event.how, "candidates": len(plan.candidates)})

    def _start_race(self, event: SweepStarted) -> None:
        race = event.sweep
        points = [values_of(race, point) for point in race.points]
        facts = {"how": event.how, "candidates": len(race.candidates), "points": points}
        self._note({"event": "raced", **facts})

    def _end(self, event: SweepEnded) -> None:
        facts = {"reason": event.reason.value, "detail": event.detail, "steps": event.steps}
        self._write_state()
        self._note({"event": ENDED, **facts, "seconds": event.seconds})

    def _cells(self, index: int, ended: RunEnded) -> list[Any]:
        sweep = self._result.sweep
        candidate = sweep.candidates[index]
        values = sweep.points[candidate.point].values
        numbers = [getattr(ended, name) for name in _FIGURES[1:]]
        numbers += figures(self._result.candidates[index]).values()
        stage = [] if not self._plan.tunes else ["tuning" if sweep.tunes else "race"]
        cells = [*stage, index, candidate.point, candidate.config.seed, *map(value_text, values)]
        return [*cells, ended.reason.value, *("" if f is None else f"{f:.9g}" for f in numbers)]

    def _write_state(self) -> None:
        """Write the lines that came, and the summary."""
        if self._lines:
            lines, self._lines = "".join(self._lines), []
            job = partial(append_whole, self.folder / CANDIDATES, lines.encode())
            self._writer.add(job, size=len(lines))
        content = summary_bytes(self._summary())
        self._writer.add(partial(replace_file, self.folder / SUMMARY, content), name=SUMMARY)

    def _summary(self) -> Summary:
        result = self._result
        leader = result.ranked()[0]
        found = recommend(result) if result.ended else None
        return Summary(
            state=result.state,
            step=result.done,
            steps=len(result.candidates),
            best_val_loss=finite(leader.best.median),
            lr=found.config.lr if found else None,
            recommended=values_text(result.sweep, found.point) if found else "",
            seconds=result.seconds,
            detail=result.ended.detail if result.ended else "",
            problem=self._writer.problem,
            updated=timestamp(),
        )

    def _note(self, entry: Entry) -> None:
        self._writer.add(partial(append_whole, self.folder / LEDGER, to_line(entry)))


def _line(cells: list[Any]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()
