"""Runs that are written while they go on: new ones, ones gone on with, branches."""

import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as with_changes

from tui_trainer.config.settings import RunConfig, with_steps
from tui_trainer.runs.blocks import copy_blocks
from tui_trainer.runs.checkpoint import checkpoint_bytes, write_checkpoint
from tui_trainer.runs.courses import (
    branch_start,
    course_of,
    course_to_go_on,
    state_after,
)
from tui_trainer.runs.description import Parent
from tui_trainer.runs.folder import BRANCHED_AT, METRICS, make_run_folder, run_name
from tui_trainer.runs.handover import hand_over, handover_notes
from tui_trainer.runs.ledger import BRANCHED, CONTINUED, Entry
from tui_trainer.runs.metrics_writer import MetricsWriter
from tui_trainer.runs.ownership import LOCK, Ownership, own, owner_of
from tui_trainer.runs.recorder import Recorder
from tui_trainer.runs.saved import (
    SavedRun,
    entries_until,
    first_difference,
    require_unfinished,
)
from tui_trainer.runs.server import answering
from tui_trainer.runs.writer import describe_problem
from tui_trainer.task.files.resolving import require_unchanged
from tui_trainer.training.control import Control
from tui_trainer.training.course import Checkpoint
from tui_trainer.training.events import (
    EngineChanged,
    Event,
    FitSampled,
    LrChanged,
    Noted,
    NotLearning,
    Recorded,
    RunStarted,
    StepsCompleted,
)
from tui_trainer.training.result import RunResult
from tui_trainer.training.trainer import train

WRITING_SECONDS = 3.0  # that a run may take to write its last steps


def record(
    config: RunConfig, control: Control, root: Path, folder: Path | None = None
) -> Iterator[Event]:
    """Train a config from its first step on, in an empty `folder`, or a new one below `root`.

    Where no folder can be made the run is not written, which an event says. A run that can't be
    set up leaves no folder.
    """
    with ExitStack() as stack:
        try:
            folder = folder or make_run_folder(root, run_name(config))
            stack.callback(_remove_unused, folder)
            ownership = stack.enter_context(own(folder))
        except OSError as error:
            yield from _unrecorded(train(config, control), f"{root}: {describe_problem(error)}")
            return
        recorder = Recorder(folder, control, RunResult(config, keep_history=False))
        stack.enter_context(answering(ownership, control, recorder.status))
        yield from recorder.follow(train(config, control, keep=recorder.keep))


def _remove_unused(folder: Path) -> None:
    """Remove a run's folder if nothing was ever written to it."""
    with suppress(OSError):
        if [file.name for file in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()


def _unrecorded(events: Iterator[Event], problem: str) -> Iterator[Event]:
    for event in events:
        yield event
        if isinstance(event, RunStarted):
            yield Recorded(None, problem)


def go_on(folder: Path, control: Control, steps: int | None = None) -> Iterator[Event]:
    """Go on with a saved run, to another last step if one is given.

    All that is recorded of it is told first: what one sees is the run from step 1 on. The steps
    after the newest state are trained once more, and compared with what was recorded.

    Raises:
        InvalidSettingsError: if it can't be read, is at an end, or another process writes it.
    """
    with own(folder) as ownership:
        yield from _go_on(SavedRun(folder), control, steps, ownership)


def _go_on(
    saved: SavedRun, control: Control, steps: int | None, ownership: Ownership
) -> Iterator[Event]:
    folder = saved.folder
    config = saved.config if steps is None else with_steps(saved.config, steps)
    require_unfinished(saved, config)
    require_unchanged(config.dataset)
    course, last = course_to_go_on(saved), saved.losses.steps
    recorder = Recorder(folder, control, RunResult(config, keep_history=False), past=saved.entries)
    start = course.start
    entry: Entry = {"event": CONTINUED, "step": last, "from": course.first_step - 1}
    entry |= {} if steps is None else {"steps": steps}
    trained = train(config, control, course, recorder.keep)
    events = _noting(entry, recorder, _beyond(trained, saved, last))
    past = saved.events(start.seconds if start is not None else 0.0)
    with answering(ownership, control, recorder.status):
        yield from recorder.follow(events, [*past, *map(Noted, saved.notes)])


def _noting(entry: Entry, recorder: Recorder, events: Iterator[Event]) -> Iterator[Event]:
    """Note in the ledger that a run goes on, once it does."""
    for event in events:
        if isinstance(event, RunStarted):
            recorder.note(entry)
        yield event


def branch(
    folder: Path, step: int, config: RunConfig, control: Control, lr: float | None, root: Path
) -> Iterator[Event]:
    """Train another config from the state of a saved run after `step` on, in a folder of its own.

    The branch has its parent's past: what one sees is one run from step 1 on.

    Raises:
        InvalidSettingsError: if there is no such step, or the config does not fit.
        OSError: if its folder can't be made.
    """
    saved = _written_up_to(folder, step)
    require_unchanged(saved.config.dataset)
    state = state_after(saved, step)
    state, lr = branch_start(state, saved.config, config, lr)
    config = with_changes(config, lr=lr, dataset=saved.config.dataset)
    state = hand_over(state, saved.config, config, saved.description.threads)
    child = make_run_folder(root, run_name(config))
    with own(child) as ownership:
        has_begun = yield from _branch(saved, child, state, config, control, ownership)
    if not has_begun:
        shutil.rmtree(child, ignore_errors=True)


def _written_up_to(folder: Path, step: int) -> SavedRun:
    """Read a run; wait for steps that its process, perhaps this one, has still to write."""
    deadline = time.monotonic() + WRITING_SECONDS
    saved = SavedRun(folder)
    while saved.losses.steps < step and owner_of(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
        saved = SavedRun(folder)
    return saved


def _branch(
    saved: SavedRun,
    child: Path,
    state: Checkpoint,
    config: RunConfig,
    control: Control,
    ownership: Ownership,
) -> Generator[Event, None, bool]:
    """Train a branch in its folder; return whether it could be set up."""
    step = state.step
    write_checkpoint(child / BRANCHED_AT, checkpoint_bytes(state))
    _write_past(child, saved, step)
    parent = Parent(saved.folder.name, step)
    past = entries_until(saved.entries, step)
    result = RunResult(config, keep_history=False)
    recorder = Recorder(child, control, result, past=past, parent=parent)
    for entry in [*past, {"event": BRANCHED, "step": step, "parent": saved.folder.name}]:
        recorder.note(entry)
    same_engine = config.engine == saved.config.engine
    course = course_of(saved, step, start=state)
    switches = course.switches if same_engine else {}
    course = replace(course, lrs={step + 1: config.lr}, switches=switches)
    events = _with_engine(train(config, control, course, recorder.keep), saved, step)
    with answering(ownership, control, recorder.status):
        yield from recorder.follow(events, saved.events(state.seconds, up_to=step))
    return recorder.has_begun


def _write_past(child: Path, saved: SavedRun, step: int) -> None:
    losses = saved.losses.until(step)
    if losses.old is not None:
        copy_blocks(saved.folder / METRICS, child / METRICS, losses.old_steps)
    writer = MetricsWriter(child / METRICS)
    columns = {"train_loss": losses.train, "val_loss": losses.val}
    if losses.bound is not None:
        columns["bound"] = losses.bound
    if step:
        writer.append(losses.old_steps + 1, columns)
    writer.close()


def _with_engine(events: Iterator[Event], saved: SavedRun, step: int) -> Iterator[Event]:
    """Tell with which engine a branch starts, where it is not that of its parent's last step.

    And what it does not go on with.
    """
    before = [engine for at, engine in saved.switches.items() if at <= step]
    for event in events:
        yield event
        if not isinstance(event, RunStarted):
            continue
        if before and event.engine != before[-1]:
            yield EngineChanged(step + 1, event.engine, event.engine_reason)
        yield from map(Noted, handover_notes(saved.config, event.config, step))


def _beyond(events: Iterator[Event], saved: SavedRun, last: int) -> Iterator[Event]:
    """Omit what is recorded: the steps up to `last`, once they are compared."""
    differs = False
    for event in events:
        match event:
            case StepsCompleted() if event.first_step <= last:
                if not differs and (step := first_difference(saved.losses, event)) is not None:
                    differs = True
                    yield Noted(f"step {step:,} came out differently this time")
                if event.last_step > last:
                    yield _later_steps(event, last)
            case LrChanged() if saved.lrs.get(event.step) == event.lr:
                pass
            case EngineChanged() if saved.switches.get(event.step) == event.engine:
                pass
            case FitSampled() if event.step < last:
                pass
            case NotLearning() if last:
                pass
            case _:
                yield event


def _later_steps(event: StepsCompleted, last: int) -> StepsCompleted:
    skipped = last - event.first_step + 1
    return replace(
        event,
        first_step=last + 1,
        train_loss=event.train_loss[skipped:],
        val_loss=event.val_loss[skipped:],
        bound=event.bound[skipped:] if event.bound is not None else None,
    )
