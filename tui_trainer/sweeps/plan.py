"""A sweep before it runs: its points, its candidates, and whether they fit this machine."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import product
from typing import Any, Literal, TypeAlias

from msgspec.structs import replace as with_changes

from tui_trainer.config.overrides import Value, overrides_of
from tui_trainer.config.presets import Presets, make_config
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import bytes_text
from tui_trainer.sweeps.axes import SweepAxis, value_text
from tui_trainer.task.machine import available_bytes, processors
from tui_trainer.task.memory import FLOAT_BYTES, data_bytes, require_memory
from tui_trainer.task.shape import layer_widths, parameter_estimate, slot_estimate

Objective: TypeAlias = Literal["best", "final"]

MOST_CANDIDATES = 100_000
_LOSSES = 2  # a step's
COPIES = 4  # of a candidate's parameters: now, gradient, chunk's start, best step
_SLOT_COPIES = 3  # of what its optimiser remembers: all of these but the gradient
# What works on them, for each worker: twins, their gradients and products, the tensors' sizes.
_WORKING_COPIES = 7
_TWINS = 2  # a network trains as two where it is alone
# Candidates that differ here train apart.
_SPLITS = (
    *("dataset", "data_seed", "architecture", "activation", "optimizer"),
    *overrides_of("optimizer"),
)
_DROPPING = ("dropout", "regularizer")
_MEMORY_SHARE = 0.5  # for candidates


class Edge(Enum):
    """Where a chosen number lies among those that were tried, if not between them."""

    LOWEST = "lowest"
    HIGHEST = "highest"


@dataclass(frozen=True, slots=True)
class Tuned:
    """How the number of a point was chosen: the best of `tried`, on other seeds than the point's.

    `diverged` counts those at which every seed diverged; `median` is the chosen one's, of the loss
    to minimise.
    """

    key: str
    number: Value
    median: float
    tried: tuple[Value, ...]
    diverged: int
    edge: Edge | None

    @property
    def diverged_everywhere(self) -> bool:
        """Whether none of the numbers is any good; then the lowest was chosen."""
        return self.diverged == len(self.tried)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the grid: a value for each axis, in their order; the last may have been tuned."""

    index: int
    values: tuple[Value, ...]
    tuned: Tuned | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One run of the sweep: a point with a seed."""

    index: int
    point: int
    config: RunConfig


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Every point of the axes' grid with every seed; candidates of a point stand together.

    `objective` says which validation loss to minimise: the best on the way or the final one. One
    that `tunes` chooses the best value of its last axis for each value of the others, and a race of
    these follows (`tuning.race_of`): not a whole grid, but a point for each of them.
    """

    axes: tuple[SweepAxis, ...]
    seeds: int
    base: RunConfig
    objective: Objective
    points: tuple[Point, ...]
    candidates: tuple[Candidate, ...]
    tunes: bool = False

    @property
    def is_tuned(self) -> bool:
        """Whether its points got the values of the last axis each for itself, by a sweep before."""
        return self.points[0].tuned is not None

    def of_point(self, point: int) -> tuple[Candidate, ...]:
        """Return the candidates of a point, one a seed."""
        return self.candidates[point * self.seeds : (point + 1) * self.seeds]


def values_of(sweep: Sweep, point: Point) -> dict[str, Value]:
    """Return a point's values by the keys of their axes."""
    return {axis.key: value for axis, value in zip(sweep.axes, point.values, strict=True)}


def values_text(sweep: Sweep, point: Point) -> str:
    """Write a point as ``lr 0.01, init kaiming``."""
    pairs = zip(sweep.axes, point.values, strict=True)
    return ", ".join(f"{axis.key} {value_text(value)}" for axis, value in pairs)


def plan_sweep(
    presets: Presets,
    recipe: str,
    axes: Sequence[SweepAxis],
    *,
    seeds: int = 1,
    objective: Objective = "best",
    **settings: Any,
) -> Sweep:
    """Plan a sweep around the config of `recipe` with `settings`.

    A point's candidates have the seeds from the config's own on, `seeds` in all, so that the same
    seeds meet at every point: differences between points are no differences of luck.

    Raises:
        InvalidSettingsError: for axes that do not go together, a value that is not allowed, or
            more candidates, or larger ones, than this process has memory for.
    """
    _check_axes(axes, seeds, settings)
    base = make_config(presets, recipe, **settings)
    keys = [axis.key for axis in axes]
    extremes = _extremes(presets, recipe, axes, settings)
    candidate_bytes = max(needed_bytes(config, 1) for config in extremes)
    count = seeds * math.prod(len(axis.values) for axis in axes)
    _check_count(axes, count, candidate_bytes)
    working = max(_working_bytes(config, axes, count) for config in extremes)
    require_memory(working + count * candidate_bytes)
    points = tuple(
        Point(index, values) for index, values in enumerate(product(*(a.values for a in axes)))
    )
    candidates: list[Candidate] = []
    for point in points:
        values = dict(zip(keys, point.values, strict=True))
        first = values.get("seed", base.seed)
        for offset in range(seeds):
            config = make_config(
                presets, recipe, **{**settings, **values, "seed": int(first) + offset}
            )
            candidates.append(Candidate(len(candidates), point.index, config))
    return Sweep(tuple(axes), seeds, base, objective, points, tuple(candidates))


def resolve_plan(plan: Sweep) -> Sweep:
    """Return a sweep with its data sets resolved: their files are read.

    Raises:
        InvalidSettingsError: one line that says what is wrong with one of them.
    """
    from tui_trainer.task.files.resolving import renewed, resolve

    configs = [plan.base, *(candidate.config for candidate in plan.candidates)]
    datasets = {config.dataset for config in configs}
    found = {dataset: resolve(renewed(dataset)).dataset for dataset in datasets}
    if all(old == new for old, new in found.items()):
        return plan
    base, *others = (with_changes(c, dataset=found[c.dataset]) for c in configs)
    require_memory(max(map(data_bytes, others)))
    pairs = zip(plan.candidates, others, strict=True)
    return replace(
        plan, base=base, candidates=tuple(replace(c, config=config) for c, config in pairs)
    )


def needed_bytes(config: RunConfig, candidates: int) -> int:
    """Return about how much memory candidates like `config` need: parameters and losses."""
    copies = COPIES + _SLOT_COPIES * slot_estimate(config.optimizer)
    numbers = copies * parameter_estimate(config) + _LOSSES * config.steps
    return candidates * FLOAT_BYTES * numbers


def _check_axes(axes: Sequence[SweepAxis], seeds: int, settings: Mapping[str, Any]) -> None:
    if seeds < 1:
        raise InvalidSettingsError(f"seeds: expected a whole number >= 1, got {seeds}")
    if not axes:
        raise InvalidSettingsError("nothing to sweep over; give an axis such as lr=1e-4:1:log:16")
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise InvalidSettingsError(f"{key}: two axes of the same setting; join their values")
        if settings.get(key) is not None:
            raise InvalidSettingsError(f"{key}: both fixed and swept over; leave one of them out")
    if "seed" in keys and seeds > 1:
        raise InvalidSettingsError("seed: an axis and several seeds; leave one of them out")


def _extremes(
    presets: Presets, recipe: str, axes: Sequence[SweepAxis], settings: Mapping[str, Any]
) -> list[RunConfig]:
    """Return candidates with each network and optimiser on each data set, of the most steps."""
    swept = {axis.key: axis.values for axis in axes}
    longest = max(swept["steps"], key=int) if "steps" in swept else settings.get("steps")
    most: dict[str, Any] = {"steps": longest}
    if "momentum" in swept:
        most["momentum"] = max(swept["momentum"])
    keys = ("architecture", "dataset", "optimizer")
    parts = [swept.get(key, (settings.get(key),)) for key in keys]
    return [
        make_config(presets, recipe, **{**settings, **most, **dict(zip(keys, names, strict=True))})
        for names in product(*parts)
    ]


def _working_bytes(config: RunConfig, axes: Sequence[SweepAxis], count: int) -> int:
    """Return about how much memory the data takes, and what the workers write in a step."""
    groups = math.prod(len(axis.values) for axis in axes if axis.key in _SPLITS)
    data = groups * data_bytes(config)
    if config.device.startswith("cuda"):
        return data
    train, val = config.points_per_step, config.dataset.validation_points
    widths = layer_widths(config)
    written = (2 * train + val) * sum(widths)  # outputs and their gradients
    if config.regularizer.dropout is not None or any(axis.key in _DROPPING for axis in axes):
        written += (5 * train + val) * sum(widths[:-1])  # draws, masks and masked inputs
    numbers = _WORKING_COPIES * parameter_estimate(config) + _TWINS * written
    return data + min(count, groups * processors()) * FLOAT_BYTES * numbers


def _check_count(axes: Sequence[SweepAxis], count: int, candidate_bytes: int) -> None:
    most = min(MOST_CANDIDATES, int(_MEMORY_SHARE * available_bytes() / candidate_bytes))
    if count <= most:
        return
    if most == 0:
        raise InvalidSettingsError(
            f"a candidate needs about {bytes_text(candidate_bytes)} of memory, which is more than "
            "this machine has to spare: take fewer steps or a smaller network"
        )
    axis = max(axes, key=lambda a: len(a.values))
    way = "take fewer values or seeds"
    if at_once := most * len(axis.values) // count:
        parts = -(-len(axis.values) // at_once)
        way = f"split it into {parts:,} sweeps over parts of {axis.key}, or {way}"
    raise InvalidSettingsError(
        f"{count:,} candidates need about {bytes_text(count * candidate_bytes)} of memory, and at "
        f"most {most:,} of them go at once here: {way}"
    )
