"""A search for a learning rate before it runs: over which range, in how many steps."""

import math
from dataclasses import dataclass
from dataclasses import replace as with_fields
from typing import Any

from msgspec.structs import replace

from tui_trainer.config.presets import Presets, make_config
from tui_trainer.config.settings import RunConfig
from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.formatting import number_text
from tui_trainer.sweeps.axes import MOST_VALUES, make_axis
from tui_trainer.sweeps.plan import Sweep, plan_sweep

LOW, HIGH = 1e-6, 10.0
RANGE_STEPS = 200
TRIALS = 32
TRIAL_STEPS = 300

_LEAST_STEPS, _MOST_STEPS = 20, 10_000
_MOST_LR = 3e38  # a float32 ends there


@dataclass(frozen=True, slots=True)
class LrRange:
    """A learning rate that rises exponentially from `low` to `high`, both reached, in `steps`.

    Raises:
        InvalidSettingsError: for a range that is empty or not above 0, or a number of steps that
            shows nothing (below 20) or takes forever (above 10,000).
    """

    low: float = LOW
    high: float = HIGH
    steps: int = RANGE_STEPS

    def __post_init__(self) -> None:
        """Refuse what can't be tested."""
        if not (math.isfinite(self.low) and self.low > 0):
            raise InvalidSettingsError(f"low: expected a number > 0, got {self.low!r}")
        if not self.low < self.high <= _MOST_LR:
            low, most = number_text(self.low), number_text(_MOST_LR)
            raise InvalidSettingsError(
                f"high: expected a number > {low} (low) and <= {most}, got {self.high!r}"
            )
        if not _LEAST_STEPS <= self.steps <= _MOST_STEPS:
            raise InvalidSettingsError(
                f"range steps: expected {_LEAST_STEPS} to {_MOST_STEPS:,}, got {self.steps:,}"
            )

    @property
    def lrs(self) -> tuple[float, ...]:
        """The learning rate of each step."""
        ratio, last = math.log(self.high / self.low), self.steps - 1
        inner = (self.low * math.exp(ratio * step / last) for step in range(1, last))
        return (self.low, *inner, self.high)


@dataclass(frozen=True, slots=True, eq=False)
class LrSearch:
    """Both ways to a learning rate for `config`: a range test, and trials that train with each.

    The config's own learning rate plays no part in either, nor does its stopping rule: rates are
    compared by what they reach in the same number of steps.
    """

    config: RunConfig
    range: LrRange
    trials: Sweep

    @property
    def trial_steps(self) -> int:
        """How many steps a trial takes, unless it diverges."""
        return self.trials.base.steps


def plan_lr_search(
    presets: Presets,
    recipe: str,
    *,
    low: float = LOW,
    high: float = HIGH,
    range_steps: int = RANGE_STEPS,
    trials: int = TRIALS,
    trial_steps: int | None = None,
    **settings: Any,
) -> LrSearch:
    """Plan a search for the config of `recipe` with `settings`, as `make_config` takes them.

    `trials` candidates lie evenly in log space over the same range as the test. `trial_steps` is
    300 by default, or the run's own steps where they are fewer.

    Raises:
        InvalidSettingsError: for a value that is not allowed, an `lr` among the settings, or more
            trials than this machine has memory for.
    """
    if settings.get("lr") is not None:
        raise InvalidSettingsError("lr: that is what is searched for; leave it out")
    config = make_config(presets, recipe, **settings)
    span = LrRange(low, high, range_steps)
    if not 2 <= trials <= MOST_VALUES:
        raise InvalidSettingsError(f"trials: expected 2 to {MOST_VALUES:,}, got {trials:,}")
    steps = min(TRIAL_STEPS, config.steps) if trial_steps is None else trial_steps
    axis = make_axis("lr", f"{span.low!r}:{span.high!r}:log:{trials}", presets)
    planned = plan_sweep(presets, recipe, [axis], **{**settings, "steps": steps})
    return LrSearch(config, span, _without_stopping(planned))


def _without_stopping(planned: Sweep) -> Sweep:
    """Keep penalties and dropout, and drop the rule that would cut trials off."""

    def freed(config: RunConfig) -> RunConfig:
        return replace(config, regularizer=replace(config.regularizer, stopping=None))

    candidates = tuple(with_fields(c, config=freed(c.config)) for c in planned.candidates)
    return with_fields(planned, base=freed(planned.base), candidates=candidates)
