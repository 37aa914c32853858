"""Is a value better than others by more than the seeds' noise? Wilcoxon's signed-rank test.

Wilcoxon, "Individual Comparisons by Ranking Methods", 1945; corrected for several comparisons as
in Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979. Losses enter by rank
alone, so that a diverged run (an infinite loss) is just the worst there is.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

Pairs: TypeAlias = Sequence[tuple[float, float]]  # of losses, a pair a seed

SIGNIFICANT = 0.05
# For values that were tuned: one that got a wrong lr by bad luck is worse with it on any seeds, and
# the more of them judge, the surer that looks. With as many that tune, at most 5 % of races of
# equal values then call any worse (measured with 2 to 9 values and up to 24 seeds; 6 % with 80).
_TUNED = 3
_MOST_EXACT = 50  # pairs


def signed_rank_p(pairs: Pairs) -> float:
    """Return the one-sided p: how likely, by chance alone, the first of each pair is as much lower.

    Pairs that are equal say nothing and are left out; equal differences share their mean rank. It
    is 1 without pairs and exact up to 50. Beyond, it is the normal approximation with a continuity
    correction (Hollander and Wolfe, "Nonparametric Statistical Methods", 1973, section 3.1), with
    the variance of the ranks as they are, ties included.
    """
    differences = [higher - lower for lower, higher in pairs if lower != higher]
    if not differences:
        return 1.0
    ranks = _double_ranks([abs(d) for d in differences])
    against = sum(rank for rank, d in zip(ranks, differences, strict=True) if d < 0)
    if len(ranks) <= _MOST_EXACT:
        return math.fsum(_rank_sums(tuple(sorted(ranks)))[: against + 1])
    half_a_rank = 1
    z = (sum(ranks) / 2 - against - half_a_rank) / (math.hypot(*ranks) / 2)
    return math.erfc(z / math.sqrt(2)) / 2


def best_of_all_ps(comparisons: Sequence[Pairs], *, tuned: bool = False) -> list[float]:
    """Correct the p of each comparison of the best value with another: pairs (best, other).

    Holm's correction is for their number; a Bonferroni factor, the number of values, is for having
    chosen the best by the same losses. So among equal values the chance of calling any worse stays
    below `SIGNIFICANT`, whatever the choice went by. Another factor is for values that were
    `tuned`, each on as many other seeds.
    """
    factor = (len(comparisons) + 1) * (_TUNED if tuned else 1)
    return [min(1.0, factor * p) for p in holm([signed_rank_p(pairs) for pairs in comparisons])]


def holm(ps: Sequence[float]) -> list[float]:
    """Correct p values for their number; the order stays."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    corrected = [0.0] * len(ps)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = highest
    return corrected


def least_seeds(values: int, *, tuned: bool = False) -> int:
    """Return the fewest seeds with which the best of so many values, if best on all, clearly is."""
    comparisons = values * (values - 1) * (_TUNED if tuned else 1)
    return math.ceil(math.log2(comparisons / SIGNIFICANT)) if comparisons else 1


@lru_cache(maxsize=64)
def _rank_sums(ranks: tuple[int, ...]) -> list[float]:
    """Return how likely each sum of ranks is where every one counts with a chance of a half."""
    chances = [1.0]
    for rank in ranks:
        without, with_it = [*chances, *[0.0] * rank], [*[0.0] * rank, *chances]
        chances = [(a + b) / 2 for a, b in zip(without, with_it, strict=True)]
    return chances


def _double_ranks(values: Sequence[float]) -> list[int]:
    """Return twice each value's rank, which is whole: equals share their mean rank."""
    ordered = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ordered, 1)))}
    last = {value: place for place, value in enumerate(ordered, 1)}
    return [first[value] + last[value] for value in values]
