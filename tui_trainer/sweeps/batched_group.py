"""Candidates that train as one program: on a GPU, and where no compiler makes a fused step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

import torch
from torch import Generator, Tensor
from torch.nn import functional

from tui_trainer.config.settings import RunConfig
from tui_trainer.sweeps.groups import Advance, Block, Group, Member
from tui_trainer.task.network import build_network
from tui_trainer.task.schedules import make_factor
from tui_trainer.task.task import Task
from tui_trainer.training.engines.activations import keeps_sums
from tui_trainer.training.engines.batched import BatchedSteps
from tui_trainer.training.engines.engine import TrainingState, to_losses
from tui_trainer.training.engines.layers import Layer, flatten
from tui_trainer.training.engines.stack import Stack
from tui_trainer.training.engines.vmapped import VmappedSteps, padding, step_bytes
from tui_trainer.training.events import FitSampled
from tui_trainer.training.fit import describe_fit

# What a block of networks writes in a step stays in a core's cache; on a GPU larger is better.
_CACHE_BYTES = 4_000_000
_GPU_BYTES = 4_000_000_000
VMAPPED_ROWS = 32

GeneratorStates: TypeAlias = Mapping[int, Tensor]


class StackedSteps(Protocol):
    """Does steps of stacks of networks: see `BatchedSteps`."""

    def advance(
        self, stack: Stack, streams: Mapping[int, Generator], steps: int, done: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Do `steps` steps; return train and validation losses, each of shape (steps, M)."""
        ...

    def predict(self, stack: Stack, x: Tensor) -> Tensor:
        """Return predictions (M, N) for `x` (N, features)."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """What does the steps of a group's blocks; `make` makes one for a worker.

    `network_bytes` is what a network writes in a step, `drops` says whether steps draw. A block has
    at least `least` networks, if there are as many, and at most `most`. `padding` is how many zeros
    follow a network's parameters.
    """

    make: Callable[[], StackedSteps]
    network_bytes: int
    drops: bool = False
    least: int = 1
    most: int = 10**9
    padding: int = 0


def layered_program(layers: Sequence[Layer], task: Task) -> Program:
    """Return the program for networks that are rows of layers."""
    points = len(task.data.train_x) + len(task.data.val_x)
    widths = sum(layer.outputs + layer.inputs * layer.dropout for layer in layers)
    return Program(
        lambda: BatchedSteps(layers, task.data, task.optimizer),
        # Outputs of all points, gradients of half of them, and perhaps the sums of all.
        (10 if keeps_sums(layers[0]) else 6) * widths * points,
        any(layer.dropout for layer in layers),
    )


def vmapped_program(state: TrainingState) -> Program:
    """Return the program for networks like a state's, if their code can be called for many."""
    model, task = state.model, state.task
    # Half of them would take as long: the interpreter has as much to do.
    most = 10**9 if task.data.train_x.is_cuda else VMAPPED_ROWS
    return Program(
        lambda: VmappedSteps(model, task.data, task.optimizer),
        step_bytes(state),
        least=VMAPPED_ROWS,
        most=most,
        padding=padding(sum(p.numel() for p in state.parameters)),
    )


class BatchedGroup(Group):
    """Trains as one program; see `engines.batched` and `engines.vmapped`."""

    kind = "batched"

    def __init__(
        self, members: Sequence[Member], task: Task, program: Program, note: str = ""
    ) -> None:
        super().__init__(members, note)
        self._program, self._task = program, task
        self._stack, self._states = _stack(
            [member.config for member in members], task, program.padding
        )
        self._before = self._stack.rows(range(len(members)))  # as the pass began
        self._next_states: dict[int, Tensor] = {}
        self._drops = program.drops
        self._spare: list[StackedSteps] = []
        # For those that keep their best: the start of the chunk it came out of, and the random
        # states and steps from there.
        self._best_starts = self._stack.rows(range(len(members)))
        self._best: dict[int, tuple[GeneratorStates, int, int]] = {}

    def blocks(self, workers: int) -> list[Block]:
        """Cut the rows into blocks that fit the cache, and no fewer than there are workers."""
        program = self._program
        limit = _GPU_BYTES if self._task.data.train_x.is_cuda else _CACHE_BYTES
        count = len(self.members)
        most = min(limit // program.network_bytes, -(-count // workers), program.most)
        most = max(most, program.least)
        blocks = -(-count // most)
        edges = [count * number // blocks for number in range(blocks + 1)]
        return [Block(a, b) for a, b in pairwise(edges)]

    def advance(self, block: Block, steps: int, watched: int | None) -> Advance:
        """Take a block through a pass of `steps`; sample the fit of the watched candidate."""
        members = tuple(self.members[block.start : block.stop])
        first_step = members[0].step + 1
        stack = self._stack.part(block.start, block.stop)
        streams = self._streams(stack, self._states)
        engine = self._take_engine()
        losses = engine.advance(stack, streams, steps, first_step - 1)
        self._spare.append(engine)
        self._next_states.update((name, s.get_state()) for name, s in streams.items())
        train, val = (self._task.data.losses(to_losses(part)) for part in losses)
        counts, improved = [], []
        for row, member in enumerate(members):
            best = member.best
            counts.append(member.observe(train[:, row], val[:, row]).count)
            if member.keeps_best and member.best is not None and member.best is not best:
                improved.append(block.start + row)
                replayed = member.best.step - first_step + 1
                self._best[member.index] = (self._states, replayed, first_step - 1)
        self._best_starts.copy_rows_from(self._before, improved)
        fits = dict(self._sample_fits(block, counts, steps, watched))
        return Advance(members, first_step, tuple(counts), train, val, fits)

    def end_pass(self) -> None:
        """Drop the candidates that have ended, so that they cost nothing."""
        self._states = {**self._states, **self._next_states}
        kept = [row for row, member in enumerate(self.members) if member.ending is None]
        if len(kept) < len(self.members):
            self.members = [self.members[row] for row in kept]
            self._stack = self._stack.rows(kept)
            self._before = self._stack.rows(range(len(kept)))
            self._best_starts = self._best_starts.rows(kept)
        else:
            self._before.copy_from(self._stack)

    def _sample_fits(
        self, block: Block, counts: Sequence[int], steps: int, watched: int | None
    ) -> Iterator[tuple[int, FitSampled]]:
        """Sample the fits of those that ended, with the weights they ended with, and of one."""
        for row, count in enumerate(counts, block.start):
            member = self.members[row]
            if member.ending is None:
                if member.index == watched:
                    yield member.index, self._fit(self._stack.rows([row]), member)
            elif not member.has_diverged:
                if member.restores_best:
                    start = self._best_starts.rows([row])
                    stack = self._replayed(start, *self._best.pop(member.index))
                elif count < steps:
                    start = self._before.rows([row])
                    stack = self._replayed(start, self._states, count, member.step - count)
                else:
                    stack = self._stack.rows([row])
                yield member.index, self.told(self._fit(stack, member))

    def _replayed(self, start: Stack, states: GeneratorStates, steps: int, done: int) -> Stack:
        """Repeat a network's steps from a chunk's start, `done` steps into the training."""
        self._program.make().advance(start, self._streams(start, states), steps, done)
        return start

    def _fit(self, stack: Stack, member: Member) -> FitSampled:
        engine = self._program.make()
        return describe_fit(
            self._task.data, *member.standing, lambda x: engine.predict(stack, x)[0]
        )

    def _take_engine(self) -> StackedSteps:
        """Take one that no other worker is using."""
        try:
            return self._spare.pop()
        except IndexError:
            return self._program.make()

    def _streams(self, stack: Stack, states: GeneratorStates) -> dict[int, Generator]:
        """Make the streams that a stack draws from, each where it was."""
        streams = {}
        for name in dict.fromkeys(stack.streams) if self._drops else ():
            streams[name] = Generator()
            streams[name].set_state(states[name])
        return streams


def _stack(configs: Sequence[RunConfig], task: Task, padding: int) -> tuple[Stack, GeneratorStates]:
    """Draw all networks as runs of their own would; those alike in init and seed only once."""
    drawn: dict[tuple[str, int], tuple[int, Tensor]] = {}
    states: dict[int, Tensor] = {}
    rows, streams = [], []
    for config in configs:
        key = (config.init.layer, config.seed)
        if key not in drawn:
            generator = Generator().manual_seed(config.seed)
            drawn[key] = len(drawn), _drawn(config, generator, padding)
            states[len(states)] = generator.get_state()
        stream, parameters = drawn[key]
        rows.append(parameters)
        streams.append(stream)
    device = task.data.train_x.device
    parameters = torch.stack(rows).to(device)

    def column(values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=torch.float32, device=device)[:, None]

    regularizers = [config.regularizer for config in configs]
    stack = Stack(
        parameters,
        task.optimizer.init([parameters]),
        column(config.lr for config in configs),
        column(r.l1_weight for r in regularizers),
        column(r.weight_decay for r in regularizers),
        column(r.dropout or 0.0 for r in regularizers),
        tuple(streams),
        tuple(make_factor(config.schedule, config.steps) for config in configs),
    )
    return stack, states


def _drawn(config: RunConfig, generator: Generator, padding: int) -> Tensor:
    """Draw a network's parameters."""
    drawn = flatten([*build_network(config, generator).parameters()])
    return functional.pad(drawn, (0, padding))
