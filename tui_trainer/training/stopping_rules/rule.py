"""What a stopping rule is, and what rules share.

A rule is fed every step's losses in order, float32. It answers with the bound that each validation
loss was held against (NaN where the rule is not armed), up to the one that stops the run. However
the losses are cut into chunks, the answers are the same. A comparison with NaN never counts as an
increase.
"""

import math
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tui_trainer.training.early_stopping import Gauge
from tui_trainer.training.events import FloatArray

Doubles: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What a rule says of some steps: a bound for each that counts, and whether the last stops."""

    bounds: Doubles
    stop: bool


class StoppingRule(Protocol):
    """A rule with its memory of the steps so far."""

    def observe(self, train: FloatArray, val: FloatArray) -> Verdict:
        """Take the next steps' losses, at least one each; those behind a stop are ignored."""
        ...

    def gauge(self) -> Gauge:
        """Say how near the rule is to firing, after the last step."""
        ...

    def explain(self) -> str:
        """Say in words, with the numbers, why the last step stopped the run."""
        ...

    @property
    def memory(self) -> Doubles:
        """What it remembers of the steps so far, as flat numbers."""
        ...

    def remember(self, memory: Doubles) -> None:
        """Take the memory of a rule with the same settings for its own."""
        ...


def verdict_on(bounds: Doubles, losses: Doubles) -> Verdict:
    """Stop at the first loss above its bound."""
    above = losses > bounds
    stop = bool(above.any())
    return Verdict(bounds[: int(above.argmax()) + 1] if stop else bounds, stop)


def finite_bounds(bounds: Doubles) -> Doubles:
    """Leave out bounds that say nothing, those before the first loss."""
    return np.where(np.isfinite(bounds), bounds, np.nan)


def margin_gauge(val_loss: float, bound: float, armed_at: int) -> Gauge:
    """Say how near a loss is to its bound; a rule without one is not armed yet."""
    if math.isnan(bound):
        return Gauge(False, armed_at, f"arms after step {armed_at}", 0.0)
    margin = bound - val_loss
    nearness = val_loss / bound if bound > 0 else 1.0
    words = f"armed at step {armed_at} · margin {margin:.3g}"
    return Gauge(True, armed_at, words, min(1.0, max(0.0, nearness)))
