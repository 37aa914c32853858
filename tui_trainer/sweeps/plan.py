"""A sweep before it runs: its points, its candidates, and whether they fit this machine."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, TypeAlias

from tui_trainer.config.presets import Presets, make_config
from tui_trainer.config.settings import RunConfig, Value
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import bytes_text
from tui_trainer.sweeps.axes import SweepAxis
from tui_trainer.task.shape import parameter_estimate

Objective: TypeAlias = Literal["best", "final"]

MOST_CANDIDATES = 100_000
_LOSSES_BYTES = 2 * 4  # a step: both losses in float32
_COPIES = 4  # of a candidate's parameters: now, gradient, chunk's start, best step
_MEMORY_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the grid: a value for each axis, in their order."""

    index: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One run of the sweep: a point with a seed."""

    index: int
    point: int
    config: RunConfig


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Every point of the axes' grid with every seed; candidates of a point stand together.

    `objective` says which validation loss to minimise: the best on the way or the final one.
    """

    axes: tuple[SweepAxis, ...]
    seeds: int
    base: RunConfig
    objective: Objective
    points: tuple[Point, ...]
    candidates: tuple[Candidate, ...]

    def of_point(self, point: int) -> tuple[Candidate, ...]:
        """Return the candidates of a point, one a seed."""
        return self.candidates[point * self.seeds : (point + 1) * self.seeds]


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
            more candidates than this machine has memory for.
    """
    _check_axes(axes, seeds, settings)
    base = make_config(presets, recipe, **settings)
    keys = [axis.key for axis in axes]
    _check_size(axes, seeds, _largest_bytes(presets, recipe, base, axes, settings))
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


def needed_bytes(config: RunConfig, candidates: int) -> int:
    """Return about how much memory candidates like `config` need: parameters and losses."""
    parameters = 4 * _COPIES * parameter_estimate(config)
    return candidates * (parameters + _LOSSES_BYTES * config.steps)


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


def _largest_bytes(
    presets: Presets,
    recipe: str,
    base: RunConfig,
    axes: Sequence[SweepAxis],
    settings: Mapping[str, Any],
) -> int:
    """Return what a candidate of the most steps needs with the largest network."""
    swept = {axis.key: axis.values for axis in axes}
    steps = max(int(value) for value in swept.get("steps", [base.steps]))
    architectures = swept.get("architecture", [settings.get("architecture")])
    return max(
        needed_bytes(
            make_config(presets, recipe, **{**settings, "steps": steps, "architecture": name}), 1
        )
        for name in architectures
    )


def _check_size(axes: Sequence[SweepAxis], seeds: int, candidate_bytes: int) -> None:
    count = seeds * math.prod(len(axis.values) for axis in axes)
    most = min(MOST_CANDIDATES, int(_MEMORY_SHARE * _memory() / candidate_bytes))
    if count <= most:
        return
    if most == 0:
        raise InvalidSettingsError(
            f"a candidate needs about {bytes_text(candidate_bytes)} of memory, which is more than "
            "this machine has to spare: take fewer steps"
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


def _memory() -> int:
    """Return the bytes of this machine's memory; a little where it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 4 * 2**30
