"""What a run repeats before it is free: where it starts from, and what was done to it on the way.

Resuming, replaying and branching are one thing: a `Course` made of what was recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tui_trainer.config.settings import EngineName
from tui_trainer.training.engines.choice import Switches
from tui_trainer.training.engines.engine import Snapshot
from tui_trainer.training.progress import ProgressState


@dataclass(frozen=True, slots=True, eq=False)
class WayBack:
    """The way to the weights of `step`: its `engine` repeats `replay` steps from `start`.

    These are 0 where a branch starts from a state of another config.
    """

    step: int
    engine: EngineName
    start: Snapshot
    replay: int


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """All that the steps after `step` depend on, besides the config and the threads.

    `names` are those of the snapshot's tensors, `engine` is that of the next step, `seconds` the
    training time so far.
    """

    progress: ProgressState
    snapshot: Snapshot
    names: tuple[str, ...]
    engine: EngineName
    best: WayBack | None
    seconds: float

    @property
    def step(self) -> int:
        """The step after which this was the state."""
        return self.progress.step


class Keep(Protocol):
    """Takes the states that a run hands out, in its thread: so it does not wait for a disk."""

    def __call__(
        self, checkpoint: Checkpoint, best: Snapshot | None = None, *, mark: bool = False
    ) -> None:
        """Take a state, all events before which have been read.

        `best` is the state after the best step, given where the run stands still. `mark` asks
        for the state to be kept beside later ones.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """From `start` on, the recorded changes are repeated up to step `repeats_to`.

    `switches` are the engines by the step from which they execute, step 1 included; `lrs` the
    learning rates by the step from which they apply. Requests for another lr wait until then, and
    no other engine takes over. `threads` are those of the recorded run on the CPU, `code_digest`
    that of the code which built its network. The state after each step in `keep_at` is handed out.
    """

    start: Checkpoint | None = None
    switches: Switches = field(default_factory=dict)
    lrs: Mapping[int, float] = field(default_factory=dict)
    threads: int | None = None
    repeats_to: int = 0
    keep_at: frozenset[int] = frozenset()
    code_digest: str | None = None

    @property
    def first_step(self) -> int:
        """The step that comes first."""
        return self.start.step + 1 if self.start is not None else 1

    @property
    def first_engine(self) -> EngineName | None:
        """The recorded engine of that step."""
        before = [step for step in self.switches if step <= self.first_step]
        return self.switches[max(before)] if before else None

    def steps_until_change(self, step: int) -> int | None:
        """Return how many steps after `step` come before the next change, if there is one."""
        kept = (step + 1 for step in self.keep_at)
        changes = (*self.switches, *self.lrs, self.repeats_to + 1, *kept)
        return min((s - 1 - step for s in changes if s - 1 > step), default=None)
