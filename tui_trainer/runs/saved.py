"""A run that is in a folder: what was chosen, what happened, and the states to go on from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_trainer.config.settings import EngineName, RunConfig, with_steps
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.runs.blocks import OldSteps, read_blocks
from tui_trainer.runs.description import Description, read_description
from tui_trainer.runs.fit_file import read_fit
from tui_trainer.runs.folder import BRANCHED_AT, CANDIDATES, CHECKPOINT, LEDGER, METRICS
from tui_trainer.runs.ledger import STARTED, Entry, asked_steps, events_of, read_ledger, to_event
from tui_trainer.runs.metrics import read_metrics
from tui_trainer.runs.summary import read_summary
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.events import (
    EngineChanged,
    Event,
    FloatArray,
    LrChanged,
    RunEnded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.progress import Best, lower_best
from tui_trainer.training.result import RunResult

if TYPE_CHECKING:  # torch is for those who go on with a run, not for those who look at it
    from tui_trainer.training.course import Checkpoint


@dataclass(frozen=True, slots=True, eq=False)
class SavedLosses:
    """The losses of the steps from 1 on, the oldest perhaps in blocks alone: `old`.

    The arrays begin with the step after those. `bound` is None without a rule.
    """

    train: FloatArray
    val: FloatArray
    bound: FloatArray | None
    old: OldSteps | None = None

    @property
    def old_steps(self) -> int:
        """How many steps are in blocks alone."""
        return self.old.last_step if self.old is not None else 0

    @property
    def steps(self) -> int:
        """The last step."""
        return self.old_steps + len(self.train)

    def until(self, step: int) -> SavedLosses:
        """Return those up to a step; NaN for those that only a part of a file of blocks has."""
        count = step - self.old_steps
        if count >= 0:
            bound = self.bound[:count] if self.bound is not None else None
            return SavedLosses(self.train[:count], self.val[:count], bound, self.old)
        assert self.old is not None
        old = self.old.until(step)
        unknown = np.full(step - (old.last_step if old else 0), np.nan, np.float32)
        return SavedLosses(unknown, unknown, unknown if self.bound is not None else None, old)


class SavedRun:
    """Reads a run's folder.

    `notes` are what could not be read of it, in words.

    Raises:
        InvalidSettingsError: one line, if it is no run or can't be read at all.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.description: Description = read_description(folder)
        if self.description.kind == "sweep":
            raise InvalidSettingsError(
                f"{folder.name} is a sweep, not a run; its candidates are in {folder / CANDIDATES}"
            )
        self._config = self.description.own_config
        self.notes: list[str] = []
        try:
            self.entries, note = read_ledger(folder)
        except OSError as error:
            raise InvalidSettingsError(f"{folder / LEDGER}: {error.strerror}") from None
        if note:
            self.notes.append(note)

    @property
    def config(self) -> RunConfig:
        """What was chosen, with the last step that was asked for since."""
        steps = asked_steps(self.entries)
        return with_steps(self._config, steps) if steps else self._config

    @cached_property
    def losses(self) -> SavedLosses:
        """Those of all steps, without a gap, that were recorded."""
        found = read_metrics(self.folder / METRICS)
        self.notes += found.problems
        if "train_loss" not in found.series or "val_loss" not in found.series:
            nothing = np.empty(0, np.float32)
            return SavedLosses(nothing, nothing, None)
        train, val = found.series["train_loss"], found.series["val_loss"]
        old, problems = read_blocks(self.folder / METRICS, int(train.steps[0]) - 1)
        self.notes += problems
        before = old.last_step if old is not None else 0
        whole = min(_without_gap(series.steps, before) for series in (train, val))
        bound = None
        if "bound" in found.series:  # of a branch perhaps of some steps alone
            bound = found.series["bound"].filled(before + 1, before + whole)
        return SavedLosses(train.values[:whole], val.values[:whole], bound, old)

    @property
    def switches(self) -> dict[int, EngineName]:
        """The engines by the step from which they executed."""
        started = next((entry for entry in self.entries if entry["event"] == STARTED), {})
        first: EngineName = started.get("engine", "eager")
        changes = [event for event in self._events if isinstance(event, EngineChanged)]
        return {1: first} | {event.step: event.engine for event in changes}

    @property
    def lrs(self) -> dict[int, float]:
        """The changes of the learning rate by the step from which they applied."""
        return {event.step: event.lr for event in self._events if isinstance(event, LrChanged)}

    @property
    def ended(self) -> RunEnded | None:
        """Its end, if that is the last thing that is known of it."""
        for entry in reversed(self.entries):
            event = to_event(entry)
            if isinstance(event, RunEnded):
                return event
            if event is None or isinstance(event, LrChanged | EngineChanged):
                return None
        return None

    def checkpoints(self, up_to: int) -> Iterator[Checkpoint]:
        """Read the states after `up_to` steps or fewer, the newest first; note damaged ones."""
        from tui_trainer.runs.checkpoint import DamagedError, read_checkpoint
        from tui_trainer.runs.kept_states import kept_files

        found: list[Checkpoint] = []
        kept = reversed(kept_files(self.folder))
        for file in (self.folder / CHECKPOINT, *kept, self.folder / BRANCHED_AT):
            if not file.is_file():
                continue
            try:
                found.append(read_checkpoint(file))
            except DamagedError as error:
                self.notes.append(str(error))
            else:
                if found[-1].step == up_to:
                    break
        yield from sorted((c for c in found if c.step <= up_to), key=lambda c: -c.step)

    def events(self, seconds: float = 0.0, up_to: int | None = None) -> Iterator[Event]:
        """Tell what is recorded of the steps up to `up_to`, but for start and end, as a run would.

        The changes come before the losses, which a fold does not mind. `seconds` is the training
        time so far.
        """
        last = self.losses.steps if up_to is None else up_to
        losses = self.losses.until(last)
        yield from events_of(entries_until(self.entries, last + 1))
        if losses.old is not None:
            yield losses.old.told(self._best)
        if len(losses.val):
            best = lower_best(None, losses.val, losses.old_steps + 1)
            yield StepsCompleted(
                first_step=losses.old_steps + 1,
                train_loss=losses.train,
                val_loss=losses.val,
                bound=losses.bound,
                gauge=None,
                best_step=best.step if best else None,
                best_val_loss=best.val_loss if best else None,
                seconds=seconds,
                steps_per_second=0.0,
                is_past=True,
            )

    @cached_property
    def result(self) -> RunResult:
        """The run as it stands, for who shows it."""
        result = RunResult(self.config)
        points, fits = read_fit(self.folder)
        if points is not None:
            started = next((entry for entry in self.entries if entry["event"] == STARTED), {})
            told, engine = self.description, started.get("engine", "eager")
            count, reason = told.parameter_count, started.get("engine_reason", "")
            result.apply(
                RunStarted(self.config, engine, told.device, count, points, reason, told.threads)
            )
        end = [self.ended] if self.ended is not None else []
        for event in [*self.events(), *fits, *end]:
            result.apply(event)
        return result

    @property
    def _best(self) -> Best | None:
        known = read_summary(self.folder)
        return known.best if known is not None else None

    @property
    def _events(self) -> Iterator[Event]:
        return events_of(self.entries)


def entries_until(entries: list[Entry], step: int) -> list[Entry]:
    """Return the entries about steps up to `step`: what a branch has of its parent."""
    return [
        entry for entry in entries if entry["event"] != "ended" and (entry.get("step") or 0) <= step
    ]


def require_unfinished(saved: SavedRun, config: RunConfig) -> None:
    """Refuse to go on with a run that its own end keeps from it.

    Raises:
        InvalidSettingsError: why, and what can be done.
    """
    ended, name = saved.ended, saved.folder.name
    if ended is None or ended.reason in (StopReason.STOPPED, StopReason.FAILED):
        return
    if ended.reason is StopReason.COMPLETED:
        if config.steps <= ended.steps:
            raise InvalidSettingsError(
                f"{name} has finished its {ended.steps:,} steps: --steps with more goes on"
            )
        return
    how = "diverged" if ended.reason is StopReason.DIVERGED else "stopped early"
    raise InvalidSettingsError(
        f"{name} {how} at step {ended.steps:,}: it can be branched off before, not gone on with"
    )


def first_difference(losses: SavedLosses, event: StepsCompleted) -> int | None:
    """Return the first recorded step of an event's whose losses are not the same bits."""
    first = max(event.first_step, losses.old_steps + 1)
    last = min(event.last_step, losses.steps)
    if last < first:
        return None
    recorded = slice(first - 1 - losses.old_steps, last - losses.old_steps)
    repeated = slice(first - event.first_step, last - event.first_step + 1)
    same = np.ones(last - first + 1, bool)
    for old, new in ((losses.train, event.train_loss), (losses.val, event.val_loss)):
        same &= old[recorded].view(np.uint32) == new[repeated].view(np.uint32)
    wrong = np.flatnonzero(~same)
    return first + int(wrong[0]) if len(wrong) else None


def _without_gap(steps: NDArray[np.int64], before: int) -> int:
    """Count the steps that follow one another from the one after `before` on."""
    expected = np.arange(before + 1, before + 1 + len(steps))
    wrong = np.flatnonzero(steps != expected)
    return int(wrong[0]) if len(wrong) else len(steps)
