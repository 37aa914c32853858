"""Candidates that train together: those of one architecture on the same data."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tui_trainer.config.settings import RunConfig
from tui_trainer.sweeps.plan import Candidate
from tui_trainer.training.engines.engine import Engine, Losses, Snapshot
from tui_trainer.training.events import FitSampled
from tui_trainer.training.fit import figures_of, sample_fit
from tui_trainer.training.progress import Progress

MakeEngine: TypeAlias = Callable[[RunConfig], Engine]


class Member(Progress):
    """A candidate in training."""

    def __init__(self, candidate: Candidate) -> None:
        super().__init__(candidate.config)
        self.index = candidate.index


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring rows of a group, which one worker takes through a chunk of steps."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Advance:
    """The result of a block's chunk of steps: losses of shape (steps, rows), and how many count."""

    members: tuple[Member, ...]
    first_step: int
    counts: tuple[int, ...]
    train: Losses
    val: Losses
    fits: Mapping[int, FitSampled]


class Group(ABC):
    """Candidates in lockstep. Blocks advance in any order, from any thread; then the pass ends.

    `kind` says what trains them, `note` why nothing faster does.
    """

    kind: str

    def __init__(self, members: Sequence[Member], note: str = "") -> None:
        self.members = list(members)
        self.note = note
        self.chunk_steps = 1
        self.on_gpu = members[0].config.device.startswith("cuda")
        self.fits = True  # whether fits of candidates that end have curves, or figures alone

    @property
    def steps(self) -> int:
        """How many steps the next pass takes: no candidate's end lies before its last."""
        return min(self.chunk_steps, *(member.steps_left for member in self.members))

    def told(self, fit: FitSampled) -> FitSampled:
        """Return the fit of a candidate that ended as it is told."""
        return fit if self.fits else figures_of(fit)

    @abstractmethod
    def blocks(self, workers: int) -> list[Block]:
        """Return the blocks of a pass, enough for all workers."""

    @abstractmethod
    def advance(self, block: Block, steps: int, watched: int | None) -> Advance:
        """Take a block through a pass of `steps`; sample the fit of the watched candidate."""

    @abstractmethod
    def end_pass(self) -> None:
        """Drop the candidates that have ended."""


class OwnGroup(Group):
    """Trains each candidate with an engine of its own, as a run does: to the same bits."""

    def __init__(
        self, members: Sequence[Member], kind: str, make_engine: MakeEngine, note: str = ""
    ) -> None:
        super().__init__(members, note)
        self.kind = kind
        self._engines = {member.index: make_engine(member.config) for member in members}
        self._best: dict[int, tuple[Snapshot, int]] = {}

    def blocks(self, workers: int) -> list[Block]:
        """Return a block a candidate."""
        return [Block(row, row + 1) for row in range(len(self.members))]

    def advance(self, block: Block, steps: int, watched: int | None) -> Advance:
        """Take a candidate through a pass of `steps`; sample its fit if it ended, or is watched."""
        member = self.members[block.start]
        index, first_step, best = member.index, member.step + 1, member.best
        engine = self._engines[index]
        start = engine.state.snapshot()
        train, val = engine.advance(steps)
        count = member.observe(train, val).count
        if member.keeps_best and member.best is not None and member.best is not best:
            self._best[index] = (start, member.best.step - first_step + 1)
        fits: dict[int, FitSampled] = {}
        if member.ending is None and index == watched:
            fits[index] = sample_fit(engine, *member.standing)
        elif member.ending is not None and not member.has_diverged:
            start, replayed = self._best[index] if member.restores_best else (start, count)
            if member.restores_best or count < steps:
                engine.state.restore(start)
                engine.advance(replayed)
            fits[index] = self.told(sample_fit(engine, *member.standing))
        return Advance((member,), first_step, (count,), train[:, None], val[:, None], fits)

    def end_pass(self) -> None:
        """Drop the candidates that have ended."""
        self.members = [member for member in self.members if member.ending is None]
