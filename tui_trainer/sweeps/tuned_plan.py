"""A sweep that tunes a number for each value, and the race that follows, before they run."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tui_trainer.config.presets import Presets, make_config
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.sweeps.axes import Spacing, SweepAxis, parse_axis, value_text
from tui_trainer.sweeps.plan import Objective, Sweep, plan_sweep

DEFAULT_TUNED = "lr=1e-5:1:log:11"  # half a decade apart


def parse_tuned(text: str, presets: Presets) -> SweepAxis:
    """Read what to tune: an axis of numbers, or ``lr`` alone for the default range.

    Raises:
        InvalidSettingsError: one line that says what is wrong and what would be right.
    """
    axis = parse_axis(DEFAULT_TUNED if text.strip() in ("", "lr") else text, presets)
    if axis.spacing is Spacing.NAMES or axis.key in ("seed", "data_seed"):
        raise InvalidSettingsError(
            f"{axis.key}: expected a number to tune, such as {DEFAULT_TUNED}"
        )
    if len(axis.values) < 2:
        raise InvalidSettingsError(f"{axis.key}: one value leaves nothing to choose from")
    return axis


def plan_tuned(
    presets: Presets,
    recipe: str,
    axes: Sequence[SweepAxis],
    tuned: SweepAxis,
    *,
    seeds: int,
    objective: Objective = "best",
    **settings: Any,
) -> Sweep:
    """Plan the first sweep, which tunes: every point of `axes` with every value of `tuned`.

    It has as many seeds as the race: with fewer, a number picked by luck makes its value look worse
    in the race than it is, and the more seeds the race has, the surer it looks. The race has the
    seeds from the config's own on, the tuning the next ones.

    Raises:
        InvalidSettingsError: as `plan_sweep` does.
    """
    if any(axis.key == "seed" for axis in axes):
        raise InvalidSettingsError("seed: a race has seeds of its own; use --seeds")
    if any(axis.key == tuned.key for axis in axes):
        raise InvalidSettingsError(f"{tuned.key}: both raced and tuned; leave one of them out")
    base = make_config(presets, recipe, **settings)
    shifted = {**settings, "seed": base.seed + seeds}
    plan = plan_sweep(presets, recipe, [*axes, tuned], seeds=seeds, objective=objective, **shifted)
    return dataclasses.replace(plan, base=base, tunes=True)


def value_count(tuning: Sweep) -> int:
    """Return how many values a sweep tunes a number for."""
    return len(tuning.points) // len(tuning.axes[-1].values)


def tuned_text(race: Sweep) -> str:
    """Say how the numbers of a race were chosen, "" if none were."""
    tuned = race.points[0].tuned
    if tuned is None:
        return ""
    first = race.base.seed
    return (
        f"the lowest median of {len(tuned.tried)} from {value_text(tuned.tried[0])} to "
        f"{value_text(tuned.tried[-1])} on {_seeds_text(first + race.seeds, race.seeds)}; "
        f"judged on {_seeds_text(first, race.seeds)}"
    )


def _seeds_text(first: int, count: int) -> str:
    return f"seed {first}" if count == 1 else f"seeds {first} to {first + count - 1}"
