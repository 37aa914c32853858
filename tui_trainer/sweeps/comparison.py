"""How the recommended point of a sweep compares with the others, over the same seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tui_trainer.sweeps.plan import Point
from tui_trainer.sweeps.result import PointResult
from tui_trainer.sweeps.significance import SIGNIFICANT, best_of_all_ps, least_seeds


class Verdict(Enum):
    """How a value compares with the recommended one."""

    WORSE = "worse"
    WITHIN_NOISE = "within noise"
    TOO_FEW_SEEDS = "too few seeds"
    DIVERGED = "diverged"
    DIVERGED_EVERYWHERE = "diverged everywhere"  # at each number that it could have been given


DIVERGED = (Verdict.DIVERGED, Verdict.DIVERGED_EVERYWHERE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The recommended point compared with another, over the `seeds` that can tell them apart.

    Those are the seeds that both have a loss for, but for which not both diverged. `wins` counts
    those for which the recommended one's loss is lower. `p` is that of Wilcoxon's signed-rank test
    for its being lower, corrected as `best_of_all_ps` does. Too few seeds are those that could not
    tell even by winning on all of them.
    """

    point: Point
    wins: int
    seeds: int
    p: float
    verdict: Verdict


def compare(best: PointResult, others: Sequence[PointResult]) -> tuple[Comparison, ...]:
    """Compare the best point with every other, in their order."""
    paired = [_pairs(best, other) for other in others]
    tuned = best.point.tuned is not None
    needed = least_seeds(len(others) + 1, tuned=tuned)
    comparisons = []
    for other, pairs, p in zip(others, paired, best_of_all_ps(paired, tuned=tuned), strict=True):
        if other.diverged_share == 1:
            verdict = verdict_of_diverged(other)
        elif len(pairs) < needed:
            verdict = Verdict.TOO_FEW_SEEDS
        else:
            verdict = Verdict.WORSE if p <= SIGNIFICANT else Verdict.WITHIN_NOISE
        wins = sum(ours < theirs for ours, theirs in pairs)
        comparisons.append(Comparison(other.point, wins, len(pairs), p, verdict))
    return tuple(comparisons)


def _pairs(best: PointResult, other: PointResult) -> list[tuple[float, float]]:
    """Pair the losses of the same seed, but for those without one, or where both diverged."""
    pairs = zip(best.losses, other.losses, strict=True)
    return [(a, b) for a, b in pairs if not (math.isnan(a) or math.isnan(b) or a == b == math.inf)]


def verdict_of_diverged(result: PointResult) -> Verdict:
    """Return the verdict on a point whose candidates all diverged."""
    tuned = result.point.tuned
    everywhere = tuned is not None and tuned.diverged_everywhere
    return Verdict.DIVERGED_EVERYWHERE if everywhere else Verdict.DIVERGED
