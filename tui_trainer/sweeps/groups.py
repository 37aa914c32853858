"""Candidates that train together: those of one architecture on the same data."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Generator, Tensor

from tui_trainer.config.settings import RunConfig
from tui_trainer.sweeps.batched import BatchedSteps, Layer, Stack, find_layers, flatten
from tui_trainer.sweeps.plan import Candidate
from tui_trainer.sweeps.track import Track
from tui_trainer.task.data import Data, make_data
from tui_trainer.task.network import build_network
from tui_trainer.training.early_stopping import StopReason
from tui_trainer.training.engines.engine import Losses, Snapshot, to_losses
from tui_trainer.training.events import FitSampled, Weights
from tui_trainer.training.fit import describe_fit, sample_fit
from tui_trainer.training.setup import Setup, find_device

# What a block of networks writes in a step stays in a core's cache; on a GPU larger is better.
_CACHE_BYTES = 4_000_000
_GPU_BYTES = 4_000_000_000

Key: TypeAlias = tuple[object, ...]
States: TypeAlias = Mapping[int, Tensor]


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring rows of a group, which one worker takes through a chunk of steps."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Advance:
    """What a block's chunk of steps came to: losses of shape (steps, rows), those that count."""

    tracks: tuple[Track, ...]
    first_step: int
    counts: tuple[int, ...]
    train: Losses
    val: Losses
    fits: Mapping[int, FitSampled]


class Group(ABC):
    """Candidates in lockstep. Blocks advance in any order, from any thread; then the pass ends."""

    def __init__(self, tracks: Sequence[Track], data: Data) -> None:
        self.tracks = list(tracks)
        self.data = data
        self.chunk_steps = 1
        self.fits = True  # whether to sample those of candidates that end

    @property
    def steps(self) -> int:
        """How many steps the next pass takes: no candidate's end lies before its last."""
        return min(self.chunk_steps, *(track.steps_left for track in self.tracks))

    @abstractmethod
    def blocks(self, workers: int) -> list[Block]:
        """Return the blocks of a pass, enough for all workers."""

    @abstractmethod
    def advance(self, block: Block, steps: int, watched: int | None) -> Advance:
        """Take a block through a pass of `steps`; sample the fit of the watched candidate."""

    @abstractmethod
    def end_pass(self) -> None:
        """Let the candidates that have ended go."""


def make_groups(candidates: Iterable[Candidate]) -> list[Group]:
    """Put candidates that can train as one into groups, their networks built.

    Raises:
        ValueError: if the device is not there.
    """
    members: dict[Key, list[Track]] = {}
    for candidate in candidates:
        members.setdefault(group_key(candidate.config), []).append(Track(candidate))
    return [_make_group(tracks) for tracks in members.values()]


def group_key(config: RunConfig) -> Key:
    """Return what candidates of a group have in common."""
    rate = config.regularizer.dropout
    drops = None if rate is None else rate > 0  # a network may be built without it for 0
    return (config.architecture, config.dataset, config.data_seed, drops, config.device)


def _make_group(tracks: list[Track]) -> Group:
    config = tracks[0].config
    device = find_device(config.device)
    data = make_data(config.dataset, config.data_seed).to(device)
    network = _build(config, Generator().manual_seed(config.seed))
    layers = find_layers(network, config.regularizer.dropout)
    if layers is None:
        return EagerGroup(tracks, data)
    return BatchedGroup(tracks, data, layers)


def _build(config: RunConfig, generator: Generator) -> torch.nn.Module:
    return build_network(config.architecture, config.init, config.regularizer.dropout, generator)


class BatchedGroup(Group):
    """Trains as one program; see `batched`."""

    def __init__(self, tracks: Sequence[Track], data: Data, layers: Sequence[Layer]) -> None:
        super().__init__(tracks, data)
        self._layers = layers
        self._stack, self._states = _stack([t.config for t in tracks], data.train_x.device)
        self._before = self._stack.parameters.clone()
        self._next_states: dict[int, Tensor] = {}
        self._drops = any(layer.dropout for layer in layers)
        self._spare: list[BatchedSteps] = []
        # For those that keep their best: the chunk's start it came out of, and steps from there.
        self._best: dict[int, tuple[Tensor, States, int]] = {}

    def blocks(self, workers: int) -> list[Block]:
        """Cut the rows into blocks that fit the cache, and no fewer than there are workers."""
        points = len(self.data.train_x) + len(self.data.val_x)
        widths = sum(layer.outputs + layer.inputs * layer.dropout for layer in self._layers)
        network_bytes = 6 * widths * points  # outputs of all points, gradients of half of them
        limit = _GPU_BYTES if self.data.train_x.is_cuda else _CACHE_BYTES
        count = len(self.tracks)
        most = max(1, min(limit // network_bytes, -(-count // workers)))
        blocks = -(-count // most)
        edges = [count * number // blocks for number in range(blocks + 1)]
        return [Block(a, b) for a, b in pairwise(edges)]

    def advance(self, block: Block, steps: int, watched: int | None) -> Advance:
        """Take a block through a pass of `steps`; sample the fit of the watched candidate."""
        tracks = tuple(self.tracks[block.start : block.stop])
        first_step = tracks[0].step + 1
        stack = self._stack.part(block.start, block.stop)
        streams = self._streams(stack, self._states)
        engine = self._take_engine()
        losses = engine.advance(stack, streams, steps)
        self._next_states.update((name, s.get_state()) for name, s in streams.items())
        train, val = (to_losses(part) for part in losses)
        best = [track.best for track in tracks]
        counts = tuple(
            track.observe(train[:, row], val[:, row]) for row, track in enumerate(tracks)
        )
        for row, track in enumerate(tracks):
            if track.keeps_best and track.best is not None and track.best != best[row]:
                start = self._before[block.start + row].clone()
                steps_from_start = track.best[0] - first_step + 1
                self._best[track.candidate.index] = (start, self._states, steps_from_start)
        self._spare.append(engine)
        fits = dict(self._fits(block, counts, steps, watched))
        return Advance(tracks, first_step, counts, train, val, fits)

    def end_pass(self) -> None:
        """Let the candidates that have ended go: rows that are not there cost nothing."""
        self._states = {**self._states, **self._next_states}
        kept = [row for row, track in enumerate(self.tracks) if track.ending is None]
        if len(kept) < len(self.tracks):
            self.tracks = [self.tracks[row] for row in kept]
            self._stack = self._stack.rows(kept)
            self._before = self._stack.parameters.clone()
        else:
            self._before.copy_(self._stack.parameters)

    def _fits(
        self, block: Block, counts: Sequence[int], steps: int, watched: int | None
    ) -> Iterable[tuple[int, FitSampled]]:
        """Sample the fits of those that ended, with the weights they ended with, and of one."""
        for row, track in enumerate(self.tracks[block.start : block.stop], block.start):
            index = track.candidate.index
            if track.ending is None:
                if index == watched:
                    yield index, self._fit(self._stack.rows([row]), track.step, "last")
            elif self.fits and track.ending[0] is not StopReason.DIVERGED:
                count = counts[row - block.start]
                if track.restores_best:
                    assert track.best is not None
                    start, states, count = self._best.pop(index)
                    stack = self._replay(row, start, states, count)
                    yield index, self._fit(stack, track.best[0], "best")
                else:
                    start, states = self._before[row], self._states
                    stack = self._stack.rows([row])
                    if count < steps:
                        stack = self._replay(row, start, states, count)
                    yield index, self._fit(stack, track.step, "last")

    def _replay(self, row: int, start: Tensor, states: States, steps: int) -> Stack:
        """Repeat a row's steps from a chunk's start."""
        stack = self._stack.rows([row])
        stack.parameters.copy_(start)
        engine = BatchedSteps(self._layers, self.data)
        engine.advance(stack, self._streams(stack, states), steps)
        return stack

    def _fit(self, stack: Stack, step: int, weights: Weights) -> FitSampled:
        engine = BatchedSteps(self._layers, self.data)
        return describe_fit(self.data, step, weights, lambda x: engine.predict(stack, x)[0])

    def _take_engine(self) -> BatchedSteps:
        """Take one that no other worker is using."""
        try:
            return self._spare.pop()
        except IndexError:
            return BatchedSteps(self._layers, self.data)

    def _streams(self, stack: Stack, states: States) -> dict[int, Generator]:
        """Make the streams that a stack draws from, each where it stands."""
        streams = {}
        for name in dict.fromkeys(stack.streams) if self._drops else ():
            streams[name] = Generator()
            streams[name].set_state(states[name])
        return streams


class EagerGroup(Group):
    """Trains one by one with the eager engine: for networks that are no plain row of layers."""

    def __init__(self, tracks: Sequence[Track], data: Data) -> None:
        super().__init__(tracks, data)
        self._engines = {t.candidate.index: Setup(_eager(t.config)).engine for t in tracks}
        self._best: dict[int, tuple[Snapshot, int]] = {}

    def blocks(self, workers: int) -> list[Block]:
        """Return a block a candidate."""
        return [Block(row, row + 1) for row in range(len(self.tracks))]

    def advance(self, block: Block, steps: int, watched: int | None) -> Advance:
        """Take a candidate through a pass of `steps`; sample its fit if it ended, or is watched."""
        track = self.tracks[block.start]
        index, first_step, best = track.candidate.index, track.step + 1, track.best
        engine = self._engines[index]
        start = engine.snapshot()
        train, val = engine.advance(steps)
        count = track.observe(train, val)
        if track.keeps_best and track.best is not None and track.best != best:
            self._best[index] = (start, track.best[0] - first_step + 1)
        fits: dict[int, FitSampled] = {}
        if track.ending is None and index == watched:
            fits[index] = sample_fit(engine, self.data, track.step, "last")
        elif self.fits and track.ending and track.ending[0] is not StopReason.DIVERGED:
            weights: Weights = "best" if track.restores_best else "last"
            step = track.best[0] if track.restores_best and track.best else track.step
            start, replayed = self._best[index] if track.restores_best else (start, count)
            engine.restore(start)
            engine.advance(replayed)
            fits[index] = sample_fit(engine, self.data, step, weights)
        return Advance((track,), first_step, (count,), train[:, None], val[:, None], fits)

    def end_pass(self) -> None:
        """Let the candidates that have ended go."""
        self.tracks = [track for track in self.tracks if track.ending is None]


def _eager(config: RunConfig) -> RunConfig:
    from msgspec.structs import replace

    return replace(config, engine="eager")


def _stack(configs: Sequence[RunConfig], device: torch.device) -> tuple[Stack, States]:
    """Draw all networks as runs of their own would; those alike in init and seed only once."""
    drawn: dict[tuple[str, int], tuple[int, Tensor]] = {}
    states: dict[int, Tensor] = {}
    rows, streams = [], []
    for config in configs:
        key = (config.init.layer, config.seed)
        if key not in drawn:
            generator = Generator().manual_seed(config.seed)
            drawn[key] = len(drawn), flatten(_build(config, generator))
            states[len(states)] = generator.get_state()
        stream, parameters = drawn[key]
        rows.append(parameters)
        streams.append(stream)

    def column(values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=torch.float32, device=device)[:, None]

    regularizers = [config.regularizer for config in configs]
    stack = Stack(
        torch.stack(rows).to(device),
        column(config.lr for config in configs),
        column(r.l1_weight for r in regularizers),
        column(r.weight_decay for r in regularizers),
        column(r.dropout or 0.0 for r in regularizers),
        tuple(streams),
    )
    return stack, states
