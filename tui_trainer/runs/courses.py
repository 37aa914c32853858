"""What a run repeats that goes on, is repeated or branched off: a `Course` out of its folder."""

from collections.abc import Iterable
from dataclasses import replace

from msgspec.structs import replace as with_changes

from tui_trainer.config.overrides import BATCH_NUMBERS
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.runs.saved import SavedRun
from tui_trainer.training.control import Control
from tui_trainer.training.course import Checkpoint, Course
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.events import RunEnded
from tui_trainer.training.trainer import train


def course_of(
    saved: SavedRun, up_to: int, *, start: Checkpoint | None, keep_at: Iterable[int] = ()
) -> Course:
    """Repeat a saved run's steps up to `up_to`, from a state of it."""
    return Course(
        start,
        {step: engine for step, engine in saved.switches.items() if step <= up_to + 1},
        {step: lr for step, lr in saved.lrs.items() if step <= up_to + 1},
        saved.description.threads,
        up_to,
        frozenset(keep_at),
        saved.description.code_digest if saved.config.architecture.builder else None,
    )


def course_to_go_on(saved: SavedRun) -> Course:
    """Repeat the steps after the newest state that can be read, then go on."""
    last = saved.losses.steps
    return course_of(saved, last, start=next(saved.checkpoints(last), None))


def state_after(saved: SavedRun, step: int) -> Checkpoint:
    """Return the state after a step: one that was kept, or steps are repeated from the one before.

    Raises:
        InvalidSettingsError: if there is no such step to branch off from.
    """
    last = saved.losses.steps
    ended = saved.ended
    if ended is not None and ended.reason is StopReason.DIVERGED:
        last -= 1
    if not 0 <= step <= last:
        raise InvalidSettingsError(f"{saved.folder.name}: step {step:,} is not from 0 to {last:,}")
    start = next(saved.checkpoints(step), None)
    if start is not None and start.step == step:
        return start
    control, found = Control(), list[Checkpoint]()

    def keep(checkpoint: Checkpoint, best: Snapshot | None = None, *, mark: bool = False) -> None:
        if checkpoint.step == step and not found:
            found.append(checkpoint)
            control.stop()

    course = course_of(saved, step, start=start, keep_at=[step])
    if step == 0:
        control.stop()
    for event in train(saved.config, control, course, keep):
        if isinstance(event, RunEnded) and not found:
            raise InvalidSettingsError(f"step {step:,} can't be repeated: {event.detail}")
    return found[0]


def branch_start(
    state: Checkpoint, parent: RunConfig, child: RunConfig, lr: float | None
) -> tuple[Checkpoint, float]:
    """Return what a branch starts from, and its lr: that of the state unless another is given.

    A stopping rule that is not the parent's starts with no memory.

    Raises:
        InvalidSettingsError: if the branch would be of another network, or of other data.
    """
    data, own = parent.dataset, child.dataset
    if own.digest == data.digest:  # the same rows, perhaps in a copy
        own = with_changes(own, file=data.file, validation_file=data.validation_file)
        child = with_changes(child, dataset=own)
    kept = ("dataset", "architecture", "init", "seed", "data_seed", *BATCH_NUMBERS)
    for part in kept:
        if getattr(parent, part) != getattr(child, part):
            raise InvalidSettingsError(
                f"a branch keeps the network and the data: {part.replace('_', ' ')} is another"
            )
    progress = state.progress
    if parent.regularizer.stopping != child.regularizer.stopping:
        progress = replace(progress, memory=None)
    if child.steps <= state.step:
        raise InvalidSettingsError(
            f"a branch at step {state.step:,} needs more than {child.steps:,} steps"
        )
    return replace(state, progress=progress), state.snapshot.lr if lr is None else lr
