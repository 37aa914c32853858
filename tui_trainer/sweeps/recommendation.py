"""Which point to take, and why: the lowest median, held against the seeds' noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.config.settings import RunConfig
from tui_trainer.formatting import apart, loss_text
from tui_trainer.sweeps.axes import Spacing, value_text
from tui_trainer.sweeps.plan import Point, Sweep
from tui_trainer.sweeps.result import PointResult, SweepResult
from tui_trainer.sweeps.significance import SIGNIFICANT, holm, least_seeds, signed_rank_p

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """The winner held against another point: over the same seeds, so pair by pair.

    `p` is that of Wilcoxon's signed-rank test, corrected for the number of comparisons; `wins` is
    for how many seeds the winner has the lower loss.
    """

    point: Point
    wins: int
    seeds: int
    p: float

    @property
    def clear(self) -> bool:
        """Whether the difference is larger than the seeds' noise."""
        return self.p < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The point to take, in one config of the sweep's first seed, and why.

    `comparisons` holds it against every other point, the nearest first.
    """

    point: Point
    config: RunConfig
    reason: str
    comparisons: tuple[Comparison, ...]


def recommend(results: SweepResult) -> Recommendation | None:
    """Recommend a point; None where no point has a finite median."""
    ranked = results.ranked()
    winner = ranked[0]
    if not math.isfinite(winner.objective.median):
        return None
    sweep = results.sweep
    comparisons = _compare(winner, ranked[1:])
    reason = " ".join(_reasons(results, winner, ranked[1:], comparisons))
    config = sweep.of_point(winner.point.index)[0].config
    return Recommendation(winner.point, config, reason, comparisons)


def values_text(sweep: Sweep, point: Point) -> str:
    """Write a point as ``lr 0.01, init kaiming``."""
    pairs = zip(sweep.axes, point.values, strict=True)
    return ", ".join(f"{axis.key} {value_text(value)}" for axis, value in pairs)


def _compare(winner: PointResult, others: Sequence[PointResult]) -> tuple[Comparison, ...]:
    ps = holm([signed_rank_p(_paired(winner), _paired(other)) for other in others])
    return tuple(
        Comparison(
            other.point,
            sum(a < b for a, b in zip(_paired(winner), _paired(other), strict=True)),
            other.seeds,
            p,
        )
        for other, p in zip(others, ps, strict=True)
    )


def _paired(result: PointResult) -> list[float]:
    """Return the losses by seed; a candidate that has none yet counts as the worst."""
    return [math.inf if math.isnan(loss) else loss for loss in result.losses]


def _reasons(
    results: SweepResult,
    winner: PointResult,
    others: Sequence[PointResult],
    comparisons: Sequence[Comparison],
) -> list[str]:
    sweep, spread = results.sweep, winner.objective
    which = "best" if sweep.objective == "best" else "final"
    median = loss_text(spread.median)
    words = f"lowest {which} validation loss {median}."
    if winner.seeds > 1:
        between = f"{loss_text(spread.low)} to {loss_text(spread.high)}"
        words = (
            f"lowest median {which} validation loss {median} ({between} over {winner.seeds} seeds)."
        )
    reasons = [words]
    if winner.diverged_share:
        reasons.append(f"{winner.diverged_share:.0%} of its candidates diverged.")
    reasons += [_against_next(sweep, winner, others, comparisons)] if others else []
    reasons += _at_an_edge(sweep, winner.point)
    return [reason for reason in reasons if reason]


def _against_next(
    sweep: Sweep,
    winner: PointResult,
    others: Sequence[PointResult],
    comparisons: Sequence[Comparison],
) -> str:
    """Say how much of the lead over the next points is the seeds' luck."""
    if winner.seeds == 1:
        return "One seed can't tell how much of it is luck."
    needed = least_seeds(len(others))
    if winner.seeds < needed:
        return f"{winner.seeds} seeds can't tell it from noise, {needed} could" + _overlaps(
            sweep, winner, others
        )
    alike = [c for c in comparisons if not c.clear]
    if not alike:
        return "Every other value is worse by more than the seeds' noise."
    near = others[0]
    ours, theirs = apart(winner.objective.median, near.objective.median)
    nearest = f"{values_text(sweep, near.point)} ({theirs} against {ours})"
    if comparisons[0].clear:
        return f"The next, {nearest}, is worse by more than the seeds' noise."
    rest = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    return f"Within the seeds' noise of it: {nearest}{rest}."


def _overlaps(sweep: Sweep, winner: PointResult, others: Sequence[PointResult]) -> str:
    """Name the points whose spread reaches down to the winner's."""
    near = [other for other in others if other.objective.low <= winner.objective.high]
    if not near:
        return "."
    names = "; ".join(values_text(sweep, other.point) for other in near[:_MOST_NAMED])
    more = f" and {len(near) - _MOST_NAMED} more" if len(near) > _MOST_NAMED else ""
    return f": {names}{more} overlap{'s' if len(near) == 1 else ''} with it."


def _at_an_edge(sweep: Sweep, point: Point) -> list[str]:
    """Name the ranges at whose end the point lies: the lowest loss may lie beyond."""
    words = []
    for axis, value in zip(sweep.axes, point.values, strict=True):
        if axis.spacing in (Spacing.LOG, Spacing.LINEAR) and len(axis.values) > 2:
            if value == axis.values[0]:
                words.append(f"It is the lowest {axis.key} tried: a lower one may be better.")
            elif value == axis.values[-1]:
                words.append(f"It is the highest {axis.key} tried: a higher one may be better.")
    return words
