"""A saved run repeated from its ledger, and compared with what was recorded of it."""

from collections.abc import Iterator

import torch

from tui_trainer.config.settings import with_steps
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.runs.checkpoint import DamagedError, read_checkpoint
from tui_trainer.runs.comparison import Comparison
from tui_trainer.runs.courses import course_of
from tui_trainer.runs.folder import BRANCHED_AT, CHECKPOINT
from tui_trainer.runs.kept_states import kept_files
from tui_trainer.runs.saved import SavedRun, first_difference
from tui_trainer.task.files.resolving import require_unchanged
from tui_trainer.training.control import Control
from tui_trainer.training.course import Checkpoint
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.events import Event, RunEnded, StepsCompleted
from tui_trainer.training.trainer import train


class Replay:
    """Repeats a saved run; `comparison` is complete once `events` has come to an end.

    A branch is repeated from where it left its parent.

    Raises:
        InvalidSettingsError: if there is nothing to repeat.
    """

    def __init__(self, saved: SavedRun) -> None:
        self.saved = saved
        self.comparison = Comparison(saved.folder, saved.losses.steps)
        self._states = {state.step: state for state in _states(saved)}
        if not saved.losses.steps:
            raise InvalidSettingsError(f"{saved.folder.name} has no step to repeat")

    def events(self, control: Control) -> Iterator[Event]:
        """Train, compare, and pass the events on.

        Raises:
            InvalidSettingsError: if it can't be repeated here: its device is missing, for instance.
        """
        saved = self.saved
        require_unchanged(saved.config.dataset)
        start = _branched_at(saved)
        last = saved.losses.steps
        course = course_of(saved, last, start=start, keep_at=self._states)
        config = with_steps(saved.config, last)
        self.comparison.compared = course.first_step - 1
        for event in train(config, control, course, self._compare_state):
            if isinstance(event, StepsCompleted):
                self._compare_steps(event)
            elif isinstance(event, RunEnded):
                self._compare_end(event)
            yield event

    def _compare_steps(self, event: StepsCompleted) -> None:
        comparison = self.comparison
        if comparison.differing_step is None:
            comparison.differing_step = first_difference(self.saved.losses, event)
        comparison.compared = event.last_step

    def _compare_end(self, ended: RunEnded) -> None:
        """Take in that it ended: perhaps before its last recorded step, or in failure."""
        comparison = self.comparison
        if ended.reason is StopReason.FAILED:
            name = self.saved.folder.name
            raise InvalidSettingsError(f"{name} can't be repeated: {ended.detail}")
        too_soon = ended.reason is not StopReason.STOPPED and ended.steps < comparison.steps
        if too_soon and comparison.differing_step is None:
            comparison.differing_step = ended.steps + 1

    def _compare_state(
        self, checkpoint: Checkpoint, best: Snapshot | None = None, *, mark: bool = False
    ) -> None:
        recorded = self._states.pop(checkpoint.step, None)
        if recorded is None or self.comparison.differing_tensor is not None:
            return
        self.comparison.states += 1
        if (name := differing_tensor(recorded, checkpoint)) is not None:
            self.comparison.differing_tensor = name
            self.comparison.tensor_step = checkpoint.step


def differing_tensor(one: Checkpoint, other: Checkpoint) -> str | None:
    """Name the first tensor of two states that is not the same bits; None if there is none."""
    pairs = zip(one.names, one.snapshot.tensors, other.snapshot.tensors, strict=True)
    for name, a, b in pairs:
        if not _same_bits(a, b):
            return name
    same = torch.equal(one.snapshot.generator_state, other.snapshot.generator_state)
    return None if same else "the random numbers"


def _same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    a, b = a.detach().cpu().contiguous(), b.detach().cpu().contiguous()
    return a.dtype == b.dtype and a.numpy().tobytes() == b.numpy().tobytes()


def _states(saved: SavedRun) -> Iterator[Checkpoint]:
    """Read the states to compare with, as far as they are whole."""
    for file in (*kept_files(saved.folder), saved.folder / CHECKPOINT):
        try:
            state = read_checkpoint(file)
        except DamagedError as error:
            saved.notes.append(str(error))
        else:
            if 0 < state.step <= saved.losses.steps:
                yield state


def _branched_at(saved: SavedRun) -> Checkpoint | None:
    if saved.description.parent is None:
        return None
    try:
        return read_checkpoint(saved.folder / BRANCHED_AT)
    except DamagedError as error:
        raise InvalidSettingsError(f"{saved.folder.name} can't be repeated: {error}") from None
